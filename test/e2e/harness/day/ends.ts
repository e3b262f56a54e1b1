/**
 * What must hold of the whole day, beside that records and views agree: mail that was accepted came somewhere or waits
 * where it must, and no record says of a delivery what nobody saw.
 */
import type { Try } from './clients.ts';
import type { LocalMail } from './count.ts';
import { isHopeless } from './plan.ts';
import type { Attempt } from './receivers.ts';
import type { Delivery, Evidence } from './records.ts';

/** Recipients that were accepted and of whom nobody has heard: neither a receiver nor the Maildir. */
export function lost(
  tries: readonly Try[],
  attempts: readonly Attempt[],
  mails: readonly LocalMail[],
): string[] {
  const final = attempts.filter(({ outcome }) => outcome !== 'deferred').map(({ recipient }) => recipient);
  const arrived = new Set([...final, ...mails.map(({ recipient }) => recipient)]);
  return tries
    .filter(({ end }) => end?.code === 250)
    .flatMap(({ rcpt }) => rcpt.filter(({ said }) => said?.code === 250))
    .map(({ recipient }) => recipient)
    .filter((recipient) => !arrived.has(recipient) && !isHopeless(recipient));
}

/** Recipients whose mail was never to leave, and what their records say instead of the code with which it waits. */
export function untoldHopeless(accepted: readonly string[], evidence: Evidence): string[] {
  const codes: Readonly<Record<string, string>> = { 'strict.example': '4.7.4', 'wrong.example': '4.7.5' };
  const deliveries = evidence.ofType<Delivery>('collector', 'delivery');
  return accepted.flatMap((recipient) => {
    const code = codes[recipient.slice(recipient.lastIndexOf('@') + 1)];
    if (code === undefined) return [];
    const own = deliveries.filter((one) => evidence.addressOf(one.recipient) === recipient);
    // the content filter took it over
    const outside = own.filter(({ outcome }) => outcome !== 'sent');
    const told = outside.some(({ outcome, dsn }) => outcome === 'deferred' && dsn === code);
    return told ? [] : [`${recipient}: ${outside.map(({ outcome, dsn }) => `${outcome} ${dsn}`).join(', ')}`];
  });
}

/** Deliveries to no server and to no mailbox: they can only have been put off. */
export function unexplained(evidence: Evidence, ports: ReadonlySet<number>): string[] {
  return evidence
    .ofType<Delivery>('collector', 'delivery')
    .filter(({ relay, agent }) => !ports.has(relay?.port ?? 0) && !agent.endsWith('/virtual'))
    .filter(({ outcome, dsn }) => outcome !== 'deferred' || dsn?.startsWith('4') !== true)
    .map(
      ({ recipient, outcome, agent, reply }) =>
        `${evidence.addressOf(recipient)}: ${outcome}, ${agent}, ${reply}`,
    );
}
