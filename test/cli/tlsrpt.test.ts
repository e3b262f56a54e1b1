/** `tlsward tlsrpt`: what a person is told of reports, what is kept, what an MTA hears, and what is compared. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import { run } from '../../src/cli/tlsrpt.ts';
import { CERTIFICATE_PEM } from '../doctor/gather/certificate.ts';
import { root } from '../root.ts';
import { MadeEvidence, newFolder, verdict } from '../trace/madeDays.ts';
import { say } from './runCommand.ts';

const REPORTS = fileURLToPath(new URL('test/tlsrpt/reports/', root));
const REFUSED = fileURLToPath(new URL('test/tlsrpt/refused/', root));
const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const DAY = '2026-11-29';

interface Place {
  readonly folder: string;
  readonly state: readonly string[];
  readonly own: readonly string[];
}

/** No configuration: own domains by option. */
function place(t: Test): Place {
  const folder = newFolder(t);
  const none = ['--config', join(folder, 'none.ini')];
  return {
    folder,
    state: ['--state', join(folder, 'state')],
    own: ['--own-domains', 'example.org,example.net', ...none],
  };
}

const NO_REPORT = { code: 65, out: '' };

test('a report is shown, kept once, and listed', async (t) => {
  const { state, own } = place(t);
  const file = join(REPORTS, 'mail-rfc-gzip.eml');
  const first = await say(run, ['read', file, ...own, ...state]);
  t.same(first, {
    code: 0,
    err: '',
    out: `Google Inc., ${DAY}, about example.org: 14 of 120 sessions failed
sts         example.org: 106 good, 14 failed
failed      14 certificate-expired at mx1.example.org [192.0.2.1] from 203.0.113.9
dkim        pass for google.com, says mx.example.org; not checked here
report      ${DAY}T00:00:00Z_example.org, contact smtp-tls-reporting@google.com
`,
  });
  const again = await say(run, ['read', file, join(REPORTS, 'google.json.gz'), ...own, ...state]);
  const line = `Google Inc., ${DAY}, about example.org: 14 of 120 sessions failed (read before)\n`;
  t.same(again, { code: 0, err: '', out: line.repeat(2) }, 'also in another form');
  const good = join(REPORTS, 'reporter.example!example.org!1795910400!1795996799.json.gz');
  t.match(await say(run, ['read', good, ...own, ...state]), {
    code: 0,
    out: /^reporter\.example, .*: 7 sessions, none failed\nno policy +example\.org: 7 good, 0 failed\n.*\n.*\nodd +policy-domain is missing/,
  });
  const since = ['--since', '2026-11-01'];
  t.match(await say(run, ['list', ...since, ...state]), {
    code: 0,
    out: /^(?:.*\n){2}2 reports since 2026-11-01\n$/,
  });
  const failed = await say(run, ['list', '--failed', '--full', ...since, ...state]);
  t.equal(failed.out, `${first.out}1 report since 2026-11-01\n`);
  const json = await say(run, ['list', '--json', ...since, ...state]);
  t.match(
    json.out
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text)),
    [
      { ok: true, v: 1 },
      { ok: true, v: 1 },
    ],
  );
});

test('a box and a folder of reports, and what is refused in them', async (t) => {
  const { folder, state, own } = place(t);
  const box = await say(run, ['read', join(REPORTS, 'box.mbox'), ...own, ...state]);
  t.match(box, { code: 0, err: '' });
  t.equal(box.out.match(/^Google Inc\./gm)?.length, 2);
  const maildir = join(folder, 'Maildir');
  for (const part of ['cur', 'new', 'tmp']) mkdirSync(join(maildir, part), { recursive: true });
  writeFileSync(join(maildir, 'new/1'), readFileSync(join(REPORTS, 'mail-mixed.eml')));
  writeFileSync(join(maildir, 'new/2'), readFileSync(join(REFUSED, 'gzip-replaced.eml')));
  const said = await say(run, ['read', maildir, ...own, ...state]);
  t.match(said, { code: 65, out: /\(read before\)\n$/ });
  const [, kept = ''] =
    /new\/2: refused \(gzip-mangled\): .*: found U\+FFFD .*; kept as (\S+)\n$/.exec(said.err) ?? [];
  t.same(readFileSync(kept), readFileSync(join(REFUSED, 'gzip-replaced.eml')), 'as it came');
  t.match(JSON.parse(readFileSync(kept.replace(/message$/, 'json'), 'utf8')), { refused: 'gzip-mangled' });
  t.match(await say(run, ['read', '--json', join(REFUSED, 'other-domain.tlsrpt'), ...own, ...state]), {
    code: 65,
    out: /^\{"ok":false,"file":.*"refused":"not-own"/,
  });
});

test('what cannot be read, or is nothing', async (t) => {
  const { folder, state, own } = place(t);
  writeFileSync(join(folder, 'empty'), '');
  t.match(await say(run, ['read', join(folder, 'empty'), ...own, ...state]), {
    ...NO_REPORT,
    err: /empty: holds no message\n$/,
  });
  t.match(await say(run, ['read', join(folder, 'none'), ...own, ...state]), {
    ...NO_REPORT,
    err: /none: cannot be read \(no such file or directory\)\n$/,
  });
  t.match(await say(run, ['read', ...own]), { code: /^UsageError: read: FILE is missing/ });
  t.match(await say(run, ['list', 'x']), { code: /^UsageError: found "x"/ });
  t.match(await say(run, ['give']), { code: /^UsageError: found "give", expected read, list or send/ });
  t.match(await say(run, ['list', '--since', 'x', ...state]), { code: /^UsageError: --since: / });
  t.match(await say(run, ['read', 'x', '--own-domains', 'a..b']), { code: /^UsageError: --own-domains: / });
  t.match(await say(run, ['read', 'x', '--certificate', join(folder, 'empty'), ...own]), {
    code: /^UsageError: --certificate: .*empty: holds no certificate in PEM/,
  });
  writeFileSync(join(folder, 'state'), '');
  t.match(await say(run, ['read', join(REPORTS, 'google.tlsrpt'), ...own, ...state]), {
    code: 73,
    err: /cannot be kept .*--dry-run/,
  });
  t.match(await say(run, ['read', '--dry-run', join(REPORTS, 'google.tlsrpt'), ...own, ...state]), {
    code: 0,
  });
});

test('own domains are those of the configuration', async (t) => {
  const { folder, state } = place(t);
  const config = join(folder, 'tls.ini');
  const read = (text: string, name = 'google.tlsrpt') => {
    writeFileSync(config, `[service]\npostconf =\nmilter-listen = inet:127.0.0.1:0\n${text}`);
    return say(run, ['read', '--dry-run', join(REPORTS, name), '--config', config, ...state]);
  };
  t.match(await read('local-domains = example.org\n'), { code: 0 });
  t.match(await read('local-domains = other.example\n[domains]\nexample.org = may\n'), { code: 65 });
  t.match(await read('[domains]\nexample.org = may\n'), { code: 0 });
  t.match(await read('[domains]\n.org = may\n'), { code: 0 });
  t.match(await read('[domains]\n* = may\n'), { code: 65, err: /not-own/ });
  t.match(await read('[servce]\n'), { code: 78, err: /servce/ });
});

test('an MTA hands a message over', async (t) => {
  const { folder, state, own } = place(t);
  const pipe = (name: string, where: readonly string[] = state) => {
    const input = readFileSync(name.startsWith('/') ? name : join(REPORTS, name));
    const argv = [MAIN, 'tlsrpt', 'read', '--pipe', '-', ...own, ...where];
    const { status, stdout, stderr } = spawnSync(process.execPath, argv, { input, encoding: 'utf8' });
    return { status, stdout, stderr };
  };
  t.same(pipe('mail-rfc-gzip.eml'), { status: 0, stdout: '', stderr: '' });
  t.same(pipe('google.json.gz'), { status: 0, stdout: '', stderr: '' }, 'the same in another form');
  t.equal(readdirSync(join(folder, 'state/tlsrpt/reports')).length, 1);
  t.match(pipe(join(REFUSED, 'gzip-cut.json.gz')), { status: 0, stderr: /refused \(gzip-damaged\)/ });
  writeFileSync(join(folder, 'file'), '');
  t.match(pipe('mail-rfc-json.eml', ['--state', join(folder, 'file')]), { status: 75 }, 'to be tried again');
  const argv = [MAIN, 'tlsrpt', 'read', '--pipe', '-', '--config', join(folder, 'none.ini'), ...state];
  const { status } = spawnSync(process.execPath, argv, { input: '' });
  t.equal(status, 75, 'without a configuration, too: no report goes back to who sent it');
});

test('our own records of those hours', async (t) => {
  const { folder, state, own } = place(t);
  const evidence = new MadeEvidence(join(folder, 'evidence'), 'mx1.example.org');
  const from = (time: string, fields: object) =>
    verdict(`${DAY}T${time}.000Z`, { client: '203.0.113.9', ...fields });
  evidence.day('daemon', DAY, [
    from('01:00:00', { code: '3FQ80001', tls: { state: 'plain' } }),
    from('02:00:00', { code: '3FQ80002', tls: { state: 'plain' }, action: 'reject', breach: 'plain' }),
    from('03:00:00', { code: '3FQ80003', client: '::ffff:203.0.113.9' }),
    from('04:00:00', { client: '203.0.113.90' }),
  ]);
  evidence.day('daemon', '2026-11-30', [
    verdict('2026-11-30T00:00:00.000Z', { client: '203.0.113.9', tls: { state: 'plain' } }),
  ]);
  const asked = ['read', '--dry-run', ...own, ...state, '--evidence', evidence.directory];
  const said = await say(run, [...asked, join(REPORTS, 'google.tlsrpt')]);
  t.match(
    said.out,
    /^ours +203\.0\.113\.9: 3 verdicts \(1 under TLS, 2 in plaintext, 1 of them refused\), 01:00:00 to 03:00:00; the last is: tlsward trace 3FQ80003$/m,
  );
  const none = await say(run, [...asked, join(REPORTS, 'sending-address-missing.tlsrpt')]);
  t.notMatch(none.out, /^ours/m, 'a report that names no address cannot be compared');
  const file = join(folder, 'other.json');
  const other = readFileSync(join(REPORTS, 'google.tlsrpt'), 'utf8');
  writeFileSync(file, other.replace('203.0.113.9', '2001:DB8::0:1').replaceAll('2026-11-29T', '2026-11-28T'));
  t.match(
    (await say(run, [...asked, file])).out,
    /^ours +2001:db8:0:0:0:0:0:1: no record of mail from it in those hours\n +we have no records of 2026-11-28$/m,
  );
  const json = JSON.parse((await say(run, [...asked, '--json', file])).out) as object;
  t.match(json, {
    ours: { missingDays: ['2026-11-28'], records: [{ address: '2001:db8:0:0:0:0:0:1', first: '' }] },
  });
  t.match(await say(run, ['read', 'x', ...own, '--evidence', join(folder, 'none')]), {
    code: /^UsageError: --evidence: .*none: cannot be read/,
  });
});

test('a certificate of ours that changed in those hours', async (t) => {
  const { folder, state, own } = place(t);
  const file = join(folder, 'mx1.pem');
  writeFileSync(file, CERTIFICATE_PEM);
  const asked = ['read', '--dry-run', ...own, ...state, '--certificate', file];
  const at = new Date(`${DAY}T14:02:00Z`);
  utimesSync(file, at, at);
  const failed = await say(run, [...asked, join(REPORTS, 'google.tlsrpt')]);
  t.match(
    failed.out,
    /^certificate \S+mx1\.pem was changed 2026-11-29T14:02:00Z\ncertificate .*mx1\.pem is valid since 2026-11-29T13:37:23Z$/m,
  );
  const good = await say(run, [
    ...asked,
    join(REPORTS, 'reporter.example!example.org!1795910400!1795996799.json.gz'),
  ]);
  t.notMatch(good.out, /^certificate/m, 'only where sessions failed');
  utimesSync(file, new Date(0), new Date(0));
  const other = await say(run, [...asked, join(REPORTS, 'google.tlsrpt')]);
  t.notMatch(other.out, /was changed/m);
});

const NOBODY = 65_534;

test('root keeps reports as the owner of the folder', async (t) => {
  if (process.geteuid?.() !== 0) return void t.pass('only root may do it as somebody else');
  const { folder, own } = place(t);
  chmodSync(folder, 0o755);
  const state = join(folder, 'theirs');
  mkdirSync(state, { mode: 0o750 });
  chownSync(state, NOBODY, NOBODY);
  const files = [join(REPORTS, 'google.tlsrpt'), join(REFUSED, 'gzip-cut.json.gz')];
  t.match(await say(run, ['read', ...files, ...own, '--state', state]), { code: 65 });
  const made = readdirSync(state, { recursive: true, encoding: 'utf8' });
  t.equal(made.length, 6, made.join(' '));
  for (const name of made) {
    const { uid, gid } = statSync(join(state, name));
    t.same([uid, gid], [NOBODY, NOBODY], name);
  }
  t.same([process.geteuid(), process.getegid?.(), process.getgroups?.().includes(NOBODY)], [0, 0, false]);
  chownSync(join(state, 'tlsrpt/reports'), 0, 0);
  t.match(await say(run, ['read', join(REPORTS, 'mail-mixed.eml'), ...own, '--state', state]), {
    code: 73,
    err: /cannot be kept \(permission denied\); the owner of --state may not write there: chown -R/,
  });
});
