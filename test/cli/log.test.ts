/**
 * `tlsward log`: what is kept, how it is shown, where it comes from, and what it does with lines that are not ours.
 */
import { appendFileSync, chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import type { Io } from '../../src/cli/command.ts';
import { run, sinceOf } from '../../src/cli/log.ts';
import { fileLines } from '../../src/cli/logSource.ts';
import { say } from './runCommand.ts';

const verdict = (sender: string, time: string, action = 'reject'): string =>
  JSON.stringify({
    level: 30,
    time,
    event: 'tx.verdict',
    code: 'C',
    action,
    client: '192.0.2.1',
    sender,
    recipients: 'b@our.example',
    tls: 'no TLS',
  });
const LINES = [
  'tlsward.service: Started.',
  verdict('a@bank.example', '2026-11-01T10:00:00.000Z'),
  `<6>${verdict('a@mx.bank.example', '2026-11-02T10:00:00.000Z', 'accept')}`,
  '{"level":30,"time":"2026-11-02T11:00:00.000Z","event":"config.loaded","msg":"table in use"}',
  '{"level":40,"time":"2026-11-02T12:00:00.000Z","event":"log.dropped","lines":2,"msg":"nobody read the log"}',
  '{"level":20,"time":"2026-11-02T13:00:00.000Z","event":"map.answer","key":"[bank.example]:587","reply":"OK secure"}',
  '{"broken',
  verdict('a@notbank.example', '2026-11-03T10:00:00.000Z', 'defer'),
];

function saved(t: Test, lines: readonly string[] = LINES): string {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'log');
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
  return file;
}

const shown = (out: string): string[] =>
  out
    .split('\n')
    .slice(0, -1)
    .map((line) => line.slice(0, 45));

test('verdicts and warnings, one line each', async (t) => {
  const file = saved(t);
  const { code, out, err } = await say(run, [file]);
  t.same([code, err], [0, '']);
  t.same(shown(out), [
    '2026-11-01T10:00:00.000Z reject a@bank.exampl',
    '2026-11-02T10:00:00.000Z accept a@mx.bank.exa',
    '2026-11-02T12:00:00.000Z warn log.dropped: no',
    '2026-11-03T10:00:00.000Z defer a@notbank.exam',
  ]);
  t.equal((await say(run, [file, '--all'])).out.split('\n').length - 1, 6);
  const json = (await say(run, [file, '--json'])).out.trimEnd().split('\n');
  t.same(
    json.map((line) => (JSON.parse(line) as { event: string }).event),
    ['tx.verdict', 'tx.verdict', 'log.dropped', 'tx.verdict'],
  );
});

test('a domain with the names below it, and a time', async (t) => {
  const file = saved(t);
  const { out } = await say(run, [file, '--domain', 'Bank.Example']);
  t.same(shown(out), [
    '2026-11-01T10:00:00.000Z reject a@bank.exampl',
    '2026-11-02T10:00:00.000Z accept a@mx.bank.exa',
    '2026-11-02T13:00:00.000Z debug map.answer: ; ',
  ]);
  t.equal(shown((await say(run, [file, '--domain', 'our.example'])).out).length, 3, 'recipients too');
  t.equal(shown((await say(run, [file, '--since', '2026-11-02T11:30Z'])).out).length, 2);
  const now = Date.parse('2026-11-29T12:00:00Z');
  t.equal(sinceOf('90s', now), now - 90_000);
  t.equal(sinceOf('30min', now), now - 1_800_000);
  t.equal(sinceOf('2w', now), now - 14 * 86_400_000);
  t.equal(sinceOf('2026-11-02 11:30', now), new Date(2026, 10, 2, 11, 30).getTime());
  t.equal(sinceOf('2026-11-02', now), new Date(2026, 10, 2).getTime());
  for (const text of ['yesterday', '2026-13-01', '-2h', '2', '2026-11-02T25:00'])
    t.throws(() => sinceOf(text, now), { message: new RegExp(`^--since: found "${text}"`) }, text);
});

test('a field of colons and a line end takes no more than linear time', async (t) => {
  const key = `${':'.repeat(200_000)}\n`;
  const file = saved(t, [JSON.stringify({ level: 20, event: 'map.answer', key })]);
  const { user } = process.cpuUsage();
  t.match(await say(run, [file, '--domain', 'bank.example']), { code: 0, out: '', err: '' });
  const ms = process.cpuUsage({ user, system: 0 }).user / 1000;
  t.ok(ms < 5000, `${ms} ms`);
});

test('colour on a terminal only, and nothing foreign reaches it', async (t) => {
  const file = saved(t, [verdict('\u001b]0;x\u0007@bank.example', '2026-11-01T10:00:00.000Z')]);
  let out = '';
  const io: Io = { out: (text) => (out += text), err: t.fail, env: {}, colour: true };
  await run([file], io);
  t.match(out, /^\u001b\[31m[\x20-\x7e]*\u001b\[0m\n$/);
  t.match((await say(run, [file])).out, /^[\x20-\x7e]*\n$/);
  t.match((await say(run, [file, '--json'])).out, /^[\x20-\x7e]*\n$/);
});

test('what cannot be read', async (t) => {
  const file = saved(t);
  t.match(await say(run, [`${file}.none`]), {
    code: 65,
    out: '',
    err: /log\.none: cannot be read \(no such file or directory\)\n$/,
  });
  t.match(JSON.parse((await say(run, [`${file}.none`, '--json'])).out), {
    ok: false,
    error: /cannot be read/,
  });
  t.match(await say(run, [file, '--domain', 'a b']), { code: /^UsageError: --domain: found "a b"/ });
  t.match(await say(run, ['--unit', '--help']), { code: /^UsageError/ });
});

test('the journal, by journalctl', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  const { PATH } = process.env;
  t.teardown(() => {
    process.env.PATH = PATH;
    rmSync(folder, { recursive: true, force: true });
  });
  const fake = join(folder, 'journalctl');
  writeFileSync(fake, `#!/bin/sh\necho "$@" >${folder}/args\ncat <<'END'\n${LINES.join('\n')}\nEND\n`);
  chmodSync(fake, 0o755);
  process.env.PATH = `${folder}:${PATH}`;
  t.equal(shown((await say(run, ['--since', '2026-11-01T00:00Z'])).out).length, 4);
  t.equal((await say(run, [`${folder}/args`])).code, 0);
  const args: string[] = [];
  for await (const line of fileLines(`${folder}/args`, false)) args.push(line);
  t.same(args, ['--unit tlsward --output cat --no-pager --all --since @1793491200']);
  writeFileSync(fake, '#!/bin/sh\necho "No journal files were opened" >&2\nexit 1\n');
  t.match(await say(run, []), {
    code: 69,
    err: /^tlsward log: journalctl ended with status 1: No journal files/,
  });
  process.env.PATH = folder;
  rmSync(fake);
  t.match(await say(run, []), { code: 69, err: /journalctl cannot be run/ });
});

test('a file is followed through rotation, and a line that has no end is left out', async (t) => {
  const file = saved(t, ['one']);
  const lines = fileLines(file, true);
  const next = async () => (await lines.next()).value as string;
  t.equal(await next(), 'one');
  appendFileSync(file, 'tw');
  setTimeout(() => appendFileSync(file, 'o\n'), 400);
  t.equal(await next(), 'two');
  renameSync(file, `${file}.1`);
  appendFileSync(`${file}.1`, 'late\n');
  writeFileSync(file, 'three\n');
  t.equal(await next(), 'late', 'what still went into the old file');
  t.equal(await next(), 'three');
  writeFileSync(file, 'cut\n');
  t.equal(await next(), 'cut');
  await lines.return(undefined);
  const long = saved(t, ['a', 'x'.repeat(3 * 1024 * 1024), 'b']);
  const kept: string[] = [];
  for await (const line of fileLines(long, false)) kept.push(line);
  t.same(kept, ['a', 'b']);
});
