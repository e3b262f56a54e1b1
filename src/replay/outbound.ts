/**
 * Recorded deliveries against the level that the candidate demands: would the session that carried the message have done?
 * Pure, one record at a time.
 *
 * The MTA asks for the next hop. Where the record does not name it, it is taken to be the domain of the recipient, as it
 * is without a relayhost or a transport table. What was demanded then and the answer that the daemon gave for it are
 * known from `map` records; a level that verifies the server is taken to be met only where the same was demanded and met.
 */
import { parseNextHop } from '../core/nextHop.ts';
import type { AnsweredLevel } from '../core/settings.ts';
import { compareWithFloor } from '../core/tls.ts';
import { type DeliverDecision, type DeliverPolicy, decideNextHop } from '../deliver/deliver.ts';
import { type DeliverFloor, mandatory, stricter } from '../deliver/level.ts';
import type { DeliveryRecord, MapEvidence } from '../evidence/record.ts';
import type { Candidate } from './candidate.ts';
import type { Changes, Message } from './changes.ts';

/** Next hops whose answers are remembered, and answers of one; some 500 bytes each. */
const MAX_ANSWERS = 20_000;
const MAX_OF_ONE = 4;
/** The log and the daemon have two clocks, and the log may have whole seconds (trace/demands.ts). */
const CLOCKS_MS = 2000;
/** An answer is recorded once a day. */
const MAX_AGE_MS = 2 * 86_400_000;

/** Would the session have done? `why`: what is missing, or not known. */
type Fit = { readonly fits: true } | { readonly fits: false | null; readonly why: string };

const FITS: Fit = { fits: true };
const lacks = (why: string): Fit => ({ fits: false, why });
const unknown = (why: string): Fit => ({ fits: null, why });

export class Outbound {
  /** Deliveries that were no connection to another host, and attempts after which the message did not leave. */
  inside = 0;
  attempts = 0;
  readonly #candidate: Candidate;
  readonly #changes: Changes;
  /** The last answers by place, map and next hop, the oldest first. */
  readonly #answers = new Map<string, readonly MapEvidence[]>();

  constructor(candidate: Candidate, changes: Changes) {
    this.#candidate = candidate;
    this.#changes = changes;
  }

  /** What the daemon answered; to be added before the deliveries of that day. */
  answered(record: MapEvidence, place: string): void {
    const key = keyOf(place, record.map, record.key);
    const before = this.#answers.get(key) ?? [];
    this.#answers.delete(key);
    this.#answers.set(key, [...before.slice(1 - MAX_OF_ONE), record]);
    if (this.#answers.size <= MAX_ANSWERS) return;
    for (const oldest of this.#answers.keys()) {
      this.#answers.delete(oldest);
      break;
    }
  }

  /** The answer that was the last one before the delivery; one that is older than the day before says nothing. */
  #told(delivery: DeliveryRecord, place: string, map: string, hop: string): MapEvidence | undefined {
    const answers = this.#answers.get(keyOf(place, map, hop)) ?? [];
    const time = Date.parse(delivery.time);
    return answers.findLast((one) => {
      const age = time - Date.parse(one.time);
      return age >= -CLOCKS_MS && age < MAX_AGE_MS;
    });
  }

  /** `inside`: it was no connection to another host. */
  add(delivery: DeliveryRecord, place: string, inside: boolean): void {
    if (inside || delivery.outcome === 'filtered') this.inside++;
    else if (delivery.outcome !== 'sent') this.attempts++;
    else this.#sent(delivery, place);
  }

  #sent(delivery: DeliveryRecord, place: string): void {
    const { recipientDomain, nextHop, host, time, queueId } = delivery;
    const partner = recipientDomain ?? '';
    const message: Message = { way: 'out', partner, time, example: queueId, host };
    const hop = nextHop ?? recipientDomain;
    if (hop === undefined) {
      this.#changes.unknown(message, 'next hop', 1);
      return;
    }
    const floor = floorOf(delivery);
    const told = this.#told(delivery, place, floor === 'none' ? 'deliver' : `deliver-${floor}`, hop);
    if (told !== undefined && told.table.hash === this.#candidate.table.hash) {
      this.#changes.unchanged('out', 1);
      return;
    }
    const decision = decideNextHop(this.#candidate.table, hop, floor);
    const fit = fitOf(delivery, decision, floor, told);
    if (fit.fits === true) this.#changes.unchanged('out', 1);
    else if (fit.fits === null) this.#changes.unknown(message, fit.why, 1);
    else {
      const { row } = decision;
      const finding =
        row === null ? null : ({ side: 'recipient', address: null, row, breach: null } as const);
      const after = decision.kind === 'policy' ? `wait (${decision.policy.level})` : 'wait';
      this.#changes.changed(message, 'waits', 'sent', after, finding, 1, fit.why);
    }
  }
}

function keyOf(place: string, map: string, key: string): string {
  const hop = parseNextHop(key);
  const name = hop.kind === 'hop' && hop.exact.length === 0 ? hop.name : key;
  return `${place}\n${map}\n${name}`;
}

/** Of the map that the agent's `smtp_tls_policy_maps` names: a clone of smtp(8) is called after its floor. */
function floorOf({ agent = '' }: DeliveryRecord): DeliverFloor {
  const clone = /tlsward-(encrypt|verify)/.exec(agent)?.[1];
  return clone === 'encrypt' || clone === 'verify' ? clone : 'none';
}

function fitOf(
  delivery: DeliveryRecord,
  decision: DeliverDecision,
  floor: DeliverFloor,
  told: MapEvidence | undefined,
): Fit {
  switch (decision.kind) {
    case 'silent':
      // the answer of then may have been below the level of the MTA, which now decides
      return told?.status === 'OK' && delivery.tls.state !== 'tls' ? unknown('mta level') : FITS;
    case 'trouble':
      return lacks(decision.why);
    case 'policy':
      return fitsPolicy(delivery, decision, told);
    case 'needs': {
      // the answer is no weaker than the floors, whatever the domain publishes
      const { deliver, deliverFloor } = decision.row.settings;
      const least = deliver === 'dane' ? floor : stricter(deliverFloor, floor);
      if (mandatory(least) && delivery.tls.state === 'plain') return lacks('plain');
      return unknown('published');
    }
  }
}

function fitsPolicy(
  delivery: DeliveryRecord,
  { policy, row }: Extract<DeliverDecision, { kind: 'policy' }>,
  told: MapEvidence | undefined,
): Fit {
  const { level } = policy;
  const { tls } = delivery;
  if (level === 'none' || level === 'may') return FITS;
  if (level === 'dane') return demandedOf(delivery, told) === 'dane' ? FITS : unknown('published');
  if (tls.state === 'plain') return lacks('plain');
  if (tls.state === 'unknown') return unknown('tls');
  const { protocol = '', cipher = '', bits = null } = tls;
  if (row !== null && row.settings.mode === 'enforce') {
    const session = { kind: 'tls', protocol, cipher, bits, certificate: { kind: 'none' } } as const;
    const floor = compareWithFloor(session, row.settings);
    // with others excluded the server might have chosen another cipher; a better protocol it would have chosen anyway
    if (floor === 'protocol') return lacks('protocol');
    if (floor !== 'ok') return unknown('cipher');
  }
  return level === 'encrypt' ? FITS : fitsServer(delivery, policy, told);
}

/** At a level that verifies the server. */
function fitsServer(delivery: DeliveryRecord, policy: DeliverPolicy, told: MapEvidence | undefined): Fit {
  const { peer } = delivery.tls;
  const { level } = policy;
  if (peer === 'verified' && demandedOf(delivery, told) === level && sameNames(policy, told)) return FITS;
  // no authority that this host trusts had issued it
  if (peer === 'untrusted' && (level === 'verify' || level === 'secure')) return lacks('certificate');
  return unknown('server certificate');
}

/** The level, as the MTA's log says, or as the daemon answered. */
function demandedOf({ demanded }: DeliveryRecord, told: MapEvidence | undefined): string {
  return demanded?.level ?? wordsOf(told)[0] ?? '';
}

/** Are names and digests those of the answer then? */
function sameNames({ level, match }: DeliverPolicy, told: MapEvidence | undefined): boolean {
  const [said, ...attributes] = wordsOf(told);
  const names = attributes.flatMap((one) => (one.startsWith('match=') ? [one.slice('match='.length)] : []));
  const wanted: AnsweredLevel = level;
  return said === wanted && names.join(' ') === match.join(level === 'fingerprint' ? '|' : ':');
}

/** Of an answer `OK secure match=...`: the level and its attributes. */
function wordsOf(told: MapEvidence | undefined): string[] {
  if (told?.status !== 'OK') return [];
  return (told.reply.startsWith('OK ') ? told.reply.slice('OK '.length) : told.reply).split(' ');
}
