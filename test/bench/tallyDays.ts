/**
 * How long tallies take: node build/test/bench/tallyDays.js [DAYS] [LINES] [FOLDER]
 *
 * Makes DAYS days (30) with mail from and to 20,000 domains each: the first has LINES records (1,000,000) in each of
 * both streams, the others 40,000, which give tallies of the same size. Measures, each in a process of its own: counting the first day of each stream, and a
 * report's reading of all days from their tallies. Takes 1.5 GB; without FOLDER the days are removed afterwards.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { countDay } from '../../src/tally/countDay.ts';
import { talliesOf } from '../../src/tally/talliesOf.ts';
import { openPlace } from '../../src/trace/places.ts';
import { MadeEvidence } from '../trace/madeDays.ts';

const HOST = 'mx.example.org';
const HASH = 'ab'.repeat(32);
const DOMAINS = 20_000;
const TLS13 = '"state":"tls","protocol":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384","bits":256';
const TLS12 = '"state":"tls","protocol":"TLSv1.2","cipher":"ECDHE-RSA-AES256-GCM-SHA384","bits":256';

function pseudonym(n: number, day: string): string {
  return `h:${day.slice(0, 7)}:${Buffer.from(String(n).padStart(12, 'u')).toString('base64url')}`;
}

/** Few domains have most of the mail, where there is much. */
function domain(n: number, few: boolean): string {
  const spread = (n * 7919) % DOMAINS;
  return `partner${few && n % 3 !== 0 ? spread % 50 : spread}.example`;
}

function timeOf(n: number, lines: number, day: string): string {
  return new Date(Date.parse(day) + Math.floor((n * 86_300_000) / lines)).toISOString();
}

function session(n: number): string {
  if (n % 50 === 0) return '"state":"plain"';
  if (n % 97 === 0) return '"state":"unknown"';
  return n % 4 === 0 ? TLS12 : TLS13;
}

/** The policy service about each recipient, then the milter about the message. */
function* verdicts(day: string, lines: number): Generator<string> {
  for (let n = 0; n < lines; n++) {
    const message = n >> 1;
    const from = domain(message, lines > 40_000);
    const policy = n % 2 === 0;
    const queueId = policy ? '' : `"queueId":"4${day.slice(8)}${message.toString(36).padStart(9, 'z')}",`;
    const asked = policy
      ? '"protocol":"policy","stage":"RCPT"'
      : '"protocol":"milter","stage":"END-OF-MESSAGE"';
    const tls = session(message);
    const refused = tls.includes('plain') && message % 100 === 0;
    const own = Number(from.slice(7, from.indexOf('.'))) % 40 === 0;
    const row = `"row":{"pattern":"${own ? from : '*'}","at":"/etc/tlsward/tlsward.ini:12","level":"${own ? 'encrypt' : 'may'}","mode":"enforce"}`;
    const end = refused
      ? '"action":"reject","breach":"plain","because":["sender @x: row \\"x\\" requires TLS"],"reply":"550 5.7.1 refused"'
      : '"action":"accept"';
    yield `"time":"${timeOf(n, lines, day)}","type":"verdict","host":"${HOST}","code":"3FQ8${n.toString(16).toUpperCase().padStart(6, '0')}","leg":"inbound",${asked},${queueId}"client":"192.0.2.${message % 250}","clientPort":${1024 + (message % 60_000)},"helo":"mx.${from}","sender":"${pseudonym(message % 5000, day)}@${from}","senderDomain":"${from}","recipients":["${pseudonym(message % 7001, day)}@example.org"],"recipientDomains":["example.org"],"recipientCount":1,"tls":{${tls}${tls.includes('tls') ? ',"certificate":"none"' : ''}},${row},"table":{"hash":"${HASH}","generation":1},${end}}`;
  }
}

function* deliveries(day: string, lines: number): Generator<string> {
  for (let n = 0; n < lines; n++) {
    const to = domain(n, lines > 40_000);
    const time = timeOf(n, lines, day);
    const queueId = `4${day.slice(8)}${n.toString(36).padStart(9, 'z')}`;
    const waits = n % 60 === 0;
    const outcome = waits
      ? '"outcome":"deferred","dsn":"4.7.4","reply":"TLS is required, but was not offered by host mx[198.51.100.1]"'
      : `"outcome":"sent","dsn":"2.0.0","reply":"250 2.0.0 Ok: queued as ${queueId}"`;
    const tls = waits ? '"state":"plain"' : session(n);
    yield `"time":"${time}","type":"delivery","host":"${HOST}","leg":"outbound","queueId":"${queueId}","sender":"${pseudonym(n % 5000, day)}@example.org","recipient":"${pseudonym(n % 70_001, day)}@${to}","recipientDomain":"${to}","relay":{"host":"mx.${to}","address":"198.51.100.${n % 250}","port":25},"tls":{${tls},"how":"joined"},${outcome},"delay":0.4,"agent":"postfix/smtp","source":{"kind":"journal","position":"s=1;i=${n}"}}`;
  }
}

/** Prints what `work` took, in this process and no other. */
function measured(name: string, work: () => string): void {
  const from = performance.now();
  const used = process.cpuUsage();
  const found = work();
  const { user, system } = process.cpuUsage(used);
  const seconds = ((performance.now() - from) / 1000).toFixed(2);
  const rss = (process.resourceUsage().maxRSS / 1024).toFixed(0);
  console.log(
    `${name}: ${seconds} s (processor ${((user + system) / 1e6).toFixed(2)} s), ${rss} MiB; ${found}`,
  );
}

const FIRST = '2026-10-01';
const [, , what = '30', ...rest] = process.argv;

if (what === 'count') {
  const [directory = '', stream = ''] = rest;
  measured(`counting a day of the ${stream}`, () => {
    const { records, partners } = countDay({ directory, stream, day: FIRST });
    return `${records} records, ${partners.length} domains`;
  });
} else if (what === 'read') {
  const [directory = '', to = ''] = rest;
  measured('reading all days', () => {
    const found = talliesOf([openPlace(directory)], { from: FIRST, to }, { today: '2027-01-01' });
    const counted = found.streams.flatMap((stream) => stream.counted).length;
    return `${found.records} records, ${found.partners.length} domains and ways, ${counted} days counted`;
  });
} else {
  const days = Number(what);
  const lines = Number(rest[0] ?? 1_000_000);
  const kept = rest[1];
  const folder = kept ?? mkdtempSync(join(tmpdir(), 'tlsward-'));
  mkdirSync(folder, { recursive: true });
  const wanted = Array.from({ length: days }, (_, i) =>
    new Date(Date.parse(FIRST) + i * 86_400_000).toISOString().slice(0, 10),
  );
  if (!existsSync(join(folder, 'collector'))) {
    const made = new MadeEvidence(folder, HOST);
    for (const day of wanted) {
      const own = day === FIRST ? lines : Math.min(lines, 40_000);
      made.stream('daemon').write(day, HOST, verdicts(day, own));
      made.stream('collector').write(day, HOST, deliveries(day, own));
    }
  }
  const run = (...args: readonly string[]): void => {
    // as the thread that counts in the daemon
    const flags = ['--max-old-space-size=128', '--max-semi-space-size=8'];
    process.stdout.write(execFileSync(process.execPath, [...flags, fileURLToPath(import.meta.url), ...args]));
  };
  const to = wanted.at(-1) ?? FIRST;
  for (const stream of ['daemon', 'collector']) run('count', folder, stream);
  for (const round of ['makes them', 'has them']) {
    console.log(`a report that ${round}`);
    run('read', folder, to);
  }
  const bytes = statSync(join(folder, 'daemon', `${FIRST}.tally`)).size;
  console.log(`a tally: ${(bytes / 1e6).toFixed(2)} MB`);
  if (kept === undefined) rmSync(folder, { recursive: true });
}
