/**
 * The certificates of partners as the last probes saw them, and what has changed since the ones before. Pure.
 *
 * A partner is the next hop that a row names. Of each of its servers there is the certificate, since when it is there, and
 * what of ours would break when it is renewed: pins of the row and TLSA records. A server that does not answer keeps what
 * was seen of it last. Limits: 2,000 partners, 24 servers of each, its last 10 changes, 20 names of a certificate.
 */
import type { AddressReport, ProbeReport } from './report.ts';

export const INVENTORY_VERSION = 1;

/** What stops fitting when the server gets another certificate, another key, or another issuer. */
export interface Binding {
  readonly kind: 'pin' | 'tlsa';
  readonly text: string;
  readonly breaksWith: 'certificate' | 'key' | 'issuer';
}

export interface KnownServer {
  readonly host: string;
  readonly address: string;
  readonly protocol: string;
  readonly subject: string;
  readonly issuer: string;
  readonly names: readonly string[];
  /** The certificate's own end, and that of the one of its chain that ends first. ISO 8601. */
  readonly notAfter: string;
  readonly chainNotAfter: string;
  readonly sha256: string;
  readonly keySha256: string;
  /** When this certificate was seen first and last. */
  readonly since: string;
  readonly seen: string;
  readonly bindings: readonly Binding[];
}

export interface Change {
  readonly at: string;
  readonly host: string;
  readonly address: string;
  /** The most that changed: another issuer, the same issuer and another key, the same key. */
  readonly what: 'issuer' | 'key' | 'certificate';
  readonly from: string;
  readonly to: string;
  /** What fitted before, and does not fit any more. */
  readonly broke: readonly Binding[];
}

export interface Partner {
  /** As the row names it. */
  readonly domain: string;
  /** What the row says, with file and line. */
  readonly row: string;
  readonly level: string;
  /** When it was probed last. */
  readonly at: string;
  /** `sent`, `waits` or `unknown` by its row; the code and why. */
  readonly ends: string;
  readonly code: string;
  readonly says: string;
  readonly until: string | null;
  readonly servers: readonly KnownServer[];
  readonly changes: readonly Change[];
}

export interface Inventory {
  readonly v: typeof INVENTORY_VERSION;
  /** By domain. */
  readonly partners: readonly Partner[];
}

export const MAX_PARTNERS = 2000;
const MAX_SERVERS = 24;
const MAX_CHANGES = 10;
const MAX_NAMES = 20;
const MAX_TEXT = 500;

export const EMPTY: Inventory = { v: INVENTORY_VERSION, partners: [] };

/** The partner as this probe of its row saw it, and what is new about it. */
export function updatedPartner(
  before: Partner | undefined,
  domain: string,
  report: ProbeReport,
): { readonly partner: Partner; readonly changes: readonly Change[] } {
  const old = new Map(before?.servers.map((server) => [keyOf(server), server]));
  const changes: Change[] = [];
  for (const { host, addresses } of report.hosts) {
    for (const address of addresses) {
      const seen = serverOf(host, address, report.at);
      if (seen === null) continue;
      const known = old.get(keyOf(seen));
      const change = known === undefined ? null : changeOf(known, seen, report.at);
      if (change !== null) changes.push(change);
      const since = known === undefined || change !== null ? seen.since : known.since;
      old.set(keyOf(seen), { ...seen, since });
    }
  }
  // servers that are no hosts of the domain any more go; those that did not answer stay
  const hosts = new Set(
    report.hosts.flatMap(({ host, addresses }) => addresses.map(({ address }) => `${host} ${address}`)),
  );
  const gone = (key: string): boolean => hosts.size > 0 && !hosts.has(key);
  const servers = [...old].filter(([key]) => !gone(key)).map(([, server]) => server);
  const row = report.row;
  const partner: Partner = {
    domain,
    row: cut(row?.row ?? ''),
    level: row?.level ?? '',
    at: report.at,
    ends: row?.ends ?? 'unknown',
    code: row?.code ?? '',
    says: cut(row?.says ?? ''),
    until: row?.until ?? null,
    servers: servers.slice(0, MAX_SERVERS),
    changes: [...(before?.changes ?? []), ...changes].slice(-MAX_CHANGES),
  };
  return { partner, changes };
}

/** The inventory with these partners in place of those of the same name; partners without a row, and too many, go. */
export function updatedInventory(
  before: Inventory,
  probed: readonly Partner[],
  domains: ReadonlySet<string>,
): Inventory {
  const all = new Map(before.partners.map((partner) => [partner.domain, partner]));
  for (const partner of probed) all.set(partner.domain, partner);
  const kept = [...all.values()].filter(({ domain }) => domains.has(domain));
  // those that were looked at last stay
  const recent = kept.sort((a, b) => (a.at > b.at ? -1 : 1)).slice(0, MAX_PARTNERS);
  return { v: INVENTORY_VERSION, partners: recent.sort((a, b) => (a.domain < b.domain ? -1 : 1)) };
}

function serverOf(host: string, seen: AddressReport, at: string): KnownServer | null {
  const [leaf] = seen.chain;
  if (leaf === undefined) return null;
  const ends = seen.chain.map(({ notAfter }) => notAfter).sort();
  const pins = seen.pins.map(({ digest, of }): Binding => ({ kind: 'pin', text: digest, breaksWith: of }));
  const tlsa =
    seen.tlsa === null ? [] : [{ kind: 'tlsa', text: seen.tlsa, breaksWith: breaks(seen.tlsa) } as const];
  return {
    host,
    address: seen.address,
    protocol: seen.protocol ?? '',
    subject: cut(leaf.subject),
    issuer: cut(leaf.issuer),
    names: leaf.names.slice(0, MAX_NAMES).map(cut),
    notAfter: leaf.notAfter,
    chainNotAfter: ends[0]!,
    sha256: leaf.sha256,
    keySha256: leaf.keySha256,
    since: at,
    seen: at,
    bindings: [...pins, ...tlsa],
  };
}

/** `3 0 x` is of the certificate, `3 1 x` of its key, `2 x x` of a CA. */
function breaks(record: string): Binding['breaksWith'] {
  if (record.startsWith('2 ')) return 'issuer';
  return record.startsWith('3 1 ') ? 'key' : 'certificate';
}

function changeOf(before: KnownServer, now: KnownServer, at: string): Change | null {
  if (before.sha256 === now.sha256) return null;
  const what =
    before.issuer !== now.issuer ? 'issuer' : before.keySha256 !== now.keySha256 ? 'key' : 'certificate';
  const fits = new Set(now.bindings.map(({ text }) => text));
  const broke = before.bindings.filter(({ text }) => !fits.has(text));
  const named = ({ issuer, notAfter }: KnownServer): string => `${issuer}, until ${notAfter.slice(0, 10)}`;
  const { host, address } = now;
  return { at, host, address, what, from: named(before), to: named(now), broke };
}

function keyOf({ host, address }: { readonly host: string; readonly address: string }): string {
  return `${host} ${address}`;
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 3)}...` : text;
}
