/**
 * A scripted day of mail through a private Postfix and a private Sendmail, with evidence, while the daemon, the collector,
 * what feeds it the log, and the MTA are killed at random moments: at its end the records say what the clients heard and
 * the receivers saw, message by message and recipient by recipient. What was acknowledged is never missing without a
 * gap that says so; the evidence holds; and one flipped bit is found.
 *
 *   TLSWARD_DAY_MESSAGES=5000   messages through Postfix, default 1200; Sendmail has a tenth
 *   TLSWARD_SEED=N              the seed, as a failing run named it
 */
import t, { type Test } from 'tap';
import { type Generator, generator } from '../mark/generator.ts';
import type { Daemon } from './harness/daemon.ts';
import { postfixActs, tlswardActs } from './harness/day/acts.ts';
import { Chaos } from './harness/day/chaos.ts';
import { play, type Try } from './harness/day/clients.ts';
import {
  byGaps,
  type Compared,
  compareDeliveries,
  compareLocal,
  compareRefusals,
} from './harness/day/count.ts';
import { lost, unexplained, untoldHopeless } from './harness/day/ends.ts';
import { flipped } from './harness/day/flips.ts';
import { type PlannedSession, planOf } from './harness/day/plan.ts';
import { startPostfixDay } from './harness/day/postfixDay.ts';
import { type Delivery, Evidence } from './harness/day/records.ts';
import { startSendmailDay } from './harness/day/sendmailDay.ts';
import { compareMessages, compareRecipients } from './harness/day/verdicts.ts';
import { sendmailSkip } from './harness/mta/sendmail-fetch.ts';
import { e2eSkip } from './harness/requirements.ts';

const MESSAGES = Number(process.env.TLSWARD_DAY_MESSAGES ?? 1200);
/** Sessions at the same time. */
const AT_ONCE = 5;
const FLIPS = 50;
/** Sendmail has few messages: they come slowly, so that it is killed among them. */
const SENDMAIL_PAUSE_MS = 1000;

t.setTimeout(600_000 + MESSAGES * 600);
const skip = e2eSkip();

/** Fails with what does not agree, and says how much does. */
function agrees(t: Test, what: string, { mistakes, count, excused }: Compared, least: number): void {
  t.strictSame(mistakes.slice(0, 20), [], `${what}: ${mistakes.length} do not agree`);
  t.ok(count >= least, `${what}: ${count} agree`);
  t.comment(`${what}: ${count} agree, ${excused} were lost with what was killed`);
}

function addressesOf(plan: readonly PlannedSession[]): string[] {
  return plan.flatMap(({ messages }) =>
    messages.flatMap(({ sender, recipients }) => [sender, ...recipients]),
  );
}

/** Plays the plan in the middle of it all; resolves to what the clients heard, when everything works again. */
async function through(
  t: Test,
  chaos: Chaos,
  plan: readonly PlannedSession[],
  port: (listener: PlannedSession['listener']) => number,
  pauseMs = 0,
): Promise<Try[]> {
  const began = performance.now();
  const broken = chaos.run();
  const failed = broken.then(
    () => new Promise<never>(() => {}),
    (error: unknown) => Promise.reject(error),
  );
  const tries = await Promise.race([play(plan, AT_ONCE, port, pauseMs), failed]);
  chaos.stop();
  await broken;
  t.comment(`${tries.length} tries, ${Math.round(performance.now() - began)} ms`);
  t.comment(chaos.troubles.map(({ act }) => act.name).join(' '));
  return tries;
}

/** When the MTA began anew, as gaps tell: what was known of its processes holds no more. */
function startsOf(evidence: Evidence, why: string): number[] {
  return evidence.gaps('collector').flatMap((gap) => (gap.why.startsWith(why) ? [gap.to] : []));
}

/** What holds of evidence as a whole. */
async function holds(
  t: Test,
  { daemon, evidence: directory }: { readonly daemon: Daemon; readonly evidence: string },
  evidence: Evidence,
  chaos: Chaos,
  random: Generator,
): Promise<void> {
  t.equal(evidence.gaps('daemon').length, chaos.count('daemon'), 'each kill of the daemon is a gap');
  const missed = evidence.gaps('collector').filter(({ why }) => !why.endsWith('may not be in the log'));
  t.strictSame(missed, [], 'the collector missed nothing');
  const { status, stdout } = await daemon.command('evidence', 'verify');
  t.equal(status, 0, `the evidence holds${status === 0 ? '' : `: ${stdout}`}`);
  const unseen = (await flipped(directory, FLIPS, random)).filter(({ code }) => code === 0);
  t.strictSame(unseen, [], 'each flipped bit is found');
}

t.test('a day of Postfix', { skip }, async (t) => {
  const random = generator();
  t.comment(`TLSWARD_SEED=${random.seed}`);
  const plan = planOf(MESSAGES, random);
  const day = await startPostfixDay(t);
  const readFrom = Date.now();
  // from the first TLS line on the collector knows that such lines are logged
  const first: PlannedSession = {
    listener: 'smtp',
    protocol: null,
    messages: [{ sender: 'm0@local.example', recipients: ['m0r0.ok@tls.example'] }],
  };
  const port = (listener: PlannedSession['listener']): number => day.postfix.port(listener);
  const warm = await play([first], 1, port);
  await day.receivers.sink('tls.example').waitForMessages(1);
  const acts = [...tlswardActs(day.daemon, day.collector, random), ...postfixActs(day.postfix, random)];
  const chaos = new Chaos(acts, random, 1000);
  const tries = [...warm, ...(await through(t, chaos, plan, port))];
  const left = await day.settle();
  t.comment(`${left.length} messages can never leave`);
  t.equal(await day.end(), 0, 'the collector reads what is left');
  const { troubles } = chaos;

  const evidence = new Evidence(day.evidence);
  evidence.know(addressesOf([first, ...plan]));
  const { attempts, localMails, ports } = day;
  // a server that must see no envelope cannot say of an attempt that it was put off
  const blind = day.receivers.neverPorts;
  const portOf = ({ relay: { port: at = 0 } = {}, outcome }: Delivery) =>
    ports.has(at) && !(outcome === 'deferred' && blind.has(at)) ? at : null;
  const mayMiss = byGaps(evidence, troubles);
  const starts = startsOf(evidence, 'Postfix was started');
  const deliveries = compareDeliveries(attempts, evidence, mayMiss, portOf, [readFrom, ...starts]);
  const recipients = compareRecipients('policy', tries, evidence, troubles);
  agrees(t, 'verdicts of recipients', recipients, MESSAGES / 2);
  agrees(t, 'verdicts of messages', compareMessages(tries, evidence), MESSAGES / 2);
  agrees(t, 'refusals', compareRefusals(tries, evidence, mayMiss), MESSAGES / 100);
  agrees(t, 'deliveries to others', deliveries, MESSAGES / 2);
  agrees(t, 'deliveries here', compareLocal(localMails, evidence, mayMiss), MESSAGES / 2);
  t.strictSame(lost(tries, attempts, localMails), [], 'all that was accepted came somewhere');
  const waiting = left.flatMap(({ recipients }) => recipients.map(({ address }) => address));
  t.strictSame(untoldHopeless(waiting, evidence), [], 'what must not leave is recorded with its reason');
  t.strictSame(unexplained(evidence, ports), [], 'no other delivery is recorded');
  t.strictSame(day.receivers.leaked, [], 'no envelope came to a server that must see none');
  t.equal(starts.length, chaos.count('mta'), 'each kill of Postfix is a gap');
  await holds(t, day, evidence, chaos, random);
});

t.test('a day of Sendmail', { skip: skip || sendmailSkip() }, async (t) => {
  const random = generator();
  t.comment(`TLSWARD_SEED=${random.seed}`);
  const messages = Math.max(60, Math.ceil(MESSAGES / 10));
  const plan = planOf(messages, random, 0);
  const day = await startSendmailDay(t);
  const acts = [...tlswardActs(day.daemon, day.collector, random), ...day.acts()];
  const chaos = new Chaos(acts, random, 1000);
  const tries = await through(t, chaos, plan, () => day.sendmail.port('smtp'), SENDMAIL_PAUSE_MS);
  await day.settle();
  await day.end();
  const { troubles } = chaos;

  const evidence = new Evidence(day.evidence);
  evidence.know(addressesOf(plan));
  const { attempts } = day;
  const starts = [...day.feeder.starts, ...startsOf(evidence, 'Sendmail was started')];
  const portOf = ({ relay }: Delivery) => (relay === undefined ? null : day.sink.port);
  const deliveries = compareDeliveries(attempts, evidence, byGaps(evidence, troubles), portOf, starts);
  agrees(t, 'refused recipients', compareRecipients('milter', tries, evidence, troubles), messages / 100);
  agrees(t, 'verdicts of messages', compareMessages(tries, evidence), messages / 2);
  agrees(t, 'deliveries', deliveries, messages / 2);
  t.strictSame(lost(tries, attempts, []), [], 'all that was accepted came somewhere');
  await holds(t, day, evidence, chaos, random);
});
