/**
 * Gets the policy of a domain: `GET https://mta-sts.DOMAIN/.well-known/mta-sts.txt`. The server is not
 * trusted.
 *
 * Its addresses are looked up once, each is judged (addressFilter.ts), and the connection goes to exactly the
 * address that was judged: a name that resolves to another address the second time gains nothing. Up to four
 * addresses are tried, IPv4 and IPv6 in turn, until one of them answers HTTP; that answer counts, whatever it
 * is (policyRequest.ts). One deadline covers everything, including the lookup.
 *
 * Sources: RFC 8461 section 3.3; core/publishedFacts.ts for the meaning of the failures.
 */

import { isIPv6 } from 'node:net';
import type { Resolver } from '../dns/resolver.ts';
import { codeOf } from '../files/systemError.ts';
import { judgeAddress, type StsOpening } from './addressFilter.ts';
import type { PolicyHosts } from './policyHosts.ts';
import {
  fetchError,
  type PolicyAnswer,
  requestPolicy,
  type StsBusy,
  type StsFailed,
  type StsFetched,
} from './policyRequest.ts';

interface StsFetchOptions {
  readonly resolver: Resolver;
  readonly opening: StsOpening | null;
  /** PEM of the CAs to trust instead of Node's own list (which NODE_EXTRA_CA_CERTS adds to). */
  readonly ca?: string;
  /** For everything together. Default 15,000. */
  readonly deadlineMs?: number;
  /** Aborts at once. */
  readonly signal?: AbortSignal;
  /** Shares the connection limit with other fetches. */
  readonly hosts?: PolicyHosts;
}

const DEADLINE_MS = 15_000;
/** How long one address may take to get through its TLS handshake while others are left. */
const HANDSHAKE_MS = 4_000;
const MAX_ADDRESSES = 4;

/** `domain`: canonical. Never rejects; when it answers, every socket it opened is destroyed. */
export async function fetchStsPolicy(domain: string, options: StsFetchOptions): Promise<StsFetched> {
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  const stop = new AbortController();
  const late = setTimeout(
    () => stop.abort(fetchError(`no complete answer within ${deadlineMs / 1000} s`)),
    deadlineMs,
  );
  const given = options.signal;
  const giveUp = () => stop.abort(fetchError('given up: shutting down'));
  if (given?.aborted === true) giveUp();
  given?.addEventListener('abort', giveUp);
  try {
    return await tryAddresses(`mta-sts.${domain}`, options, stop.signal);
  } catch (error) {
    // to the caller, an internal error must look like any other failed fetch
    return fetchError(`cannot be asked (${codeOf(error) || 'unknown fault'})`);
  } finally {
    clearTimeout(late);
    given?.removeEventListener('abort', giveUp);
  }
}

async function tryAddresses(
  host: string,
  options: StsFetchOptions,
  signal: AbortSignal,
): Promise<StsFetched> {
  const found = await Promise.race([options.resolver.addresses(host), aborted(signal)]);
  if (found.kind === 'failed' || found.kind === 'busy') return found;
  if (found.kind === 'absent') return fetchError(`${host} has no address`);
  if (found.kind === 'unknown') return fetchError(`no answer for the address of ${host}: ${found.why}`);
  const allowed: { readonly address: string; readonly port: number }[] = [];
  const refused: string[] = [];
  for (const text of found.records) {
    const judged = judgeAddress(text, options.opening);
    if (judged.kind === 'allowed') allowed.push(judged);
    else refused.push(judged.why);
  }
  if (allowed.length === 0) {
    return fetchError(`${host} has no public address (${[...new Set(refused)].join(', ') || 'none given'})`);
  }
  const chosen = inTurn(allowed).slice(0, MAX_ADDRESSES);
  let failed: StsFailed | null = null;
  let busy: StsBusy | null = null;
  for (const [i, target] of chosen.entries()) {
    const handshakeMs = i < chosen.length - 1 ? HANDSHAKE_MS : null;
    const { outcome, final } = await tryAddress(host, target, handshakeMs, options, signal);
    if (outcome.kind === 'busy') busy = outcome;
    else if (final || outcome.kind === 'policy') return outcome;
    // a certificate error is more informative than a failed connection
    else if (failed === null || outcome.failure === 'sts-webpki-invalid') failed = outcome;
    if (signal.aborted) break;
  }
  // an address that was not tried might have had the policy
  return busy ?? failed ?? fetchError(`${host} could not be asked`);
}

/** One request, as soon as there is a place for its address. */
async function tryAddress(
  host: string,
  target: { readonly address: string; readonly port: number },
  handshakeMs: number | null,
  { hosts, ca }: StsFetchOptions,
  signal: AbortSignal,
): Promise<PolicyAnswer> {
  const asked = { host, ...target, ca: ca ?? null };
  if (hosts === undefined) return requestPolicy({ ...asked, handshakeMs, signal });
  const entered = await hosts.enter(target.address);
  if (entered === null)
    return {
      outcome: { kind: 'busy', why: `no room for one more connection to ${host}` },
      final: false,
      hung: false,
    };
  const { place } = entered;
  const stop = new AbortController();
  const putOut = () => stop.abort({ kind: 'busy', why: `${host} took too long while others waited` });
  const giveUp = () => stop.abort(signal.reason);
  place.signal.addEventListener('abort', putOut);
  signal.addEventListener('abort', giveUp);
  if (signal.aborted) giveUp();
  try {
    const least = Math.min(handshakeMs ?? Infinity, entered.handshakeMs ?? Infinity);
    const limit = least === Infinity ? null : least;
    const answer = await requestPolicy({ ...asked, handshakeMs: limit, signal: stop.signal });
    hosts.tell(target.address, answer.hung);
    return place.signal.aborted ? { ...answer, final: false } : answer;
  } finally {
    signal.removeEventListener('abort', giveUp);
    place.leave();
  }
}

/** IPv4 and IPv6 alternately, beginning with the kind of the first. */
function inTurn<T extends { readonly address: string }>(all: readonly T[]): T[] {
  const six = all.filter(({ address }) => isIPv6(address));
  const four = all.filter(({ address }) => !isIPv6(address));
  const [one, two] = all[0] !== undefined && isIPv6(all[0].address) ? [six, four] : [four, six];
  return all.flatMap((_, i) => [...one.slice(i, i + 1), ...two.slice(i, i + 1)]);
}

/** Resolves with the reason of the signal, which is a failure or busy. */
function aborted(signal: AbortSignal): Promise<StsFailed | StsBusy> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason as StsFailed | StsBusy);
    else
      signal.addEventListener('abort', () => resolve(signal.reason as StsFailed | StsBusy), { once: true });
  });
}
