/**
 * A day of mail between hosts, on which nothing is killed: every figure of `tlsward report` is the one that is counted from
 * what the clients heard and the receivers saw, in each of its forms; and another table judges the recorded mail as it
 * would have judged the mail. In a network of its own, because mail within a host is in no share.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';
import { makeTally } from '../../src/tally/talliesOf.ts';
import { generator } from '../mark/generator.ts';
import { browserSkip, launchBrowser } from './harness/browser.ts';
import { postfixActs, tlswardActs } from './harness/day/acts.ts';
import { outsideBounds } from './harness/day/bounds.ts';
import { Chaos } from './harness/day/chaos.ts';
import { play, Source, type Try } from './harness/day/clients.ts';
import { byGaps } from './harness/day/count.ts';
import { type ExpectedDay, expectedOf } from './harness/day/expected.ts';
import {
  expectedFigures,
  fromCsv,
  fromJson,
  fromPage,
  fromText,
  inTables,
  type JsonReport,
} from './harness/day/figures.ts';
import { flipped } from './harness/day/flips.ts';
import { inOwnNetwork, ownNetworkSkip } from './harness/day/network.ts';
import { type PlannedSession, planOf } from './harness/day/plan.ts';
import { type PostfixDay, startPostfixDay } from './harness/day/postfixDay.ts';
import { ADDRESSES } from './harness/day/receivers.ts';
import { type Delivery, Evidence } from './harness/day/records.ts';
import { dayLasts, pause } from './harness/deadline.ts';
import { e2eSkip } from './harness/requirements.ts';

const MESSAGES = Number(process.env.TLSWARD_DAY_MESSAGES ?? 120);
const CLIENT = '203.0.113.200';
const LONG = process.env.TLSWARD_DAY_MESSAGES !== undefined;
const AT_ONCE = 5;
const FLIPS = 3;
const INSIDE = process.env.TLSWARD_OWN_NETWORK === '1';
const skip = e2eSkip() || (!INSIDE && ownNetworkSkip());

const browserMissing = browserSkip();
const FIRST: PlannedSession = {
  listener: 'smtp',
  protocol: null,
  messages: [{ sender: 'm0@local.example', recipients: ['m0r0.ok@tls.example'] }],
};

t.setTimeout(600_000 + 2 * MESSAGES * 600);

const TODAY = (): string => new Date().toISOString().slice(0, 10);

/** The collector knows no process that was there before it; so long mail comes that does not leave. */
const UNSURE_MS = 8000;

/** Recipients of which the records say that it is not known how their mail left, and why. */
function untoldOf(evidence: Evidence, relays: ReadonlySet<string>): Map<string, string> {
  const untold = new Map<string, string>();
  for (const { outcome, tls, relay, recipient } of evidence.ofType<Delivery>('collector', 'delivery'))
    if (outcome === 'sent' && tls.state === 'unknown' && relays.has(relay?.address ?? ''))
      untold.set(evidence.addressOf(recipient), tls.why ?? '');
  return untold;
}

async function playDay(t: Test, chaotic = false): Promise<Played> {
  const random = generator();
  t.comment(`TLSWARD_SEED=${random.seed}`);
  // the report is about one day
  await dayLasts(300_000);
  const day = await startPostfixDay(t, true);
  const began = performance.now();
  const port = (listener: PlannedSession['listener']): number => day.postfix.port(listener);
  const source = new Source(CLIENT);
  const go = (sessions: readonly PlannedSession[]): Promise<Try[]> =>
    play(sessions, AT_ONCE, port, 0, source);
  // from the first TLS line on the collector knows that such lines are logged
  const tries = await go([FIRST]);
  await day.receivers.sink('tls.example').waitForMessages(1);
  const plan = planOf(MESSAGES, random, 8);
  const leaves = ({ messages }: PlannedSession): boolean =>
    messages.some(({ recipients }) => recipients.some((one) => !one.endsWith('@local.example')));
  const acts = [...tlswardActs(day.daemon, day.collector, random), ...postfixActs(day.postfix, random)];
  const chaos = new Chaos(chaotic ? acts : [], random, 1000);
  const broken = chaotic ? chaos.run() : null;
  tries.push(...(await go(plan.filter((one) => !leaves(one)))));
  await pause(Math.max(0, UNSURE_MS - (performance.now() - began)));
  tries.push(...(await go(plan.filter(leaves))));
  chaos.stop();
  await broken;
  await day.settle();
  t.equal(await day.end(), 0, 'the collector reads what is left');
  const evidence = new Evidence(day.evidence);
  evidence.know(
    [FIRST, ...plan].flatMap(({ messages }) => messages.flatMap((one) => [one.sender, ...one.recipients])),
  );
  return { day, tries, evidence, chaos };
}

interface Played {
  readonly day: PostfixDay;
  readonly tries: readonly Try[];
  readonly evidence: Evidence;
  readonly chaos: Chaos;
}

/** The recorded mail by the table that was in force, by the same one with another hash, and by one that demands other things. */
async function judgedAgain(t: Test, { daemon }: PostfixDay, counted: ExpectedDay): Promise<void> {
  const text = readFileSync(daemon.configFile, 'utf8');
  const file = `${daemon.configFile}.new`;
  const replay = async (table: string): Promise<Replay> => {
    writeFileSync(file, table, { mode: 0o600 });
    const { status, stdout, stderr } = await daemon.command(
      'replay',
      '--table',
      file,
      '--since',
      '1d',
      '--json',
    );
    t.ok(status === 0 || status === 1, `${status} ${stderr}`);
    return JSON.parse(stdout) as Replay;
  };
  for (const table of [text, `${text}; another hash\n`]) {
    const same = await replay(table);
    t.match(same, { ok: true, stopped: 0, changes: [], contradicted: 0 }, 'the same table answers the same');
    t.match(same.in, { unchanged: counted.messages('in'), unknown: 0 });
    t.equal(same.out.unchanged + same.out.unknown, counted.messages('out'));
    t.equal(same.out.unknown, table === text ? same.out.unknown : counted.total('out').travelled.unknown);
  }
  const other = text
    .replace('[domain open.example]\nreceive = may', '[domain open.example]\nreceive = encrypt')
    .replace('[domain later.example]\nreceive = encrypt', '[domain later.example]\nreceive = may')
    .replace('[domain plain.example]\ndeliver = may', '[domain plain.example]\ndeliver = encrypt')
    .replace('mode = observe', 'mode = enforce');
  const { changes } = await replay(other);
  const figures = Object.fromEntries(
    changes.map(({ partner, kind, before, after, count }) => [
      `${partner} ${kind}: ${before} > ${after}`,
      count,
    ]),
  );
  const wanted = {
    'open.example rejected: accept > reject': counted.of('in', 'open.example').travelled.plain,
    'watched.example rejected: accept (would reject) > reject': counted.of('in', 'watched.example').travelled
      .plain,
    'later.example accepted: defer > accept': counted.of('in', 'later.example').putOff,
    'plain.example waits: sent > wait (encrypt)': counted.of('out', 'plain.example').travelled.plain,
  };
  t.strictSame(
    figures,
    Object.fromEntries(Object.entries(wanted).filter(([, count]) => count > 0)),
    'what would change',
  );
}

interface Replay {
  readonly changes: readonly {
    readonly partner: string;
    readonly kind: string;
    readonly before: string;
    readonly after: string;
    readonly count: number;
  }[];
  readonly in: { readonly unchanged: number; readonly unknown: number };
  readonly out: { readonly unchanged: number; readonly unknown: number };
}

if (!INSIDE && !skip) {
  const argv = [process.execPath, '--enable-source-maps', fileURLToPath(import.meta.url)];
  const [command, args] = inOwnNetwork(ADDRESSES, [CLIENT], argv);
  void t.spawn(
    command,
    args,
    { env: { ...process.env, TLSWARD_OWN_NETWORK: '1' } },
    'in a network of its own',
  );
} else {
  t.test('a day between hosts', { skip }, async (t) => {
    const { day, tries, evidence } = await playDay(t);
    const { daemon, receivers, filter, localMails } = day;
    const untold = untoldOf(evidence, new Set(Object.values(ADDRESSES)));
    const whys = new Set(untold.values());
    whys.delete('the TLS line of this process belongs to an earlier attempt');
    t.same([...whys], [], 'all else is known');
    const filtered = filter.seen.reduce(
      (sum, { recipients, reply }) => sum + (reply === null ? 0 : recipients.length),
      0,
    );
    const counted = expectedOf(tries, receivers.attempts, new Set(untold.keys()));
    const expected = expectedFigures(counted, filtered + localMails.length);
    const today = TODAY();
    const report = async (format: string): Promise<string> => {
      const { status, stdout, stderr } = await daemon.command(
        'report',
        '--since',
        today,
        '--until',
        today,
        '--format',
        format,
      );
      t.equal(status, 0, `${format}${stderr}`);
      return stdout;
    };
    const json = JSON.parse(await report('json')) as JsonReport;
    t.ok(Object.keys(expected).length > 30, `${Object.keys(expected).length} figures`);
    t.strictSame(fromJson(json), expected, 'JSON');
    t.strictSame(fromCsv(await report('csv')), expected, 'CSV');
    t.strictSame(fromText(await report('text')), expected, 'text');
    await judgedAgain(t, day, counted);
    const random = generator();
    for (const stream of ['daemon', 'collector']) makeTally({ directory: day.evidence, stream, day: today });
    const check = async (directory: string): Promise<number> => {
      const about = ['--evidence', directory, '--since', today, '--until', today];
      return (await daemon.command('report', '--check', ...about)).status ?? -1;
    };
    t.equal(await check(day.evidence), 0, 'counted again');
    const unseen = await flipped(day.evidence, FLIPS, random, check, /\.jsonl$/);
    t.strictSame(
      unseen.filter(({ code }) => code !== 1),
      [],
      'each flipped bit is found',
    );
    if (browserMissing !== false) return;
    const file = join(day.evidence, '../report.html');
    writeFileSync(file, await report('html'));
    const browser = await launchBrowser();
    t.teardown(() => browser.close());
    const page = await browser.page(pathToFileURL(file).href);
    t.strictSame(await fromPage(page), inTables(expected), 'page');
    t.same([...page.errors, ...page.requests], []);
  });

  t.test(
    'a day on which everything is killed',
    { skip: skip || (LONG ? false : 'only with TLSWARD_DAY_MESSAGES') },
    async (t) => {
      const { day, tries, evidence, chaos } = await playDay(t, true);
      const { daemon, receivers } = day;
      const said = await daemon.command('report', '--since', '1d', '--until', TODAY(), '--json');
      t.equal(said.status, 0, said.stderr);
      const report = JSON.parse(said.stdout) as JsonReport;
      const mayMiss = byGaps(evidence, chaos.troubles);
      const { wrong, width, sum } = outsideBounds(
        report,
        tries,
        receivers.attempts,
        evidence.gaps('daemon'),
        chaos.troubles,
        mayMiss,
      );
      t.comment(chaos.troubles.map(({ act }) => act.name).join(' '));
      t.comment(`${sum} counted, bounds ${width} wide`);
      t.strictSame(wrong, [], 'each share is within what the gaps leave open');
      t.ok(width < sum, 'which is not anything');
      t.ok(report.gaps.length >= chaos.count('daemon'), 'the report says that records are missing');
      const file = `${daemon.configFile}.new`;
      writeFileSync(file, `${readFileSync(daemon.configFile, 'utf8')}; another hash\n`, { mode: 0o600 });
      const again = await daemon.command('replay', '--table', file, '--since', '1d', '--json');
      t.match(
        JSON.parse(again.stdout),
        { ok: true, changes: [], contradicted: 0 },
        'the same table answers the same',
      );
    },
  );
}
