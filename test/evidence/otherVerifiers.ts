/** The verifiers of contrib/verify, asked about many files in one process each. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../root.ts';

/** What a verifier says of a file: what it proves, in lines, or null. */
export type Verdict = string | null;

const PYTHON = `
import base64, json, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import verify
keys = [verify.parse_key(line) for line in open(sys.argv[2], encoding="utf-8").read().splitlines()]
for line in open(sys.argv[3]):
    try:
        print(json.dumps("\\n".join(verify.check(base64.b64decode(line), keys))))
    except verify.Unproven:
        print("null")
`;

const FOLDER = fileURLToPath(new URL('contrib/verify/', root));
const MAX_OUTPUT = 1 << 28;

/** `keys`: verifier keys, one a line. */
export function verdictsOfPython(files: readonly Uint8Array[], keys: string): Verdict[] {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  try {
    writeFileSync(join(folder, 'keys'), keys);
    writeFileSync(
      join(folder, 'files'),
      files.map((file) => `${Buffer.from(file).toString('base64')}\n`).join(''),
    );
    const args = ['-c', PYTHON, FOLDER, join(folder, 'keys'), join(folder, 'files')];
    const out = execFileSync('python3', args, { encoding: 'utf8', maxBuffer: MAX_OUTPUT });
    return out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Verdict);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Verifier {
  readonly check: (bytes: Uint8Array, keys: readonly unknown[]) => string[];
  readonly parseKey: (line: string) => unknown;
  readonly Unproven: new () => Error;
}

export async function verdictsOfNode(files: readonly Uint8Array[], keys: string): Promise<Verdict[]> {
  const { check, parseKey, Unproven } = (await import(
    new URL('contrib/verify/verify.mjs', root).href
  )) as Verifier;
  const known = keys.trimEnd().split('\n').map(parseKey);
  return files.map((file) => {
    try {
      return check(file, known).join('\n');
    } catch (error) {
      if (error instanceof Unproven) return null;
      throw error;
    }
  });
}
