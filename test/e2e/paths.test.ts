/**
 * Other ways into Postfix than a listener on 127.0.0.1: IPv6, postscreen in front, a filter before the queue, long queue ids,
 * and a milter that is gone where nobody wrote default_action. On each of them a row is enforced and the mark is right.
 */
import { createServer } from 'node:net';
import t, { type Test } from 'tap';
import { startContentFilter } from './harness/peers/content-filter.ts';
import type { TlsOptions, Transaction } from './harness/peers/smtp.ts';
import { openSession } from './harness/peers/smtp-session.ts';
import { freePorts } from './harness/processes.ts';
import { e2eSkip } from './harness/requirements.ts';
import { markFields } from './harness/scenes/matrix.ts';
import { openScene } from './harness/scenes/scene.ts';

const BOB = 'bob@local.example';
const REFUSED = { code: 530, enhanced: '5.7.0', text: /bank\.example requires TLS/ };
const skip = e2eSkip();

/** Can this machine bind ::1? */
async function hasIpv6(): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(0, '::1', () => server.close(() => resolve(true)));
  });
}

async function send(
  port: number,
  from: string,
  tls: TlsOptions | true | null,
  host?: string,
): Promise<Transaction> {
  const client = await openSession(port, {
    ...(tls === null ? {} : { tls }),
    ...(host === undefined ? {} : { host }),
    timeoutMs: 60_000,
  });
  try {
    return await client.send({ from, to: BOB });
  } finally {
    client.destroy();
  }
}

t.test('ways in', { skip, timeout: 600_000 }, async (t) => {
  const [six = 0, screened = 0, proxied = 0, reinject = 0, bare = 0] = await freePorts(5);
  const filter = await startContentFilter(reinject);
  t.teardown(() => filter.stop());
  const ipv6 = await hasIpv6();
  if (!ipv6) process.stderr.write('SKIPPED: no IPv6 loopback on this machine\n');
  const tls = '-o smtpd_tls_security_level=may';
  const scene = await openScene({
    fragment: 'both',
    tables: () => '[domains]\nbank.example = encrypt\n',
    main: ipv6
      ? { inet_protocols: 'all', inet_interfaces: '127.0.0.1, ::1', mynetworks: '127.0.0.1/32, [::1]/128' }
      : {},
    services: [
      ...(ipv6 ? [`[::1]:${six} inet n - n - - smtpd ${tls}`] : []),
      `127.0.0.1:${screened} inet n - n - 1 postscreen -o postscreen_tls_security_level=may -o postscreen_greet_wait=1s`,
      `smtpd pass - - n - - smtpd ${tls}`,
      'dnsblog unix - - n - 0 dnsblog',
      'tlsproxy unix - - n - 0 tlsproxy',
      // a milter does not work in front of such a filter, so the policy service judges alone
      `127.0.0.1:${proxied} inet n - n - - smtpd ${tls} -o smtpd_proxy_filter=127.0.0.1:${filter.port} -o smtpd_milters=`,
      `127.0.0.1:${reinject} inet n - n - - smtpd -o smtpd_recipient_restrictions= -o smtpd_milters=`,
      `127.0.0.1:${bare} inet n - n - - smtpd -o smtpd_recipient_restrictions= -o smtpd_milters=unix:tlsward/milter.sock`,
    ],
  });
  t.teardown(() => scene.close());
  const { postfix, daemon } = scene;
  t.afterEach(() => postfix.clear());

  const judged = async (t: Test, port: number, marked: boolean, host?: string): Promise<void> => {
    t.match((await send(port, 'a@bank.example', null, host)).last, REFUSED, 'plain');
    const sent = await send(port, 'a@bank.example', true, host);
    t.match(sent.last, { code: 250 }, 'under TLS');
    const [message] = await postfix.waitForDelivered(BOB);
    const mark = message!.first('X-TLS-Ward');
    if (!marked) t.equal(mark, null);
    else
      t.match(
        markFields(mark ?? ''),
        { state: 'protected', protocol: 'TLSv1.3', id: sent.queueId },
        'its mark',
      );
  };

  t.test('IPv6 loopback', { skip: ipv6 ? false : 'no IPv6 loopback' }, async (t) => {
    const from = daemon.mark();
    await judged(t, six, true, '::1');
    t.match(await daemon.waitForLine(({ client }) => client === '::1', { from }), { event: 'tx.verdict' });
  });
  t.test('postscreen in front', (t) => judged(t, screened, true));
  t.test('a filter before the queue', async (t) => {
    await judged(t, proxied, false);
    t.equal(filter.seen.length, 1, 'what was refused never reached the filter');
  });
  t.test('long queue ids', async (t) => {
    await postfix.setMain({ enable_long_queue_ids: 'yes' });
    await judged(t, postfix.port(), true);
    const sent = await send(postfix.port(), 'a@bank.example', true);
    t.match(sent.queueId, /^[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10}z[0-9A-Za-y]+$/);
    await daemon.waitForLine(({ queueId }) => queueId === sent.queueId, { what: 'its verdict' });
    await postfix.setMain({ enable_long_queue_ids: null });
  });
  t.test('a milter that is gone', async (t) => {
    await postfix.setMain({ milter_default_action: null });
    await daemon.stop();
    t.match((await send(postfix.port('smtp'), 'a@other.example', null)).last, {
      code: 451,
      enhanced: '4.7.1',
    });
    // without default_action the version decides: tempfail, and from 3.10 on a disconnect
    const code = postfix.since(3, 10) ? 421 : 451;
    const said = await send(bare, 'a@other.example', null).then(
      ({ last }) => last.code,
      (error: unknown) => Number(/ got (421)/.exec(String(error))?.[1]),
    );
    t.equal(said, code);
    t.strictSame(await postfix.queue(), [], 'nothing was accepted');
    await daemon.start();
  });
  t.test('nothing went wrong inside', async (t) => {
    t.strictSame(daemon.events('bug'), []);
    t.notMatch(postfix.log(), /fatal|panic/);
  });
});
