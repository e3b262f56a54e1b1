/**
 * The mail that waits, grouped by where it goes, what it must satisfy, and why it waits. One message after another is
 * added; memory is bounded by the number of groups, whatever the length of the queue.
 *
 * Every recipient with a reason, or in the hold queue, is in exactly one group; a message with recipients in two groups
 * counts in both, and once in the total.
 */
import { escapeText } from '../core/escape.ts';
import { type Demand, nextHopOfAddress } from './demand.ts';
import type { QueuedMessage } from './queued.ts';
import { type WaitCause, waitCause } from './waitCause.ts';

/** Groups that are told apart; what belongs to others is counted. */
const MAX_GROUPS = 2000;
/** Queue ids of a group that are kept, its oldest first. */
const MAX_IDS = 5;
/** What stands in place of a cause for mail that nobody tries to deliver. */
const HELD: WaitCause = { cause: 'on hold', tls: false };

export interface Group extends WaitCause {
  /** Canonical, escaped; '' for addresses without a domain. */
  readonly domain: string;
  readonly demand: Demand;
  /** In the hold queue. */
  readonly held: boolean;
  readonly messages: number;
  readonly recipients: number;
  /** Arrival of the oldest, in milliseconds since the epoch. */
  readonly oldest: number;
  /** The MTA's own words for the oldest, escaped; ''. */
  readonly reason: string;
  readonly ids: readonly string[];
}

export interface Waiting {
  /** By want of TLS, then by number of messages. */
  readonly groups: readonly Group[];
  /** Messages in the queue, those of them that wait, and their recipients that wait. */
  readonly messages: number;
  readonly waiting: number;
  readonly recipients: number;
  /** Recipients whose group is beyond the limit, or that are not looked at. */
  readonly ungrouped: number;
}

interface Growing {
  readonly domain: string;
  readonly demand: Demand;
  readonly cause: WaitCause;
  readonly held: boolean;
  messages: number;
  recipients: number;
  oldest: number;
  reason: string;
  ids: { readonly id: string; readonly arrived: number }[];
}

export class Groups {
  readonly #groups = new Map<string, Growing>();
  readonly #demandOf: (domain: string, rule: string) => Demand;
  readonly #sendmail: boolean;
  #messages = 0;
  #waiting = 0;
  #recipients = 0;
  #ungrouped = 0;

  /** `sendmail`: the queue is Sendmail's. */
  constructor(demandOf: (domain: string, rule: string) => Demand, sendmail: boolean) {
    this.#demandOf = demandOf;
    this.#sendmail = sendmail;
  }

  add(message: QueuedMessage): void {
    this.#messages++;
    const held = message.state === 'hold';
    const seen = new Set<Growing>();
    let waits = held;
    for (const { address, reason, noted } of message.recipients) {
      if (reason === '' && !held && message.state === 'active') continue;
      waits = true;
      this.#recipients++;
      const { domain, rule } = nextHopOfAddress(address);
      const cause = held ? HELD : waitCause(reason, this.#sendmail, noted);
      const group = this.#group(domain, rule, cause, held);
      if (group === null) {
        this.#ungrouped++;
        continue;
      }
      group.recipients++;
      if (message.arrived < group.oldest) {
        group.oldest = message.arrived;
        group.reason = reason;
      }
      if (!seen.has(group)) keepId(group, message);
      seen.add(group);
    }
    for (const group of seen) group.messages++;
    this.#ungrouped += message.moreRecipients;
    if (waits) this.#waiting++;
  }

  #group(domain: string, rule: string, cause: WaitCause, held: boolean): Growing | null {
    const key = `${domain}\n${rule}\n${held ? 'hold' : cause.cause}`;
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    if (this.#groups.size >= MAX_GROUPS) return null;
    const made: Growing = {
      domain,
      demand: this.#demandOf(domain, rule),
      cause,
      held,
      messages: 0,
      recipients: 0,
      oldest: Number.POSITIVE_INFINITY,
      reason: '',
      ids: [],
    };
    this.#groups.set(key, made);
    return made;
  }

  result(): Waiting {
    const groups = [...this.#groups.values()].map(
      ({ domain, demand, cause, held, messages, recipients, oldest, reason, ids }): Group => ({
        domain: escapeText(domain),
        demand,
        ...cause,
        held,
        messages,
        recipients,
        oldest,
        reason: escapeText(reason, 300),
        ids: ids.map(({ id }) => escapeText(id, 64)),
      }),
    );
    groups.sort(
      (a, b) =>
        Number(b.tls) - Number(a.tls) ||
        b.messages - a.messages ||
        a.oldest - b.oldest ||
        (a.domain < b.domain ? -1 : 1),
    );
    return {
      groups,
      messages: this.#messages,
      waiting: this.#waiting,
      recipients: this.#recipients,
      ungrouped: this.#ungrouped,
    };
  }
}

/** The ids of the oldest, in order. */
function keepId(group: Growing, { id, arrived }: QueuedMessage): void {
  const last = group.ids.at(-1);
  if (group.ids.length >= MAX_IDS && last !== undefined && arrived >= last.arrived) return;
  group.ids = [...group.ids, { id, arrived }].sort((a, b) => a.arrived - b.arrived).slice(0, MAX_IDS);
}
