/**
 * Certificates of partners, as far as records show them: the digest of a client's certificate under its name, and what
 * deliveries say of a server's. Records have no dates of certificates: that one ends soon nobody can tell from them,
 * only that it has ended.
 *
 * The digests of each domain and name are kept, a few of each, because several servers have several; a digest that is
 * new where others are known is a change. It is told for one window.
 */
import type { DeliveryRecord, VerdictEvidence } from '../evidence/record.ts';
import type { Condition, Look } from './condition.ts';
import { isCertificate } from './deliveryCause.ts';
import { RecentMap, slotMs } from './slots.ts';

const MAX_NAMES = 2000;
const MAX_DOMAINS = 2000;
const MAX_DIGESTS = 8;
const MAX_TEXT = 200;

/** What is kept of a name through a restart. */
export interface KnownCertificate {
  readonly domain: string;
  readonly name: string;
  readonly digests: readonly string[];
  /** When the last one came, where others were known; 0: none did. */
  readonly changedAt: number;
}

/** A server whose certificate is not valid, as it is kept through a restart. */
export interface KnownFailing {
  readonly domain: string;
  readonly cause: string;
  readonly since: number;
  readonly count: number;
  readonly lastAt: number;
}

interface Failing {
  cause: string;
  since: number;
  count: number;
  /** Of the last delivery that says something. */
  bad: boolean;
  lastAt: number;
}

export class Certificates {
  readonly #windowMs: number;
  readonly #names = new RecentMap<KnownCertificate>(MAX_NAMES);
  readonly #servers = new RecentMap<Failing>(MAX_DOMAINS);
  /** When somebody first looked; null: nobody did. */
  #firstLookMs: number | null = null;

  constructor(windowMs: number, known: readonly KnownCertificate[], failing: readonly KnownFailing[]) {
    this.#windowMs = windowMs;
    for (const { domain, ...one } of failing.slice(0, MAX_DOMAINS))
      this.#servers.use(domain, () => ({ ...one, bad: true }));
    for (const one of known.slice(0, MAX_NAMES)) this.#names.use(nameKey(one.domain, one.name), () => one);
  }

  verdict({ senderDomain: domain, tls, row, time }: VerdictEvidence): void {
    const { fingerprint } = tls;
    if (domain === undefined || fingerprint === undefined || row?.level !== 'verify') return;
    const name = (tls.commonName ?? '').slice(0, MAX_TEXT);
    const digest = fingerprint.slice(0, MAX_TEXT);
    const key = nameKey(domain, name);
    const known = this.#names.use(key, () => ({ domain, name, digests: [digest], changedAt: 0 }));
    if (known.digests.includes(digest)) return;
    const digests = [...known.digests, digest].slice(-MAX_DIGESTS);
    this.#names.delete(key);
    this.#names.use(key, () => ({ ...known, digests, changedAt: Date.parse(time) }));
  }

  delivery({ recipientDomain: domain, tls, outcome, time }: DeliveryRecord, cause: string | null): void {
    if (domain === undefined) return;
    const at = Date.parse(time);
    // read again after a restart
    if (at < (this.#servers.get(domain)?.lastAt ?? 0)) return;
    if (cause !== null && isCertificate(cause)) {
      const one = this.#servers.use(domain, () => ({ cause, since: at, count: 0, bad: false, lastAt: at }));
      if (!one.bad) Object.assign(one, { since: at, count: 0 });
      Object.assign(one, { cause, bad: true, lastAt: at, count: one.count + 1 });
      return;
    }
    const before = this.#servers.get(domain);
    // only a session in which it was verified says that it is good again
    if (before !== undefined && outcome === 'sent' && tls.peer === 'verified')
      Object.assign(before, { bad: false, lastAt: at });
  }

  /** To be kept through a restart. */
  get known(): KnownCertificate[] {
    return [...this.#names].map(([, one]) => one);
  }

  /** To be kept through a restart: the next delivery to such a server may be longer away than a window. */
  get failing(): KnownFailing[] {
    return [...this.#servers].flatMap(([domain, { cause, since, count, lastAt, bad }]) =>
      bad ? [{ domain, cause, since, count, lastAt }] : [],
    );
  }

  look(nowMs: number): Look {
    const conditions = new Map<string, Condition>();
    this.#firstLookMs ??= nowMs;
    // what changed before may fire since then, and nobody was there to see it end
    const restarted = nowMs - this.#firstLookMs < this.#windowMs;
    for (const [, one] of this.#names) {
      const age = nowMs - one.changedAt;
      if (age < this.#windowMs) conditions.set(one.domain, this.#changed(one, 'bad'));
      // it was told; later on, only a delivery says that a domain is fine
      else if (one.changedAt > 0 && (restarted || age < 2 * this.#windowMs) && !conditions.has(one.domain))
        conditions.set(one.domain, this.#changed(one, 'good'));
    }
    for (const [domain, one] of this.#servers)
      if (!conditions.has(domain) || one.bad) conditions.set(domain, this.#failing(domain, one));
    // what deliveries said before the window of a restart is not known any more
    return { conditions: [...conditions.values()], unjudged: ['partner-certificate'] };
  }

  #changed({ domain, name, digests, changedAt }: KnownCertificate, level: 'bad' | 'good'): Condition {
    const shown = name === '' ? '' : ` (${name})`;
    return {
      ...this.#common(domain),
      level,
      since: changedAt,
      summary: `${domain} shows another client certificate${shown} than before: ${digests.at(-1)}`,
      count: 1,
      advice: [
        `ask ${domain} by telephone whether the certificate is theirs`,
        `tlsward explain --from postmaster@${domain}    (does the row pin the old one?)`,
      ],
    };
  }

  #failing(domain: string, { cause, since, count, bad }: Failing): Condition {
    return {
      ...this.#common(domain),
      level: bad ? 'bad' : 'good',
      since,
      summary: `the certificate of ${domain} is not valid any more: ${cause}`,
      count,
      advice: [
        `posttls-finger -l verify ${domain}    (shows the certificate as Postfix sees it)`,
        `tlsward report --partner ${domain} --since 7d`,
      ],
    };
  }

  #common(domain: string): Pick<Condition, 'kind' | 'subject' | 'severity' | 'clearMs' | 'domains'> {
    const clearMs = slotMs(this.#windowMs);
    return { kind: 'partner-certificate', subject: domain, severity: 'warning', clearMs, domains: [domain] };
  }
}

function nameKey(domain: string, name: string): string {
  return `${domain} ${name}`;
}
