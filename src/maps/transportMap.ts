/**
 * The maps that enforce the requirements of a message within Postfix: the transport of a routed recipient,
 * the removal of the suffix, and the status of a delivery that failed for lack of TLS.
 *
 *   transport        transport_maps: `u@good.example.tlsward-encrypt` to `tlsward-encrypt:good.example`, with a relayhost
 *                    to `tlsward-encrypt:[relay.example]:587`; `u@x.RULE.tlsward-fallback` to `tlsward-fallback:GATEWAY`;
 *                    one that carries a next hop (`...tlsward-via...`) to that; `u@x.tlsward-row` to `tlsward-row:x` alike
 *   generic          smtp_generic_maps of the clones: the address without the suffix
 *   status-encrypt   smtp_delivery_status_filter of the clones: see statusMap.ts
 *   status-verify
 *
 * Postfix asks with full addresses. Any other key (a domain, a parent, a local part, `*`, senders, which
 * never have a suffix) is NOTFOUND, so other mail is not affected. A suffix that cannot be parsed is TEMP for
 * `transport`: sent like other mail, it could leave in plaintext. For `generic` it is NOTFOUND, because no
 * envelope with one passes the transport map, and header fields may contain any text.
 *
 * Keys of `transport` have Postfix's internal form, without quotes, those of `generic` quoted as in SMTP; the
 * answer of `generic` is always quoted where it must be. Never throws, whatever the key.
 * Sources: Postfix transport(5), generic(5), `src/trivial-rewrite/transport.c`, `src/global/mail_addr_map.c`.
 */
import { parsePath } from '../core/address.ts';
import { domainBefore, nextHopOf, ROUTE_ENDS, readRoute } from '../rules/recipientSuffix.ts';
import { utf8OrLatin1 } from '../wire/foreignText.ts';
import { NOTFOUND, type SocketmapReply } from '../wire/socketmapEncode.ts';
import { answerStatus, type RouteAnswer } from './statusMap.ts';

export const ROUTE_MAPS = ['transport', 'generic', 'status-encrypt', 'status-verify'] as const;
export type RouteMap = (typeof ROUTE_MAPS)[number];

/** Where routed mail goes. */
export interface RouteTargets {
  /** `relayhost` of main.cf, `[relay.example]:587`; null: the recipient's domain. */
  readonly relayhost: string | null;
  /** Gateways of the rules that have one, by the rule's name. */
  readonly fallbacks: ReadonlyMap<string, string>;
}

export function isRouteMap(map: string): map is RouteMap {
  return (ROUTE_MAPS as readonly string[]).includes(map);
}

/** The answer; `key` has one character a byte. */
export function answerRouteMap(map: RouteMap, key: string, ways: RouteTargets): RouteAnswer {
  switch (map) {
    case 'transport':
      return { reply: transportOf(key, ways), failure: null };
    case 'generic':
      return { reply: withoutSuffix(key), failure: null };
    case 'status-encrypt':
    case 'status-verify':
      return answerStatus(key, map === 'status-verify' ? 'verify' : 'encrypt');
  }
}

function temp(reason: string): SocketmapReply {
  return { status: 'TEMP', reason: `tlsward: ${reason}` };
}

function transportOf(key: string, { relayhost, fallbacks }: RouteTargets): SocketmapReply {
  const at = key.lastIndexOf('@');
  if (at < 1) return NOTFOUND;
  const read = readRoute(utf8OrLatin1(key.slice(at + 1)));
  switch (read.kind) {
    case 'plain':
      return NOTFOUND;
    case 'unreadable':
      return temp('a routed address without a domain that mail could be sent to');
    case 'routed': {
      const { route, domain } = read;
      if (route.end !== 'fallback')
        return {
          status: 'OK',
          value: `${ROUTE_ENDS[route.end]}:${route.via ?? relayhost ?? nextHopOf(domain)}`,
        };
      const gateway = fallbacks.get(route.rule);
      if (gateway === undefined)
        return temp(`no rule "${route.rule}" with a fallback, for which this mail waits`);
      return { status: 'OK', value: `${ROUTE_ENDS.fallback}:${gateway}` };
    }
  }
}

function withoutSuffix(key: string): SocketmapReply {
  const at = key.lastIndexOf('@');
  if (at < 1) return NOTFOUND;
  const written = key.slice(at + 1);
  const read = readRoute(utf8OrLatin1(written));
  if (read.kind !== 'routed') return NOTFOUND;
  const localPart = quoted(key.slice(0, at));
  const value = `${localPart}@${domainBefore(written, read)}`;
  return localPart === null || !SENDABLE.test(value) ? NOTFOUND : { status: 'OK', value };
}

/** Allowed characters of an answer: no control characters, no blank at either end; bytes of UTF-8. */
const SENDABLE = /^[!-~\x80-\xff](?:[ -~\x80-\xff]*[!-~\x80-\xff])?$/;

/** A local part as in SMTP, quoted if necessary; null if it is not valid. */
function quoted(localPart: string): string | null {
  if (/[\0-\x1f\x7f]/.test(localPart)) return null;
  if (parsePath(`<${localPart}@x.example>`).kind === 'mailbox') return localPart;
  const inQuotes = `"${localPart.replace(/["\\]/g, '\\$&')}"`;
  return parsePath(`<${inQuotes}@x.example>`).kind === 'mailbox' ? inQuotes : null;
}
