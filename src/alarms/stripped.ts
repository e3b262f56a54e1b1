/**
 * STARTTLS gone at many unrelated destinations at once: then it is not them, it is what lies between. A firewall that
 * "inspects SMTP", or an attacker, removes the word from the greeting of every server alike.
 *
 * A destination has lost it when the last that is known of it in the window is a session without TLS, or a delivery that
 * failed because STARTTLS was not offered, and it had TLS before. Related are destinations whose servers have the same
 * domain or stand in the same network, as those of one provider do: they count once.
 */
import type { DeliveryRecord } from '../evidence/record.ts';
import type { Condition, Level, Look } from './condition.ts';
import { isMissing } from './deliveryCause.ts';
import { RecentMap, SLOTS, slotMs, slotOf } from './slots.ts';

const MAX_DESTINATIONS = 5000;
const MAX_SHOWN = 10;

interface Destination {
  hadTls: boolean;
  lost: boolean;
  /** Of the last that is known. */
  slot: number;
  since: number;
  /** Domain of the server's name, and its network. */
  operator: string;
  network: string;
}

interface Limits {
  readonly windowMs: number;
  readonly destinations: number;
}

export class Stripped {
  readonly #limits: Limits;
  readonly #destinations = new RecentMap<Destination>(MAX_DESTINATIONS);

  /** `hadTls`: domains of which that is known from before. */
  constructor(limits: Limits, hadTls: readonly string[]) {
    this.#limits = limits;
    for (const domain of hadTls.slice(0, MAX_DESTINATIONS))
      this.#destinations.use(domain, newDestination).hadTls = true;
  }

  delivery(record: DeliveryRecord, cause: string | null): void {
    const { recipientDomain, relay, tls } = record;
    if (recipientDomain === undefined || relay?.host === undefined || relay.address?.includes('/')) return;
    const refused = isMissing(cause);
    if (!refused && (tls.state === 'unknown' || (tls.state === 'plain' && record.outcome !== 'sent'))) return;
    const destination = this.#destinations.use(recipientDomain, newDestination);
    const lost = refused || tls.state === 'plain';
    // of a domain that never had it nothing was taken away
    if (tls.state === 'tls' && !refused) destination.hadTls = true;
    if (lost && !destination.lost) destination.since = Date.parse(record.time);
    destination.lost = lost && (destination.hadTls || refused);
    destination.slot = slotOf(Date.parse(record.time), this.#limits.windowMs);
    destination.operator = operatorOf(relay.host);
    destination.network = networkOf(relay.address ?? '');
  }

  /** To be kept through a restart. */
  get hadTls(): string[] {
    return [...this.#destinations].filter(([, { hadTls }]) => hadTls).map(([domain]) => domain);
  }

  look(nowMs: number): Look {
    const first = slotOf(nowMs, this.#limits.windowMs) - SLOTS;
    const seen = [...this.#destinations].filter(([, { slot }]) => slot > first);
    const lost = seen.filter(([, one]) => one.lost);
    const unrelated = Math.min(
      new Set(lost.map(([, { operator }]) => operator)).size,
      new Set(lost.map(([, { network }]) => network)).size,
    );
    const judged = seen.filter(([, { hadTls, lost: gone }]) => hadTls || gone).length;
    const { destinations } = this.#limits;
    const most = lost.length * 2 > judged;
    let level: Level = 'between';
    if (judged === 0) level = 'unknown';
    else if (unrelated >= destinations && most) level = 'bad';
    // few that were seen, and most of them lost, are no sign that it is over
    else if (unrelated < destinations / 2 && !most) level = 'good';
    const condition: Condition = {
      kind: 'starttls-stripped',
      subject: '',
      severity: 'critical',
      level,
      since: Math.min(nowMs, ...lost.map(([, { since }]) => since)),
      clearMs: slotMs(this.#limits.windowMs),
      summary: `your own network strips STARTTLS: ${lost.length} of ${judged} destinations no longer offer it, and they have nothing in common`,
      count: lost.length,
      domains: lost.slice(0, MAX_SHOWN).map(([domain]) => domain),
      advice: [
        'openssl s_client -starttls smtp -connect MX-HOST:25    (from here, and from another network: compare)',
        'switch off SMTP inspection on the firewall (Cisco: no inspect esmtp), or ask the provider',
      ],
    };
    return { conditions: [condition], unjudged: [] };
  }
}

function newDestination(): Destination {
  const never = Number.NEGATIVE_INFINITY;
  return { hadTls: false, lost: false, slot: never, since: 0, operator: '', network: '' };
}

/** The last two labels of a server's name. */
function operatorOf(host: string): string {
  return host.replace(/\.$/, '').split('.').slice(-2).join('.').toLowerCase();
}

/** /16 of IPv4, /32 of IPv6. */
function networkOf(address: string): string {
  return address.includes(':')
    ? address.split(':').slice(0, 2).join(':')
    : address.split('.').slice(0, 2).join('.');
}
