/**
 * Records of deliveries to sessions, where no handshakes were reported. Pure, one record at a time.
 *
 * A delivery is one recipient at one attempt; those of one message over one server within a minute are one session, unless
 * a recipient comes again or the server took the message with other words. A session counts as good when a TLS session is
 * proven to be its own and nothing of TLS was in the way, as failed when the MTA says that TLS was. Plaintext that was
 * allowed, a connection that was kept, and what is not known count as nothing: as Postfix reports them.
 *
 * What was demanded of the session gives its policy: DANE, names that the server had to have (an MTA-STS policy, or a row
 * of the table: found out later), or no policy of the domain's. A session whose server was verified, or should have been,
 * while nobody knows what was demanded, is under a policy that is not known: it is counted apart.
 */
import { canonicalDomain } from '../../core/domain.ts';
import type { DeliveryRecord } from '../../evidence/record.ts';
import { tlsFailure } from '../../tally/causes.ts';
import { domainOf } from '../../trace/recordKeys.ts';
import type { Failure, Policy, Session } from './dayAccount.ts';
import { resultOf } from './results.ts';

/** What the MTA was told of a domain. */
export interface Demand {
  /** `secure`, `dane-only`; '': not known. */
  readonly level: string;
  /** The names of `secure`. */
  readonly names: readonly string[];
}

interface Open {
  readonly since: number;
  readonly recipients: Set<string>;
  /** What the server said when it took the message; ''. */
  reply: string;
}

/** Deliveries of one session are logged within it. */
const SESSION_MS = 60_000;
const MAX_OPEN = 20_000;

export class DeliverySessions {
  readonly #open = new Map<string, Open>();
  /** Sessions whose policy is not known. */
  unknown = 0;

  /** The session that a delivery begins; null: it belongs to one before, or to none that counts. */
  add(delivery: DeliveryRecord, demand: Demand): Session | null {
    const { relay, tls, outcome } = delivery;
    const domain = canonicalDomain(delivery.recipientDomain ?? domainOf(delivery.recipient));
    const server = canonicalDomain(relay?.host ?? '');
    if (domain === null || server === null || tls.reused === true || tls.how === 'local') return null;
    if (outcome === 'filtered' || outcome === 'expired') return null;
    const failed = outcome === 'sent' ? null : tlsFailure(delivery);
    if (failed === null && tls.state !== 'tls') return null;
    const result = failed === null ? null : resultOf(failed.cause);
    if (failed !== null && result === null) return null;
    if (!this.#begins(delivery)) return null;
    const verified = tls.peer === 'verified' || failed?.proves === 'verify';
    const policy = policyOf(demand, domain, server, verified);
    if (policy === null) {
      this.unknown++;
      return null;
    }
    if (result === null) return { domain, policy, ok: true, failures: [] };
    const failure: Failure = {
      ...result,
      sendingAddress: '',
      mxHost: server,
      mxHelo: '',
      mxAddress: relay?.address ?? '',
      information: '',
    };
    return { domain, policy, ok: false, failures: [failure] };
  }

  #begins({
    host,
    queueId,
    agent = '',
    relay,
    recipient,
    outcome,
    reply = '',
    time: text,
  }: DeliveryRecord): boolean {
    const key = `${host}\n${agent}\n${queueId}\n${relay?.host}\n${relay?.address}\n${relay?.port}`;
    const time = Date.parse(text);
    const taken = outcome === 'sent' ? reply : '';
    const open = this.#open.get(key);
    // with `privacy = domains` all recipients of a domain have one name
    const named = !recipient.startsWith('@');
    if (open !== undefined && Math.abs(time - open.since) <= SESSION_MS) {
      const again = named && open.recipients.has(recipient);
      const other = taken !== '' && open.reply !== '' && taken !== open.reply;
      if (!again && !other) {
        if (named) open.recipients.add(recipient);
        if (open.reply === '') open.reply = taken;
        return false;
      }
    }
    this.#open.delete(key);
    this.#open.set(key, { since: time, recipients: new Set(named ? [recipient] : []), reply: taken });
    if (this.#open.size > MAX_OPEN) {
      const [oldest] = this.#open.keys();
      this.#open.delete(oldest!);
    }
    return true;
  }
}

/** `verified`: the server was, or should have been. null: the policy is not known. */
function policyOf(
  { level, names }: Demand,
  domain: string,
  server: string,
  verified: boolean,
): Policy | null {
  const common = { strings: [], mxHosts: [], server };
  // at `dane` Postfix verifies only by TLSA records; where it does not, there were none that count
  if (level === 'dane-only' || (level === 'dane' && verified))
    return { type: 'tlsa', domain: server, ...common };
  if (level === 'secure' && names.length > 0) return { ...common, type: 'secure', domain, strings: names };
  if (level === '' && verified) return null;
  return { ...common, type: 'no-policy-found', domain };
}

/** The names of an answer `secure match=a.example:.b.example ...` of the map; empty: it has none. */
export function namesOf(reply: string): readonly string[] {
  const value = reply.startsWith('OK ') ? reply.slice(3) : reply;
  const [level = '', match = ''] = value.slice(0, 4096).split(' ', 2);
  if (level !== 'secure' || !match.startsWith('match=') || match.endsWith('...')) return [];
  return match.slice('match='.length).split(':');
}
