/** The verifiers of contrib/verify: what they say of every proof of two days, and of some that are none, as programs too. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { parseVerifier } from '../../src/evidence/note.ts';
import { checkProofFile } from '../../src/evidence/proof.ts';
import { blocks } from '../manual.ts';
import { generator } from '../mark/generator.ts';
import { root } from '../root.ts';
import { without } from '../tools.ts';
import { mutation } from './mutations.ts';
import { verdictsOfNode, verdictsOfPython } from './otherVerifiers.ts';
import { madeProofs } from './proofFiles.ts';

const DAYS = { '2026-11-29': 37, '2026-11-30': 20 };
const skip = without('python3', 'python3');

test('every proof, by all three', { skip }, async (t) => {
  const { key, records, lines, consistency } = madeProofs(t.testdir(), DAYS);
  t.equal(records.length, 57);
  t.equal(consistency.length, 9);
  const files = [...records, ...consistency];
  const python = verdictsOfPython(files, `${key}\n`);
  t.same(await verdictsOfNode(files, key), python);
  t.same(
    python.slice(0, 57).map((said) => said?.split('\n')),
    lines.map((line, i) => {
      const [day, n, size] = i < 37 ? ['2026-11-29', i, 37] : ['2026-11-30', i - 37, 20];
      const next = i < 37 ? '2026-11-30' : 'not in the file';
      return [
        `proven: line ${n + 1} of ${size}, tlsward/mx.example.org/daemon/${day}, next day ${next}`,
        line,
      ];
    }),
  );
  t.equal(python[58], 'proven: the 37 lines of tlsward/mx.example.org/daemon/2026-11-29 begin with the 14');
  for (const file of files)
    if ('error' in checkProofFile(file, [parseVerifier(key)!])) t.fail(`tlsward rejects ${file}`);
});

test('some mutations, by all three', { skip }, async (t) => {
  const g = generator();
  const { key, records, consistency } = madeProofs(t.testdir(), DAYS);
  const mutations = Array.from({ length: 200 }, () => mutation([...records, ...consistency], g));
  const verifier = parseVerifier(key)!;
  const python = verdictsOfPython(mutations, key);
  const node = await verdictsOfNode(mutations, key);
  for (const [i, file] of mutations.entries())
    if (python[i] !== null || node[i] !== null || !('error' in checkProofFile(file, [verifier])))
      t.fail(`seed ${g.seed}: ${python[i]}, ${node[i]}: ${file.toString('base64')}`);
  t.equal(python.length, 200);
});

test('as programs', { skip }, async (t) => {
  const directory = t.testdir();
  const { key, records } = madeProofs(directory, { '2026-11-30': 3 });
  const file = (name: string, content: string | Buffer): string => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  const proof = file('proof.json', records[1]!);
  const broken = file('broken.json', records[1]!.toString().replace('verdict', 'verdikt'));
  const pub = file('kept.pub', `# kept\n\n${key}\n`);
  const none = file('none.pub', 'no key\n');
  for (const [program, script] of [
    ['python3', 'verify.py'],
    [process.execPath, 'verify.mjs'],
  ] as const) {
    const path = fileURLToPath(new URL(`contrib/verify/${script}`, root));
    const run = (...args: string[]): [number | null, string] => {
      const { status, stdout } = spawnSync(program, [path, ...args], { encoding: 'utf8' });
      return [status, stdout.split('\n', 1)[0]!];
    };
    const line = 'line 2 of 3, tlsward/mx.example.org/daemon/2026-11-30, next day not in the file';
    t.same(run(proof, '--key', pub), [0, `proven: ${line}`], script);
    t.same(run(broken, '--key', pub), [1, 'NOT PROVEN: the path does not lead from the line to the root']);
    t.same(run(proof, '--key', none), [65, '']);
    t.same(run(join(directory, 'gone'), '--key', pub), [65, '']);
    t.same(run(proof), [64, '']);
  }
});

test('the examples of the manual', { skip }, async (t) => {
  const examples = blocks('shell').filter((block) => block.startsWith('$ python3 contrib/verify/'));
  t.ok(examples.length > 0);
  for (const example of examples) {
    const [command = '', ...shown] = example.slice(2).split('\n');
    const [program = '', ...args] = command.split(' ');
    const { stdout, status } = spawnSync(program, ['-B', ...args], {
      cwd: fileURLToPath(root),
      encoding: 'utf8',
    });
    t.equal(status, 0, command);
    t.equal(stdout, shown.join('\n'), command);
  }
});

test('what a line may hold', { skip }, async (t) => {
  const { key, records } = madeProofs(t.testdir(), { '2026-11-30': 1 });
  const files = [
    '{"format":"tlsward-proof/1","proofs":[]}',
    '[]',
    '',
    '\ufeff{}',
    'NaN',
    `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
    records[0]!.toString().replace('"index": 0', '"index": NaN'),
    records[0]!.toString().replace('"index": 0', '"index": true'),
    records[0]!.toString().replace('"index": 0', `"index": ${'9'.repeat(5000)}`),
    records[0]!.toString().replace('"size": 1', '"size": 1e400'),
  ].map((text) => Buffer.from(text));
  const none = files.map(() => null);
  t.same(verdictsOfPython(files, key), none);
  t.same(await verdictsOfNode(files, key), none);
  t.ok(files.every((file) => 'error' in checkProofFile(file, [parseVerifier(key)!])));
  const same = [
    records[0]!.toString().replace('"index": 0', '"index": -0.0'),
    JSON.stringify(JSON.parse(String(records[0]))),
  ];
  const [python, node] = [
    verdictsOfPython(same.map(Buffer.from), key),
    await verdictsOfNode(
      same.map((text) => Buffer.from(text)),
      key,
    ),
  ];
  t.same(python, node, 'the same as JSON');
  t.notSame(python[0], null);
});
