/**
 * A scripted day of mail through a private Postfix, with evidence, while the daemon, the collector,
 * what feeds it the log, and the MTA are killed at random moments: at its end the records say what the clients heard and
 * the receivers saw, message by message and recipient by recipient. What was acknowledged is never missing without a
 * gap that says so; the evidence holds; and one flipped bit is found.
 *
 *   TLSWARD_DAY_MESSAGES=5000   messages through Postfix, default 400
 *   TLSWARD_SEED=N              the seed, as a failing run named it
 */
import t, { type Test } from 'tap';
import { generator } from '../mark/generator.ts';
import { Chaos, type Trouble } from './harness/day/chaos.ts';
import { play } from './harness/day/clients.ts';
import { type Compared, compareDeliveries, compareLocal, compareRefusals } from './harness/day/count.ts';
import { lost, unexplained, untoldHopeless } from './harness/day/ends.ts';
import { flipped } from './harness/day/flips.ts';
import { type PlannedSession, planOf } from './harness/day/plan.ts';
import { startPostfixDay } from './harness/day/postfixDay.ts';
import { Evidence } from './harness/day/records.ts';
import { compareMessages, compareRecipients } from './harness/day/verdicts.ts';
import { e2eSkip } from './harness/requirements.ts';

const MESSAGES = Number(process.env.TLSWARD_DAY_MESSAGES ?? 400);
/** Sessions at the same time. */
const AT_ONCE = 5;
const FLIPS = 50;

t.setTimeout(240_000 + MESSAGES * 600);
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

const killed = (troubles: readonly Trouble[], act: Trouble['act']): number =>
  troubles.filter((one) => one.act === act).length;

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

  const chaos = new Chaos(day, random);
  const began = performance.now();
  const broken = chaos.run();
  const tries = [...warm, ...(await Promise.race([play(plan, AT_ONCE, port), broken.then(() => [])]))];
  chaos.stop();
  await broken;
  t.comment(`${MESSAGES} messages, ${tries.length} tries, ${Math.round(performance.now() - began)} ms`);
  const left = await day.settle();
  t.comment(`${left.length} messages can never leave`);
  t.equal(await day.end(), 0, 'the collector reads what is left');
  const { troubles } = chaos;
  t.comment(troubles.map(({ act }) => act).join(' '));

  const evidence = new Evidence(day.evidence);
  evidence.know(addressesOf([first, ...plan]));
  agrees(t, 'verdicts of recipients', compareRecipients('policy', tries, evidence, troubles), MESSAGES / 2);
  agrees(t, 'verdicts of messages', compareMessages(tries, evidence), MESSAGES / 2);
  agrees(t, 'refusals', compareRefusals(tries, evidence, troubles), MESSAGES / 50);
  agrees(
    t,
    'deliveries to others',
    compareDeliveries(day.attempts, evidence, troubles, readFrom),
    MESSAGES / 2,
  );
  agrees(t, 'deliveries here', compareLocal(day.localMails, evidence, troubles), MESSAGES / 2);
  t.strictSame(lost(tries, day.attempts, day.localMails), [], 'all that was accepted came somewhere');
  const waiting = left.flatMap(({ recipients }) => recipients.map(({ address }) => address));
  t.strictSame(untoldHopeless(waiting, evidence), [], 'what must not leave is recorded with its reason');
  t.strictSame(unexplained(evidence, day.ports), [], 'no other delivery is recorded');
  t.strictSame(day.receivers.leaked, [], 'no envelope came to a server that must see none');

  t.equal(evidence.gaps('daemon').length, killed(troubles, 'daemon'), 'each kill of the daemon is a gap');
  t.strictSame(evidence.gaps('collector'), [], 'the collector missed nothing');
  const verified = await day.daemon.command('evidence', 'verify');
  t.equal(verified.status, 0, `the evidence holds: ${verified.status === 0 ? '' : verified.stdout}`);
  const missed = flipped(day.evidence, FLIPS, random).filter(({ code }) => code === 0);
  t.strictSame(missed, [], 'each flipped bit is found');
});
