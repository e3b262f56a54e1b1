/** What the table and the rules demand, as far as checks depend on it. */
import { parseNextHop } from '../core/nextHop.ts';
import type { DeliverLevel, Settings } from '../core/settings.ts';
import { PolicyTable } from '../core/table.ts';
import { protectsDelivery } from '../rules/tlsRequired.ts';
import type { HostFacts } from './facts.ts';

/** Settings of rows whose violation refuses, defers or holds mail. */
function enforced({ table }: HostFacts): readonly Settings[] {
  return table.packed.settings.filter(({ mode, violation }) => mode === 'enforce' && violation !== 'tag');
}

/** Must mail of some row arrive under TLS, or it is refused? */
export function demandsTls(facts: HostFacts): boolean {
  return enforced(facts).some(({ receive }) => receive === 'encrypt' || receive === 'verify');
}

/** Must a client of some row show a certificate, be it only observed? */
export function demandsCertificate({ table }: HostFacts): boolean {
  return table.packed.settings.some(({ receive }) => receive === 'verify');
}

/** Rows that are met by a certificate from a CA, not by a pin alone. */
export function certificateByName({ table }: HostFacts): readonly Settings[] {
  return table.packed.settings.filter(
    ({ receive, fingerprints, clientNames }) =>
      receive === 'verify' && (fingerprints.length === 0 || clientNames.length > 0),
  );
}

/** Rows that know a client by its pin. */
export function receivesByPin({ table }: HostFacts): boolean {
  return table.packed.settings.some(
    ({ receive, fingerprints }) => receive === 'verify' && fingerprints.length > 0,
  );
}

/** Has the table or a rule something to say of mail that leaves by Postfix? */
export function protectsSending({ table }: HostFacts): boolean {
  return table.rules.length > 0 || protectsDelivery(table.packed.settings);
}

/** Does a row send at one of the levels? */
export function sendsAt({ table }: HostFacts, ...levels: DeliverLevel[]): boolean {
  return table.packed.settings.some(
    ({ deliver }) => deliver !== null && (levels as readonly string[]).includes(deliver),
  );
}

/** Does a row of its own speak of this next hop, so that it leaves under TLS? */
export function protectsHop({ table }: HostFacts, hop: string): boolean {
  const next = parseNextHop(hop);
  if (next.kind !== 'hop') return false;
  const rows = new PolicyTable(table.packed, 0, '');
  const exact = next.exact.map((pattern) => rows.find(pattern)).find((row) => row >= 0);
  const row = exact ?? rows.findDomain(next.name);
  return row >= 0 && protectsDelivery([rows.row(row).settings]);
}

/** Rules send messages by a way of their own. */
export function hasRules({ table }: HostFacts): boolean {
  return table.rules.length > 0;
}
