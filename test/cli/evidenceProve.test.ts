/** `tlsward evidence prove`, `check` and `consistency`: from a record in a stream to what an auditor sees. */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { checkpointFile, linesFile } from '../../src/archive/layout.ts';
import { run } from '../../src/cli/evidence.ts';
import { formatVerifier } from '../../src/evidence/note.ts';
import { madeKey, madeStream } from '../evidence/madeDay.ts';
import { say } from './runCommand.ts';

const [A, B] = ['2026-11-29', '2026-11-30'] as const;

function made(t: Test) {
  const directory = t.testdir({
    'kept.pub': `${formatVerifier(madeKey())}\n`,
    'other.pub': `${formatVerifier(madeKey('tlsward/mx.example.org/daemon', 'other'))}\n`,
  });
  const { stream, days } = madeStream(directory, { [A]: 100, [B]: 25 });
  const path = (name: string): string => join(directory, name);
  const short = (text: string): string => text.replaceAll(directory, 'DIR');
  const evidence = async (...argv: string[]) => {
    const { code, out, err } = await say(run, argv);
    return { code, out: short(out), err: short(err) };
  };
  const asked = (word: string, ...more: string[]) => evidence(word, ...more, '--evidence', directory);
  return { stream, days, path, evidence, asked };
}

test('a proof, and what it says to who has the key', async (t) => {
  const { days, path, evidence, asked } = made(t);
  const file = path('proof.json');
  t.same(await asked('prove', 'c29-00041', '--output', file), {
    code: 0,
    out: 'DIR/proof.json: 1 record of 1 day\n',
    err: '',
  });
  const [, more = ''] = days.get(A)!.lines[41]!.split('"queueId":"4Zq000000015z",');
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.same(await evidence('check', file, '--key', path('kept.pub')), {
    code: 0,
    out: [
      `proven: {"v":1,"n":41,"time":"${A}T01:02:03.456Z","type":"verdict","host":"mx.example.org","code":"C2900041","queueId":"4Zq000000015z",${more}`,
      `  line       42 of 100 lines, tlsward/mx.example.org/daemon/${A}, root ${root(file)}`,
      `  next day   ${B} names this head`,
      '  key        tlsward/mx.example.org/daemon+692c033c, the one that --key names',
      '',
    ].join('\n'),
    err: '',
  });
  const json = await evidence('check', file, '--key', path('kept.pub'), '--json');
  t.match(JSON.parse(json.out), {
    ok: true,
    proven: [
      { kind: 'record', key: 'tlsward/mx.example.org/daemon+692c033c', size: 100, index: 41, next: B },
    ],
  });
  t.match(await evidence('check', file, '--key', path('other.pub')), {
    code: 1,
    out: /NOT PROVEN: it is by another key/,
  });
  t.match(await evidence('check', file, '--key', path('other.pub'), '--json'), {
    code: 1,
    out: /^\{"ok":false,"error":"it is/,
  });
  writeFileSync(path('forged.json'), readFileSync(file, 'utf8').replace('verdict', 'verdikt'));
  t.match(await evidence('check', path('forged.json'), '--key', path('kept.pub')), {
    code: 1,
    out: 'DIR/forged.json: NOT PROVEN: the path does not lead from the line to the root\n',
  });
});

function root(file: string): string {
  const { proofs } = JSON.parse(readFileSync(file, 'utf8')) as { proofs: { checkpoint: string }[] };
  return proofs[0]!.checkpoint.split('\n')[2]!;
}

test('by queue id: every record of every day, or of one', async (t) => {
  const { path, asked, evidence } = made(t);
  const id = `4Zq${(17).toString(36).padStart(9, '0')}z`;
  t.match(await asked('prove', id, '--output', path('all.json')), {
    out: 'DIR/all.json: 2 records of 2 days\n',
  });
  const checked = await evidence('check', path('all.json'), '--key', path('kept.pub'));
  t.same(checked.out.match(/^ {2}(?:line|next day) .*?(?=,|$)/gm), [
    '  line       18 of 100 lines',
    `  next day   ${B} names this head`,
    '  line       18 of 25 lines',
    '  next day   not in the file',
  ]);
  const printed = await asked('prove', id, '--day', B);
  t.match(JSON.parse(printed.out), {
    format: 'tlsward-proof/1',
    proofs: [{ index: 17, size: 25, next: null }],
  });
  t.match(await asked('prove', id, '--output', path('one.json'), '--json', '--day', B), {
    out: /^\{"ok":true,"output":".*","records":1\}\n$/,
  });
});

test('no proof, and why', async (t) => {
  const { stream, days, path, asked } = made(t);
  t.match(await asked('prove', 'NOSUCH'), { code: 75, err: 'no record has the code or queue id NOSUCH\n' });
  t.match(await asked('prove', 'C2900041', '--day', B), { code: 75 });
  writeFileSync(path('taken'), 'mine');
  t.match(await asked('prove', 'C2900041', '--output', path('taken')), {
    code: 73,
    err: 'DIR/taken: cannot be made (file already exists)\n',
  });
  t.equal(readFileSync(path('taken'), 'utf8'), 'mine');
  t.match(await asked('prove', 'C2900041', '--key', path('other.pub')), {
    code: 75,
    err: `no checkpoint of ${A} is signed by the key\n`,
  });
  writeFileSync(checkpointFile(stream, B), days.get(B)!.notes.slice(0, 2).join(''));
  t.match(await asked('prove', 'C3000022'), {
    code: 75,
    err: `the last checkpoint of ${B} is of 20 lines, without n 22\n`,
  });
  const forged = days.get(A)!.lines.with(7, days.get(A)!.lines[7]!.replace('mx.', 'my.'));
  writeFileSync(linesFile(stream, A), `${forged.join('\n')}\n`);
  t.match(await asked('prove', 'C2900041', '--output', path('none')), {
    code: 1,
    err: `the lines of ${A} are not those that were signed\n`,
  });
  t.notOk(existsSync(path('none')));
});

test('a head that was kept', async (t) => {
  const { stream, days, path, asked, evidence } = made(t);
  const [first, second] = days.get(A)!.notes;
  writeFileSync(
    path('mail'),
    `Subject: heads\r\n\r\nKeep these.\r\n\r\n${first!.replaceAll('\n', '\r\n')}\r\n-- \r\nmx\r\n`,
  );
  t.same(await asked('consistency', path('mail'), '--key', path('kept.pub'), '--output', path('c.json')), {
    code: 0,
    out: [
      `tlsward/mx.example.org/daemon/${A}: consistent: 10 lines then, 100 now`,
      '  key tlsward/mx.example.org/daemon+692c033c, the one that --key names',
      '',
    ].join('\n'),
    err: '',
  });
  t.match(await evidence('check', path('c.json'), '--key', path('kept.pub')), {
    code: 0,
    out: /^proven: the newer head has the lines of the older one, unchanged\n {2}old {8}10 lines, .*\n {2}new {8}100 lines, /,
  });
  writeFileSync(path('heads'), first! + second! + days.get(B)!.notes[1]!);
  t.match(await asked('consistency', path('heads')), {
    code: 0,
    out: new RegExp(`${B}: consistent: 20 lines then, 25 now`),
  });
  t.match(await asked('consistency', path('heads'), '--day', A), {
    code: 0,
    out: /consistent: 20 lines then, 100 now/,
  });
  t.match(JSON.parse((await asked('consistency', path('heads'), '--json')).out), {
    ok: true,
    old: 20,
    new: 25,
    keyFrom: 'stream',
  });
  t.match(await asked('consistency', path('heads'), '--day', '2026-11-01'), {
    code: 75,
    err: /no head of 2026-11-01 is signed/,
  });
  t.match(await asked('consistency', path('heads'), '--key', path('other.pub')), { code: 75 });
  // the lines of a day may be deleted once it has ended
  writeFileSync(path('last'), days.get(A)!.notes.at(-1)!);
  rmSync(linesFile(stream, A));
  t.match(await asked('consistency', path('last')), { code: 0, out: /consistent: 100 lines then, 100 now/ });
  t.match(await asked('consistency', path('heads'), '--day', A), { code: 65 });
});

test('a history that was rewritten with the key', async (t) => {
  const { stream, days, path, asked } = made(t);
  writeFileSync(path('heads'), days.get(B)!.notes[1]!);
  const { days: other } = madeStream(path('again'), { [A]: 99, [B]: 25 });
  const put = (notes: readonly string[], lines: readonly string[]): void => {
    writeFileSync(checkpointFile(stream, B), notes.join(''));
    writeFileSync(linesFile(stream, B), `${lines.join('\n')}\n`);
  };
  put(other.get(B)!.notes, other.get(B)!.lines);
  t.match(await asked('consistency', path('heads')), {
    code: 1,
    err: 'the 20 lines that were signed then are not the first ones that are signed now\n',
  });
  put(days.get(B)!.notes.slice(0, 1), days.get(B)!.lines.slice(0, 10));
  t.match(await asked('consistency', path('heads')), {
    code: 1,
    err: '20 lines were signed, and the last checkpoint is of 10\n',
  });
});

test('wrong arguments', async (t) => {
  const { path, evidence, asked } = made(t);
  t.match(await evidence('check', path('proof.json')), { code: /^UsageError: --key is missing/ });
  t.match(await asked('prove'), { code: /^UsageError: prove: CODE\|QUEUE-ID is missing/ });
  t.match(await asked('consistency', 'a', 'b'), { code: /^UsageError: found "b", expected nothing more/ });
  t.match(await asked('prove', 'x', '--day', 'today'), { code: /--day: found "today", expected a day/ });
  t.match(await evidence('check', path('gone'), '--key', path('kept.pub')), {
    code: 65,
    err: /cannot be read/,
  });
  t.match(await evidence('check', path('daemon'), '--key', path('kept.pub')), {
    code: 65,
    err: /is not a file/,
  });
  t.match(await asked('consistency', path('gone')), { code: 65 });
});
