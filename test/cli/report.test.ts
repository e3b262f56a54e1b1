/**
 * `tlsward report` on records that a test has made: every format says the same, counts are kept and checked, what is not
 * known is said, and arguments that make no sense are refused.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { run } from '../../src/cli/report.ts';
import type { Report } from '../../src/report/report.ts';
import { countedNow, readTally, writeTally } from '../../src/tally/tallyFile.ts';
import { readCsv } from '../report/readCsv.ts';
import { delivery, MadeEvidence, newFolder, verdict } from '../trace/madeDays.ts';
import { say } from './runCommand.ts';

const DAY_MS = 86_400_000;
const day = (back: number): string => new Date(Date.now() - back * DAY_MS).toISOString().slice(0, 10);
const YESTERDAY = day(1);

/** Two days: three answers and two deliveries each. */
function made(t: Test): string {
  const evidence = new MadeEvidence(join(newFolder(t), 'evidence'), 'mx.example.org');
  for (const one of [day(2), YESTERDAY]) {
    evidence.day('daemon', one, [
      verdict(`${one}T10:00:00.000Z`, { code: '3FQ80001', queueId: 'A1' }),
      verdict(`${one}T11:00:00.000Z`, {
        ...{ code: '3FQ80002', queueId: 'A2', action: 'reject', tls: { state: 'plain' }, breach: 'plain' },
      }),
    ]);
    evidence.day('collector', one, [delivery(`${one}T10:00:01.000Z`)]);
  }
  return evidence.directory;
}

const asked = (directory: string, ...more: string[]): string[] => [
  ...['--evidence', directory, '--config', '/nonexistent/tlsward.ini'],
  ...['--since', day(2), '--until', YESTERDAY, ...more],
];

test('where recording began today, today is in it', async (t) => {
  const evidence = new MadeEvidence(join(newFolder(t), 'evidence'), 'mx.example.org');
  const today = new Date().toISOString();
  evidence.day('daemon', today.slice(0, 10), [verdict(today, { code: '3FQ80001', queueId: 'A1' })]);
  const argv = ['--evidence', evidence.directory, '--config', '/nonexistent/tlsward.ini', '--json'];
  for (const until of [[], ['--until', 'today']]) {
    const report = JSON.parse((await say(run, [...argv, ...until])).out) as Report;
    t.match(report, { from: day(29), to: day(0), records: 2 });
    t.match(report.notes[0], /^The last day is not over: it is counted up to \d\d:\d\d UTC\.$/);
  }
  t.equal((JSON.parse((await say(run, [...argv, '--until', day(1)])).out) as Report).records, 0);
});

test('every format says the same', async (t) => {
  const directory = made(t);
  const json = await say(run, asked(directory, '--json'));
  t.equal(json.code, 0);
  const report = JSON.parse(json.out) as Report & { ok: boolean };
  t.match(report, { ok: true, from: day(2), to: YESTERDAY, hosts: ['mx.example.org'] });
  const { refused, travelled } = report.share.in;
  t.equal(refused, 2);
  t.equal(report.share.out.recordedDays, 2);
  const csv = readCsv((await say(run, asked(directory, '--format', 'csv'))).out);
  t.match(
    csv.filter(({ part }) => part === 'share'),
    [{ way: 'in', tls13: String(travelled.tls13), refused: '2' }, { way: 'out' }],
  );
  const text = (await say(run, asked(directory))).out;
  t.match(
    text,
    report.answer
      .map((one) => one.text)
      .join('')
      .slice(0, 60),
  );
  t.match(text, /^refused, put off +2 +apart$/m);
  const html = (await say(run, asked(directory, '--format', 'html'))).out;
  t.match(html, /^<!DOCTYPE html>/);
  t.match(html, 'bank.example');
  t.match(report.notes, [/The configuration was not read/]);
});

test('counts are kept, compared, and the file of --output is new', async (t) => {
  const directory = made(t);
  const none = await say(run, asked(directory, '--check'));
  t.match(none, { code: 0, out: /^nothing to compare/ });
  const output = join(directory, 'report.csv');
  t.match(await say(run, asked(directory, '--format', 'csv', '--output', output)), { code: 0, out: '' });
  t.equal(statSync(output).mode & 0o777, 0o600);
  const again = await say(run, asked(directory, '--output', output));
  t.match(again, { code: 73, err: /cannot be written/ });
  t.match(await say(run, asked(directory, '--check')), {
    code: 0,
    out: /^the counts are those of the records/,
  });
  const tally = join(directory, 'daemon', `${YESTERDAY}.tally`);
  t.ok(existsSync(tally), 'a day that is over was counted once');
  const one = { directory, stream: 'daemon', day: YESTERDAY };
  const counted = readTally(one)!;
  const partners = [...counted.partners];
  writeTally(one, countedNow(one), { ...counted, partners, records: counted.records + 1 });
  const wrong = await say(run, asked(directory, '--check', '--json'));
  t.equal(wrong.code, 1);
  t.match(JSON.parse(wrong.out), { ok: false });
  t.match(await say(run, asked(directory, '--check')), { code: 1, out: /^1 day counted wrongly/ });
});

test('a record that was changed is named, whatever it counts', async (t) => {
  const directory = made(t);
  const file = join(directory, 'daemon', `${YESTERDAY}.jsonl`);
  t.match(JSON.parse((await say(run, asked(directory, '--check', '--json'))).out), {
    ok: true,
    days: [{ stream: 'daemon', signed: 'holds' }],
  });
  writeFileSync(file, readFileSync(file, 'utf8').replace('"helo":"mx', '"helo":"my'));
  const { code, out } = await say(run, asked(directory, '--check'));
  t.equal(code, 1);
  t.match(out, /^not the records that were signed: .*daemon \S+; tlsward evidence verify \S+ says what$/m);
});

test('one partner, one way', async (t) => {
  const directory = made(t);
  const json = async (...more: string[]): Promise<Report> =>
    JSON.parse((await say(run, asked(directory, '--json', ...more))).out) as Report;
  t.match(await json('--partner', 'BANK.example'), {
    partner: 'bank.example',
    share: { in: { refused: 2 } },
  });
  t.match(await json('--partner', 'nobody.example'), { share: { in: { refused: 0 } }, partners: [] });
  const out = await json('--direction', 'out');
  t.equal(out.way, 'out');
  t.same(
    out.partners.filter(({ way }) => way === 'in'),
    [],
  );
  t.match(out.command, ` --direction out --evidence ${directory}`);
});

test('what makes no sense is refused', async (t) => {
  const directory = made(t);
  const cases: [string[], RegExp][] = [
    [['--since', 'yesterday'], /--since: found "yesterday"/],
    [['--until', '2099-01-01'], /--until: found "2099-01-01"/],
    [['--since', YESTERDAY, '--until', day(2)], /the first one first/],
    [['--direction', 'up'], /expected in or out/],
    [['--format', 'pdf'], /expected text, html, csv, json/],
    [['--partner', '@'], /expected a domain/],
    [['--mail', 'nobody'], /--mail: found "nobody"/],
    [['--mail', 'a@b.example', '--check'], /exclude each other/],
  ];
  for (const [more, said] of cases) {
    const { code } = await say(run, asked(directory, ...more));
    t.match(String(code), said);
    t.match(String(code), /^UsageError/);
  }
  t.match(await say(run, ['--evidence', join(directory, 'none')]), { code: 75 });
});
