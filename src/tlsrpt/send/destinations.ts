/**
 * Where a report goes: the URIs of a TLSRPT record to destinations, or to why not. Whoever owns a domain chooses them, so
 * they are an outsider's choice: a record may name hosts of our own network, fifty addresses of somebody else, or ours.
 *
 *   mailto:reports@bank.example?subject=x   the address; what follows `?` is ignored
 *   https://reports.bank.example/v1         port 443 and a name; no user, no address literal
 *
 * Sources: RFC 8460 section 3, RFC 6068. "The reporter may attempt to deliver to each": at most three are, in order.
 */
import { canonicalDomain } from '../../core/domain.ts';
import { escapeText } from '../../core/escape.ts';

export type Destination =
  /** A plain address, ASCII, without quotes. */
  | { readonly kind: 'mailto'; readonly uri: string; readonly address: string }
  /** `host`: canonical; `path`: with the query. */
  | { readonly kind: 'https'; readonly uri: string; readonly host: string; readonly path: string };

interface Unfit {
  /** As it stands in the record, escaped. */
  readonly uri: string;
  readonly why: string;
}

export interface Chosen {
  readonly destinations: readonly Destination[];
  readonly left: readonly Unfit[];
}

interface Choice {
  /** Are reports sent over HTTPS? */
  readonly https: boolean;
  /** Is the mail of this domain ours? */
  readonly isOwn: (domain: string) => boolean;
  /** Whom the report is about. */
  readonly domain: string;
}

/** Destinations of one report. */
const MAX_DESTINATIONS = 3;
const MAX_URI = 1024;
/** What neither ends the address in SMTP or a header field nor could be taken for an option. */
const LOCAL = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~][A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{0,63}$/;
const PATH = /^\/[\x21-\x7e]{0,1023}$/;

/** `uris`: as in the record, in its order. Never throws. */
export function chooseDestinations(uris: readonly string[], { https, isOwn, domain }: Choice): Chosen {
  const destinations: Destination[] = [];
  const left: Unfit[] = [];
  for (const text of uris) {
    const found = destinationOf(text);
    const shown = escapeText(text, 200);
    if (typeof found === 'string') left.push({ uri: shown, why: found });
    else if (destinations.some(({ uri }) => uri === found.uri)) left.push({ uri: shown, why: 'named twice' });
    else if (found.kind === 'https' && !https)
      left.push({ uri: shown, why: 'reports go over HTTPS only with tlsrpt-send = https' });
    else if (found.kind === 'mailto' && isOwn(domainOf(found.address)) && !isOwn(domain))
      left.push({ uri: shown, why: 'an address of ours, in the record of another domain' });
    else if (destinations.length === MAX_DESTINATIONS)
      left.push({ uri: shown, why: `more than ${MAX_DESTINATIONS} destinations` });
    else destinations.push(found);
  }
  return { destinations, left };
}

/** Why it is none, as text. */
function destinationOf(text: string): Destination | string {
  if (text.length > MAX_URI) return `longer than ${MAX_URI} characters`;
  const colon = text.indexOf(':');
  const scheme = text.slice(0, Math.max(colon, 0)).toLowerCase();
  if (scheme === 'mailto') return mailtoOf(text.slice(colon + 1));
  if (scheme === 'https') return httpsOf(text);
  return 'neither mailto nor https';
}

function mailtoOf(rest: string): Destination | string {
  const query = rest.indexOf('?');
  let address: string;
  try {
    address = decodeURIComponent(query < 0 ? rest : rest.slice(0, query));
  } catch {
    return 'its percent-encoding is damaged';
  }
  const at = address.lastIndexOf('@');
  const local = address.slice(0, Math.max(at, 0));
  const domain = at < 0 ? null : canonicalDomain(address.slice(at + 1));
  const dots = local.endsWith('.') || local.includes('..');
  if (domain === null || !domain.includes('.') || !LOCAL.test(local) || dots) return 'not one plain address';
  return { kind: 'mailto', uri: `mailto:${local}@${domain}`, address: `${local}@${domain}` };
}

function httpsOf(text: string): Destination | string {
  if (!URL.canParse(text)) return 'not a URL';
  const { hostname, username, password, port, pathname, search } = new URL(text);
  if (username !== '' || password !== '') return 'a URL with a user';
  if (port !== '') return 'a URL with a port other than 443';
  const host = hostname.startsWith('[') ? null : canonicalDomain(hostname);
  if (host === null || !host.includes('.')) return 'a URL without the name of a host';
  const path = `${pathname}${search}`;
  if (!PATH.test(path)) return 'a URL whose path is not plain';
  return { kind: 'https', uri: `https://${host}${path}`, host, path };
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}
