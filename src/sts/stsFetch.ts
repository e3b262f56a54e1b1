/**
 * Gets the policy of a domain: `GET https://mta-sts.DOMAIN/.well-known/mta-sts.txt`, as an outsider's server deserves.
 *
 * Its addresses are looked up once, each is judged (addressFilter.ts), and the connection goes to exactly the address that
 * was judged: a name that gives another address the second time gains nothing. Up to four addresses are tried, IPv4 and
 * IPv6 in turn, until one of them answers HTTP; that answer counts, whatever it is (policyRequest.ts). One deadline holds
 * for all of it, look-up included.
 *
 * Sources: RFC 8461 section 3.3; ../core/published.ts for what the failures mean.
 */
import { isIPv6 } from 'node:net';
import type { Resolver } from '../dns/lookup.ts';
import { judgeAddress, type StsOpening } from './addressFilter.ts';
import { codeOf, fetchError, requestPolicy, type StsFailed, type StsFetched } from './policyRequest.ts';

export interface StsFetchOptions {
  readonly resolver: Resolver;
  readonly opening: StsOpening | null;
  /** PEM of the CAs to trust instead of Node's own list (which NODE_EXTRA_CA_CERTS adds to). */
  readonly ca?: string;
  /** For everything together. Default 15,000. */
  readonly deadlineMs?: number;
  /** Gives up at once. */
  readonly signal?: AbortSignal;
}

const DEADLINE_MS = 15_000;
/** How long one address may take to get through its TLS handshake while others are left. */
const HANDSHAKE_MS = 4_000;
const MOST_ADDRESSES = 4;

/** `domain`: canonical. Never rejects; when it answers, every socket it opened is destroyed. */
export async function fetchStsPolicy(domain: string, options: StsFetchOptions): Promise<StsFetched> {
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  const stop = new AbortController();
  const late = setTimeout(
    () => stop.abort(fetchError(`nothing complete within ${deadlineMs / 1000} s`)),
    deadlineMs,
  );
  const given = options.signal;
  const giveUp = () => stop.abort(fetchError('given up: shutting down'));
  if (given?.aborted === true) giveUp();
  given?.addEventListener('abort', giveUp);
  try {
    return await tryAddresses(`mta-sts.${domain}`, options, stop.signal);
  } catch (error) {
    // a fault of ours must look like any other failed fetch to the one who waits for it
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
  if (found.kind === 'failed') return found;
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
  const chosen = inTurn(allowed).slice(0, MOST_ADDRESSES);
  let failed: StsFailed | null = null;
  for (const [i, target] of chosen.entries()) {
    const { outcome, final } = await requestPolicy({
      host,
      ...target,
      handshakeMs: i < chosen.length - 1 ? HANDSHAKE_MS : null,
      ca: options.ca ?? null,
      signal,
    });
    if (final || outcome.kind === 'policy' || signal.aborted) return outcome;
    // a certificate says more than a connection that did not come about
    if (failed === null || outcome.failure === 'sts-webpki-invalid') failed = outcome;
  }
  return failed ?? fetchError(`${host} could not be asked`);
}

/** IPv4 and IPv6 alternately, beginning with the kind of the first. */
function inTurn<T extends { readonly address: string }>(all: readonly T[]): T[] {
  const six = all.filter(({ address }) => isIPv6(address));
  const four = all.filter(({ address }) => !isIPv6(address));
  const [one, two] = all[0] !== undefined && isIPv6(all[0].address) ? [six, four] : [four, six];
  return all.flatMap((_, i) => [...one.slice(i, i + 1), ...two.slice(i, i + 1)]);
}

/** Resolves with the reason of the signal, which is a failure. */
function aborted(signal: AbortSignal): Promise<StsFailed> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason as StsFailed);
    else signal.addEventListener('abort', () => resolve(signal.reason as StsFailed), { once: true });
  });
}
