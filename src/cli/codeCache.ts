/**
 * V8's code cache for the bundled daemon: to compile a megabyte takes a fifth of a start, and V8 can save what it
 * compiled. Only the bundle (test/bundle.ts) uses this.
 *
 * The cache is a file beside the program, made where that is installed and by who installed it
 * (`lib/makeCache.js`), and never written by the daemon: nobody else can put code there. Its name contains the
 * digest of the program. It is left out when it is absent, damaged, or of a program that was changed since (V8 itself
 * would take it: it compares lengths), and V8 refuses it for another version of Node.js or other flags of V8; then the
 * program is compiled as without one.
 *
 * The file: SHA-256 of the program and the rest, 32 bytes; the rest is V8's.
 */
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import type { Run } from './command.ts';

const DIGEST_BYTES = 32;

function digest(program: Uint8Array, data: Uint8Array): Buffer {
  return createHash('sha256').update(program).update(data).digest();
}

function readCache(program: Uint8Array, cache: string): Buffer | undefined {
  try {
    const bytes = readFileSync(cache);
    const data = bytes.subarray(DIGEST_BYTES);
    return digest(program, data).equals(bytes.subarray(0, DIGEST_BYTES)) ? data : undefined;
  } catch {
    return undefined;
  }
}

/** `program`, the text of the CommonJS module `file`, and what it exports. */
function load(
  file: string,
  program: Buffer,
  cachedData?: Buffer,
): { readonly script: Script; readonly exports: object } {
  // on the first line, so that positions stay
  const text = `(function (exports, require, module, __filename, __dirname) {${program.toString('utf8')}\n})`;
  const script = new Script(text, {
    filename: file,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
  const module = { exports: {} };
  const run = script.runInThisContext() as (...names: unknown[]) => void;
  run.call(module.exports, module.exports, createRequire(file), module, file, dirname(file));
  return { script, exports: module.exports };
}

/** What the program `file` exports, with the cache if it is there and fits. */
export function loadCached(file: string, cache: string): object {
  const program = readFileSync(file);
  const cachedData = readCache(program, cache);
  return cachedData === undefined ? createRequire(file)(file) : load(file, program, cachedData).exports;
}

/** Sockets in a folder that does not exist: a start ends at its last step, and has compiled what it needs. */
const CONFIG = ['policy', 'milter', 'socketmap', 'control']
  .map((name) => `${name}-listen = unix:absent/${name}\n`)
  .join('');
const TABLE = '[policy p]\nreceive = verify\n[domains]\na.example = p\n[domain b.example]\npolicy = p\n';

/** Makes the cache for a program that exports `run`; in a process of its own, with the flags of the daemon. */
export async function makeCache(file: string, cache: string): Promise<void> {
  const program = readFileSync(file);
  const { script, exports } = load(file, program);
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  try {
    const config = join(folder, 'tlsward.ini');
    writeFileSync(config, `[service]\n${CONFIG}${TABLE}`);
    const io = { out: () => {}, err: () => {}, env: {}, colour: false };
    await (exports as { readonly run: Run }).run(['--config', config], io);
  } finally {
    rmSync(folder, { recursive: true });
  }
  const data = script.createCachedData();
  const draft = `${cache}.${process.pid}`;
  writeFileSync(draft, Buffer.concat([digest(program, data), data]));
  chmodSync(draft, 0o644);
  renameSync(draft, cache);
}
