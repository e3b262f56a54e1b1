/**
 * The private DNS and the policy hosts of the deliver tests proved by themselves: what is said to be signed, unsigned, broken
 * or dead is just that for whoever asks, and nothing is left behind.
 */
import { createSocket } from 'node:dgram';
import { request } from 'node:https';
import t from 'tap';
import { within } from './harness/deadline.ts';
import { startDns, tlsaRecords } from './harness/dns/dns.ts';
import { StsHost, stsPolicy } from './harness/dns/sts-host.ts';
import { Postfix } from './harness/mta/postfix.ts';
import { createCa } from './harness/peers/ca.ts';
import { openSession } from './harness/peers/smtp-session.ts';
import { TlsSink } from './harness/peers/tls-sink.ts';
import { e2eSkip } from './harness/requirements.ts';

const skip = e2eSkip(['root', 'openssl', 'postfix', 'unbound']);
const TYPES = { A: 1, MX: 15, TXT: 16, TLSA: 52 } as const;

/** One question with the DO bit: response code, AD flag, number of answers. */
function ask(server: string, name: string, type: keyof typeof TYPES): Promise<string> {
  const labels = name.split('.').map((label) => Buffer.from(`\0${label}`, 'latin1'));
  for (const label of labels) label[0] = label.length - 1;
  const query = Buffer.concat([
    Buffer.from('002a01200001000000000001', 'hex'), // RD and AD, one question, one additional record
    ...labels,
    Buffer.from([0, 0, TYPES[type], 0, 1]),
    Buffer.from('00002904d0000080000000', 'hex'), // OPT, 1232 bytes, DO
  ]);
  const socket = createSocket('udp4');
  const answer = new Promise<string>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('message', (message) => {
      const records = message.readUInt16BE(6);
      const rcode = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN'][message[3]! & 15];
      resolve(`${rcode}${message[3]! & 0x20 ? ' ad' : ''}${records > 0 ? ' found' : ''}`);
    });
  });
  socket.connect(53, server, () => socket.send(query)); // connected, so that a closed port is an error
  return within(5000, `answer for ${name}`, answer).finally(() => socket.close());
}

t.test('a private DNS', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const records = [
    'good.example. MX 10 mx.good.example.',
    'mx.good.example. A 127.0.0.24',
    ...tlsaRecords('mx.good.example', [25, 2525], ca.server.cert),
    'broken.example. MX 10 mx.good.example.',
    'broken.example. TXT "x"',
    'half.example. MX 10 mx.half.example.',
    'mx.half.example. A 127.0.0.24',
    'good.test. MX 10 mx.good.test.',
    'mx.good.test. A 127.0.0.24',
  ];
  const dns = await startDns(t, {
    records,
    bogus: ['broken.example.'],
    lame: ['_25._tcp.mx.half.example.', 'dead.example.'],
  });
  const questions: readonly (readonly [string, keyof typeof TYPES, string])[] = [
    ['good.example', 'MX', 'NOERROR ad found'],
    ['mx.good.example', 'A', 'NOERROR ad found'],
    ['_25._tcp.mx.good.example', 'TLSA', 'NOERROR ad found'],
    ['_2525._tcp.mx.good.example', 'TLSA', 'NOERROR ad found'],
    ['good.example', 'TXT', 'NOERROR ad'],
    ['_mta-sts.good.example', 'TXT', 'NXDOMAIN ad'],
    ['nothing.org', 'MX', 'NXDOMAIN ad'],
    ['good.test', 'MX', 'NOERROR found'],
    ['mx.good.test', 'A', 'NOERROR found'],
    ['good.test', 'TXT', 'NOERROR'],
    ['none.test', 'MX', 'NXDOMAIN'],
    ['broken.example', 'MX', 'SERVFAIL'],
    ['broken.example', 'TXT', 'SERVFAIL'],
    ['mx.half.example', 'A', 'NOERROR ad found'],
    ['_25._tcp.mx.half.example', 'TLSA', 'SERVFAIL'],
    ['_2525._tcp.mx.half.example', 'TLSA', 'NXDOMAIN ad'],
    ['dead.example', 'MX', 'SERVFAIL'],
    ['_mta-sts.dead.example', 'TXT', 'SERVFAIL'],
  ];
  for (const [name, type, want] of questions)
    t.equal(await ask(dns.address, name, type), want, `${name} ${type}`);

  await dns.set({ records: ['broken.example. MX 10 mx.good.example.'] });
  t.equal(await ask(dns.address, 'broken.example', 'MX'), 'NOERROR ad found', 'mended');
  t.equal(await ask(dns.address, 'good.example', 'MX'), 'NXDOMAIN ad', 'and the old records are forgotten');
  const { address } = dns;
  await dns.stop();
  t.throws(() => dns.pid);
  await t.rejects(ask(address, 'broken.example', 'MX'), /ECONNREFUSED/);
  await dns.start();
  t.equal(dns.address, address);
  t.equal(await ask(address, 'broken.example', 'MX'), 'NOERROR ad found');
  await t.rejects(dns.set({ records: [], bogus: ['none.example.'] }), /no records/);
});

t.test('a Postfix that asks it', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const { cert, key } = ca.issue('dane', { subject: '/CN=whatever', issuer: 'self' });
  const sink = await TlsSink.start({ tls: { cert, key }, host: '127.0.0.24' });
  t.teardown(() => sink.stop());
  const records = [
    'good.example. MX 10 mx.good.example.',
    'mx.good.example. A 127.0.0.24',
    ...tlsaRecords('mx.good.example', [25, sink.port], cert),
  ];
  const dns = await startDns(t, { records });
  const main = { smtp_tcp_port: String(sink.port), smtp_tls_security_level: 'dane-only' };
  const postfix = new Postfix({ ca, resolver: dns.address, main });
  t.teardown(() => postfix.close());
  await postfix.start();
  const client = await openSession(postfix.port('plain'));
  await client.send({ from: 'alice@local.example', to: 'bob@good.example' });
  await client.quit();
  await sink.waitForMessages(1);
  t.strictSame(sink.plain, []);
  const place = `mx.good.example\\[127\\.0\\.0\\.24\\]:${sink.port}`;
  await postfix.waitForLog(new RegExp(`Verified TLS connection established to ${place}`));
});

t.test('policy hosts', { skip: e2eSkip(['openssl']) }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const hosts = await StsHost.start(ca);
  t.teardown(() => hosts.stop());
  const body = stsPolicy({ mode: 'enforce', mx: ['mx.good.example', '*.out.example'], maxAge: 86400 });
  hosts.serve('good.example', { body });
  hosts.serve('moved.example', { status: 301, headers: { location: 'https://mta-sts.good.example/' } });
  hosts.serve('wrong.example', { body, certificate: 'wrong' });
  hosts.serve('self.example', { body, certificate: 'self' });
  hosts.serve('expired.example', { body, certificate: 'expired' });
  hosts.serve('cut.example', { body, trouble: 'reset' });
  const get = (domain: string) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const host = `mta-sts.${domain}`;
      const { port, address } = hosts;
      const path = '/.well-known/mta-sts.txt';
      const options = { host: address, port, path, servername: host, headers: { host }, ca: ca.ca };
      const sent = request({ ...options, agent: false }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      });
      sent.on('error', reject);
      sent.end();
    });
  t.strictSame(await get('good.example'), { status: 200, text: body });
  t.match(
    body,
    /^version: STSv1\r\nmode: enforce\r\nmx: mx.good.example\r\nmx: \*\.out.example\r\nmax_age: 86400\r\n$/,
  );
  t.equal((await get('moved.example')).status, 301);
  await t.rejects(get('wrong.example'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  await t.rejects(get('self.example'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  await t.rejects(get('expired.example'), { code: 'CERT_HAS_EXPIRED' });
  await t.rejects(get('cut.example'), { code: 'ECONNRESET' });
  await t.rejects(get('unknown.example'));
  t.equal(hosts.count('good.example'), 1);
  const { port } = hosts;
  await hosts.stop();
  await t.rejects(get('good.example'), { code: 'ECONNREFUSED' });
  await hosts.listen();
  t.equal(hosts.port, port);
  t.equal((await get('good.example')).text, body);
});
