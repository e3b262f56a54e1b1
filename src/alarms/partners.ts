/**
 * Failures for want of TLS by partner and way, over a window of records.
 *
 * Out: a message per recipient that was deferred, returned or has expired for a cause of TLS. One that is tried again
 * counts once, and no more when it was sent after all. In: a message that a row in force refused or put off because of
 * the session; one that was put off counts once, however often it comes back.
 *
 * Bounds: `MAX_PARTNERS` partners of some 1 KiB, `MAX_WAITING` messages of some 200 bytes; those that were heard of
 * least recently are forgotten, and an alarm of theirs is then without data.
 */
import type { DeliveryRecord, VerdictEvidence } from '../evidence/record.ts';
import { verdictCause } from '../tally/causes.ts';
import type { Condition, Level, Look } from './condition.ts';
import { isCertificate } from './deliveryCause.ts';
import { RecentMap, SlotCounts, slotMs, slotOf } from './slots.ts';

const MAX_PARTNERS = 5000;
const MAX_WAITING = 20_000;
/** So many partners at once have one cause, and it is here; each alarm is a mail. */
const MANY = 20;
const MAX_SHOWN = 10;
/** Causes of one partner. */
const MAX_CAUSES = 8;

type Way = 'in' | 'out';

/** When a partner fails: at least so many in a window, and of all more than this share. */
export interface Thresholds {
  readonly windowMs: number;
  readonly failures: number;
  readonly failureShare: number;
}

interface Partner {
  readonly way: Way;
  readonly domain: string;
  readonly all: SlotCounts;
  readonly failed: SlotCounts;
  readonly causes: Map<string, SlotCounts>;
  /** Of the failures that have no good message behind them. */
  since: number | null;
  example: string;
}

/** Where a message that failed stands: in the slot in which it failed last. */
interface Waiting {
  slot: number;
}

export class Partners {
  readonly #limits: Thresholds;
  readonly #partners = new RecentMap<Partner>(MAX_PARTNERS);
  readonly #waiting = new RecentMap<Waiting>(MAX_WAITING);

  constructor(limits: Thresholds) {
    this.#limits = limits;
  }

  /** `cause`: why it failed; null: it did not, or not for want of TLS. */
  delivery(record: DeliveryRecord, cause: string | null): void {
    const { recipientDomain: domain, outcome, queueId, recipient } = record;
    if (domain === undefined || outcome === 'filtered') return;
    const message = `out ${record.host} ${queueId} ${recipient}`;
    if (cause !== null) this.#count('out', domain, record.time, message, cause, queueId);
    // a failure of another kind is no answer about TLS
    else if (outcome === 'sent') this.#count('out', domain, record.time, message, null, queueId);
  }

  verdict(record: VerdictEvidence): void {
    const { senderDomain: domain, row, action, breach, notJudged } = record;
    if (domain === undefined || row === undefined || notJudged !== undefined) return;
    if (row.mode === 'observe' || (row.level !== 'encrypt' && row.level !== 'verify')) return;
    const refused = action === 'reject' || action === 'defer';
    if (refused && breach === undefined) return;
    const again = `in ${record.client ?? ''} ${record.sender ?? ''} ${record.recipients[0] ?? ''}`;
    const message = action === 'reject' ? null : again;
    this.#count('in', domain, record.time, message, refused ? verdictCause(record) : null, record.code);
  }

  /** `message`: what tells it from others; null: it comes once. */
  #count(
    way: Way,
    domain: string,
    time: string,
    message: string | null,
    cause: string | null,
    example: string,
  ): void {
    const timeMs = Date.parse(time);
    const slot = slotOf(timeMs, this.#limits.windowMs);
    const partner = this.#partners.use(`${way} ${domain}`, () => newPartner(way, domain));
    const before = message === null ? undefined : this.#waiting.get(message);
    if (before === undefined) partner.all.add(slot, 1);
    else if (before.slot < slot) {
      // it is counted where it was tried last
      partner.all.add(before.slot, -1);
      partner.failed.add(before.slot, -1);
      partner.all.add(slot, 1);
    } else partner.failed.add(before.slot, -1);
    if (cause === null) {
      if (message !== null) this.#waiting.delete(message);
      if (partner.failed.sum(slot) <= 0) partner.since = null;
      return;
    }
    if (message !== null) this.#waiting.use(message, () => ({ slot })).slot = slot;
    partner.failed.add(slot, 1);
    partner.since ??= timeMs;
    partner.example = example;
    const counts = partner.causes.get(cause);
    if (counts !== undefined) counts.add(slot, 1);
    else {
      if (partner.causes.size === MAX_CAUSES) partner.causes.delete(partner.causes.keys().next().value!);
      const fresh = new SlotCounts();
      fresh.add(slot, 1);
      partner.causes.set(cause, fresh);
    }
  }

  look(nowMs: number): Look {
    const slot = slotOf(nowMs, this.#limits.windowMs);
    const conditions: Condition[] = [];
    for (const [, partner] of this.#partners) {
      const failed = Math.max(0, partner.failed.sum(slot));
      const all = Math.max(failed, partner.all.sum(slot));
      const level = levelOf(failed, all, this.#limits);
      if (failed === 0) partner.since = null;
      // one that is fine, or was never more than that, is told by its absence where something is known of it
      if (level !== 'unknown' || partner.causes.size > 0)
        conditions.push(
          conditionOf(partner, { failed, all, level, slot, clearMs: slotMs(this.#limits.windowMs) }),
        );
    }
    const many = manyOf(conditions, slotMs(this.#limits.windowMs));
    return { conditions: [many, ...conditions], unjudged: ['partner-out', 'partner-in'] };
  }

  /** Of all partners, in the window of now: what was refused or put off, and what failed on its way out. */
  failing(nowMs: number): { readonly in: number; readonly out: number } {
    const slot = slotOf(nowMs, this.#limits.windowMs);
    const sums = { in: 0, out: 0 };
    for (const [, { way, failed }] of this.#partners) sums[way] += Math.max(0, failed.sum(slot));
    return sums;
  }
}

function newPartner(way: Way, domain: string): Partner {
  const [all, failed] = [new SlotCounts(), new SlotCounts()];
  return { way, domain, all, failed, causes: new Map(), since: null, example: '' };
}

/** Fires beyond both thresholds; below half of one of them it is good, unless nothing but failures is known. */
export function levelOf(
  failed: number,
  all: number,
  { failures, failureShare }: Omit<Thresholds, 'windowMs'>,
): Level {
  if (all === 0) return 'unknown';
  const share = failed / all;
  if (failed >= failures && share > failureShare) return 'bad';
  if (failed === all) return 'between';
  return failed < failures / 2 || share < failureShare / 2 ? 'good' : 'between';
}

/** Of all partners together. */
function manyOf(conditions: readonly Condition[], clearMs: number): Condition {
  const failing = conditions.filter(({ level }) => level === 'bad');
  const messages = failing.reduce((sum, { count }) => sum + count, 0);
  let level: Level = 'between';
  if (conditions.every((one) => one.level === 'unknown')) level = 'unknown';
  else if (failing.length >= MANY) level = 'bad';
  else if (failing.length < MANY / 2) level = 'good';
  const [worst] = [...failing].sort((a, b) => b.count - a.count);
  return {
    kind: 'partners-failing',
    subject: '',
    severity: 'critical',
    level,
    clearMs,
    summary: `mail with ${failing.length} partners fails or is refused at once (${messages} messages); the first: ${worst?.summary ?? ''}`,
    count: messages,
    domains: failing.slice(0, MAX_SHOWN).map(({ subject }) => subject),
    advice: ['tlsward doctor', 'tlsward report --since 2d', 'tlsward status --check'],
  };
}

interface Counted {
  readonly failed: number;
  readonly all: number;
  readonly level: Level;
  readonly slot: number;
  readonly clearMs: number;
}

function conditionOf(partner: Partner, { failed, all, level, slot, clearMs }: Counted): Condition {
  const { way, domain, causes, since, example } = partner;
  const [cause = ''] = [...causes]
    .map(([name, counts]) => ({ name, n: counts.sum(slot) }))
    .sort((a, b) => b.n - a.n)
    .map(({ name }) => name);
  const did = way === 'out' ? `mail to ${domain} fails` : `mail from ${domain} is refused`;
  return {
    kind: way === 'out' ? 'partner-out' : 'partner-in',
    subject: domain,
    severity: 'warning',
    level,
    ...(since === null ? {} : { since }),
    clearMs,
    summary: `${did}: ${cause} (${failed} of ${all} messages)`,
    count: failed,
    domains: [domain],
    advice: [
      ...(example === '' ? [] : [`tlsward trace ${example}`]),
      `tlsward report --partner ${domain} --since 7d`,
      exception(way, domain, cause),
    ],
  };
}

/** The least that is weaker, of this way alone; what it means stands behind `#`, so that a shell takes the whole line. */
function exception(way: Way, domain: string, cause: string): string {
  const command = `tlsward except ${domain} --until +7d`;
  if (way === 'in')
    return `${command} --receive may --reason "their sending TLS fails"    # lets mail come unprotected`;
  return isCertificate(cause)
    ? `${command} --deliver encrypt --reason "their certificate fails"    # lets mail leave encrypted, to whoever answers`
    : `${command} --deliver may --reason "their TLS fails"    # lets mail leave unprotected`;
}
