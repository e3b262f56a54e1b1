/**
 * From the head of a request to what is answered: one of a few pages, or a refusal. Pure.
 *
 * Only GET and HEAD, only exact paths (nothing is decoded, so no `..` and no `%2e` means anything), no body, and a
 * `Host` that is ours (hostHeader.ts). Requests that another site's page makes a browser send are refused
 * (Fetch Metadata); a link to the page may be followed.
 */
import { isOwnHost } from './hostHeader.ts';

/** The head of a request. */
export interface Asked {
  readonly method: string;
  /** As it was sent: `/lookup?code=...`. */
  readonly target: string;
  /** Every `Host` field. */
  readonly hosts: readonly string[];
  /** Does a body follow? */
  readonly hasBody: boolean;
  /** `Sec-Fetch-Site` and `Sec-Fetch-Mode`; '' where the client sends none. */
  readonly fetchSite: string;
  readonly fetchMode: string;
  /** The address that the client connected to; '' for a unix socket. */
  readonly local: string;
}

export type Route =
  | { readonly kind: 'page' | 'events' | 'report' | 'metrics' | 'healthz' | 'readyz' }
  /** `code`: of a verdict, as somebody typed it; '' for what cannot be one. */
  | { readonly kind: 'lookup'; readonly code: string };

interface Refused {
  readonly kind: 'refused';
  readonly status: 400 | 403 | 404 | 405 | 414 | 421;
  /** One sentence. */
  readonly why: string;
}

/** Longest target, in characters. */
const MAX_TARGET = 1024;

const PATHS: ReadonlyMap<string, Route> = new Map(
  (
    [
      ['/', 'page'],
      ['/events', 'events'],
      ['/report', 'report'],
      ['/metrics', 'metrics'],
      ['/healthz', 'healthz'],
      ['/readyz', 'readyz'],
    ] as const
  ).map(([path, kind]) => [path, { kind }]),
);

/** `names`: the canonical names of this host. */
export function routeOf(asked: Asked, names: readonly string[]): Route | Refused {
  const { method, target, hosts, hasBody, fetchSite, fetchMode, local } = asked;
  const [host] = hosts;
  if (host === undefined || hosts.length > 1) return refuse(400, 'A request has one Host field.');
  if (!isOwnHost(host, names, local))
    return refuse(421, 'This server answers under its own names only: localhost, its address, host-name.');
  if (method !== 'GET' && method !== 'HEAD') return refuse(405, 'Nothing can be changed here: GET and HEAD.');
  if (hasBody) return refuse(400, 'A request has no body here.');
  if (target.length > MAX_TARGET) return refuse(414, `A target has at most ${MAX_TARGET} characters.`);
  if (fetchSite === 'cross-site' && fetchMode !== 'navigate')
    return refuse(403, 'A page of another site may not ask here.');
  const end = target.indexOf('?');
  const path = end < 0 ? target : target.slice(0, end);
  if (path === '/lookup') return { kind: 'lookup', code: codeOf(end < 0 ? '' : target.slice(end + 1)) };
  return PATHS.get(path) ?? refuse(404, 'There is no such page.');
}

/** What may be a code, with the blanks and brackets that come with it; '' for anything else. */
function codeOf(query: string): string {
  const code = new URLSearchParams(query).get('code') ?? '';
  return /^[ 0-9A-Za-z()[\]-]{1,32}$/.test(code) ? code : '';
}

function refuse(status: Refused['status'], why: string): Refused {
  return { kind: 'refused', status, why };
}
