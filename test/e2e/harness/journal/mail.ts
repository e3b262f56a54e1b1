/**
 * Mail for the Postfix of a machine, and what becomes of it: a DNS server, a receiver with TLS and one without, and a
 * client that sends one message after the other to both while /run/send exists, and many at once when /run/flood appears
 * (and is removed). A program: it prints `ready`, then `accepted RECIPIENT` for what Postfix took, and
 * `received RECIPIENT PROTOCOL TIME` for what a receiver got, with `plain` for no protocol and milliseconds since 1970,
 * and `stopped` when nothing is under way and /run/send is gone.
 *
 *   node mail.js CERTIFICATE      a PEM file with a key, for the receiver with TLS
 *
 * A recipient is `PHASE-NUMBER@DOMAIN`; the phase stands in /run/phase.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { FakeServer } from '../../../dns/fakeServer.ts';
import { NUMBER, record } from '../../../wire/dnsBytes.ts';
import { pause } from '../deadline.ts';
import { openSession } from '../peers/smtp-session.ts';
import { TlsSink } from '../peers/tls-sink.ts';

const PORTS = { tls: 2525, plain: 2526 } as const;
const TLSRPT = 'v=TLSRPTv1; rua=mailto:reports@rpt.example';
/** Name and type to the data of the record; nothing else exists. */
const RECORDS: Readonly<Record<string, readonly (string | number)[]>> = {
  'rpt.example MX': [0, 10, 2, 'mx', 3, 'rpt', 7, 'example', 0],
  'mx.rpt.example A': [127, 0, 0, 1],
  '_smtp._tls.rpt.example TXT': [TLSRPT.length, TLSRPT],
};
const NXDOMAIN = 3;
const BETWEEN_MS = 150;
/** Recipients of a message of the flood, which fits into one transaction. */
const FLOOD = 700;
const FLOODS = 4;

const dns = new FakeServer(({ name, type, answer }) => {
  const data = RECORDS[`${name.toLowerCase()} ${type}`];
  if (data !== undefined)
    answer({ answers: [record(name, NUMBER[type as keyof typeof NUMBER], 60, ...data)] });
  else answer({ rcode: NXDOMAIN });
});
await dns.start(53);

const print = (text: string) => void process.stdout.write(`${text}\n`);
const pem = readFileSync(process.argv[2]!, 'utf8');
for (const [name, port] of Object.entries(PORTS))
  await TlsSink.start({
    tls: name === 'tls' ? { cert: pem, key: pem } : null,
    port,
    answer: (recipient, { recipients, protocol }) => {
      if (recipient === '')
        for (const one of recipients) print(`received ${one} ${protocol ?? 'plain'} ${Date.now()}`);
      return null;
    },
  });
print('ready');

let number = 0;
let stopped = false;
const phase = () => readFileSync('/run/phase', 'utf8').trim();

/** Sends one message, over a session of its own. */
async function send(to: readonly string[]): Promise<void> {
  const client = await openSession(25);
  const { last } = await client.send({ from: 'alice@local.example', to });
  await client.quit().catch(() => {});
  if (last.code !== 250) throw new Error(`${last.code} ${last.text}`);
  for (const one of to) print(`accepted ${one}`);
}

for (;;) {
  await pause(BETWEEN_MS);
  if (existsSync('/run/flood')) {
    rmSync('/run/flood');
    const many = (flood: number) =>
      Array.from({ length: FLOOD }, (_, i) => `flood-${flood}-${i}@tls.example`);
    await Promise.all(Array.from({ length: FLOODS }, (_, flood) => send(many(flood))));
  }
  if (!existsSync('/run/send')) {
    if (number > 0 && !stopped) print('stopped');
    stopped = number > 0;
    continue;
  }
  stopped = false;
  number++;
  const name = `${phase()}-${number}`;
  await send([`${name}@tls.example`, `${name}@plain.example`]);
}
