/**
 * A chain as text for people, and as a value for JSON. Foreign text is reduced to printable ASCII and cut.
 *
 *   3 hops, newest first; 1 written by mx.example.org, the other 2 are claims, not proof
 *   first hop known to be unprotected: 3 (a claim)
 *
 *    1 own   2026-11-22 18:47:31Z   +2s  mx.example.org from mail.partner.example [192.0.2.7]
 *            ESMTPS, TLS: TLSv1.3 TLS_AES_256_GCM_SHA384 256 bits, client certificate untrusted
 */
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import type { Chain, Hop, Protection } from './chain.ts';

interface HopLine {
  readonly text: string;
  /** For colouring; null for lines that are not about one hop. */
  readonly protection: Protection | null;
}

function clock(timeMs: number | null): string {
  if (timeMs === null) return 'no date'.padEnd(20);
  return `${new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** `+3s`, `+12m`, `+5h`, `-2s`; '' when not known. */
export function delayText(seconds: number | null): string {
  if (seconds === null) return '';
  const size = Math.abs(seconds);
  const sign = seconds < 0 ? '-' : '+';
  if (size < 120) return `${sign}${size}s`;
  if (size < 7200) return `${sign}${Math.round(size / 60)}m`;
  return size < 172_800 ? `${sign}${Math.round(size / 3600)}h` : `${sign}${Math.round(size / 86_400)}d`;
}

/** What the hop says about its protection, as one phrase. */
function protectionText(hop: Hop): string {
  const { tls } = hop;
  const protocol = hop.protocol === '' ? 'protocol not stated' : escapeText(hop.protocol, 40);
  const details = [tls.protocol, tls.cipher, tls.bits === null ? '' : `${tls.bits} bits`]
    .filter(Boolean)
    .join(' ');
  const certificate = tls.certificate === 'unknown' ? '' : `, client certificate ${tls.certificate}`;
  const named = tls.certificateName === '' ? '' : ` (${escapeText(tls.certificateName, 64)})`;
  const network = hop.privateNetwork ? ', private network' : '';
  switch (hop.protection) {
    case 'protected':
    case 'weak': {
      const weak = tls.weakness === '' ? '' : `, weak: ${tls.weakness}`;
      return `${protocol}, TLS${details === '' ? '' : `: ${escapeText(details)}`}${weak}${certificate}${named}${network}`;
    }
    case 'unprotected': {
      const open = details === '' ? 'NO TLS' : `NOT ENCRYPTED: ${escapeText(details)}`;
      return `${protocol}, ${open}${network}`;
    }
    case 'internal':
      return `${protocol}, inside the host or its mail system`;
    case 'unknown':
      return `${protocol}, says nothing about TLS${network}`;
  }
}

function routeText(hop: Hop): string {
  const by = hop.by === '' ? '(no host)' : escapeText(hop.by, 80);
  if (hop.from === '' && hop.address === '') return by;
  const address = hop.address === '' || hop.from.includes(hop.address) ? '' : ` [${hop.address}]`;
  return `${by} from ${escapeText(hop.from === '' ? 'unknown' : hop.from, 80)}${address}`;
}

/** First line: the answer. */
function summary(chain: Chain, names: readonly string[]): string {
  const { hops, ownCount } = chain;
  const rest = hops.length - ownCount;
  const who = escapeText(names.join(', '), 120);
  if (hops.length === 0) return 'no Received field: nothing to read';
  const total = `${count(hops.length, 'hop')}, newest first`;
  if (names.length === 0) return `${total}; no --host given, so all of it is claims, not proof`;
  if (ownCount === 0)
    return `${total}; the top one was not written by ${who}, so all of it is claims, not proof`;
  if (rest === 0) return `${total}; all written by ${who}`;
  return `${total}; ${ownCount} written by ${who}, ${rest === 1 ? 'the other is a claim' : `the other ${rest} are claims`}, not proof`;
}

function finding(chain: Chain): string {
  const { firstUnprotected: first, ownUnprotected: own, hops } = chain;
  const told = (hop: Hop): string => `${hop.number} (${hop.own ? 'written by us' : 'a claim'})`;
  if (first !== null) {
    const ours = own !== null && own !== first ? `; first of our own: ${own.number}` : '';
    return `first hop known to be unprotected: ${told(first)}${ours}`;
  }
  const of = (protection: Protection): number => hops.filter((hop) => hop.protection === protection).length;
  const weak = of('weak') === 0 ? '' : `; ${count(of('weak'), 'hop')} with weak TLS`;
  const silent = of('unknown') === 0 ? '' : `; ${count(of('unknown'), 'hop')} with unknown TLS`;
  return `no hop says that it was unprotected${weak}${silent}`;
}

/** The lines to print, without line ends. `names` are the hosts that were given as ours. */
export function hopsLines(chain: Chain, names: readonly string[]): HopLine[] {
  const lines: HopLine[] = [{ text: summary(chain, names), protection: null }];
  if (chain.hops.length === 0) return lines;
  lines.push({ text: finding(chain), protection: null }, { text: '', protection: null });
  for (const hop of chain.hops) {
    const head = `${String(hop.number).padStart(3)} ${hop.own ? 'own  ' : 'claim'} ${clock(hop.timeMs)} ${delayText(hop.delaySeconds).padStart(6)}`;
    lines.push({ text: `${head}  ${routeText(hop)}`, protection: hop.protection });
    const name = hop.claimsOurName ? '; uses our name, but came with the message' : '';
    lines.push({ text: `          ${protectionText(hop)}${name}`, protection: hop.protection });
  }
  return lines;
}

/** A value for `JSON.stringify`: the chain with times as text, texts unescaped (JSON escapes them). */
export function hopsJson(chain: Chain, names: readonly string[]): object {
  return {
    hosts: names,
    own: chain.ownCount,
    firstUnprotected: chain.firstUnprotected?.number ?? null,
    ownUnprotected: chain.ownUnprotected?.number ?? null,
    hops: chain.hops.map(({ timeMs, ...hop }) => ({
      ...hop,
      time: timeMs === null ? null : new Date(timeMs).toISOString(),
    })),
  };
}
