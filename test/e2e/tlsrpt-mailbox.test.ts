/**
 * Reports of others on a real Postfix, by the entry of contrib/doc/tlsrpt.md: mail that comes by SMTP lands in the store as
 * the account of the entry, what is no report is kept and does not bounce, and a full disk keeps it in the queue. Then what
 * was read is compared with the records of a real daemon and the certificate that this Postfix presents, fires an alarm, and
 * stands in the report.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { page } from '../manual.ts';
import { root } from '../root.ts';
import { AlarmsProcess, ToldCommand } from './harness/alarmsProcess.ts';
import { Daemon } from './harness/daemon.ts';
import { until } from './harness/deadline.ts';
import { removeFolder } from './harness/folder.ts';
import { installProgram } from './harness/installed.ts';
import { Postfix } from './harness/mta/postfix.ts';
import { MAIL_UID } from './harness/mta/postfix-setup.ts';
import { createCa } from './harness/peers/ca.ts';
import { openSession } from './harness/peers/smtp-session.ts';
import { e2eSkip } from './harness/requirements.ts';

const skip = e2eSkip(['root', 'postfix', 'openssl']);
const MAILBOX = 'tlsrpt@example.org';
const WAIT_MS = 30_000;
const DAMAGED = fileURLToPath(new URL('test/tlsrpt/refused/gzip-replaced.eml', root));
const HOUR_MS = 3_600_000;

/** The lines of the manual for Postfix: of master.cf, and of the table of transport_maps. */
function manualLines(): { readonly entry: string; readonly transport: string } {
  const blocks = [...page('contrib/doc/tlsrpt.md').matchAll(/^```text\n([\s\S]*?)^```$/gm)].map(
    ([, text = '']) => text,
  );
  const entry = blocks.find((text) => /^tlsrpt\s+unix\s.*\spipe$/m.test(text));
  const transport = blocks.find((text) => /^\S+@\S+\s+tlsrpt:$/m.test(text));
  if (entry === undefined || transport === undefined) throw new Error('the manual has no such lines');
  return { entry, transport };
}

const iso = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** A message as a large sender writes it; the hours are those around now, so that what happens here is in them. */
function reportMail(id: string, failed: number, [start, end]: readonly [number, number]): string {
  const details = [
    {
      'result-type': 'certificate-expired',
      'sending-mta-ip': '127.0.0.1',
      'receiving-mx-hostname': 'mx1.example.org',
      'failed-session-count': failed,
    },
  ];
  const report = {
    'organization-name': 'Example Mail',
    'date-range': { 'start-datetime': iso(start), 'end-datetime': iso(end) },
    'contact-info': 'reports@mail.example',
    'report-id': id,
    policies: [
      {
        policy: {
          'policy-type': 'sts',
          'policy-string': ['version: STSv1', 'mode: testing'],
          'policy-domain': 'example.org',
        },
        summary: { 'total-successful-session-count': 106, 'total-failure-session-count': failed },
        ...(failed === 0 ? {} : { 'failure-details': details }),
      },
    ],
  };
  const text = gzipSync(JSON.stringify(report)).toString('base64').replace(/.{76}/g, '$&\n');
  return [
    'From: reports@mail.example',
    `To: ${MAILBOX}`,
    `Message-ID: <${id}@mail.example>`,
    `Subject: Report Domain: example.org Submitter: mail.example Report-ID: <${id}>`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type="tlsrpt"; boundary="b"',
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    'A report.',
    '--b',
    'Content-Type: application/tlsrpt+gzip; name="mail.example!example.org!1!2.json.gz"',
    'Content-Transfer-Encoding: base64',
    '',
    text,
    '--b--',
    '',
  ].join('\n');
}

t.test('from the mailbox to the alarm', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-tlsrpt-'));
  t.teardown(() => removeFolder(folder));
  // the account of the entry finds the program and its folder
  chmodSync(folder, 0o755);
  const state = join(folder, 'state');
  mkdirSync(state, { mode: 0o750 });
  chownSync(state, MAIL_UID, MAIL_UID);
  const store = join(state, 'tlsrpt');
  const kept = (name: string): string[] =>
    existsSync(join(store, name)) ? readdirSync(join(store, name)) : [];
  const main = installProgram(join(folder, 'lib'));

  const program = join(folder, 'tlsward');
  const { entry, transport } = manualLines();
  const lines = entry.replace('/usr/bin/tlsward', program).replace('user=tlsward', 'user=nobody');
  t.not(lines, entry);
  const postfix = new Postfix({
    ca,
    localDomains: ['local.example', 'example.org'],
    services: [lines],
    // what waits is tried again when this test says so
    main: { queue_run_delay: '4h', minimal_backoff_time: '4h', maximal_backoff_time: '4h' },
  });
  t.teardown(() => postfix.close());
  const told = new ToldCommand(folder, ['own-certificate', 'daemon-down'], () => alarms.text);
  const alarmState = join(folder, 'alarms', 'state');
  const daemon = await Daemon.create({
    tables: `[domains]\nbank.example = encrypt\n[alarms]\ncommand = ${told.program}\nfor = 1s\ninterval = 1s\nstate = ${alarmState}\n`,
    protocols: ['policy', 'control'],
    service: { evidence: 'evidence', 'local-domains': 'example.org', postconf: postfix.postconfProgram() },
  });
  t.teardown(() => daemon.close());
  const alarms = new AlarmsProcess(daemon, ['--state', state]);
  t.teardown(() => alarms.end('SIGKILL'));
  await daemon.start();
  const words = `'${process.execPath}' '${main}' "$@" --config '${daemon.configFile}' --state '${state}'`;
  writeFileSync(program, `#!/bin/sh\nexec ${words}\n`, { mode: 0o755 });
  await postfix.setMain({
    transport_maps: `texthash:${postfix.file('transport', transport)}`,
    smtpd_recipient_restrictions: daemon.policyService(),
  });
  await postfix.start();

  const hours = [Date.now() - 6 * HOUR_MS, Date.now() + 6 * HOUR_MS] as const;
  const send = async (to: string, text: string | Buffer): Promise<string> => {
    const client = await openSession(postfix.port());
    const { end } = await client.send({ from: 'reports@mail.example', to, text });
    await client.quit();
    const id = /queued as (\w+)/.exec(end?.text ?? '')?.[1];
    if (id === undefined) throw new Error(`not taken: ${end?.text}`);
    return id;
  };
  const status = (id: string, word: string) =>
    postfix.waitForLog(new RegExp(`${id}: to=<[^>]*>.* status=${word} .*`), { timeoutMs: WAIT_MS });

  // the reporter's own host is seen in plaintext: a record of the hours that the report is about
  await status(await send('bob@local.example', 'Subject: x\n\nx\n'), 'sent');

  t.test('a report is kept by the account of the entry', async (t) => {
    const [line] = await status(await send(MAILBOX, reportMail('first', 14, hours)), 'sent');
    t.match(line, /relay=tlsrpt, .*dsn=2\.0\.0, status=sent \(delivered via tlsrpt service\)/);
    const [file = '', ...more] = kept('reports');
    t.strictSame(more, []);
    for (const path of [store, join(store, 'reports'), join(store, 'reports', file)])
      t.strictSame([statSync(path).uid, statSync(path).gid], [MAIL_UID, MAIL_UID], path);
    await status(await send(MAILBOX, reportMail('first', 14, hours)), 'sent');
    t.equal(kept('reports').length, 1, 'and once');
  });

  t.test('what is damaged is kept, and nobody hears of it', async (t) => {
    await status(await send(MAILBOX, readFileSync(DAMAGED)), 'sent');
    await status(await send(MAILBOX, 'Subject: buy\n\nnow\n'), 'sent');
    const refused = kept('refused').filter((name) => name.endsWith('.json'));
    const why = refused.map(
      (name) => JSON.parse(readFileSync(join(store, 'refused', name), 'utf8')).refused as string,
    );
    t.strictSame(why.sort(), ['gzip-mangled', 'no-report']);
    t.strictSame(await postfix.left(), [], 'nothing waits');
    t.notMatch(postfix.log(), /status=(?:bounced|deferred)|sender non-delivery/);
  });

  t.test('on a full disk it waits in the queue', async (t) => {
    const reports = join(store, 'reports');
    const mode = `size=4k,mode=700,uid=${MAIL_UID},gid=${MAIL_UID}`;
    execFileSync('mount', ['-t', 'tmpfs', '-o', mode, 'tmpfs', reports]);
    try {
      writeFileSync(join(reports, 'full'), Buffer.alloc(4096));
      const id = await send(MAILBOX, reportMail('second', 0, [hours[0], hours[1] + HOUR_MS]));
      const [line] = await status(id, 'deferred');
      t.match(line, /dsn=4\.3\.0, .*cannot be kept \(no space left on device\)/);
      t.match(await postfix.queue(), [{ queue_name: /active|deferred/, queue_id: id }]);
    } finally {
      execFileSync('umount', [reports]);
    }
    t.equal(kept('reports').length, 1);
  });

  t.test('compared with our records and our certificate, also by root', async (t) => {
    const certificate = ca.server.certFile;
    const changed = new Date(Date.now() - HOUR_MS);
    utimesSync(certificate, changed, changed);
    const since = iso(hours[0]).slice(0, 10);
    const list = () =>
      daemon.command('tlsrpt', 'list', '--failed', '--full', '--since', since, '--state', state);
    // records are written behind the answers
    const { stdout } = await until(WAIT_MS, 'the record', async () => {
      const found = await list();
      return /verdict/.test(found.stdout) ? found : null;
    });
    t.match(stdout, /^Example Mail, .*, about example\.org: 14 of 120 sessions failed$/m);
    t.match(stdout, /^failed +14 certificate-expired at mx1\.example\.org from 127\.0\.0\.1$/m);
    t.match(
      stdout,
      /^ours +127\.0\.0\.1: \d+ verdicts? \(\d+ in plaintext\), .*; the last is: tlsward trace \w+$/m,
    );
    t.match(stdout, `certificate ${certificate} was changed ${iso(changed.getTime())}`);
    const more = join(folder, 'more.eml');
    writeFileSync(more, reportMail('by root', 0, [hours[0] - 48 * HOUR_MS, hours[1] - 48 * HOUR_MS]));
    t.match(await daemon.command('tlsrpt', 'read', more, '--state', state), { status: 0, stderr: '' });
    for (const name of kept('reports')) t.equal(statSync(join(store, 'reports', name)).uid, MAIL_UID, name);
  });

  t.test('it is an alarm, and in the report, until a later report has no failures', async (t) => {
    alarms.start();
    const subject = 'Example Mail, certificate-expired';
    await told.hears(`reported-failures firing ${subject}`);
    const range = ['--since', iso(hours[0]).slice(0, 10), '--until', 'today', '--state', state];
    interface Findings {
      readonly reported: { readonly findings: readonly { readonly title: string; readonly text: string }[] };
    }
    // on a machine that is very busy the command is ended before it has said anything
    const report = () =>
      until(WAIT_MS, 'the report', async () => {
        const { status: exit, stdout } = await daemon.command('report', '--json', ...range);
        return exit === 0 ? (JSON.parse(stdout) as Findings) : null;
      });
    const [finding] = (await report()).reported.findings;
    t.match(finding, {
      kind: 'failing',
      title: 'Example Mail: 14 of 120 sessions failed at mx1.example.org: the certificate had expired',
      text: new RegExp(`In that time ${ca.server.certFile} was changed `),
    });
    // the disk has room again: what waited comes in, and has no failures
    await postfix.flush();
    await until(WAIT_MS, 'the report that waited', () => kept('reports').length === 3);
    await told.hears(`reported-failures resolved ${subject}`);
    t.match((await report()).reported.findings, [{ kind: 'failed' }, { kind: 'testing' }]);
    const saved = JSON.parse(readFileSync(alarmState, 'utf8')) as { reported: object };
    t.match(
      saved.reported,
      { reports: 1, successful: 106, failed: 0, week: { failed: 14 } },
      'one has come since it looks',
    );
    t.equal(await alarms.end('SIGTERM'), 0);
  });
});
