/**
 * A partner's certificate changes under a running set-up: `tlsward probe --all-required`, as the timer runs it, sees it at a
 * real server, and `tlsward alarms run` tells it once, with the pin and the TLSA record that do not fit any more; it is over
 * when both are mended. A certificate that ends soon is told, too.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { AlarmsProcess, onceEach, ToldCommand } from './harness/alarmsProcess.ts';
import { startDaemon } from './harness/daemon.ts';
import { startDns, tlsaRecords } from './harness/dns/dns.ts';
import { removeFolder } from './harness/folder.ts';
import { type Certificate, createCa } from './harness/peers/ca.ts';
import { TlsSink } from './harness/peers/tls-sink.ts';
import { e2eSkip } from './harness/requirements.ts';

const skip = e2eSkip(['root', 'openssl', 'unbound']);
const HOST = 'mx.bank.example';

t.test('a certificate that is changed', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-changed-'));
  t.teardown(() => removeFolder(folder));
  const ca = createCa();
  t.teardown(() => ca.remove());
  const [old, renewed, short, other] = (
    [
      ['old', 30],
      ['renewed', 30],
      ['short', 6],
      ['other', 30],
    ] as const
  ).map(([name, days]) => ca.issue(name, { subject: `/CN=${HOST}`, san: [HOST], days }));

  const address = '127.0.0.1';
  let sink = await TlsSink.start({ host: address, tls: { cert: old!.cert, key: old!.key } });
  t.teardown(() => sink.stop());
  const { port } = sink;
  const shows = async ({ cert, key }: Certificate): Promise<void> => {
    await sink.stop();
    sink = await TlsSink.start({ host: address, port, tls: { cert, key } });
  };
  const zone = (certificate: Certificate) => ({
    records: [
      `bank.example. MX 10 ${HOST}.`,
      `${HOST}. A ${address}`,
      'shop.example. MX 10 mx.bank.example.',
      ...tlsaRecords(HOST, [25, port], certificate.cert),
    ],
  });
  const dns = await startDns(t, zone(old!));

  const told = new ToldCommand(folder, ['watchdog'], () => alarms.text);
  const tables = (pinned: Certificate) => `[alarms]
command = ${told.program}
for = 1s
interval = 1s
window = 6s
state = ${join(folder, 'alarms', 'state')}
[domain bank.example]
deliver = fingerprint
fingerprint = ${pinned.fingerprint}
[domain shop.example]
deliver = encrypt
`;
  const daemon = await startDaemon({
    tables: tables(old!),
    protocols: ['socketmap', 'control'],
    service: { resolver: dns.address },
    withoutTap: true,
  });
  t.teardown(() => daemon.close());
  const probe = async (): Promise<string> => {
    const options = ['--state', folder, '--ca-file', ca.caFile, '--port', String(port)];
    const { status, stdout, stderr } = await daemon.command('probe', '--all-required', '--brief', ...options);
    t.equal(stderr, '');
    return `${status} ${stdout}`;
  };

  t.match(await probe(), /^0 bank\.example: fingerprint holds$/m);
  const alarms = new AlarmsProcess(daemon, ['--state', folder]);
  t.teardown(() => alarms.end('SIGKILL'));
  alarms.start();

  // the partner renews, with another key, and the row and the records are behind
  await shows(renewed!);
  const seen = await probe();
  t.match(seen, /^1 /, 'mail waits');
  t.match(seen, `pin ${old!.fingerprint} does not fit any more; TLSA 3 1 1 `);
  await told.hears('partner-pins firing bank.example');
  t.match(told.text, `pin ${old!.fingerprint}`, 'with the pin');
  t.match(told.text, /TLSA 3 1 1 [0-9a-f]{16}\.\.\./, 'and the record');
  // shop.example has the same server, and no pin: of it the record does not fit any more
  await told.hears('partner-pins firing shop.example');

  // another look at the same, and who tells it is started anew: it was told
  t.match(await probe(), '0 with another certificate');
  t.equal(await alarms.end('SIGTERM'), 0);
  alarms.start();

  // the row has the new pin, and the records are in order
  daemon.setTables(tables(renewed!));
  t.equal((await daemon.command('reload')).status, 0);
  await dns.set(zone(renewed!));
  t.match(await probe(), /^0 bank\.example: fingerprint holds$/m);
  await told.hears('partner-pins resolved bank.example');
  await told.hears('partner-pins resolved shop.example');

  // renewed in order, for a few days only: pin and records first
  daemon.setTables(tables(short!).replace(/^fingerprint = /m, `fingerprint = ${renewed!.fingerprint}, `));
  t.equal((await daemon.command('reload')).status, 0);
  await dns.set({ records: [...zone(renewed!).records, ...tlsaRecords(HOST, [25, port], short!.cert)] });
  await shows(short!);
  t.match(await probe(), /^2 bank\.example: fingerprint holds/m, 'another certificate, and all holds');
  for (const domain of ['bank', 'shop']) await told.hears(`partner-expiring firing ${domain}.example`);
  const { status, stdout } = await daemon.command('certificates', '--state', folder);
  t.equal(status, 1);
  t.match(stdout, /^bank\.example +\S+ 5 days +mx\.bank\.example \[127\.0\.0\.1\]/m);
  t.match(stdout, `pin ${short!.fingerprint} breaks at every renewal`);

  daemon.setTables(tables(other!));
  t.equal((await daemon.command('reload')).status, 0);
  await dns.set(zone(other!));
  await shows(other!);
  t.match(await probe(), /^2 bank\.example: fingerprint holds/m);
  for (const domain of ['bank', 'shop']) await told.hears(`partner-expiring resolved ${domain}.example`);

  const kinds = ['partner-pins', 'partner-expiring'].flatMap((kind) =>
    ['bank', 'shop'].map((domain) => `${kind} ${domain}.example`),
  );
  const heard = told.heard().filter((line) => line.startsWith('partner-'));
  t.strictSame(heard.sort(), onceEach(kinds).sort(), 'each once, and nothing else about partners');
  t.equal(await alarms.end('SIGTERM'), 0);
});
