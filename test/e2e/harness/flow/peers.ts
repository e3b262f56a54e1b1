/**
 * What stands beside Postfix in a machine: a DNS server with the block list, the filter that was there before us, and the
 * mail servers of two partners, one with TLS and one without. A program: it prints `ready`, then each message that a
 * partner got, as `SUBJECT PROTOCOL`.
 *
 *   node peers.js CERTIFICATE      a PEM file with a key, for the partner with TLS
 */
import { readFileSync } from 'node:fs';
import { FakeServer } from '../../../dns/fakeServer.ts';
import { NUMBER, record } from '../../../wire/dnsBytes.ts';
import { HeaderFilter } from '../peers/header-filter.ts';
import { type Received, TlsSink } from '../peers/tls-sink.ts';
import { FILTER_FIELD, PORTS, RECORDS } from './streams.ts';

const NXDOMAIN = 3;
const TTL = 60;

const dns = new FakeServer(({ name, type, answer }) => {
  const data = RECORDS.get(`${name.toLowerCase()} ${type}`);
  if (data !== undefined)
    answer({ answers: [record(name, NUMBER[type as keyof typeof NUMBER], TTL, ...data)] });
  else answer({ rcode: [...RECORDS.keys()].some((key) => key.startsWith(`${name} `)) ? 0 : NXDOMAIN });
});
await dns.start(53);
await HeaderFilter.start(FILTER_FIELD, 'seen', PORTS.filter);
const pem = readFileSync(process.argv[2]!, 'utf8');
/** Before the reply, so that what has left the queue has been printed. */
const answer = (recipient: string, { content, protocol }: Received): null => {
  const subject = /^Subject: (.*)$/m.exec(content ?? '')?.[1];
  if (recipient === '') process.stdout.write(`${subject} ${protocol ?? 'plain'}\n`);
  return null;
};
await TlsSink.start({ tls: { cert: pem, key: pem }, port: PORTS.tlsSink, answer });
await TlsSink.start({ tls: null, port: PORTS.plainSink, answer });
process.stdout.write('ready\n');
