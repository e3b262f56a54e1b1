/**
 * How long `tlsward trace` takes over many large days: node build/test/bench/traceDays.js [DAYS] [LINES] [FOLDER]
 *
 * Makes DAYS days (30) of LINES records (1,000,000) of traffic, half of them verdicts and half deliveries, and measures
 * the index of a day, its size, searches over all days, and a search without an index. Takes 0.6 GB a million lines;
 * without FOLDER the days are removed afterwards.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkpointFile, daysOf, linesFile } from '../../src/archive/layout.ts';
import { findLines } from '../../src/trace/findLines.ts';
import { indexFile, writeIndex } from '../../src/trace/indexFile.ts';
import { lastHead } from '../../src/trace/lastHead.ts';
import type { Key } from '../../src/trace/recordKeys.ts';
import { MadeEvidence } from '../trace/madeDays.ts';

const DAYS = Number(process.argv[2] ?? 30);
const LINES = Number(process.argv[3] ?? 1_000_000);
const keptFolder = process.argv[4];
const folder = keptFolder ?? mkdtempSync(join(tmpdir(), 'tlsward-'));
const HOST = 'mx.example.org';
const HASH = 'ab'.repeat(32);

function pseudonym(n: number, day: string): string {
  return `h:${day.slice(0, 7)}:${Buffer.from(String(n).padStart(12, 'u')).toString('base64url')}`;
}

function queueId(n: number, day: string): string {
  return `4${day.slice(8)}${n.toString(36).padStart(9, 'z')}`;
}

function* texts(day: string): Generator<string> {
  for (let n = 0; n < LINES / 2; n++) {
    const time = new Date(Date.parse(day) + Math.floor((n * 172_000_000) / LINES)).toISOString();
    const id = queueId(n, day);
    const sender = `${pseudonym(n % 5000, day)}@partner${n % 997}.example`;
    const recipient = `${pseudonym(n % 70_001, day)}@customer${n % 3001}.example`;
    yield `"time":"${time}","type":"verdict","host":"${HOST}","code":"3FQ8${n.toString(16).toUpperCase().padStart(6, '0')}","leg":"inbound","protocol":"milter","stage":"END-OF-MESSAGE","queueId":"${id}","client":"192.0.2.${n % 250}","helo":"mx${n % 9}.partner${n % 997}.example","sender":"${sender}","senderDomain":"partner${n % 997}.example","recipients":["${recipient}"],"recipientDomains":["customer${n % 3001}.example"],"recipientCount":1,"tls":{"state":"tls","protocol":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384","bits":256,"certificate":"none"},"row":{"pattern":"*","at":"/etc/tlsward/tlsward.ini:12","level":"encrypt","mode":"enforce"},"table":{"hash":"${HASH}","generation":1},"action":"accept"}`;
    yield `"time":"${time}","type":"delivery","host":"${HOST}","leg":"outbound","queueId":"${id}","sender":"${sender}","recipient":"${recipient}","recipientDomain":"customer${n % 3001}.example","nextHop":"customer${n % 3001}.example","relay":{"host":"mx.customer${n % 3001}.example","address":"198.51.100.${n % 250}","port":25},"tls":{"state":"tls","protocol":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384","bits":256,"peer":"verified","reused":false,"how":"joined"},"outcome":"sent","dsn":"2.0.0","reply":"250 2.0.0 Ok: queued as ${id}","delay":0.4,"agent":"smtp","source":{"kind":"journal","position":"s=1;i=${n}"}}`;
  }
}

const streamFolder = join(folder, 'daemon');
mkdirSync(folder, { recursive: true });
const made = new MadeEvidence(folder, HOST);
const wanted = Array.from({ length: DAYS }, (_, i) =>
  new Date(Date.parse('2026-10-01') + i * 86_400_000).toISOString().slice(0, 10),
);
if (keptFolder === undefined || daysOf(made.stream('daemon').folder).length < DAYS)
  for (const day of wanted) made.stream('daemon').write(day, HOST, texts(day));

/** Time on the clock, and of the processor, which other processes do not change. */
function stopwatch(): () => string {
  const from = performance.now();
  const used = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(used);
    return `${((performance.now() - from) / 1000).toFixed(2)} s (processor ${((user + system) / 1e6).toFixed(2)} s)`;
  };
}

const [first = ''] = wanted;
const size = statSync(linesFile(streamFolder, first)).size;
for (const day of wanted) {
  const taken = stopwatch();
  writeIndex(streamFolder, day, {
    file: linesFile(streamFolder, day),
    head: lastHead(checkpointFile(streamFolder, day)),
  });
  if (day === first)
    console.log(
      `index of ${LINES} lines, ${(size / 1e6).toFixed(0)} MB: ${taken()}, ${(statSync(indexFile(streamFolder, day)).size / 1e6).toFixed(1)} MB`,
    );
}

function search(name: string, keys: readonly Key[], days: readonly string[], finished: boolean): void {
  const taken = stopwatch();
  let found = 0;
  for (const day of days)
    for (const _ of findLines({ folder: streamFolder, day, finished }, keys, { unreadable: 0 })) found++;
  console.log(`${name}: ${found} records in ${taken()}`);
}

const last = wanted.at(-1) ?? first;
const months = ['2026-09', '2026-10', '2026-11'];
const address = months.map((month): Key => {
  const text = `${pseudonym(4711, `${month}-01`)}@partner${4711 % 997}.example`;
  return { kind: 'address', text };
});
for (const round of ['first', 'again']) {
  search(`${DAYS} days by code, ${round}`, [{ kind: 'code', text: '3FQ800BEEF' }], wanted, true);
  search(
    `${DAYS} days by queue id, ${round}`,
    [{ kind: 'queueId', text: queueId(4711, last) }],
    wanted,
    true,
  );
  search(`${DAYS} days by address, ${round}`, address, wanted, true);
  search(`${DAYS} days by domain, ${round}`, [{ kind: 'domain', text: 'partner7.example' }], wanted, true);
  const ids = Array.from({ length: 40 }, (_, i): Key => ({ kind: 'queueId', text: queueId(4711 + i, last) }));
  search(`one day without index by 40 queue ids, ${round}`, ids, [last], false);
  search(`one day without index, ${round}`, [{ kind: 'queueId', text: queueId(4711, last) }], [last], false);
}
if (keptFolder === undefined) rmSync(folder, { recursive: true });
