/**
 * What `tlsward evidence verify` finds: every kind of tampering with a made stream, and that nothing is found where there
 * is none.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type Test, test } from 'tap';
import { checkpointFile, linesFile } from '../../src/archive/layout.ts';
import type { DayReport } from '../../src/archive/verifyDay.ts';
import { verifyStream } from '../../src/archive/verifyStream.ts';
import { formatCheckpoint, originOf } from '../../src/evidence/checkpoint.ts';
import { Frontier } from '../../src/evidence/merkle.ts';
import { signNote } from '../../src/evidence/note.ts';
import { madeKey, madeStream, signedDay, writeDay } from '../evidence/madeDay.ts';
import { generator } from '../mark/generator.ts';

const [A, B, C] = ['2026-11-28', '2026-11-29', '2026-11-30'] as const;
const KEY = madeKey();

function made(t: Test, every = 10) {
  const { stream, days } = madeStream(t.testdir(), { [A]: 25, [B]: 100, [C]: 37 }, { every });
  return {
    stream,
    lines: (day: string): string[] => [...days.get(day)!.lines],
    notes: (day: string): string[] => [...days.get(day)!.notes],
    put: (day: string, lines: readonly string[]): void =>
      writeFileSync(linesFile(stream, day), lines.map((line) => `${line}\n`).join('')),
    verify: (...only: string[]): DayReport[] => verifyStream(stream, KEY, only.length === 0 ? null : only),
  };
}

const results = (reports: readonly DayReport[]): string => reports.map(({ result }) => result).join(' ');
const words = (report: DayReport | undefined): string[] => report!.findings.map((finding) => finding.words);

test('nothing was changed', async (t) => {
  const { verify } = made(t);
  const reports = verify();
  t.equal(results(reports), 'holds holds holds');
  t.same(
    reports.map(({ day, lines, proven, checkpoints }) => [day, lines, proven, checkpoints]),
    [
      [A, 25, 25, 3],
      [B, 100, 100, 10],
      [C, 37, 37, 4],
    ],
  );
  t.same(
    reports.flatMap(({ findings, notes }) => [findings, notes].flat()),
    [],
  );
  t.same(
    verify(B, '2026-11-01').map(({ day }) => day),
    [B],
  );
});

test('changes of lines, each named as far as it is known', async (t) => {
  const { put, lines, verify } = made(t);
  const change = (edit: (all: string[]) => string[], expected: readonly string[], proven: number): void => {
    put(B, edit(lines(B)));
    const reports = verify();
    t.equal(results(reports), 'holds fails holds', expected[0]!);
    t.same(words(reports[1]), expected);
    t.equal(reports[1]?.proven, proven, expected[0]!);
  };
  const other = `the first line of ${C} says that this day ended with another root`;
  const fewer = (count: number): string =>
    `the first line of ${C} says that this day ended with 100 lines, not ${count}`;
  const edited = (line: string): string => line.replace('mx.example.org', 'mx.example.net');
  // checkpoints at 10, 20 ...: the frontier of 50 names the lines 32 to 47, that of 40 the lines 32 to 39
  change(
    (all) => all.with(33, edited(all[33]!)),
    ['of the lines with n 32 to 39 at least one was changed: it is not the one that was signed', other],
    30,
  );
  change(
    (all) => all.with(0, edited(all[0]!)),
    ['of the lines with n 0 to 7 at least one was changed: it is not the one that was signed', other],
    0,
  );
  change(
    (all) => all.toSpliced(40, 3),
    [
      '100 lines were signed, 97 are there',
      'no line has n 40 to 42: 3 signed lines removed or changed',
      'the lines with n 43 to 47 cannot be proven: lines beside them are missing or doubled',
      fewer(97),
    ],
    40,
  );
  change(
    (all) => all.toSpliced(40, 0, all[12]!),
    ['line 41 was inserted: the signed one with n 12 is line 13', fewer(101)],
    40,
  );
  change(
    (all) => all.with(50, all[60]!).with(60, all[50]!),
    ['line 51 has n 60: it is out of order', 'line 61 has n 50: it is out of order', other],
    50,
  );
  change(
    (all) => all.with(20, '{"v":1,"time":"2026"}'),
    [
      'line 21 does not begin as a record does; it stands where n 20 is missing',
      'no line has n 20: 1 signed line removed or changed',
      'the lines with n 21 to 23 cannot be proven: lines beside them are missing or doubled',
      other,
    ],
    20,
  );
  change(
    (all) => all.toSpliced(20, 0, 'hello'),
    ['line 21 does not begin as a record does, and no line is missing there: it was inserted', fewer(101)],
    20,
  );
  change(
    (all) => all.slice(0, 95),
    [
      '100 lines were signed, 95 are there',
      'no line has n 95 to 99: 5 signed lines removed or changed',
      'the lines with n 90 to 94 cannot be proven: lines beside them are missing or doubled',
      fewer(95),
    ],
    90,
  );
  change(
    (all) => [...all, `{"v":1,"n":100,"more":1}`],
    [fewer(101), 'lines after the last checkpoint, not proven: 1'],
    100,
  );
  // removed, and counted anew
  const renumbered = (all: string[]): string[] =>
    all.toSpliced(70, 1).map((line, n) => line.replace(/"n":\d+/, `"n":${n}`));
  put(B, renumbered(lines(B)));
  const [, report] = verify();
  t.equal(report!.proven, 70);
  t.match(words(report), [
    '100 lines were signed, 99 are there',
    'no line has n 99: 1 signed line removed or changed',
  ]);
  t.match(words(report)[2], /^of the lines with n 70 to 79 at least one was changed/);
});

test('every bit of a day', async (t) => {
  const { stream, verify } = made(t);
  for (const [file, step] of [
    [linesFile(stream, A), 397],
    [checkpointFile(stream, A), 61],
  ] as const) {
    const whole = readFileSync(file);
    let found = 0;
    let tried = 0;
    for (let bit = 0; bit < whole.length * 8; bit += step) {
      const changed = Buffer.from(whole);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      writeFileSync(file, changed);
      tried++;
      if (verify(A)[0]!.result === 'fails') found++;
      else t.fail(`bit ${bit} of ${file}`);
    }
    t.equal(found, tried);
    t.ok(tried > 100, `${tried} bits`);
    writeFileSync(file, whole);
  }
  t.equal(results(verify()), 'holds holds holds');
});

test('what a key did not sign', async (t) => {
  const { stream, lines, put, verify } = made(t);
  const forged = lines(B).map((line) => line.replace('mx.example.org', 'mx.example.net'));
  put(B, forged);
  // signed by another key, by the key under another name, and for another day
  for (const key of [madeKey(KEY.name, 'other'), { ...KEY, name: 'tlsward/mx.example.net/daemon' }]) {
    writeDay(stream, B, signedDay(B, forged, key));
    t.equal(results(verify()), 'holds fails holds');
    t.same(words(verify()[1]), [
      '1 note in 2026-11-29.ckpt is no checkpoint of this day by the key',
      `the first line of ${C} says that this day ended with another root`,
      'lines after the last checkpoint, not proven: 100',
    ]);
  }
  writeFileSync(checkpointFile(stream, B), signedDay(A, forged, KEY).notes[0]!);
  t.equal(words(verify()[1])[0], '1 note in 2026-11-29.ckpt is no checkpoint of this day by the key');
  // by the key itself: an intruder who has it. The next day knows better
  writeDay(stream, B, signedDay(B, forged, KEY));
  t.equal(results(verify()), 'holds fails holds');
  t.same(words(verify()[1]), [`the first line of ${C} says that this day ended with another root`]);
});

test('a rolled back day, and days that are gone', async (t) => {
  const { stream, lines, notes, put, verify } = made(t);
  put(B, lines(B).slice(0, 80));
  writeFileSync(checkpointFile(stream, B), notes(B).slice(0, 8).join(''));
  t.same(words(verify()[1]), [`the first line of ${C} says that this day ended with 100 lines, not 80`]);
  rmSync(linesFile(stream, B));
  t.equal(results(verify()), 'holds fails holds');
  t.same(words(verify(B)[0]), [
    `the first line of ${C} says that this day ended with 100 lines, not 80`,
    'its lines are gone, and those of an older day are not',
  ]);
  rmSync(checkpointFile(stream, B));
  t.equal(results(verify()), 'holds fails');
  t.same(words(verify()[1]), [
    `the first line names ${B} as the day before, and nothing of that day is there`,
  ]);
});

test('retention, a stream that begins, and one that is being written', async (t) => {
  const { stream, lines, notes, put, verify } = made(t);
  rmSync(linesFile(stream, A));
  t.equal(results(verify()), 'gone holds holds');
  writeFileSync(checkpointFile(stream, C), notes(C).slice(0, 3).join(''));
  const [, , open] = verify();
  t.match(open, { result: 'holds', lines: 37, proven: 30, findings: [] });
  t.same(open!.notes, ['lines after the last checkpoint, not proven: 7, as long as no later one is written']);
  writeFileSync(linesFile(stream, C), `${lines(C).join('\n')}\n{"v":1,"n"`);
  t.match(verify(C), [
    { result: 'holds', notes: ['10 bytes after the last line are no line', /not proven: 7/] },
  ]);
  writeFileSync(checkpointFile(stream, C), `${notes(C).join('')}tlsward/mx`);
  t.match(verify(C), [{ result: 'cannot-tell', proven: 37 }]);
  rmSync(checkpointFile(stream, C));
  put(C, lines(C));
  t.match(verify(C), [{ result: 'cannot-tell', proven: 0, findings: [] }]);
  writeFileSync(linesFile(stream, C), '');
  t.equal(results(verify()), 'gone holds', 'a file without a line is a day that has not begun');
});

test('a line without end', async (t) => {
  const { stream, lines, verify } = made(t);
  writeFileSync(linesFile(stream, B), `${lines(B).slice(0, 30).join('\n')}\n${'x'.repeat(3 << 20)}\n`);
  const [, report] = verify();
  t.equal(report!.result, 'fails');
  t.match(words(report), [
    'a line does not end where it must',
    'no line has n 30 to 99: 70 signed lines removed or changed',
  ]);
});

test('one head for the whole day', async (t) => {
  // as after compaction: only the last note. 100 = 64 + 32 + 4
  const { put, lines, verify } = made(t, 1000);
  put(B, lines(B).with(70, lines(B)[70]!.replace('verdict', 'verdikt')));
  t.equal(
    words(verify()[1])[0],
    'of the lines with n 64 to 95 at least one was changed: it is not the one that was signed',
  );
  t.match(verify()[1]!.findings[0], { kind: 'changed', lines: [[65, 96]] });
});

test('a signed size that no file has', async (t) => {
  const { stream, lines, verify } = made(t);
  const [hash] = new Frontier(1, [Buffer.alloc(32, 1)]).hashes();
  const head = {
    origin: originOf(KEY.name, B),
    size: 2 ** 50,
    root: hash!,
    bytes: 2 ** 52,
    frontier: [hash!],
  };
  writeFileSync(checkpointFile(stream, B), signNote(formatCheckpoint(head), KEY));
  t.same(words(verify()[1]).slice(0, 2), [
    `${2 ** 50} lines were signed, ${lines(B).length} are there`,
    'only the first 4000000 lines were looked at closely',
  ]);
});

test('any other lines are found', async (t) => {
  const g = generator();
  const { lines, put, verify } = made(t);
  const original = lines(B);
  const some = (): number => g.integer(original.length);
  const edits: readonly ((all: string[]) => void)[] = [
    (all) => all.splice(some(), 1 + g.integer(5)),
    (all) => all.splice(some(), 0, g.pick(original), g.pick(original)),
    (all) => all.splice(some(), 0, g.text(60).replaceAll('\n', ' ')),
    (all) => all.splice(some(), 2, ...all.slice(some()).reverse().slice(0, 3)),
    (all) => all.splice(some(), 1, g.pick(original).replace(/"n":\d+/, `"n":${some()}`)),
    (all) => all.splice(some(), 1, g.pick(original).slice(0, g.integer(40))),
  ];
  let tried = 0;
  for (let round = 0; round < 150; round++) {
    const all = [...original];
    for (let edit = g.integer(4); edit >= 0; edit--) g.pick(edits)(all);
    if (all.join('\n') === original.join('\n')) continue;
    put(B, all);
    const [report] = verify(B);
    tried++;
    if (report!.result !== 'fails' || report!.findings.length < 2) t.fail(`seed ${g.seed}, round ${round}`);
  }
  t.ok(tried > 100, `${tried} days`);
});
