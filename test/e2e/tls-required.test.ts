/**
 * `TLS-Required: no` (RFC 8689) on the versions of Postfix that grant it, with `tls_required_enable` as it is by default: no
 * message with it leaves in plain text for a row that demands TLS, in whatever spelling, because the milter does not let it
 * in. What this Postfix itself grants is found out first, without the milter, so that what we recognise is at least as wide.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { root } from '../root.ts';
import { Daemon } from './harness/daemon.ts';
import { until } from './harness/deadline.ts';
import { Postfix } from './harness/mta/postfix.ts';
import { parseMain } from './harness/mta/postfix-config.ts';
import { RELEASES, type Release } from './harness/mta/postfix-releases.ts';
import { type CertificateAuthority, createCa } from './harness/peers/ca.ts';
import { openSession } from './harness/peers/smtp-session.ts';
import { TlsSink } from './harness/peers/tls-sink.ts';
import { releaseSkip } from './harness/requirements.ts';
import { outcome } from './harness/scenes/deliver-scene.ts';

/** Header lines; what stands for nothing in them is for the MTA to say. */
const SPELLINGS: readonly string[] = [
  'TLS-Required: no',
  'TLS-REQUIRED: NO',
  'tls-required: No',
  'TLS-Required:no',
  'TLS-Required:\tno',
  `TLS-Required:${' '.repeat(900)}no`,
  'TLS-Required: no   ',
  'TLS-Required:\n no',
  'TLS-Required:\n \n\tno',
  `TLS-Required:${'\n '.repeat(300)}no`,
  'TLS-Required: no\n ',
  'TLS-Required : no',
  'TLS-Required\t: no',
  'TLS-Required: no (really)',
  'TLS-Required: (really) no',
  'TLS-Required: "no"',
  'TLS-Required: no.',
  'TLS-Required:\x0bno',
  'TLS-Required: \x0cno',
  'TLS-Required: \rno',
  'TLS-Required: no\x0b',
  'TLS-Required: \xa0no',
  'TLS-Required: no\0',
  'TLS-Required: no\0, not really',
  'TLS-Required: \0no',
  'TLS-Required: yes\nTLS-Required: no',
  'TLS-Required: no\nTLS-Required: yes',
  'From alice Sun Nov 29 09:00:00 2026\nTLS-Required: no',
  'TLS-Required: yes',
  'TLS-Required: not',
  'TLS-Required: n\n o',
  'TLS-Required:',
  'X-TLS-Required: no',
];
/** Of those, what must be granted for the test to mean anything. */
const MIN_GRANTED = 15;

interface Place {
  readonly ca: CertificateAuthority;
  readonly postfix: Postfix;
  readonly daemon: Daemon;
  readonly sink: TlsSink;
  /** Hands in a message with this header for bob@DOMAIN; the reply. */
  post(head: string, domain: string, listener?: string): Promise<{ code: number; text: string }>;
  /** One that was accepted: how it went on, `2.0.0` or a code of waiting. */
  dsn(reply: { text: string }): Promise<string>;
}

function fragment(name: string): Record<string, string> {
  return parseMain(readFileSync(new URL(`contrib/postfix/${name}.main.cf`, root), 'utf8'));
}

const TABLES = `[policy leaves]
deliver = encrypt
[policy follows]
deliver = may
[rule secure]
subject-tag = [secure]
[domains]
enc.example = leaves
may.example = follows
local.example = leaves
`;

async function open(t: Test, release: Release, service: Readonly<Record<string, string>>): Promise<Place> {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const sink = await TlsSink.start({ tls: null });
  t.teardown(() => sink.stop());
  const postfix = new Postfix({
    ca,
    release,
    localDomains: ['local.example'],
    listeners: { free: { smtpd_tls_security_level: 'none', smtpd_milters: '' } },
    main: {
      default_transport: 'smtp',
      ...fragment('deliver'),
      ...fragment('milter'),
      smtp_tls_CAfile: ca.caFile,
      // each message is tried, whatever became of the one before
      default_destination_concurrency_failed_cohort_limit: '0',
      virtual_alias_domains: 'alias.example',
    },
  });
  t.teardown(() => postfix.close());
  const routes = ['enc', 'may'].map((name) => `${name}.example smtp:[127.0.0.1]:${sink.port}\n`).join('');
  const aliases = postfix.file('aliases', 'bob@alias.example bob@enc.example\n');
  await postfix.setMain({
    transport_maps: `texthash:${postfix.file('transport', routes)}`,
    virtual_alias_maps: `texthash:${aliases}`,
  });
  const socketDir = join(postfix.queueDirectory, 'tlsward');
  mkdirSync(socketDir, { mode: 0o755 });
  const hop = `[127.0.0.1]:${sink.port}`;
  const tables = TABLES.replace('[rule', `[domain ${hop}]\ndeliver = encrypt\n[rule`);
  const daemon = await Daemon.create({
    protocols: ['milter', 'socketmap', 'control'],
    socketDir,
    tables,
    service: {
      'trusted-clients': '127.0.0.200',
      ...(service['tls-required-no'] === undefined ? {} : { postconf: postfix.postconfProgram() }),
      ...service,
    },
  });
  t.teardown(() => daemon.close());
  await daemon.start();
  await postfix.start();
  return {
    ca,
    postfix,
    daemon,
    sink,
    post: async (head, domain, listener = 'plain') => {
      const client = await openSession(postfix.port(listener));
      try {
        const text = `${head}\nFrom: <alice@local.example>\nSubject: hello\n\nSecret.\n`;
        return (await client.send({ from: 'alice@local.example', to: `bob@${domain}`, text })).last;
      } finally {
        client.destroy();
      }
    },
    dsn: async ({ text }) => (await outcome(postfix, /queued as ([0-9A-Za-z]+)/.exec(text)![1]!)).dsn,
  };
}

for (const release of RELEASES) {
  const skip = releaseSkip(release, ['root', 'openssl']);
  t.test(`${release}: TLS-Required: no`, { skip, timeout: 600_000 }, async (t) => {
    const place = await open(t, release, {});
    const { postfix, daemon, sink } = place;

    t.test('what the MTA grants, we recognise', async (t) => {
      let granted = 0;
      for (const head of SPELLINGS) {
        const name = JSON.stringify(head.length > 60 ? `${head.slice(0, 40)}...` : head);
        const unseen = await place.dsn(await place.post(head, 'enc.example', 'free'));
        const reply = await place.post(head, 'enc.example');
        if (unseen === '2.0.0') {
          granted++;
          t.match(reply, { code: 550, text: /TLS-Required: no asks for delivery without protection/ }, name);
        } else if (reply.code === 250) t.equal(await place.dsn(reply), '4.7.4', `${name}: the row holds`);
        else t.match(reply, { code: 550, text: /TLS-Required/ }, `${name}: more than the MTA grants`);
      }
      t.ok(granted >= MIN_GRANTED, `${granted} spellings are granted by ${postfix.version}`);
      t.equal(sink.plain.length, granted, 'nothing else left in plain text');
    });

    t.test('who is concerned', async (t) => {
      const before = sink.plain.length;
      const { code, text } = await place.post('TLS-Required: no', 'enc.example');
      t.equal(code, 550);
      t.match(
        text,
        /^TLS-Required: no asks for delivery without protection, and mail to <bob@enc\.example> leaves under TLS only \(row \[127\.0\.0\.1\]:\d+\); send it again without that header field \[\w{8}\]$/,
      );
      await daemon.reload(TABLES);
      t.equal((await place.post('TLS-Required: no', 'local.example')).code, 250, 'delivered here');
      t.match(await place.post('TLS-Required: no', 'alias.example'), {
        code: 550,
        text: /an alias may lead/,
      });
      const reply = await place.post('TLS-Required: no', 'may.example');
      t.equal(reply.code, 250, 'its next hop has no row now');
      t.equal(await place.dsn(reply), '2.0.0');
      t.equal(sink.plain.length, before + 1);
      t.match(await daemon.command('status'), { stdout: /refused \d+/ });
    });

    t.test('it is said until it is shown otherwise', async (t) => {
      const { what } = await daemon.waitForEvent('postfix.warning');
      t.match(
        what,
        new RegExp(`^Postfix ${postfix.version} lets any author switch off TLS.* its value is not known`),
      );
      const from = daemon.mark();
      await daemon.reload(TABLES);
      await place.post('TLS-Required: yes', 'local.example');
      t.ok(await daemon.waitForEvent('postfix.warning', { from }), 'with each table again');
      t.match(await daemon.command('status'), {
        stdout: new RegExp(`postfix .*${postfix.version} by the milter`),
      });
    });
    t.strictSame(daemon.events('bug'), []);
  });

  t.test(
    `${release}: held, ignored, and forbidden as it should be`,
    { skip, timeout: 600_000 },
    async (t) => {
      const place = await open(t, release, { 'tls-required-no': 'hold' });
      const { postfix, daemon, sink } = place;
      const warned = /lets any author switch off TLS.*according to postconf it is yes/;
      t.match(await daemon.waitForEvent('postfix.warning'), { what: warned });
      t.match(await daemon.command('check'), { status: 0, stderr: warned });
      const held = await place.post('TLS-Required: no', 'enc.example');
      t.equal(held.code, 250);
      const entry = await postfix.waitForQueue(({ queue_name }) => queue_name === 'hold');
      t.equal(sink.plain.length, 0);
      await postfix.setMain(fragment('deliver-3.10'));
      await postfix.release(entry.queue_id);
      t.equal((await outcome(postfix, entry.queue_id)).dsn, '4.7.4', 'with the fragment the row holds');
      t.strictSame(sink.plain, []);
      const { stderr } = await postfix.command('postconf', ['-n']);
      t.notMatch(stderr, /tls_required_enable/, 'this version knows the parameter');
      t.notMatch((await daemon.command('check')).stderr, /warning/);
      await daemon.reload();
      const shown = async () => {
        const { stdout } = await daemon.command('status');
        return /tls_required_enable = no$/m.test(stdout) && !warned.test(stdout);
      };
      await until(10_000, 'another answer', shown);
      await postfix.command('postconf', ['-P', 'relay/unix/tls_required_enable=yes']);
      t.match(await daemon.command('check'), { stderr: warned }, 'an entry of master.cf takes it back');
      t.strictSame(daemon.events('bug'), []);
    },
  );
}
