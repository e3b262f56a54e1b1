/**
 * What the table demanded of a delivery, where the MTA's log does not tell (`tls=` of Postfix 3.11 and later does): what
 * the daemon of that host had last told the MTA about the recipient's domain, on that day or the day before.
 *
 * The MTA asks for the next hop, which is the domain unless a relayhost or a transport table says otherwise; then
 * there is no such answer. So this says what was told about the domain, never more.
 */
import { addDays } from '../archive/day.ts';
import type { DeliveryRecord as Delivery, MapEvidence } from '../evidence/record.ts';
import type { Passage } from './follow.ts';
import type { Evidence, Found } from './places.ts';

/** The answer that was the last one before each delivery. */
export type Demands = ReadonlyMap<Delivery, MapEvidence>;

/** Domains that are looked up. */
const MAX_DOMAINS = 100;
/** The log and the daemon have two clocks, and the log may have whole seconds. */
const CLOCKS_MS = 2000;

interface Wanted {
  readonly found: Found;
  readonly delivery: Delivery;
  readonly domain: string;
}

export function demandsOf(evidence: Evidence, passages: readonly Passage[]): Demands {
  const wanted = passages.flatMap(({ lives }) => lives.flatMap(({ found }) => found.flatMap(deliveryIn)));
  const byDomain = new Map<string, Wanted[]>();
  for (const one of wanted) {
    const known = byDomain.get(one.domain);
    if (known !== undefined) known.push(one);
    else if (byDomain.size < MAX_DOMAINS) byDomain.set(one.domain, [one]);
  }
  const demands = new Map<Delivery, MapEvidence>();
  for (const [domain, deliveries] of byDomain) {
    const days = deliveries.map(({ delivery }) => delivery.time.slice(0, 10)).sort();
    const range = { from: addDays(days[0]!, -1), to: days.at(-1)! };
    for (const told of evidence.find(() => [{ kind: 'address', text: domain }], range))
      for (const one of deliveries) take(demands, one, told);
  }
  return demands;
}

function deliveryIn(found: Found): Wanted[] {
  const { record } = found;
  if (record.type !== 'delivery' || record.demanded !== undefined) return [];
  const domain = record.recipientDomain;
  return domain === undefined || record.relay === undefined ? [] : [{ found, delivery: record, domain }];
}

/** The map that the agent's `smtp_tls_policy_maps` names: a clone of smtp(8) is called after its floor. */
function mapOf({ agent = '' }: Delivery): string {
  const clone = /tlsward-(encrypt|verify)/.exec(agent);
  return clone === null ? 'deliver' : `deliver-${clone[1]}`;
}

function take(demands: Map<Delivery, MapEvidence>, { found, delivery }: Wanted, told: Found): void {
  const { record, place } = told;
  if (record.type !== 'map' || place !== found.place || record.map !== mapOf(delivery)) return;
  if (Date.parse(record.time) > Date.parse(delivery.time) + CLOCKS_MS) return;
  // a day that has passed needs an answer of its own
  if (record.time.slice(0, 10) < addDays(delivery.time.slice(0, 10), -1)) return;
  const before = demands.get(delivery);
  if (before === undefined || before.time <= record.time) demands.set(delivery, record);
}
