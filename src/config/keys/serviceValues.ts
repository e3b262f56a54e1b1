/**
 * Single values of `[service]`: from the text as written, which has passed the schema, to a typed value or to
 * a description of the mistake.
 */

import { isAbsolute, resolve } from 'node:path';
import { canonicalDomain } from '../../core/domain.ts';
import { type Network, parseNetwork } from '../../core/network.ts';
import { isSince } from '../../core/postfixVersion.ts';
import { Invalid, quote } from '../ini/problem.ts';
import { anything, type Check } from './key.ts';
import { isLoopback, type ListenAddress, parseListen } from './listenAddress.ts';
import { domainFault } from './pattern.ts';
import { parseListOf } from './values.ts';

/** The context on which values of the section depend. */
export interface Place {
  /** Where relative paths start. */
  readonly folder: string;
  /** May a socket listen on an address other than loopback? */
  readonly remote: boolean;
}

/** A check that depends on the place of the section. */
type PlacedCheck<T> = Check<T, [Place]>;

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, K: 1024, M: 1024 * 1024 };

/** "30", "30s", "64K" to a number within bounds. */
function amount(text: string, least: number, most: number, unit: string): number | Invalid {
  const factor = UNITS[text.at(-1) ?? ''];
  const value = Number(factor === undefined ? text : text.slice(0, -1)) * (factor ?? 1);
  if (value >= least && value <= most) return value;
  return new Invalid(quote(text), `${least} to ${most}${unit}`);
}

/** Names that our header fields must not have, because such fields in incoming mail are removed. */
const TAKEN =
  /^(?:from|sender|reply-to|to|cc|bcc|subject|date|message-id|in-reply-to|references|comments|keywords|received(?:-spf)?|return-path|delivered-to|errors-to|mime-version|authentication-results|dkim-signature|tls-(?:required|report-.*)|(?:content|resent|list|arc|auto|disposition|original)-.*)$/i;

function parseMarkName(text: string): string | Invalid {
  if (!TAKEN.test(text)) return text;
  return new Invalid(
    quote(text),
    'an unused header field name, such as X-TLS-Ward',
    'such fields in incoming mail are removed',
  );
}

export function parseHostName(text: string): string | null | Invalid {
  if (text === '') return null;
  return canonicalDomain(text) ?? new Invalid(quote(text), 'a host name', domainFault(text));
}

/** Versions differ in `>=` of `protocols=`; versions before 3.0 have not been tested. */
export function parseVersion(text: string): string | null | Invalid {
  if (text === '') return null;
  return isSince(text, 3, 0) ? text : new Invalid(quote(text), '3.0 or later');
}

/** Absolute, so that the program does not depend on the working directory. */
export function parsePostconf(text: string): string | null | Invalid {
  if (text === '') return null;
  return isAbsolute(text) ? text : new Invalid(quote(text), 'an absolute path such as /usr/sbin/postconf');
}

export function parseTrusted(text: string): Network | Invalid {
  const network = parseNetwork(text);
  if (network !== null) return network;
  const [address = '', bits] = text.split('/');
  const hint =
    bits !== undefined && parseNetwork(address) !== null ? 'bits beyond the prefix length must be 0' : '';
  return new Invalid(quote(text), 'an IP address or a network such as 10.0.0.0/8', hint);
}

/** A unix socket only: file permissions decide who may control the daemon, and a port has none. */
export function parseControl(text: string, folder: string): ListenAddress | Invalid {
  const address = parseListen(text, folder);
  if (address instanceof Invalid || address.kind === 'unix') return address;
  return new Invalid(quote(text), 'a unix socket: unix:/run/tlsward/control.sock');
}

export function parseListener(text: string, folder: string, remote: boolean): ListenAddress | Invalid {
  const address = parseListen(text, folder);
  if (address instanceof Invalid || remote || isLoopback(address)) return address;
  return new Invalid(quote(text), 'a loopback address', 'allow-remote = yes allows others');
}

/** A list of socket addresses, each read by `parse`. */
export function listen(
  parse: (text: string, folder: string, remote: boolean) => ListenAddress | Invalid,
): PlacedCheck<readonly ListenAddress[]> {
  return anything('unix:/path or inet:HOST:PORT', (text, { folder, remote }: Place) =>
    parseListOf(text, (one) => parse(one, folder, remote)),
  );
}

/** A whole number within bounds. */
export function wholeNumber(least: number, most: number): Check<number> {
  return {
    expected: 'a whole number',
    allowed: { pattern: '^[0-9]{1,9}$' },
    parse: (text) => amount(text, least, most, ''),
  };
}

/** A number of bytes within bounds. */
export function bytes(least: number, most: number): Check<number> {
  return {
    expected: 'a size such as 65536, 64K or 2M',
    allowed: { pattern: '^[0-9]{1,9}[KM]?$' },
    parse: (text) => amount(text, least, most, ''),
  };
}

/** A time between two numbers of seconds, as milliseconds. */
export function milliseconds(least: number, most: number): Check<number> {
  return {
    expected: 'a time such as 30s, 5m, 1h, or seconds',
    allowed: { pattern: '^[0-9]{1,7}[smh]?$' },
    parse: (text) => {
      const seconds = amount(text, least, most, ' s');
      return seconds instanceof Invalid ? seconds : 1000 * seconds;
    },
  };
}

/** A path, absolute from the folder of the section; null when empty. */
export const PATH: PlacedCheck<string | null> = anything('a path', (text, { folder }: Place) =>
  text === '' ? null : resolve(folder, text),
);

/** The name of a header field that nothing else uses. */
export const OWN_FIELD: Check<string> = {
  expected: 'an unused header field name, such as X-TLS-Ward',
  allowed: { pattern: '^[A-Za-z0-9-]{1,64}$' },
  parse: parseMarkName,
};
