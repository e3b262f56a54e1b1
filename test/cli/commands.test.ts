/**
 * The commands that the other files of this folder do not cover, each with its exit statuses and as JSON: `check`,
 * `explain`, `simulate policy` and `milter`, `lookup`, `status`, `reload`; and colour.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import { run as check } from '../../src/cli/check.ts';
import type { Io, Run } from '../../src/cli/command.ts';
import { dispatch } from '../../src/cli/dispatch.ts';
import { run as explain } from '../../src/cli/explain.ts';
import { run as lookup } from '../../src/cli/lookup.ts';
import { run as reload } from '../../src/cli/reload.ts';
import { run as simulate } from '../../src/cli/simulate.ts';
import { run as status } from '../../src/cli/status.ts';
import { run as verifyMark } from '../../src/cli/verifyMark.ts';
import { startReload } from '../../src/config/load/loadInWorker.ts';
import type { StatusReply } from '../../src/daemon/controlReplies.ts';
import { statusFindings } from '../../src/daemon/statusFindings.ts';
import { startDaemon } from '../daemon/startDaemon.ts';

/** A control socket on which nothing listens; a path in a test's own folder would be too long for a socket. */
function controlSocket(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return `unix:${join(folder, 'control.sock')}`;
}
const TABLE = `trusted-clients =
host-name = mx.example.org
authserv-id = mx.example.org
[policy branded]
receive = encrypt
banner = header, subject, body
[domains]
bank.example = branded
* = may
[domain late.example]
policy = encrypt
violation = defer
[domain held.example]
policy = encrypt
violation = hold
[domain watched.example]
policy = encrypt
mode = observe
until = 2020-01-01
`;
/** Nothing in it, or on this host, for `status --check` to find. */
const QUIET = `postconf =\nmax-connections = 10\n${TABLE.replace('until = 2020-01-01\n', '')}`;
const TLS = ['--tls', 'TLSv1.3 TLS_AES_256_GCM_SHA384 256'];
const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));

async function say(command: Run, argv: string[], colour = false) {
  let out = '';
  let err = '';
  const io: Io = { out: (text) => (out += text), err: (text) => (err += text), env: {}, colour };
  const code = await command(argv, io);
  const json = (): Record<string, unknown> => JSON.parse(out) as Record<string, unknown>;
  return { code, out, err, json };
}

function mail(from: string): string[] {
  return ['--from', `a@${from}`, '--to', 'b@x.example'];
}

test('explain says what simulate then gets, at both interfaces', async (t) => {
  const { config } = await startDaemon(t, TABLE);
  const cases = [
    ['bank.example', [], 'reject', 1, /^530 5\.7\.0 /],
    ['bank.example', ['--tls', 'unknown'], 'defer', 75, /^451 4\.3\.5 /],
    ['bank.example', ['--tls', 'TLSv1 AES128-SHA 128'], 'reject', 1, /^550 5\.7\.6 /],
    ['bank.example', TLS, 'accept', 0, /^DUNNO$/],
    ['late.example', [], 'defer', 1, /^450 4\.7\.0 /],
    ['held.example', [], 'hold', 1, /^HOLD tlsward: /],
    ['watched.example', [], 'accept', 0, /^DUNNO$/],
    ['x.example', [], 'accept', 0, /^DUNNO$/],
  ] as const;
  const outcomes = { accept: 'accepted', hold: 'held', defer: 'deferred', reject: 'refused' };
  for (const [domain, session, verdict, exit, action] of cases) {
    const argv = ['--config', config, '--json', ...mail(domain), ...session];
    const said = await say(explain, argv);
    t.equal(said.json().verdict, verdict, `${domain} ${session}`);
    t.equal(said.code, exit);
    const played = {
      policy: await say(simulate, ['policy', ...argv]),
      milter: await say(simulate, ['milter', ...argv]),
    };
    t.match((played.policy.json().answer as { action: string }).action, action);
    t.equal(played.milter.json().outcome, outcomes[verdict]);
    const simulated = { accept: 0, hold: 1, defer: 75, reject: 1 }[verdict];
    t.same([played.policy.code, played.milter.code], [simulated, simulated]);
    const first = (
      await say(
        explain,
        argv.filter((arg) => arg !== '--json'),
      )
    ).out.split('\n')[0]!;
    t.ok(first.startsWith(verdict), first);
  }
  const watched = (await say(explain, ['--config', config, '--json', ...mail('watched.example')])).json();
  t.match(watched, { verdict: 'accept', would: 'reject', header: /verdict=would-reject/ });
});

test('simulate milter edits a message of ours', async (t) => {
  const { config, folder } = await startDaemon(t, TABLE);
  const message = join(folder, 'in.eml');
  const output = join(folder, 'out.eml');
  writeFileSync(message, 'Subject: hello\nFrom: a@bank.example\n\nText\n');
  const argv = ['milter', '--config', config, ...mail('bank.example'), ...TLS, '--message', message];
  const forged = ['--header', 'x-tls-WARD: v=1; state=protected', '--header', 'X-Tls-Banner: false'];
  for (const mta of ['postfix', 'sendmail']) {
    const written = await say(simulate, [...argv, ...forged, '--mta', mta, '--output', output]);
    t.match(written, { code: 0, out: /^accepted\n/ });
    const text = readFileSync(output, 'utf8');
    t.equal(text.match(/^x-tls-ward:/gim)?.length, 1);
    t.equal(text.match(/^x-tls-banner:/gim)?.length, 1);
    t.match(text, /^X-TLS-Ward: v=1; leg=receive; state=protected; protocol=TLSv1\.3;/);
    t.match(text, /^Authentication-Results: mx\.example\.org;\n x-tls=pass /m);
    t.match(
      text,
      /^Subject: \[via TLS\] hello\nFrom: a@bank\.example\n\nThis message reached .*\n\nText\n$/m,
    );
  }
  const piped = await say(simulate, [...argv, '--json', '--output', '-']);
  t.match(piped.out, /^X-TLS-Ward: /, 'standard output has the message alone');
  t.match(JSON.parse(piped.err), { outcome: 'accepted' });
});

test('a new key on top signs after a reload, and old mail still verifies', async (t) => {
  const { config, folder } = await startDaemon(t, `mark-key = mark.key\n${TABLE}`);
  const key = join(folder, 'mark.key');
  const marked = async (name: string): Promise<string> => {
    const output = join(folder, name);
    const argv = ['milter', '--config', config, ...mail('bank.example'), ...TLS, '--output', output];
    t.equal((await say(simulate, argv)).code, 0);
    return output;
  };
  const verify = (file: string) => say(verifyMark, ['--config', config, '--sender', 'bank.example', file]);
  const before = await marked('before.eml');
  const old = /: verifies: protected, key ([0-9a-f]{8})\n/.exec((await verify(before)).out)?.[1];
  t.ok(old);
  writeFileSync(key, `${Buffer.alloc(32, 7).toString('base64')}\n${readFileSync(key, 'utf8')}`);
  t.equal((await say(reload, ['--config', config])).code, 0);
  const after = await verify(await marked('after.eml'));
  t.match(after, { code: 0, out: /: verifies: protected, key / });
  t.notMatch(after.out, `key ${old}`);
  t.match(await verify(before), { code: 0, out: `verifies: protected, key ${old}` });
});

test('a reload without the key file is refused, and the old key signs on', async (t) => {
  const { config, folder, log } = await startDaemon(t, `mark-key = mark.key\n${TABLE}`);
  const key = join(folder, 'mark.key');
  const sign = async (): Promise<string> => {
    const output = join(folder, 'out.eml');
    const argv = ['milter', '--config', config, ...mail('bank.example'), ...TLS, '--output', output];
    t.equal((await say(simulate, argv)).code, 0);
    return / key=([0-9a-f]{8});/.exec(readFileSync(output, 'utf8'))?.[1] ?? '';
  };
  const old = await sign();
  const noted = log().flatMap(({ event, notice }) => (event === 'config.notice' ? [String(notice)] : []));
  t.match(noted.at(-1), `there was no key file; created with key ${old}`);
  renameSync(key, `${key}.bak`);
  const refused = await say(reload, ['--config', config]);
  t.match(refused, { code: 78, err: /mark\.key: is missing, / });
  t.equal(existsSync(key), false, 'and none was made');
  t.equal(await sign(), old);
  t.match(
    log().filter(({ event }) => event === 'config.rejected'),
    [{ problems: [/is missing/] }],
  );
  renameSync(`${key}.bak`, key);
  t.equal((await say(reload, ['--config', config])).code, 0);
  t.equal(await sign(), old);
});

test('lookup finds the transaction of a reply', async (t) => {
  const { config } = await startDaemon(t, TABLE);
  const refused = await say(simulate, ['policy', '--config', config, ...mail('bank.example')]);
  const code = /\[([0-9A-Z]{8})\]/.exec(refused.out)?.[1] ?? '';
  const found = await say(lookup, ['--config', config, code.toLowerCase()]);
  t.equal(found.code, 0);
  t.match(found.out, new RegExp(`^${code}: reject at .*: 530 5\\.7\\.0 `));
  t.match(found.out, /^sender +a@bank\.example$/m);
  const json = await say(lookup, ['--config', config, '--json', code]);
  t.match(json.json(), { ok: true, verdict: { code, action: 'reject', protocol: 'policy' } });
  t.match(await say(lookup, ['--config', config, 'ZZZZZZZZ']), {
    code: 75,
    out: '',
    err: /^ZZZZZZZZ: not among/,
  });
  t.match((await say(lookup, ['--config', config, '--json', 'ZZZZZZZZ'])).json(), { ok: false });
});

test('reload prints the difference or the mistakes; status tells', async (t) => {
  const { config, write, log } = await startDaemon(t, TABLE, undefined, startReload);
  const before = await say(status, ['--config', config]);
  t.match(before, { code: 0, out: /^running: tlsward .*\n/ });
  t.match(
    before.out,
    /^expired +\S+tlsward\.ini:24: \[domain watched\.example\] until 2020-01-01, \d+ days ago$/m,
  );
  t.match(before.out, /^table +generation 1, 5 rows, hash [0-9a-f]{16}/m);
  write(TABLE.replace('bank.example = branded', 'bank.example = may'));
  const good = await say(reload, ['--config', config]);
  t.match(good, {
    code: 0,
    out: /^reloaded: generation 2, .* 1 changed\n {2}bank\.example: branded → may\n/,
  });
  t.match(
    log().find(({ event }) => event === 'config.changed'),
    { lines: ['bank.example: branded → may'] },
    'and logs it',
  );
  write(TABLE.replace('= branded', '= brandde').replace('= observe', '= obsrve'));
  const bad = await say(reload, ['--config', config]);
  t.equal(bad.code, 78);
  t.match(bad.err, /^2 mistakes; the old table stays\n.*brandde.*did you mean branded.*\n.*obsrve.*observe/);
  const json = await say(reload, ['--config', config, '--json']);
  t.equal(json.code, 78);
  t.equal((json.json().problems as string[]).length, 2);
  const shown = (await say(status, ['--config', config])).out;
  t.match(shown, /^table .* \d+ rows, hash /m);
  t.match(shown, /^verdicts .*, would refuse 0$/m, 'counters in words');
  const after = (await say(status, ['--config', config, '--json'])).json();
  t.match(after, { table: { generation: 2, lastReload: /^refused .*: 2 mistakes, first: / } });
});

test('reload --dry-run says what a reload would change, and changes nothing', async (t) => {
  const { config, write, log } = await startDaemon(t, TABLE);
  const dry = ['--dry-run', '--config', config];
  const before = (await say(status, ['--config', config, '--json'])).json();
  write(TABLE.replace('bank.example = branded', 'bank.example = may').replace('mx.ex', 'mx2.ex'));
  const good = await say(reload, dry);
  t.match(good, {
    code: 0,
    out: /^dry run, nothing is changed: 5 rows; 0 added, 0 removed, 1 changed\n {2}bank\.example: branded → may\nnotice: /,
    err: '',
  });
  t.match((await say(reload, [...dry, '--json'])).json(), {
    ok: true,
    dryRun: true,
    changes: { changed: 1 },
  });
  write(TABLE.replace('= branded', '= brandde'));
  t.match(await say(reload, dry), { code: 78, out: '', err: /^1 mistake; the old table stays\n.*brandde/ });
  const bad = await say(reload, [...dry, '--json']);
  t.equal(bad.code, 78);
  t.match(bad.json(), {
    ok: false,
    dryRun: true,
    problems: [
      {
        file: config,
        line: Number,
        where: String,
        found: String,
        expected: String,
        hint: String,
        text: /brandde/,
      },
    ],
  });
  const after = (await say(status, ['--config', config, '--json'])).json();
  t.same(after.table, before.table, 'also what status says of the last reload');
  const asked = await say(simulate, ['policy', '--config', config, ...mail('bank.example')]);
  t.equal(asked.code, 1, 'the old row is in force');
  t.same(
    log().filter(({ event }) => /^config\.(?:changed|rejected)$/.test(String(event))),
    [],
    'and the log says nothing',
  );
});

test('settings that wait for a restart are named as they are written, until they are taken back', async (t) => {
  const { config, folder, write } = await startDaemon(t, TABLE);
  const pending = async () => {
    const json = (await say(status, ['--config', config, '--json'])).json();
    return (json.table as { restartNeeded: string[] }).restartNeeded;
  };
  t.same(await pending(), []);
  write(`socket-mode = 0600\nsocketmap-listen = unix:${folder}/map.sock\n${TABLE}`);
  const wanted = 'restart needed for: socketmap-listen, socket-mode';
  t.match((await say(reload, ['--dry-run', '--config', config])).out, wanted);
  t.same(await pending(), [], 'a dry run changes nothing');
  t.match((await say(reload, ['--config', config])).out, new RegExp(`^${wanted}$`, 'm'));
  t.match((await say(status, ['--config', config])).out, new RegExp(`^pending +${wanted}$`, 'm'));
  t.match((await say(reload, ['--config', config])).out, wanted, 'a second reload does not forget it');
  write(TABLE);
  t.notMatch((await say(reload, ['--config', config])).out, 'restart');
  t.same(await pending(), []);
});

test('status --check finds what somebody should look at', async (t) => {
  const { config, write } = await startDaemon(t, QUIET);
  const check = (...more: string[]) => say(status, ['--config', config, '--check', ...more]);
  t.same(await check().then(({ code, out }) => [code, out]), [0, 'fine: nothing to look at\n']);
  t.same((await check('--json')).json(), { ok: true, findings: [] });
  write(`socket-mode = 0600\npostconf =\nmax-connections = 10\n${TABLE}`);
  await say(reload, ['--config', config]);
  write('[servce]');
  await say(reload, ['--config', config]);
  const said = await check();
  t.match(said, {
    code: 1,
    out: /^3 findings\nreload-refused: reload refused .*\nrestart-needed: .*socket-mode\nrow-expired: /,
  });
  const { ok, findings } = (await check('--json')).json() as { ok: boolean; findings: { id: string }[] };
  t.equal(ok, false);
  t.same(
    findings.map(({ id }) => id),
    ['reload-refused', 'restart-needed', 'row-expired'],
  );
});

test('every fault that status shows is a finding', async (t) => {
  const { config } = await startDaemon(t, QUIET);
  const fine = (await say(status, ['--config', config, '--json'])).json() as unknown as StatusReply;
  t.same(statusFindings(fine), []);
  const published = { kind: 'own', resolver: [], daneOff: 'x', stsCache: '', counters: {}, sts: {} };
  const bad = {
    ...fine,
    listeners: [{ name: 'milter', address: 'unix:/m', trouble: 'its file is gone' }],
    published: { ...published, testOpening: '127.0.0.0/8 8443' },
    postfix: { ...fine.postfix, warnings: ['w'] },
    openFiles: { limit: 100, used: 1, connections: 10, maxConnections: 20 },
    log: { dropped: 2, failure: 'ENOSPC' },
  } as unknown as StatusReply;
  t.same(
    statusFindings(bad).map(({ id, text }) => `${id}: ${text}`),
    [
      'listener-trouble: milter unix:/m: its file is gone',
      'test-opening: policies are fetched from 127.0.0.0/8 8443 (sts-test-opening)',
      'postfix-warning: w',
      'files-low: room for 10 connections, and max-connections is 20',
      'log-dropped: 2 lines of the log were dropped',
      'log-failed: the log cannot be written (ENOSPC)',
    ],
  );
});

test('status --wait waits for a daemon that is starting', async (t) => {
  const { config, folder } = await startDaemon(t, TABLE);
  const late = join(folder, 'late.sock');
  setTimeout(() => symlinkSync(join(folder, 'control.sock'), late), 500);
  t.equal((await say(status, ['--config', config, '--control', late, '--wait', '60'])).code, 0);
  const none = ['--config', config, '--control', join(folder, 'none')];
  await t.rejects(say(status, none), { message: /^cannot reach the daemon/ });
  await t.rejects(say(status, [...none, '--wait', '1']), { message: /^cannot reach the daemon/ });
  await t.rejects(say(status, [...none, '--wait', 'x']), { message: /^--wait: found "x"/ });
});

test('status splits verdicts by what protected the session, and says how long the daemon was held', async (t) => {
  const { config } = await startDaemon(t, TABLE);
  const from = ['--config', config, ...mail('bank.example')];
  await say(simulate, ['policy', ...from]);
  await say(simulate, ['policy', ...from, ...TLS]);
  await say(simulate, ['policy', ...from, '--tls', 'TLSv9.foreign AES256-SHA 256']);
  await say(simulate, ['milter', ...from, ...TLS]);
  const json = (await say(status, ['--config', config, '--json'])).json();
  const { verdicts, verdictsByTls, loopDelay } = json as Record<string, Record<string, unknown>>;
  t.match(verdictsByTls, {
    policy: { plain: { reject: 1 }, 'TLSv1.3': { accept: 1 }, otherTls: { defer: 1 } },
    milter: { 'TLSv1.3': { accept: 1 } },
  });
  t.match(verdicts, { accept: 2, reject: 1, defer: 1 }, 'which add up to all of them');
  t.match(loopDelay, { longestMs: Number, overThreshold: Number, thresholdMs: 100 });
  const { out } = await say(status, ['--config', config]);
  t.match(
    out,
    /^by policy +TLSv1\.3: accept 1, hold 0, defer 0, reject 0\n +other TLS: accept 0.*\n +plain: .*reject 1$/m,
  );
  t.match(out, /^by milter +TLSv1\.3: accept 1/m);
  t.match(out, /^delay +longest \d+ ms/m);
});

test('mistakes as text and as JSON', async (t) => {
  const config = join(t.testdir({ 'bad.ini': '[servce]\n' }), 'bad.ini');
  const text = await say(check, ['--config', config]);
  t.match(text, { code: 78, err: /: 2 mistakes\n.*bad\.ini:1: \[servce\].*did you mean service/ });
  for (const [command, argv] of [
    [check, []],
    [explain, mail('x.example')],
    [explain, ['--deliver', 'x.example']],
  ] as const) {
    const said = await say(command, ['--config', config, '--json', ...argv]);
    t.equal(said.code, 78);
    t.equal(said.json().ok, false);
    t.equal((said.json().problems as unknown[]).length, 2);
  }
});

test('check takes the file as its argument', async (t) => {
  const folder = t.testdir({ 'bad.ini': '[servce]\n' });
  const bad = join(folder, 'bad.ini');
  t.match(await say(check, [bad]), { code: 78, out: '', err: /^\S+bad\.ini: 2 mistakes\n/ });
  t.match((await say(check, [bad, '--json'])).json(), { ok: false, problems: [{ file: bad, line: 1 }, {}] });
  for (const argv of [
    [bad, '--config', bad],
    [bad, '--sample'],
    [bad, bad],
  ])
    await t.rejects(say(check, argv), { message: /not both|nothing more/ }, argv.join(' '));
});

test('check reads the key file as serve would', async (t) => {
  const folder = t.testdir();
  const config = join(folder, 'tls.ini');
  const key = join(folder, 'mark.key');
  writeFileSync(
    config,
    `[service]\npostconf =\ncontrol-listen = ${controlSocket(t)}\nmilter-listen = inet:127.0.0.1:0\nmark-key = mark.key\n[domains]\n* = may\n`,
  );
  t.match(await say(check, ['--config', config]), { code: 0, err: '', out: /: fine; / });
  t.throws(() => readFileSync(key), { code: 'ENOENT' }, 'and does not make it');
  writeFileSync(key, 'short\n', { mode: 0o600 });
  t.match(await say(check, ['--config', config]), {
    code: 78,
    out: '',
    err: /tls\.ini: 1 mistake\n.*mark\.key:1: /,
  });
  const said = await say(check, ['--config', config, '--json']);
  t.match(said, { code: 78 });
  t.match(said.json(), { ok: false, rows: 1, problems: [{ file: key, line: 1, text: /mark\.key:1: / }] });
  writeFileSync(key, `${'ab'.repeat(32)}\n`);
  t.match(await say(check, ['--config', config, '--json']), { code: 0 });
  chmodSync(key, 0o644);
  t.match(await say(check, ['--config', config]), {
    code: 78,
    out: '',
    err: /mark\.key: mode is 0644: .*chmod 600/,
  });
  chmodSync(key, 0o600);
  writeFileSync(`${key}.made`, '');
  t.match(await say(check, ['--config', config]), { code: 0 });
  rmSync(key);
  t.match(await say(check, ['--config', config]), { code: 78, err: /mark\.key: is missing, / });
  writeFileSync(key, `${'ab'.repeat(32)}\n`, { mode: 0o600 });
  if (process.getuid?.() === 0) return;
  chmodSync(key, 0);
  t.match(await say(check, ['--config', config]), {
    code: 0,
    err: /^notice: .*mark\.key: .*, so it was not checked\n$/,
  });
});

test('no daemon, and wrong arguments', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-')); // the path of a socket has to be short
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, 'tls.ini');
  writeFileSync(config, '[service]\npolicy-listen = unix:p\ncontrol-listen = unix:c\n');
  const main = (...argv: string[]) => spawnSync(process.execPath, [MAIN, ...argv], { encoding: 'utf8' });
  for (const argv of [
    ['status'],
    ['reload'],
    ['lookup', 'ZZZZZZZZ'],
    ['simulate', 'policy', ...mail('x.example')],
  ]) {
    const said = await say(dispatch, [...argv, '--config', config]);
    t.match(said, { code: 69, out: '' });
    t.match(said.err, new RegExp(`^tlsward ${argv[0]}: cannot reach the `));
  }
  for (const argv of [['bogus'], ['check', '--bogus'], ['explain'], ['simulate', 'smtp'], ['hops'], []]) {
    t.match(await say(dispatch, argv), { code: 64, out: '' }, argv.join(' '));
  }
  t.match(main('status', '--config', config), { status: 69, stdout: '', stderr: /^tlsward status: / });
  t.match(main(), { status: 64, stdout: '' }, 'what dispatch returns is the exit status');
});

test('colour on a terminal only, and not with NO_COLOR', async (t) => {
  const folder = t.testdir();
  const config = join(folder, 'tls.ini');
  writeFileSync(
    config,
    `[service]\npostconf =\ncontrol-listen = ${controlSocket(t)}\npolicy-listen = inet:127.0.0.1:0\n[domains]\n* = may\n`,
  );
  t.match(await say(check, ['--config', config], true), { err: '', out: /^\u001b\[32m/ });
  t.notMatch((await say(check, ['--config', config])).out, /\u001b/);
  // a terminal, as far as the program can tell
  const terminal = 'Object.defineProperty(process.stdout, "isTTY", { value: true })';
  const coloured = (value: string | undefined): boolean => {
    const { NO_COLOR: _, ...rest } = process.env;
    const env = value === undefined ? rest : { ...rest, NO_COLOR: value };
    const argv = ['--import', `data:text/javascript,${terminal}`, MAIN, 'check', '--config', config];
    const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8', env });
    if (!stdout.includes('fine')) throw new Error(stdout + stderr);
    return stdout.includes('\u001b');
  };
  t.same([coloured(undefined), coloured(''), coloured('1')], [true, true, false]);
});
