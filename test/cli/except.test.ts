/**
 * `tlsward except` and `exceptions` against a running daemon: in force at once, with the difference; the file changed where
 * it must be and nowhere else; refused with every mistake and the file as it was; two at once lose nothing; no daemon.
 */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import type { Io, Run } from '../../src/cli/command.ts';
import { run as except, parseUntil } from '../../src/cli/except.ts';
import { run as exceptions } from '../../src/cli/exceptions.ts';
import { run as explain } from '../../src/cli/explain.ts';
import { addDays, dayOf } from '../../src/config/keys/day.ts';
import { openDraft, WriteError } from '../../src/files/lockedDraft.ts';
import { startDaemon } from '../daemon/startDaemon.ts';

const TABLE = `socketmap-listen = unix:socketmap.sock
[policy partner]
receive = encrypt
deliver = secure
[domains]
bank.example = partner
.bank.example = partner
* = may
`;
const TODAY = dayOf(new Date());
const SOON = addDays(TODAY, 14);

async function say(command: Run, argv: string[], colour = false) {
  let out = '';
  let err = '';
  const io: Io = { out: (text) => (out += text), err: (text) => (err += text), env: {}, colour };
  const code = await command(argv, io).catch((error: Error) => `${error.constructor.name}: ${error.message}`);
  const json = (): Record<string, unknown> => JSON.parse(out) as Record<string, unknown>;
  return { code, out, err, json };
}

test('an exception is in force at once, listed, shown, and gone again', async (t) => {
  const { config, folder, log } = await startDaemon(t, TABLE);
  const file = join(folder, 'exceptions.ini');
  const run = (...argv: string[]) => say(except, ['--config', config, ...argv]);
  const made = await run('BANK.example.', '--until', '+14d', '--reason', 'ticket 4711; "renewal"');
  t.equal(made.code, 0, made.err);
  t.equal(
    readFileSync(file, 'utf8'),
    `[exception bank.example]\nuntil   = ${SOON}\nreason  = "ticket 4711; \\"renewal\\""\nreceive = may\ndeliver = may\n`,
  );
  const [first, second, third] = made.out.replaceAll(`${folder}/`, '').split('\n');
  t.equal(
    first,
    `bank.example: until ${SOON} (14 days): receive encrypt → may, deliver secure → may (exceptions.ini:1)`,
  );
  t.match(second, /^reloaded: generation 2, 3 rows; 0 added, 0 removed, 1 changed$/);
  t.match(third, /^ {2}bank\.example: partner → exception \(receive encrypt → may, deliver secure → may, /);
  t.match(
    log().find(({ event }) => event === 'config.changed'),
    { changed: 1 },
  );

  const why = await say(explain, ['--config', config, '--from', 'a@bank.example', '--to', 'b@x.example']);
  t.match(why.out, /^accept\n/);
  t.match(
    why.out,
    /^row +bank\.example \(\S+exceptions\.ini:1\), exception bank\.example <- policy partner/m,
  );
  t.match(why.out, /^exception +until \S+: ticket 4711; "renewal"$/m);
  const out = await say(explain, ['--config', config, '--deliver', 'bank.example']);
  t.match(out.out, /^OK may\n/);
  t.match(
    out.out.replaceAll(`${folder}/`, ''),
    new RegExp(
      `^row +bank\\.example \\(exceptions\\.ini:1\\), exception bank\\.example <- policy partner <- built-in may\nexception +until ${SOON}: ticket 4711; "renewal"$`,
      'm',
    ),
  );

  const listed = await say(exceptions, ['--config', config]);
  t.equal(listed.code, 0);
  t.equal(
    listed.out.replaceAll(`${folder}/`, ''),
    `1 exception\n\nbank.example: 14 days left (until ${SOON})\n  receive encrypt → may, deliver secure → may\n  ticket 4711; "renewal"\n  exceptions.ini:1\n`,
  );

  // again, for one leg: the section is changed in place
  const changed = await run(
    'bank.example',
    '--until',
    SOON,
    '--reason',
    'r',
    '--receive',
    'none',
    '--contact',
    'c',
  );
  t.equal(changed.code, 0, changed.err);
  t.equal(
    readFileSync(file, 'utf8'),
    `[exception bank.example]\nuntil   = ${SOON}\nreason  = r\ncontact = c\nreceive = none\n`,
  );
  t.match(changed.out, /^ {2}bank\.example: exception \(receive may → none, deliver may → secure, /m);
  t.match((await say(exceptions, ['--config', config, '--json'])).json(), {
    ok: true,
    overdue: 0,
    exceptions: [
      { pattern: 'bank.example', daysLeft: 14, changes: ['receive encrypt → none'], contact: 'c', line: 1 },
    ],
  });

  const json = await run(
    'x.bank.example',
    '--until',
    '+2w',
    '--reason',
    'r',
    '--deliver',
    'encrypt',
    '--json',
  );
  t.match(json.json(), {
    ok: true,
    exception: { pattern: 'x.bank.example', changes: ['deliver secure → encrypt'], until: SOON },
    reload: { ok: true, changes: { added: 1 } },
  });
  const removed = await run('x.bank.example', '--remove');
  t.match(removed, { code: 0, out: /^x\.bank\.example: exception removed\nreloaded: / });
  t.match(removed.out, /^ {2}- x\.bank\.example: exception$/m);
  t.match(await run('x.bank.example', '--remove'), {
    code: 1,
    err: 'there is no exception for x.bank.example\n',
  });
  t.equal((await run('bank.example', '--remove')).code, 0);
  t.equal(readFileSync(file, 'utf8'), '');
  t.match((await say(exceptions, ['--config', config])).out, /^0 exceptions\n$/);
  t.strictSame(
    readdirSync(folder).filter((name) => name.startsWith('.')),
    [],
    'no lock is left',
  );
});

test('overdue ones come first, in red, and the exit status says so', async (t) => {
  const { config, folder, ask } = await startDaemon(t, TABLE);
  const one = (name: string, until: string) =>
    `[exception ${name}]\nuntil = ${until}\nreason = r of ${name}\nreceive = none\n`;
  writeFileSync(join(folder, 'exceptions.ini'), one('a.example', SOON) + one('b.example', '2020-01-01'));
  const listed = await say(exceptions, ['--config', config], true);
  t.equal(listed.code, 1);
  t.match(listed.out, /^\u001b\[31m2 exceptions, 1 expired/);
  t.match(listed.out, /\u001b\[31mb\.example: expired \d+ days ago, still in force \(until 2020-01-01\)/);
  t.ok(listed.out.indexOf('b.example') < listed.out.indexOf('a.example'));
  await ask('reload');
  const { table } = (await ask('status')) as { table: { overdue: string[] } };
  t.equal(table.overdue.length, 1);
  t.match(
    table.overdue[0],
    /exceptions\.ini:6: \[exception b\.example\] until 2020-01-01, \d+ days ago \(r of b\.example\)$/,
  );
  const broken = await say(exceptions, ['--config', join(folder, 'absent.ini')]);
  t.match(broken, { code: 78, err: /does not exist/ });
});

test('--dry-run checks everything, says what would change, and writes nothing', async (t) => {
  const { config, folder, ask } = await startDaemon(t, TABLE);
  const file = join(folder, 'exceptions.ini');
  const run = (...argv: string[]) => say(except, ['--config', config, '--dry-run', ...argv]);
  const good = ['bank.example', '--until', '+14d', '--reason', 'r'];
  const { table } = await ask('status');
  t.match(await run(...good), {
    code: 0,
    out: /^dry run, nothing is written: bank\.example: until .* \(14 days\): receive encrypt → may, /,
    err: '',
  });
  t.match((await run(...good, '--json')).json(), {
    ok: true,
    dryRun: true,
    exception: { pattern: 'bank.example' },
  });
  t.match(await run('bank.example', '--remove'), {
    code: 1,
    err: 'there is no exception for bank.example\n',
  });
  t.match(await run(...good, '--deliver', 'fingerprint'), { code: 78, err: /nothing was written/ });
  t.same(
    readdirSync(folder).filter((name) => name.includes('exceptions')),
    [],
    'no file, no draft',
  );
  const text = `[exception bank.example]\nuntil = ${SOON}\nreason = r\n`;
  writeFileSync(file, text);
  t.match(await run('bank.example', '--remove'), {
    code: 0,
    out: 'dry run, nothing is written: bank.example: exception removed\n',
  });
  t.equal(readFileSync(file, 'utf8'), text);
  t.same((await ask('status')).table, table, 'the daemon was not asked to read anything');
});

test('with a mistake the file stays as it was', async (t) => {
  const { config, folder, write, service } = await startDaemon(t, TABLE);
  const file = join(folder, 'exceptions.ini');
  const text = `; mine\n[exception a.example]\nuntil = ${SOON}\nreason = r\nreceive = none\n`;
  writeFileSync(file, text);
  const run = (...argv: string[]) => say(except, ['--config', config, ...argv]);
  const refused = async (want: RegExp, ...argv: string[]) => {
    const said = await run(...argv);
    t.equal(said.code, 78, said.out);
    t.match(said.err, want);
    t.equal(readFileSync(file, 'utf8'), text);
    t.notOk(existsSync(join(folder, '.exceptions.ini.new')));
  };
  const good = ['--until', '+1d', '--reason', 'r'];
  await refused(
    /^1 mistake; nothing was written\n.*exceptions\.ini:\d+: \[exception b\.example\] deliver: found no digest/,
    'b.example',
    ...good,
    '--deliver',
    'fingerprint',
  );
  await refused(/301 characters/, 'bank.example', '--until', '+1d', '--reason', 'x'.repeat(301));
  await refused(/exception \*\).*client-names/, '*', ...good, '--receive', 'verify');
  write(`${TABLE}[exception b.example]\nuntil = ${SOON}\nreason = r\n`);
  await refused(/a duplicate exception for "b\.example"/, 'b.example', ...good, '--receive', 'may');
  const elsewhere = await run('b.example', '--remove');
  t.match(elsewhere, { code: 1, err: /is not in .*exceptions\.ini: remove it at .*tlsward\.ini:\d+\n$/ });
  write(TABLE.replace('= encrypt', '= encrpyt').replace('* = may', '* = my'));
  await refused(/^2 mistakes; nothing was written\n.*encrypt\?\)\n.*may\?\)\n$/, 'b.example', ...good);
  t.match((await run('b.example', ...good, '--json')).json(), { ok: false, problems: [{}, {}] });
  write(`exceptions =\n${TABLE}`);
  t.match((await run('b.example', ...good)).code, /^UsageError: exceptions is empty/);
  t.equal(service.open, 0);
});

test('without a leg given only what the row demands is relaxed', async (t) => {
  const rows = `[policy out]
deliver = auto
[policy slack]
deliver = may
[domains]
out.example = out
.out.example = may
slack.example = slack
[domain in.example]
receive = encrypt
[domain [relay.out.example]:587]
deliver = dane
`;
  const { config, folder } = await startDaemon(t, `socketmap-listen = unix:socketmap.sock\n${rows}`);
  const file = join(folder, 'exceptions.ini');
  const run = (...argv: string[]) =>
    say(except, ['--config', config, ...argv, '--until', '+1d', '--reason', 'r']);
  const legs = () => (existsSync(file) ? readFileSync(file, 'utf8') : '').match(/^(receive|deliver) .*$/gm);
  const cases: readonly (readonly [name: string, legs: readonly string[] | null, want?: RegExp])[] = [
    ['in.example', ['receive = may']],
    ['u@in.example', ['receive = may']],
    ['out.example', ['deliver = may']],
    ['[relay.out.example]:587', ['deliver = may']],
    [
      'slack.example',
      null,
      /row slack\.example \(.*tlsward\.ini:\d+\) applies to .*\(receive may, deliver may\)/,
    ],
    ['x.out.example', null, /row \.out\.example \(.*\) applies to x\.out\.example and requires nothing/],
    [
      'x.out.example',
      null,
      /\(receive may, deliver is the MTA's own default\): give --receive or --deliver$/,
    ],
    ['in.example.com', null, /no row matches in\.example\.com, so nothing is required/],
  ];
  for (const [name, want, refusal] of cases) {
    rmSync(file, { force: true });
    const said = await run(name);
    t.equal(legs()?.join() ?? '', want?.join() ?? '', name);
    if (want !== null) t.equal(said.code, 0, said.err);
    else t.match(said.code, refusal);
  }
  t.notOk(existsSync(file), 'a refusal writes nothing');
  // prolonged: judged by the row below the exception, which itself demands nothing any more
  for (const until of ['+1d', '+2d'])
    t.equal(
      (await say(except, ['--config', config, 'in.example', '--until', until, '--reason', 'r'])).code,
      0,
    );
  t.strictSame(legs(), ['receive = may']);
  t.match((await say(exceptions, ['--config', config])).out, /2 days left/);
  t.match(await run('slack.example', '--receive', 'none'), { code: 0 });
});

test('wrong arguments', async (t) => {
  const { config } = await startDaemon(t, TABLE);
  const bad = async (want: RegExp, ...argv: string[]) =>
    t.match((await say(except, ['--config', config, ...argv])).code, want, argv.join(' '));
  await bad(/^UsageError: DOMAIN is missing/);
  await bad(/^UsageError: found "b\.example", expected DOMAIN/, 'a.example', 'b.example');
  await bad(/^UsageError: --until is missing/, 'a.example', '--reason', 'x');
  await bad(/^UsageError: --reason is missing/, 'a.example', '--until', '+1d');
  await bad(/^UsageError: --reason is missing/, 'a.example', '--until', '+1d', '--reason', ' ');
  await bad(/^UsageError: --until: found "tomorrow"/, 'a.example', '--reason', 'x', '--until', 'tomorrow');
  await bad(
    /^UsageError: --until: 2020-01-01 has passed/,
    'a.example',
    '--reason',
    'x',
    '--until',
    '2020-01-01',
  );
  await bad(/expected one of none, may/, 'a.example', '--reason', 'x', '--until', '+1d', '--receive', 'my');
  await bad(/^UsageError: --remove takes no other options/, 'a.example', '--remove', '--reason', 'x');
  await bad(/^UsageError: found "a b".*/, 'a b', '--until', '+1d', '--reason', 'x');
  await bad(/^UsageError: the text cannot be written/, 'bank.example', '--until', '+1d', '--reason', 'a\nb');
  t.match(
    (await say(except, ['--sample', 'a.example', '--remove'])).code,
    /^UsageError: except changes the configuration/,
  );
  t.equal(parseUntil('+3w', '2026-11-22'), '2026-12-13');
  t.equal(parseUntil('2026-11-22', '2026-11-22'), '2026-11-22');
});

test('ten at once lose nothing', async (t) => {
  const { config, folder } = await startDaemon(t, TABLE);
  const names = Array.from({ length: 10 }, (_, i) => `d${i}.example`);
  const all = await Promise.all(
    names.map((name) =>
      say(except, ['--config', config, name, '--until', '+1d', '--reason', 'r', '--receive', 'none']),
    ),
  );
  t.strictSame(
    all.map(({ code }) => code),
    names.map(() => 0),
  );
  const listed = (await say(exceptions, ['--config', config, '--json'])).json();
  t.strictSame(
    (listed.exceptions as { pattern: string }[]).map(({ pattern }) => pattern).sort(),
    names.sort(),
  );
  t.notOk(existsSync(join(folder, '.exceptions.ini.new')));
});

test('no daemon: written, and said', async (t) => {
  const folder = t.testdir({
    'tlsward.ini': `[service]\ncontrol-listen = unix:c\npolicy-listen = unix:p\n${TABLE}`,
  });
  const argv = ['--config', join(folder, 'tlsward.ini'), 'bank.example', '--until', '+1d', '--reason', 'r'];
  const said = await say(except, argv);
  t.equal(said.code, 69);
  t.match(said.err, /^written, but not in force until the daemon reads it: cannot reach the daemon/);
  t.ok(existsSync(join(folder, 'exceptions.ini')));
  t.match((await say(except, [...argv, '--json'])).json(), {
    ok: false,
    exception: { pattern: 'bank.example' },
  });
});

test('mode and owner of the file', async (t) => {
  const { config, folder } = await startDaemon(t, TABLE);
  const file = join(folder, 'exceptions.ini');
  const root = process.getuid?.() === 0;
  const run = () => say(except, ['--config', config, 'bank.example', '--until', '+1d', '--reason', 'r']);
  const mode = () => (statSync(file).mode & 0o777).toString(8);
  chmodSync(config, 0o640);
  if (root) chownSync(config, 0, 12345);
  t.equal((await run()).code, 0);
  t.equal(mode(), '640', 'a new one has those of the main file: who may read that may read this');
  if (root) t.equal(statSync(file).gid, 12345);
  chmodSync(config, 0o664);
  rmSync(file);
  t.equal((await run()).code, 0);
  t.equal(mode(), '644');
  chmodSync(file, 0o600);
  if (root) chownSync(file, 12346, 12347);
  const before = statSync(file).ino;
  t.equal((await run()).code, 0);
  t.equal(mode(), '600');
  if (root) t.strictSame([statSync(file).uid, statSync(file).gid], [12346, 12347]);
  t.not(statSync(file).ino, before, 'replaced, not written over');

  mkdirSync(join(folder, 'd'));
  writeFileSync(join(folder, 'd', 'real.ini'), '');
  rmSync(file);
  symlinkSync('d/real.ini', file);
  t.equal((await run()).code, 0);
  t.match(
    readFileSync(join(folder, 'd', 'real.ini'), 'utf8'),
    /^\[exception bank\.example\]/,
    'behind a link',
  );
});

test('a lock that stays', async (t) => {
  const { config, folder } = await startDaemon(t, TABLE);
  const lock = join(folder, '.exceptions.ini.new');
  writeFileSync(lock, '');
  const said = await say(except, ['--config', config, 'bank.example', '--until', '+1d', '--reason', 'r']);
  t.match(said, { code: 75, err: /exceptions\.ini\.new exists: another process is writing, or was killed/ });
  t.ok(existsSync(lock), 'it belongs to somebody else');
  rmSync(lock);
  await t.rejects(
    openDraft(join(folder, 'absent', 'x'), null),
    new WriteError(`cannot write ${join(folder, 'absent', '.x.new')}: no such file or directory`),
  );
  const draft = await openDraft(join(folder, 'x'), null);
  draft.write('long text');
  draft.write('text');
  draft.commit();
  draft.close();
  draft.close();
  t.equal(readFileSync(join(folder, 'x'), 'utf8'), 'text');
  t.equal(statSync(join(folder, 'x')).mode & 0o777, 0o644);
});
