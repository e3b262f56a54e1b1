/** `tlsward queue`: from what the programs of the MTA print to what a person is told. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import { run } from '../../src/cli/queue.ts';
import { root } from '../root.ts';
import { delivery, MadeEvidence, newFolder } from '../trace/madeDays.ts';
import { say } from './runCommand.ts';

const MAILQ = fileURLToPath(new URL('test/queue/mailq-v.txt', root));
const NO_TLS = 'TLS is required, but was not offered by host mx.bank.example[192.0.2.1]';
const UNVERIFIED = 'Server certificate not verified';
const HOUR = 3600;
const NOW = Math.floor(Date.now() / 1000);

const entry = (id: string, hours: number, address: string, reason: string, more: object = {}): string =>
  JSON.stringify({
    queue_name: 'deferred',
    queue_id: id,
    arrival_time: NOW - hours * HOUR - 5,
    message_size: 327,
    sender: 'alice@example.org',
    recipients: [{ address, ...(reason === '' ? {} : { delay_reason: reason }) }],
    ...more,
  });

const QUEUE = [
  entry('AAAAA1', 3, 'b@bank.example', UNVERIFIED),
  entry('AAAAA2', 1, 'c@bank.example', UNVERIFIED),
  entry('AAAAA3', 2, 'd@clinic.example', NO_TLS),
  entry('AAAAA4', 50, 'e@other.example', 'connect to mx.other.example[192.0.2.9]:25: Connection refused'),
  entry('AAAAA5', 0, 'f@other.example', '', { queue_name: 'active' }),
].join('\n');

interface Place {
  readonly folder: string;
  readonly config: string;
  readonly asked: readonly string[];
}

function place(t: Test): Place {
  const folder = newFolder(t);
  const config = join(folder, 'tls.ini');
  writeFileSync(
    config,
    '[service]\npostconf =\nmilter-listen = inet:127.0.0.1:0\n[policy sec]\ndeliver = secure\n[domains]\nbank.example = sec\nclinic.example = encrypt\n',
  );
  writeFileSync(join(folder, 'queue.json'), `${QUEUE}\n`);
  return { folder, config, asked: ['--config', config, '--file', join(folder, 'queue.json')] };
}

/** A program that prints what is in a file, and ends with a status. */
function program(folder: string, name: string, file: string, status = 0): string {
  const path = join(folder, name);
  writeFileSync(
    path,
    `#!/bin/sh\necho "$*" > ${folder}/${name}.argv\ncat ${file}\necho oops >&2\nexit ${status}\n`,
  );
  chmodSync(path, 0o755);
  return path;
}

test('waiting mail in groups, with what to do', async (t) => {
  const { config, asked } = place(t);
  const { code, out, err } = await say(run, [...asked]);
  t.equal(err, '');
  t.equal(code, 1);
  t.equal(
    out,
    `bank.example: 2 messages, 3 h, secure, certificate not verified
  row        bank.example (${config}:7)
  reason     ${UNVERIFIED}
  messages   AAAAA1 AAAAA2
  do         tlsward except bank.example --until +2d --reason "certificate not verified" --deliver encrypt   # let it go encrypted, to whoever answers, for two days
  do         postqueue -f   # then have it tried again
clinic.example: 1 message, 2 h, encrypt, no STARTTLS offered
  row        clinic.example (${config}:8)
  reason     ${NO_TLS}
  messages   AAAAA3
  do         tlsward except clinic.example --until +2d --reason "no STARTTLS offered" --deliver may   # let it go in plaintext if need be, for two days
  do         postqueue -f   # then have it tried again
other.example: 1 message, 2 d, connection refused
  reason     connect to mx.other.example[192.0.2.9]:25: Connection refused
  messages   AAAAA4
5 messages in the queue, 4 wait for 4 recipients
`,
  );
  const one = await say(run, [...asked, '--domain', 'other.example']);
  t.match(one, { code: 0, out: /^other\.example: .*\n(?: {2}.*\n)*5 messages/ }, 'not about TLS');
  const json = JSON.parse((await say(run, [...asked, '--json'])).out) as { groups: object[] };
  t.match(json, { ok: true, mta: 'postfix', messages: 5, waiting: 4, unreadable: 0, notes: [] });
  t.match(json.groups[0], {
    domain: 'bank.example',
    level: 'secure',
    row: { pattern: 'bank.example' },
    queueIds: ['AAAAA1', 'AAAAA2'],
    do: [{ command: /^tlsward except bank\.example / }, { command: 'postqueue -f' }],
  });
});

test('records of the collector say more of a certificate', async (t) => {
  const { folder, asked } = place(t);
  const evidence = new MadeEvidence(join(folder, 'evidence'), 'mx.example.org');
  const at = new Date((NOW - 1) * 1000).toISOString();
  const failed = (why: string, more: object = {}) =>
    delivery(at, {
      queueId: 'AAAAA1',
      recipient: '<b@bank.example>',
      recipientDomain: 'bank.example',
      outcome: 'deferred',
      reply: UNVERIFIED,
      tls: { state: 'tls', why },
      ...more,
    });
  evidence.day('collector', at.slice(0, 10), [
    failed('certificate: num=62:hostname mismatch'),
    failed('certificate: certificate has expired'),
    failed('certificate: self-signed certificate', { recipientDomain: 'clinic.example' }),
    failed('certificate: self-signed certificate', { outcome: 'sent' }),
  ]);
  const { out } = await say(run, [...asked, '--evidence', evidence.directory]);
  t.match(out, /^bank\.example: 2 messages, 3 h, secure, certificate expired$/m, 'the newest');
  t.match(out, /^clinic\.example: 1 message, 2 h, encrypt, no STARTTLS offered$/m, 'another cause stays');
  t.match(await say(run, [...asked, '--evidence', join(folder, 'none')]), {
    code: /^UsageError: --evidence: /,
  });
});

test('by the records nobody is asked', async (t) => {
  const { folder, config } = place(t);
  const evidence = new MadeEvidence(join(folder, 'evidence'), 'mx.example.org');
  const asked = ['--config', config, '--recorded', '--postqueue', join(folder, 'absent')];
  t.match(await say(run, [...asked]), {
    code: 69,
    err: /--recorded: there are no records of tlsward collect/,
  });
  const attempt = (queueId: string, hours: number, to: string, outcome: string, more: object = {}) =>
    delivery(new Date((NOW - hours * HOUR) * 1000).toISOString(), {
      ...{ queueId, outcome, recipient: `<b@${to}>`, recipientDomain: to, reply: UNVERIFIED },
      ...more,
    });
  const records = [
    attempt('AAAAA1', 50, 'bank.example', 'deferred'),
    attempt('AAAAA2', 49, 'bank.example', 'deferred'),
    attempt('AAAAA3', 49, 'other.example', 'sent'),
    attempt('AAAAA2', 48, 'bank.example', 'sent'),
    attempt('AAAAA1', 30, 'bank.example', 'deferred', {
      tls: { state: 'tls', why: 'certificate: certificate has expired' },
    }),
    attempt('AAAAA4', 1, 'other.example', 'deferred', {
      reply: 'connect to [192.0.2.9]: Connection refused',
    }),
  ];
  const days = new Set(records.map(({ time }) => time.slice(0, 10)));
  for (const day of days)
    evidence.day(
      'collector',
      day,
      records.filter(({ time }) => time.startsWith(day)),
    );
  const { code, out, err } = await say(run, [...asked, '--evidence', evidence.directory]);
  t.equal(err, '');
  t.equal(code, 1);
  t.match(out, /^bank\.example: 1 message, 2 d, secure, certificate expired\n {2}row/);
  t.match(out, /^other\.example: 1 message, 1 h, connection refused\n/m);
  t.match(
    out,
    /\n2 recipients of 2 messages put off last, by the records at .* UTC; tlsward queue asks .*\n$/,
  );
  const json = await say(run, [...asked, '--evidence', evidence.directory, '--json']);
  t.match(JSON.parse(json.out), {
    ok: true,
    recorded: true,
    messages: 2,
    waiting: 2,
    recipients: 2,
    notes: [],
  });
  t.match(await say(run, [...asked, '--file', 'x']), { code: /^UsageError: .*exclude each other/ });
});

test('without a table there is less to tell', async (t) => {
  const { folder, config, asked } = place(t);
  writeFileSync(config, '[servce]\n');
  t.match(await say(run, asked.slice()), {
    code: 1,
    out: /^bank\.example: 2 messages, 3 h, certificate not verified\n(?: {2}.*\n)* {2}do +postconf smtp_tls_security_level/,
    err: /tls\.ini cannot be read as a table, so no row is shown; tlsward check says why\n$/,
  });
  writeFileSync(config, `[service]\nevidence = ${folder}/none\n`);
  t.match((await say(run, asked.slice())).err, /none: cannot be read \(no such file or directory\)\n$/);
});

test('the programs of Postfix and Sendmail', async (t) => {
  const { folder, config } = place(t);
  const named = ['--config', config];
  const postqueue = program(folder, 'postqueue', join(folder, 'queue.json'));
  const mailq = program(folder, 'mailq', MAILQ);
  const absent = join(folder, 'absent');
  const both = [...named, '--postqueue', postqueue, '--mailq', mailq];
  t.match(await say(run, [...both, '--postfix-config', '/etc/postfix-out']), {
    code: 1,
    out: /5 messages in the queue/,
  });
  t.equal(readFileSync(`${postqueue}.argv`, 'utf8'), '-c /etc/postfix-out -j\n');
  const sendmail = await say(run, [...named, '--postqueue', absent, '--mailq', mailq]);
  t.match(sendmail, { code: 1, out: /^(?:.*\n)*14 messages in the queue, 14 wait for 14 recipients\n$/ });
  t.equal(readFileSync(`${mailq}.argv`, 'utf8'), '-v\n');
  t.match(sendmail.out, /^encrypt\.example: 1 message, \d+ \S+, no STARTTLS offered$/m);
  t.match(await say(run, [...named, '--postqueue', absent, '--mailq', absent]), {
    code: 69,
    out: '',
    err: /^tlsward queue: .*absent -j: cannot be run \(no such file or directory\); .*absent -v: .*no MTA here/,
  });
  const text = join(folder, 'text');
  const said = async (...lines: readonly string[]) => {
    writeFileSync(text, lines.join('\n'));
    return say(run, [...named, '--postqueue', absent, '--mailq', program(folder, 'said', text)]);
  };
  // Sendmail ends with 0
  t.match(await said('You are not permitted to see the queue', '\t\tTotal requests: 0'), {
    code: 69,
    out: '',
    err: 'tlsward queue: mailq of Sendmail: You are not permitted to see the queue\n',
  });
  t.match(await said(''), {
    code: 69,
    out: '',
    err: /said -v: does not print what mailq of Sendmail prints\n$/,
  });
  const refused = ['gatherq: cannot open "/q1": Permission denied', '/q1 is empty', '\t\tTotal requests: 0'];
  t.match(await said(...refused), { code: 69, err: '1 line of the queue cannot be read\n' });
  t.match(await said('/q1 is empty', '\t\tTotal requests: 0'), { code: 0, err: '' });
  const broken = program(folder, 'broken', '/dev/null', 69);
  t.match(await say(run, [...named, '--postqueue', broken]), {
    code: 69,
    err: /broken -j: ended with status 69: oops\n$/,
  });
});

test('what is in a file', async (t) => {
  const { folder, config } = place(t);
  const read = (text: string, ...more: readonly string[]) => {
    writeFileSync(join(folder, 'file'), text);
    return say(run, ['--config', config, '--file', join(folder, 'file'), ...more]);
  };
  const none = { code: 0, out: '0 messages in the queue, none waits\n', err: '' };
  t.match(await read(''), none, 'postqueue -j says nothing');
  t.match(await read('/var/spool/mqueue is empty\n\t\tTotal requests: 0\n'), none);
  t.match(await read(`${entry('AAAAA1', 1, 'b@bank.example', NO_TLS)}\nMail queue\n{}\n`), {
    code: 1,
    err: '2 lines of the queue cannot be read\n',
  });
  t.match(await read('Mail queue\n', '--json'), { code: 69, out: /^\{"ok":false,"mta":"postfix"/ });
  t.match(await read('-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n'), {
    code: 69,
    err: /give what postqueue -j prints/,
  });
  t.match(
    await read(
      '\t\t/q (1 request)\n6AU6J9uD030872        5 Mon Nov 30 06:19 a@b\n\t\t\t\t\t u@c.example\n\t\tTotal requests: 1\n',
      '--json',
    ),
    {
      code: 0,
      out: /"mta":"sendmail"/,
    },
  );
  t.match(await say(run, ['--config', config, '--file', join(folder, 'missing')]), {
    code: 65,
    err: /missing: cannot be read \(no such file or directory\)\n$/,
  });
});
