/**
 * Compares the verdicts that are recorded with what the clients heard: each recipient with its policy verdict, each message
 * that was accepted with its verdict at the end, by the TLS that the client itself negotiated. A verdict may only be
 * missing in a time of which a gap says so; one too many needs a reply that was lost.
 */
import type { Trouble } from './chaos.ts';
import { byRow, type Try } from './clients.ts';
import type { Compared } from './count.ts';
import { PARTNERS } from './plan.ts';
import type { Evidence, Gap, Verdict } from './records.ts';

const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1);

/** What the row of the sender leads to in this session, as a record shows it. */
function expected(sender: string, protocol: string | null): string {
  const partner = (PARTNERS as Readonly<Record<string, { plain: object }>>)[domainOf(sender)];
  return shown(protocol === null && partner !== undefined ? partner.plain : { action: 'accept' });
}

function shown({ action, tagged, would }: { action?: string; tagged?: boolean; would?: string }): string {
  return `${action}${tagged ? ', tagged' : ''}${would === undefined ? '' : `, would ${would}`}`;
}

const tlsOf = (protocol: string | null): string => protocol ?? 'plain';
const tlsIn = ({ state, protocol }: Verdict['tls']): string => (state === 'tls' ? `${protocol}` : state);
const covers = (gaps: readonly Gap[], at: number): boolean =>
  gaps.some(({ from, to }) => from <= at && at <= to);

/**
 * Recipients that the policy service was asked about; or, where there is only the milter, those that it refused, because
 * it records the others at the end of the message.
 */
export function compareRecipients(
  protocol: Verdict['protocol'],
  tries: readonly Try[],
  evidence: Evidence,
  troubles: readonly Trouble[],
): Compared {
  const least = new Map<string, number>();
  const most = new Map<string, number>();
  const add = (map: Map<string, number>, key: string, count = 1): void =>
    void map.set(key, (map.get(key) ?? 0) + count);
  const gaps = evidence.gaps('daemon');
  /** Those in a gap. */
  const spared = new Map<string, number>();
  for (const { message, protocol: tls, rcpt, began, ended } of tries) {
    // a question is asked again when the daemon dies before it answers
    const asksAgain = troubles.filter(
      ({ act: { name }, from, to }) =>
        (name === 'daemon' || name === 'restart') && began <= to && from <= ended,
    ).length;
    for (const { recipient, said } of rcpt) {
      const key = `${message.sender} to ${recipient}, ${tlsOf(tls)}: ${expected(message.sender, tls)}`;
      const judged = said !== null && ((said.code === 250 && protocol === 'policy') || byRow(said));
      add(most, key, 1 + asksAgain);
      if (!judged) continue;
      add(covers(gaps, said.at) ? spared : least, key);
    }
  }
  const recorded = new Map<string, number>();
  for (const verdict of evidence.ofType<Verdict>('daemon', 'verdict')) {
    if (verdict.protocol !== protocol || (protocol === 'milter' && verdict.action === 'accept')) continue;
    const [recipient = ''] = verdict.recipients;
    const names = `${evidence.addressOf(verdict.sender)} to ${evidence.addressOf(recipient)}`;
    add(recorded, `${names}, ${tlsIn(verdict.tls)}: ${shown(verdict)}`);
  }
  const mistakes: string[] = [];
  let excused = 0;
  for (const [key, count] of spared)
    excused += Math.max(0, Math.min(count, count + (least.get(key) ?? 0) - (recorded.get(key) ?? 0)));
  for (const [key, count] of least)
    if ((recorded.get(key) ?? 0) < count)
      mistakes.push(`${recorded.get(key) ?? 0} of ${count} recorded: ${key}`);
  for (const [key, count] of recorded)
    if (count > (most.get(key) ?? 0))
      mistakes.push(`${count} recorded of at most ${most.get(key) ?? 0}: ${key}`);
  return { mistakes, count: [...recorded.values()].reduce((sum, n) => sum + n, 0), excused };
}

/** Messages that were accepted. */
export function compareMessages(tries: readonly Try[], evidence: Evidence): Compared {
  const gaps = evidence.gaps('daemon');
  const mistakes: string[] = [];
  const verdicts = new Map<string, Verdict[]>();
  /** Replies that the client did not hear, by sender. */
  const unheard = new Map<string, number>();
  for (const verdict of evidence.ofType<Verdict>('daemon', 'verdict')) {
    if (verdict.protocol !== 'milter' || verdict.action !== 'accept') continue;
    const id = verdict.queueId ?? '';
    verdicts.set(id, [...(verdicts.get(id) ?? []), verdict]);
  }
  let count = 0;
  let excused = 0;
  for (const { message, protocol, rcpt, sent, end, queueId } of tries) {
    if (end?.code !== 250 || queueId === null) {
      if (sent) unheard.set(message.sender, (unheard.get(message.sender) ?? 0) + 1);
      continue;
    }
    const want = [
      message.sender,
      tlsOf(protocol),
      expected(message.sender, protocol),
      ...rcpt.filter(({ said }) => said?.code === 250).map(({ recipient }) => recipient),
    ].join(' ');
    const same = verdicts.get(queueId) ?? [];
    const at = same.findIndex((one) => lineOf(one, evidence) === want);
    if (at >= 0) {
      same.splice(at, 1);
      count++;
    } else if (covers(gaps, end.at)) excused++;
    else
      mistakes.push(
        `not recorded: ${queueId} ${want}; ${same.map((one) => lineOf(one, evidence)).join('; ')}`,
      );
  }
  for (const one of [...verdicts.values()].flat()) {
    const sender = evidence.addressOf(one.sender);
    const left = unheard.get(sender) ?? 0;
    unheard.set(sender, left - 1);
    if (left <= 0) mistakes.push(`recorded, and not accepted: ${one.queueId} ${lineOf(one, evidence)}`);
  }
  return { mistakes, count, excused };
}

function lineOf(verdict: Verdict, evidence: Evidence): string {
  const recipients = verdict.recipients.map((one) => evidence.addressOf(one));
  return [evidence.addressOf(verdict.sender), tlsIn(verdict.tls), shown(verdict), ...recipients].join(' ');
}
