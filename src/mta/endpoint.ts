/**
 * Where Postfix asks another program: values of `smtpd_milters`, arguments of `check_policy_service` and
 * socketmap tables.
 *
 * `inet:host:port`, `unix:path`, and since Postfix 3.0 `{ inet:host:port, name=value, { name = value } }`
 * (postconf(5), MILTER_README, SMTPD_POLICY_README, socketmap_table(5)). A path without a slash in front is
 * relative to the queue folder.
 */
import { insideBraces, listOf } from './listValue.ts';
import { pairOf } from './postfixConfig.ts';

export type Socket =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'inet'; readonly host: string; readonly port: string };

export interface Endpoint {
  readonly socket: Socket;
  /** `timeout`, `default_action` and so on. */
  readonly options: ReadonlyMap<string, string>;
  readonly text: string;
}

/** What is wrong with a text that is no endpoint. */
export interface Invalid {
  readonly invalid: string;
}

/** One milter or policy service, as it stands in its list. */
export function parseEndpoint(text: string): Endpoint | Invalid {
  const inside = insideBraces(text);
  const [place = '', ...pairs] = inside === null ? [text] : listOf(inside);
  const options = new Map<string, string>();
  for (const pair of pairs) {
    const option = pairOf(pair);
    if (option === null) return { invalid: `"${pair}" is not name=value` };
    options.set(...option);
  }
  const socket = parseSocket(place);
  return 'invalid' in socket ? socket : { socket, options, text };
}

/**
 * `inet:host:port`, `inet:[::1]:port`, `unix:path`; a place without a type is one of inet, as for Postfix.
 */
function parseSocket(place: string): Socket | Invalid {
  const [, type = 'inet', rest = ''] = /^(?:(inet|unix|local):)?([\s\S]*)$/.exec(place) ?? [];
  if (type !== 'inet')
    return rest === '' ? { invalid: `"${place}" has no path` } : { kind: 'unix', path: rest };
  if (rest.startsWith('/')) return { invalid: `"${place}" is a path: write unix:${rest}` };
  if (rest.includes('@')) return { invalid: `"${place}" is the form of Sendmail: write inet:host:port` };
  const colon = rest.lastIndexOf(':');
  const host = colon < 0 ? '' : rest.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  const port = rest.slice(colon + 1);
  if (port === '') return { invalid: `"${place}" has no port` };
  return { kind: 'inet', host: host === '' ? 'localhost' : host, port };
}

/**
 * A socketmap table: `socketmap:unix:path:name`, also behind `proxy:`. Null: the table is of another type.
 */
export function parseSocketmap(
  table: string,
): { readonly socket: Socket; readonly map: string } | Invalid | null {
  const text = table.replace(/^proxy:/, '');
  if (!text.startsWith('socketmap:')) return null;
  const place = text.slice('socketmap:'.length);
  const colon = place.lastIndexOf(':');
  if (colon < 0) return { invalid: `"${table}" names no map` };
  const socket = parseSocket(place.slice(0, colon));
  return 'invalid' in socket ? socket : { socket, map: place.slice(colon + 1) };
}

/** As Postfix writes it. */
export function formatSocket(socket: Socket): string {
  if (socket.kind === 'unix') return `unix:${socket.path}`;
  return `inet:${socket.host.includes(':') ? `[${socket.host}]` : socket.host}:${socket.port}`;
}
