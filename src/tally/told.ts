/**
 * What the daemon told the MTA to demand of next hops, from its `map` records of a day and the day before. Pure.
 *
 * An answer holds until another one about the same domain, until the next start of the daemon or reload of its table
 * (then every answer is recorded anew), or until the end of the day after. The MTA asks for the next hop, which is the
 * recipient's domain unless a relayhost or a transport table says otherwise; then there is no such answer, and nothing
 * is claimed.
 */
import { addDays } from '../archive/day.ts';
import type { DeliveryRecord, EvidenceRecord, MapEvidence } from '../evidence/record.ts';
import { domainOf } from '../trace/recordKeys.ts';
import type { ItemRow } from './item.ts';

/** Domains that are told apart, and answers about one. */
const MAX_DOMAINS = 200_000;
const MAX_ANSWERS = 300_000;
/** The log and the daemon have two clocks, and the log may have whole seconds. */
const CLOCKS_MS = 2000;

interface Timed {
  /** Milliseconds since the epoch. */
  readonly time: number;
}

interface Answer extends Timed {
  readonly day: string;
  readonly row: ItemRow;
}

/** Sendmail's access map: `TEMP+VERIFY:112+CN`, `ENCR:128`. */
const SENDMAIL = /^(?:TEMP\+|PERM\+)?(VERIFY|ENCR)\b/;
const LEVEL = /^[a-z-]{1,20}$/;

export class Told {
  readonly #answers = new Map<string, Answer[]>();
  readonly #rows = new Map<string, ItemRow>();
  /** When a table came into force: earlier answers hold no more. */
  readonly #resets: Timed[] = [];
  #count = 0;
  /** There were more domains than are told apart. */
  cut = false;

  /** Records in the order of their lines: map, start and reload; others say nothing. */
  add(record: EvidenceRecord): void {
    if (record.type === 'start' || (record.type === 'reload' && record.ok)) {
      if (this.#resets.length < MAX_ANSWERS) insert(this.#resets, { time: Date.parse(record.time) });
    } else if (record.type === 'map' && record.status === 'OK') this.#map(record);
  }

  #map(record: MapEvidence): void {
    const level = levelIn(record);
    if (level === '' || record.row === undefined) return;
    const key = `${bookOf(record.map)} ${domainOf(`@${record.key}`)}`;
    let known = this.#answers.get(key);
    if ((known === undefined && this.#answers.size >= MAX_DOMAINS) || this.#count >= MAX_ANSWERS) {
      this.cut = true;
      return;
    }
    if (known === undefined) {
      known = [];
      this.#answers.set(key, known);
    }
    const { pattern, at } = record.row;
    const row = this.#shared({ pattern, at, level, mode: 'enforce' });
    insert(known, { time: Date.parse(record.time), day: record.time.slice(0, 10), row });
    this.#count++;
  }

  /** One object for equal rows. */
  #shared(row: ItemRow): ItemRow {
    const key = JSON.stringify(row);
    const known = this.#rows.get(key) ?? row;
    this.#rows.set(key, known);
    return known;
  }

  /** What was demanded of a delivery to the domain; null: nothing is known. */
  of({ agent = '', time, tls }: DeliveryRecord, domain: string): ItemRow | null {
    const name = tls.how === 'sendmail' ? SENDMAILS : mapOfAgent(agent);
    const known = this.#answers.get(`${name} ${domain}`);
    if (known === undefined) return null;
    const at = Date.parse(time);
    const answer = lastUntil(known, at + CLOCKS_MS);
    if (answer === undefined || answer.day < addDays(time.slice(0, 10), -1)) return null;
    const reset = lastUntil(this.#resets, at - CLOCKS_MS);
    return reset !== undefined && reset.time > answer.time ? null : answer.row;
  }
}

/** Keeps the order of time, also where a clock was set back. */
function insert<T extends Timed>(list: T[], one: T): void {
  let at = list.length;
  while (at > 0 && list[at - 1]!.time > one.time) at--;
  list.splice(at, 0, one);
}

function lastUntil<T extends Timed>(list: readonly T[], time: number): T | undefined {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]!.time <= time) low = middle + 1;
    else high = middle;
  }
  return list[low - 1];
}

/** Sendmail asks the access map, whatever its name. */
const SENDMAILS = 'tls_rcpt';

function bookOf(map: string): string {
  return map === 'access' ? SENDMAILS : map;
}

/** The map that the agent's `smtp_tls_policy_maps` names: a clone of smtp(8) is called after its floor. */
function mapOfAgent(agent: string): string {
  const clone = /tlsward-(encrypt|verify)/.exec(agent.slice(0, 200));
  return clone === null ? 'deliver' : `deliver-${clone[1]}`;
}

/** The level of an answer `OK VALUE`; '' if there is none. */
function levelIn({ map, reply }: MapEvidence): string {
  const value = reply.startsWith('OK ') ? reply.slice(3) : reply;
  if (bookOf(map) === SENDMAILS) {
    const word = SENDMAIL.exec(value)?.[1];
    return word === undefined ? '' : word === 'VERIFY' ? 'verify' : 'encrypt';
  }
  const end = value.indexOf(' ');
  const level = end < 0 ? value : value.slice(0, end);
  return LEVEL.test(level) ? level : '';
}

/** Levels of Postfix under which mail does not leave in plaintext. */
const REQUIRES = new Set(['encrypt', 'dane-only', 'fingerprint', 'verify', 'secure']);

export function requiresTls(level: string): boolean {
  return REQUIRES.has(level);
}

/** Does the session of a delivery that was made satisfy the level, as far as its record tells? */
export function satisfies(level: string, tls: DeliveryRecord['tls']): boolean {
  if (level === 'encrypt') return true;
  // Sendmail compares names itself, and calls a certificate whose chain is good `OK`
  return tls.peer === 'verified' || (tls.how === 'sendmail' && tls.peer === 'trusted');
}
