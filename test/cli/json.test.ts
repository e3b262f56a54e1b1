/**
 * What commands print with `--json` has the fields that contrib/doc/json.md names: each that the page calls `always` is in
 * every answer, each other in one of them, and the answers have no field of which the page does not speak.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import type { Alarm } from '../../src/alarms/alarmState.ts';
import { NOTHING_SAVED, saveAlarms } from '../../src/alarms/run/stateFile.ts';
import { run as alarms } from '../../src/cli/alarms.ts';
import { run as certificates } from '../../src/cli/certificates.ts';
import type { Run } from '../../src/cli/command.ts';
import { run as evidenceWords } from '../../src/cli/evidence.ts';
import { run as explain } from '../../src/cli/explain.ts';
import { run as health } from '../../src/cli/health.ts';
import { run as hops } from '../../src/cli/hops.ts';
import { run as importTable } from '../../src/cli/import.ts';
import { run as lookup } from '../../src/cli/lookup.ts';
import { run as notices } from '../../src/cli/notices.ts';
import { run as probe } from '../../src/cli/probe.ts';
import { run as published } from '../../src/cli/published.ts';
import { run as queue } from '../../src/cli/queue.ts';
import { run as replay } from '../../src/cli/replay.ts';
import { run as report } from '../../src/cli/report.ts';
import { run as simulate } from '../../src/cli/simulate.ts';
import { run as status } from '../../src/cli/status.ts';
import { run as suggest } from '../../src/cli/suggest.ts';
import { run as tlsrpt } from '../../src/cli/tlsrpt.ts';
import { run as top } from '../../src/cli/top.ts';
import { run as trace } from '../../src/cli/trace.ts';
import { newNotices, noticesFile, saveNotices } from '../../src/notices/run/stateFile.ts';
import { startDaemon } from '../daemon/startDaemon.ts';
import { fakeServer } from '../dns/fakeServer.ts';
import { createCa } from '../e2e/harness/peers/ca.ts';
import { TlsSink } from '../e2e/harness/peers/tls-sink.ts';
import { page } from '../manual.ts';
import { root } from '../root.ts';
import { without } from '../tools.ts';
import { delivery, MadeEvidence, newFolder, verdict } from '../trace/madeDays.ts';
import { NUMBER, name, record, string } from '../wire/dnsBytes.ts';
import { u16 } from '../wire/milterBytes.ts';
import { say } from './runCommand.ts';

interface Field {
  readonly always: boolean;
  /** Is it in an answer of these tests? */
  seen: boolean;
}

/** Fields by the heading of their table, then by path. */
const FIELDS = new Map<string, Map<string, Field>>(
  page('contrib/doc/json.md')
    .split(/^## /m)
    .slice(1)
    .map((text) => [text.slice(0, text.indexOf('\n')), fieldsOf(text)]),
);

function fieldsOf(text: string): Map<string, Field> {
  const fields = new Map<string, Field>();
  for (const [, paths = '', there] of text.matchAll(/^\| (`[^|]*`) \| ([^|]+) \|/gm))
    for (const [, path = ''] of paths.matchAll(/`([^`]+)`/g))
      fields.set(path, { always: there === 'always', seen: false });
  return fields;
}

/** Paths of a value, as deep as the page goes: `rows[].pattern`. */
function pathsOf(value: unknown, at: string, fields: ReadonlyMap<string, Field>): string[] {
  const deeper = [...fields.keys()].some((path) => path.startsWith(`${at}.`) || path.startsWith(`${at}[]`));
  if (at !== '' && !deeper) return [];
  if (Array.isArray(value)) return value.flatMap((one) => pathsOf(one, `${at}[]`, fields));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, one]) => {
    const path = at === '' ? name : `${at}.${name}`;
    return [path, ...pathsOf(one, path, fields)];
  });
}

/** One object, or one a line, against the table of that heading. */
function compare(t: Test, heading: string, out: string): void {
  const fields = FIELDS.get(heading);
  if (fields === undefined) throw new Error(`json.md has no ${heading}`);
  for (const line of out.trimEnd().split('\n')) {
    const paths: ReadonlySet<string> = new Set(pathsOf(JSON.parse(line), '', fields));
    t.strictSame(
      [...paths].filter((path) => !fields.has(path)),
      [],
      `${heading}: every field is described`,
    );
    // below a list or an object that is there
    const parent = (path: string): string => path.replace(/(?:\[\])?\.[^.]*$/, '');
    const due: readonly (readonly [string, Field])[] = [...fields].filter(
      ([path, { always }]) => always && !path.includes('.') && !paths.has(path),
    );
    t.strictSame(due, [], `${heading}: what is always there is there`);
    for (const [path, field] of fields) {
      if (paths.has(path)) field.seen = true;
      else if (field.always && path.includes('.') && paths.has(parent(path)))
        t.ok(isEmpty(JSON.parse(line), parent(path)), `${heading}: ${path}`);
    }
  }
}

/** Is what stands there null or an empty list? */
function isEmpty(value: unknown, path: string): boolean {
  const found = path
    .split('.')
    .reduce<unknown>((one, name) => (one as Readonly<Record<string, unknown>> | null)?.[name] ?? null, value);
  return found === null || (Array.isArray(found) && found.length === 0);
}

const TABLE = `trusted-clients =
host-name = mx.example.org
local-domains = local.example
socketmap-listen = unix:socketmap.sock
[rule secret]
subject-tag = [secret]
[domains]
bank.example = encrypt
auto.example = auto
[domain wait.example]
deliver = secure
[policy auto]
deliver = auto
`;
const MAIL = ['--from', 'a@bank.example', '--to', 'b@local.example'];
const TLS = ['--tls', 'TLSv1.3 TLS_AES_256_GCM_SHA384 256'];

test('commands print what the page says', async (t) => {
  const daemon = await startDaemon(t, TABLE);
  const run = async (heading: string, command: Run, ...argv: string[]): Promise<string> => {
    const { out, err } = await say(command, [...argv, '--config', daemon.config, '--json']);
    t.equal(err, '', heading);
    compare(t, heading, out);
    return out;
  };
  await run('tlsward explain', explain, ...MAIL);
  await run('tlsward explain', explain, ...MAIL, ...TLS, '--subject', '[secret] x');
  await run('tlsward explain', explain, '--from', 'a@other.example', '--to', 'b@local.example');
  await run('tlsward explain --deliver', explain, '--deliver', 'bank.example');
  await run('tlsward explain --deliver', explain, '--deliver', 'nobody.example');
  await run('tlsward explain --deliver', explain, '--deliver', 'auto.example');
  await run('tlsward simulate milter', simulate, 'milter', ...MAIL);
  await run('tlsward simulate milter', simulate, 'milter', ...MAIL, ...TLS);
  const refused = await run('tlsward simulate policy', simulate, 'policy', ...MAIL);
  await run('tlsward simulate socketmap', simulate, 'socketmap', 'bank.example', 'nobody.example');
  await run(
    'tlsward simulate socketmap',
    simulate,
    'socketmap',
    '--map',
    'tls_rcpt',
    'tls_rcpt:a@wait.example',
  );
  const code = /\[([0-9A-Z]{8})\]/.exec(refused)?.[1] ?? '';
  await run('tlsward lookup', lookup, code);
  await run('tlsward top', top);
  await run('tlsward published', published, 'auto.example');
  await run('tlsward published', published, 'auto.example', '--forget');
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-json-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const message = file(
    'mail.eml',
    'Received: from a.example (a.example [192.0.2.1]) by mx.example.org (Postfix) with ESMTP id 1;\n Mon, 30 Nov 2026 01:00:00 +0000\nSubject: x\n\nx\n',
  );
  await run('tlsward hops', hops, message);
  await run('tlsward hops', hops, file('none.eml', 'Subject: x\n\nx\n'));
  const waiting = file(
    'queue.json',
    '{"queue_name":"deferred","queue_id":"A1","arrival_time":1,"recipients":[{"address":"a@bank.example"}]}\n',
  );
  await run('tlsward queue', queue, '--file', waiting);
  const table = file('policy', 'bank.example encrypt\nx.example fingerprint match=zz\n');
  await run('tlsward import', importTable, 'postfix', table);
});

test('of another policy server', async (t) => {
  const daemon = await startDaemon(
    t,
    'published = socketmap:unix:none.sock:QUERY\n[policy auto]\ndeliver = auto\n[domains]\nauto.example = auto\n',
  );
  const { out } = await say(published, ['auto.example', '--config', daemon.config, '--json']);
  compare(t, 'tlsward published', out);
});

test('of records, and of saved answers', async (t) => {
  const folder = newFolder(t);
  const day = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  const evidence = new MadeEvidence(join(folder, 'evidence'), 'mx.example.org');
  evidence.day('daemon', day, [
    verdict(`${day}T10:00:00.000Z`),
    verdict(`${day}T12:00:00.000Z`, { code: '3FQ80009', queueId: undefined, tls: { state: 'plain' } }),
  ]);
  evidence.day('collector', day, [
    delivery(`${day}T10:00:01.000Z`),
    {
      time: `${day}T11:00:00.000Z`,
      type: 'gap',
      from: `${day}T09:00:00.000Z`,
      to: `${day}T11:00:00.000Z`,
      count: 1,
      why: 'x',
    },
  ]);
  const run = async (heading: string, command: Run, ...argv: string[]): Promise<void> => {
    const { out, err } = await say(command, [...argv, '--json']);
    t.equal(err, '', heading);
    // export prints a row a line
    compare(t, heading, out.replaceAll('\n', ''));
  };
  const records = ['--evidence', evidence.directory];
  await run('tlsward trace', trace, '3FQ80001', ...records);
  await run('tlsward trace', trace, 'NONE', ...records);
  await run(
    'tlsward evidence export',
    evidenceWords,
    'export',
    '--partner',
    'bank.example',
    '--from',
    day,
    '--to',
    day,
    ...records,
  );
  await run('tlsward evidence merge', evidenceWords, 'merge', evidence.directory);
  const state = ['--state', folder];
  await run('tlsward report', report, '--since', day, ...records, ...state);
  await run('tlsward report --check', report, '--check', '--since', day, ...records, ...state);
  const mail = fileURLToPath(new URL('test/tlsrpt/reports/mail-rfc-gzip.eml', root));
  const own = ['--own-domains', 'example.org'];
  await run('tlsward tlsrpt read', tlsrpt, 'read', mail, ...own, ...state, ...records);
  const told = { since: '2026-11-27', until: '2026-11-29' };
  await run('tlsward report', report, '--since', told.since, '--until', told.until, ...records, ...state);
  await run('tlsward tlsrpt list', tlsrpt, 'list', '--since', '2026-11-01', ...state);
  let broken = false;
  const dns = await fakeServer(t, (query) => {
    if (broken) {
      query.answer({ rcode: 2 });
      return;
    }
    const text = query.type === 'TXT' && query.name === '_smtp._tls.example.org';
    const rua = string('v=TLSRPTv1;rua=mailto:a@example.org,x');
    const mx =
      query.type === 'MX' ? [record(query.name, NUMBER.MX, 60, u16(10), name('mx.example.org'))] : [];
    query.answer({ answers: text ? [record(query.name, NUMBER.TXT, 60, rua)] : mx });
  });
  const sending = join(folder, 'send.ini');
  const keys = `tlsrpt-send = mail\ntlsrpt-organization = Us\ntlsrpt-contact = a@b.example\nresolver = 127.0.0.1:${dns.port}`;
  writeFileSync(
    sending,
    `[service]\npolicy-listen = unix:p.sock\nevidence = ${evidence.directory}\n${keys}\n[domains]\na.example = may\n`,
  );
  const send = ['send', '--config', sending, ...state];
  await run('tlsward tlsrpt send --dry-run', tlsrpt, ...send, '--dry-run');
  await run('tlsward tlsrpt send', tlsrpt, ...send, '--smtp', '127.0.0.1:9');
  broken = true;
  await run('tlsward tlsrpt send --dry-run', tlsrpt, ...send, '--dry-run');
  const reply = {
    version: '0.1.0',
    table: { hash: 'ab'.repeat(32), rows: 1, loadedAt: `${day}T00:00:00.000Z` },
  };
  const candidate = join(folder, 'new.ini');
  const rows = '[domains]\nbank.example = encrypt\nexample.org = verify\n';
  writeFileSync(candidate, `[service]\nmilter-listen = unix:${folder}/m.sock\n${rows}`);
  await run('tlsward replay', replay, '--table', candidate, ...records);
  const files = ['a.json', 'b.json'].map((name) => join(folder, name));
  for (const file of files) writeFileSync(file, JSON.stringify(reply));
  await run('tlsward status --compare', status, '--compare', ...files);
});

test('of alarms', async (t) => {
  const folder = newFolder(t);
  const state = join(folder, 'state');
  const table = `[alarms]\nstate = ${state}\ncommand = /bin/true\n[domains]\n* = may\n`;
  const daemon = await startDaemon(t, table);
  const alarm: Alarm = {
    kind: 'partner-out',
    subject: 'bank.example',
    severity: 'warning',
    summary: 's',
    count: 5,
    domains: ['bank.example'],
    advice: ['a'],
    since: 0,
    badSince: 0,
    firedAt: 0,
    goodSince: null,
    noDataSince: null,
    inhibitedBy: '',
    toldAt: 0,
    phase: 'firing',
  };
  await saveAlarms(state, { ...NOTHING_SAVED, lookedAt: Date.now(), alarms: [alarm] });
  await saveNotices(noticesFile(folder), { ...newNotices(0), lookedAt: Date.now() });
  for (const [heading, command, ...argv] of [
    ['tlsward alarms', alarms],
    ['tlsward alarms test', alarms, 'test'],
    ['tlsward health', health],
    ['tlsward notices', notices, '--state', folder],
  ] as const) {
    const { out, err } = await say(command, [...argv, '--config', daemon.config, '--json']);
    t.equal(err, '', heading);
    compare(t, heading, out);
  }
});

const noOpenssl = without('openssl', 'openssl');

test('of a server', { skip: noOpenssl }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const [old, renewed] = ['a', 'b'].map((name) => ca.issue(name, { subject: '/CN=mx.bank.example' }));
  const options = (port: number, shown = old!) => ({ tls: { cert: shown.cert, key: shown.key }, port });
  let sink = await TlsSink.start(options(0));
  t.teardown(() => sink.stop());
  const { port } = sink;
  const pinned = `deliver = fingerprint\nfingerprint = ${old!.fingerprint}`;
  const daemon = await startDaemon(t, `${TABLE}[domain [127.0.0.1]:${port}]\n${pinned}\n`);
  const state = ['--state', newFolder(t)];
  const common = ['--brief', '--config', daemon.config, '--json'];
  const run = async (heading: string, command: Run, ...argv: string[]): Promise<void> => {
    const { out, err } = await say(command, argv);
    t.equal(err, '', heading);
    compare(t, heading, out);
  };
  for (const target of [`[127.0.0.1]:${port}`, '[127.0.0.2]:9'])
    await run('tlsward probe', probe, target, ...common);
  const all = ['--all-required', ...state, ...common];
  await run('tlsward probe --all-required', probe, ...all);
  await run('tlsward certificates', certificates, ...state, '--json');
  await sink.stop();
  sink = await TlsSink.start(options(port, renewed));
  await run('tlsward probe --all-required', probe, ...all);
});

test('of rows to paste', async (t) => {
  const folder = newFolder(t);
  const evidence = new MadeEvidence(join(folder, 'evidence'), 'mx.example.org');
  for (let back = 7; back > 0; back--) {
    const day = new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);
    const one = { row: undefined, senderDomain: 'insurer.example', sender: '<a@insurer.example>' };
    evidence.day(
      'daemon',
      day,
      ['A', 'B', 'C'].map((queueId) => verdict(`${day}T10:00:00.000Z`, { ...one, queueId })),
    );
  }
  const config = join(folder, 'tlsward.ini');
  writeFileSync(
    config,
    '[service]\nmilter-listen = inet:127.0.0.1:8452\n[domains]\nbank.example = encrypt\n',
  );
  const argv = ['--config', config, '--evidence', evidence.directory, '--json'];
  const { out, err } = await say(suggest, argv);
  t.equal(err, '');
  compare(t, 'tlsward suggest', out);
  t.match(JSON.parse(out), { lines: ['[domain insurer.example]', 'receive = encrypt'] });
});

test('no field of the page is made up', { skip: noOpenssl }, async (t) => {
  for (const [heading, fields] of FIELDS) {
    t.ok(fields.size >= 2, heading);
    t.strictSame(
      [...fields].filter(([, { seen }]) => !seen).map(([path]) => path),
      [],
      `${heading}: each was seen`,
    );
  }
});
