/**
 * `tlsward ship` with a real ClickHouse server: two hosts whose writers go on while the server and `ship` are killed again and
 * again. At the end every record that is signed is there once, byte for byte, the queries of contrib/clickhouse count
 * what the test counted, and `--verify` finds one changed row. The example for rsyslog in contrib/doc/ship.md is run, too.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { linesFile } from '../../src/archive/layout.ts';
import { lineText } from '../../src/evidence/lineText.ts';
import { StreamStore } from '../../src/recorder/store.ts';
import { blocks } from '../manual.ts';
import { root } from '../root.ts';
import { verdictFields } from '../ship/evidenceFolder.ts';
import { FakeClickhouse } from '../ship/fakeClickhouse.ts';
import { type Clickhouse, startClickhouse } from './harness/clickhouse.ts';
import { pause, until, within } from './harness/deadline.ts';
import { createCa } from './harness/peers/ca.ts';
import { exited, guardProcess } from './harness/processes.ts';
import { mainFile } from './harness/program.ts';
import { command, e2eSkip } from './harness/requirements.ts';

const skip = e2eSkip(['clickhouse']);
const MAIN = mainFile();
const DAY_MS = 86_400_000;
/** The queries look at the last 30 days, by the clock of the server. */
const TODAY = Math.floor(Date.now() / DAY_MS) * DAY_MS + 3_600_000;
const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const DAYS = [dayOf(TODAY - DAY_MS), dayOf(TODAY)] as const;

type Fields = Parameters<typeof lineText>[3];

/** The streams of a host, written by the writer of the daemon. */
class Host {
  readonly directory: string;
  readonly name: string;
  readonly #streams: ReadonlyMap<string, StreamStore>;
  #now = TODAY - DAY_MS;
  #made = 0;

  constructor(directory: string, name: string) {
    this.directory = directory;
    this.name = name;
    const open = (stream: 'daemon' | 'collector'): [string, StreamStore] => {
      const base = {
        directory,
        stream,
        host: name,
        retentionDays: null,
        syncs: false,
        token: `${process.pid}`,
      };
      const options = { ...base, privacy: 'hashed', unclean: 'gap', reserveBytes: 0 } as const;
      return [stream, new StreamStore(options, { now: () => this.#now, monotonic: () => this.#now })];
    };
    this.#streams = new Map([open('daemon'), open('collector')]);
  }

  nextDay(): void {
    this.#now += DAY_MS;
    for (const stream of this.#streams.values()) {
      stream.tick();
      stream.commit();
    }
  }

  add(stream: string, type: Parameters<typeof lineText>[1], fields: Fields): void {
    this.#streams.get(stream)!.append(lineText(new Date(this.#now).toISOString(), type, this.name, fields));
  }

  /** Each with one delivery. */
  verdicts(count: number): void {
    for (let i = 0; i < count; i++, this.#made++) {
      this.add('daemon', 'verdict', verdictFields(this.#made));
      if (this.#made % 500 === 0) {
        // what must come through as it is
        this.add('daemon', 'alarm', {
          kind: 'odd',
          state: 'on',
          text: `\u2028\u0000\t"\\n" \u{1f600} ${this.#made}`,
        });
      }
      this.#now++;
    }
    this.commit();
  }

  commit(): void {
    for (const stream of this.#streams.values()) stream.commit();
  }

  close(): void {
    for (const stream of this.#streams.values()) stream.close();
  }

  lines(stream: string, day: string): string[] {
    return readFileSync(linesFile(join(this.directory, stream), day), 'utf8')
      .trimEnd()
      .split('\n');
  }
}

/** `tlsward ship` as a process that goes on. */
class Shipper {
  #child: ChildProcess | null = null;
  #guard: { release(): void } | null = null;
  readonly #argv: readonly string[];
  said = '';

  constructor(argv: readonly string[]) {
    this.#argv = argv;
  }

  start(): void {
    const child = spawn(process.execPath, [MAIN, 'ship', ...this.#argv, '--interval', '1'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.said += text));
    this.#child = child;
    this.#guard = guardProcess(child.pid!);
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === null) return null;
    this.#child = null;
    child.kill(signal);
    await within(20_000, 'end of ship', exited(child));
    this.#guard?.release();
    return child.exitCode;
  }
}

interface Said {
  readonly status: number;
  readonly out: string;
}

function tlsward(env: NodeJS.ProcessEnv, ...argv: string[]): Promise<Said> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [MAIN, 'ship', ...argv],
      { timeout: 120_000, env: { ...process.env, ...env } },
      (error, stdout, stderr) => resolve({ status: Number(error?.code ?? 0), out: stdout + stderr }),
    );
  });
}

const query = (name: string): string => readFileSync(new URL(`contrib/clickhouse/${name}.sql`, root), 'utf8');
const rows = (server: Clickhouse, text: string): string[][] =>
  server
    .sql(text)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));

function hosts(t: Test): readonly [Host, Host] {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-ship-'));
  const made = ['mx1', 'mx2'].map((name) => new Host(join(folder, name), `${name}.example.org`));
  t.teardown(() => {
    for (const host of made) host.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return made as [Host, Host];
}

t.test('everything arrives once, whatever is killed', { skip }, async (t) => {
  const server = await startClickhouse(t);
  const [one, other] = hosts(t);
  const base = ['--server', server.url, '--credentials', server.credentials];
  const argv = [...base, '--evidence', one.directory, '--evidence', other.directory];
  one.verdicts(100);
  t.match(await tlsward({}, ...argv, '--once'), {
    status: 78,
    out: /there is no table tlsward.evidence: make it with contrib/,
  });
  server.sql(query('schema'));
  t.match(await tlsward({}, ...argv, '--verify', DAYS[0]), { status: 75 }, 'nothing is sent yet');

  const shipper = new Shipper(argv);
  t.teardown(() => shipper.end('SIGKILL'));
  shipper.start();
  let seed = 7;
  const random = (most: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % most;
  };
  for (let round = 0; round < 6; round++) {
    if (round === 3) for (const host of [one, other]) host.nextDay();
    for (let i = 0; i < 6; i++) {
      one.verdicts(200 + random(1500));
      other.verdicts(random(300));
      await pause(random(150));
    }
    await server.kill();
    one.verdicts(50);
    if (round % 2 === 1) await shipper.end('SIGKILL');
    await pause(random(1500));
    await server.start();
    if (round % 2 === 1) shipper.start();
  }
  const allSent = () =>
    until(
      60_000,
      'end of what waits',
      async () => {
        const { out } = await tlsward({}, ...argv, '--status', '--json');
        const { streams } = JSON.parse(out) as { streams: { waiting: number; problem: unknown }[] };
        return streams.every(({ waiting, problem }) => waiting === 0 && problem === null);
      },
      () => shipper.said,
      500,
    );
  // not by chance: it goes away, and is back, under the eyes of one process
  await allSent();
  const before = shipper.said.length;
  const told = (what: RegExp) =>
    until(
      60_000,
      String(what),
      () => what.test(shipper.said.slice(before)),
      () => shipper.said,
    );
  await server.kill();
  one.verdicts(10);
  await told(/is away, so records wait in their files: ECONNREFUSED/);
  await server.start();
  await told(/is away[\s\S]*is back, and what waited is sent/);
  for (let i = 0; i < 30; i++)
    other.add('collector', 'delivery', {
      leg: 'outbound',
      queueId: `Q${i}`,
      recipient: `@partner${i % 2}.example`,
      recipientDomain: `partner${i % 2}.example`,
      tls:
        i % 3 === 0
          ? { state: 'unknown', why: 'no line' }
          : i % 3 === 1
            ? { state: 'plain' }
            : { state: 'tls', protocol: 'TLSv1.2', peer: 'verified' },
      demanded: { level: 'encrypt', from: 'row' },
      outcome: i % 5 === 0 ? 'deferred' : 'sent',
      dsn: i % 5 === 0 ? '4.7.5' : '2.0.0',
      source: { kind: 'file', position: '1' },
    });
  const gap = {
    from: `${DAYS[1]}T01:00:00.000Z`,
    to: `${DAYS[1]}T01:00:09.000Z`,
    count: null,
    why: 'suppressed',
  };
  other.add('collector', 'gap', gap);
  other.commit();
  await allSent();
  t.equal(await shipper.end('SIGTERM'), 0, 'stopped on request');
  t.notMatch(shipper.said, 'p4ssw0rd');
  t.notMatch(shipper.said, /not sent|does not take/);

  let total = 0;
  for (const host of [one, other])
    for (const stream of ['daemon', 'collector'])
      for (const day of DAYS) {
        const lines = host.lines(stream, day);
        total += lines.length;
        const where = `day = '${day}' AND host = '${host.name}' AND stream = '${stream}'`;
        const there = server.sql(
          `SELECT line FROM tlsward.evidence FINAL WHERE ${where} ORDER BY n FORMAT TabSeparatedRaw`,
        );
        t.ok(there === `${lines.join('\n')}\n`, `${host.name} ${stream} ${day}: ${lines.length} lines`);
      }
  t.ok(total > 20_000, `${total} records`);
  t.same(rows(server, 'SELECT count() FROM tlsward.evidence FINAL'), [[`${total}`]]);
  for (const day of DAYS) {
    const { status, out } = await tlsward({}, ...argv, '--verify', day);
    t.equal(status, 0, out);
    t.equal(out.match(/: same: \d+ records?, with the root that is signed\n/g)?.length, 4);
  }

  await t.test('the queries count what is in the files', async (t) => {
    const records = [one, other].flatMap((host) =>
      DAYS.flatMap((day) =>
        ['daemon', 'collector'].flatMap((stream) => host.lines(stream, day).map((line) => JSON.parse(line))),
      ),
    );
    const verdicts = records.filter(({ type, action }) => type === 'verdict' && action === 'accept');
    const of = (domain: string, state: string): string =>
      `${verdicts.filter((one) => one.senderDomain === domain && one.tls.state === state).length}`;
    const inbound = new Map(rows(server, query('inbound')).map((row) => [row[0], row]));
    t.equal(inbound.size, 2);
    for (const domain of ['bank.example', 'gov.example']) {
      const [, protocol, tls13, tls12, old, plain, unknown] = inbound.get(domain) ?? [];
      t.same([protocol, tls12, old], ['milter', '0', '0']);
      t.same(
        [tls13, plain, unknown],
        ['tls', 'plain', 'unknown'].map((state) => of(domain, state)),
      );
    }
    // sent: 24 of 30; i % 3 and i % 2 over those that 5 does not divide
    t.same(rows(server, query('outbound')).sort(), [
      ['partner0.example', '0', '4', '0', '4', '4', '4', '8', '12'],
      ['partner1.example', '0', '4', '0', '4', '4', '4', '8', '12'],
    ]);
    const refused = records.filter(({ type, action }) => type === 'verdict' && action === 'reject').length;
    const refusals = rows(server, query('refusals'));
    t.match(refusals[0], ['in, by tlsward', 'gov.example', 'reject', '', '', `${refused}`]);
    t.match(refusals.slice(1).sort(), [
      ['out', 'partner0.example', 'deferred'],
      ['out', 'partner1.example', 'deferred'],
    ]);
    t.same(rows(server, query('gaps')), [
      [
        'mx2.example.org',
        'collector',
        DAYS[1],
        `${DAYS[1]} 01:00:00`,
        `${DAYS[1]} 01:00:09`,
        '\\N',
        'suppressed',
      ],
    ]);
    const there = rows(server, query('hosts'));
    t.ok(there.length >= 4 || DAYS[1].endsWith('-01'), `${there.length} streams`);
  });

  await t.test('a changed row is found, and sent again', async (t) => {
    const line = one.lines('daemon', DAYS[0])[4321]!.replace('bank.example', 'bonk.example');
    const columns = `day, host, stream, n, line`;
    const values = `'${DAYS[0]}', 'mx1.example.org', 'daemon', 4321, '${line.replace(/[\\']/g, '\\$&')}'`;
    server.sql(`INSERT INTO tlsward.evidence (${columns}) VALUES (${values})`);
    t.match(await tlsward({}, ...argv, '--verify', DAYS[0]), {
      status: 1,
      out: /mx1.example.org daemon: differs: record 4321 is another on the server/,
    });
    server.sql(`ALTER TABLE tlsward.evidence DROP PARTITION ${DAYS[0].slice(0, 7).replace('-', '')}`);
    const { status, out } = await tlsward({}, ...argv, '--verify', DAYS[0]);
    t.equal(status, 1);
    t.equal(out.match(/: differs: record 0 is not on the server \(0 of \d+ are there\)\n/g)?.length, 4);
    t.match(await tlsward({}, ...argv, '--again', DAYS[0]), { status: 0, out: /^\d+ records sent\n$/ });
    t.match(await tlsward({}, ...argv, '--verify', DAYS[0]), { status: 0 });
  });
});

t.test('over https: the certificate decides', { skip: e2eSkip(['openssl']) }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const [host] = hosts(t);
  host.verdicts(20);
  const other = createCa();
  let count = 0;
  t.teardown(() => other.remove());
  const tell = async (subject: string, san: string, env: NodeJS.ProcessEnv) => {
    const fake = new FakeClickhouse(ca.issue(`x${count++}`, { subject, san: [san] }));
    await fake.listen();
    const argv = ['--server', fake.url.replace('127.0.0.1', 'localhost'), '--evidence', host.directory];
    const said = await tlsward(env, ...argv, '--once');
    await fake.close();
    return { ...said, rows: fake.rows.size };
  };
  const trusted = { NODE_EXTRA_CA_CERTS: ca.caFile };
  t.match(await tell('/CN=localhost', 'localhost', {}), {
    status: 75,
    out: /is away.*unable to verify the first certificate/,
    rows: 0,
  });
  const otherCa = { NODE_EXTRA_CA_CERTS: other.caFile };
  t.match(await tell('/CN=localhost', 'localhost', otherCa), { status: 75, rows: 0 });
  t.match(await tell('/CN=ch.example', 'ch.example', trusted), {
    status: 75,
    out: /is away.*does not match certificate's altnames/,
    rows: 0,
  });
  const all = ['daemon', 'collector'].flatMap((stream) => host.lines(stream, DAYS[0])).length;
  t.match(await tell('/CN=localhost', 'localhost', trusted), { status: 0, rows: all });
});

t.test('rsyslog reads the same files as the manual says', { skip: e2eSkip(['rsyslog']) }, async (t) => {
  const [host] = hosts(t);
  host.verdicts(501);
  host.add('daemon', 'reload', { ok: true, lines: ['x'.repeat(60_000)] });
  host.commit();
  const spool = mkdtempSync(join(tmpdir(), 'tlsward-rsyslog-'));
  t.teardown(() => rmSync(spool, { recursive: true, force: true }));
  const [shown = ''] = blocks('rsyslog.conf');
  const config = shown
    .replaceAll('/var/lib/tlsward/evidence', host.directory)
    .replaceAll('/var/spool/rsyslog', spool);
  t.not(config, shown);
  writeFileSync(join(spool, 'rsyslog.conf'), config);
  const args = ['-n', '-f', join(spool, 'rsyslog.conf'), '-i', join(spool, 'pid')];
  const child = spawn(command('rsyslogd'), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const guard = guardProcess(child.pid!);
  t.teardown(async () => {
    child.kill('SIGKILL');
    await exited(child);
    guard.release();
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const written = (): string[] => {
    try {
      return readFileSync(join(spool, 'evidence.jsonl'), 'utf8').trimEnd().split('\n');
    } catch {
      return [];
    }
  };
  const expected = (): string[] =>
    ['daemon', 'collector'].flatMap((stream) => host.lines(stream, DAYS[0])).sort();
  const all = (): boolean => written().length === expected().length;
  await until(30_000, 'lines in the file of rsyslog', all, () => said);
  host.verdicts(100);
  await until(30_000, 'lines that are new', all, () => said);
  t.ok(written().sort().join('\n') === expected().join('\n'), `${expected().length} lines, byte for byte`);
  t.equal(said, '', 'it has no complaint');
});
