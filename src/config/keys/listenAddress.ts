/**
 * Where a socket listens: `unix:/path` or `inet:HOST:PORT`, an IPv6 host in brackets, port 0 for any free
 * one.
 *
 * A relative unix path is relative to the folder of the configuration file. A host is an IP address,
 * `localhost` or a name; only 127.0.0.0/8, ::1 and `localhost` count as loopback, whatever other names may
 * resolve to.
 */
import { resolve } from 'node:path';
import { canonicalDomain } from '../../core/domain.ts';
import { inNetworks, LOOPBACK, parseAddress } from '../../core/network.ts';
import { Invalid, quote } from '../ini/problem.ts';

export type ListenAddress =
  /** Absolute path. */
  | { readonly kind: 'unix'; readonly path: string }
  /** IP address without brackets, or a name; port 0 is any free one. */
  | { readonly kind: 'inet'; readonly host: string; readonly port: number };

/** Longest path a unix socket can have on Linux (`sun_path` with its NUL). */
const MAX_SOCKET_PATH = 107;
const EXPECTED = 'unix:/path or inet:HOST:PORT';

/** As it would be written in the file. */
export function formatListen(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return `inet:${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}

/** `folder`: what a relative path starts from. */
export function parseListen(text: string, folder: string): ListenAddress | Invalid {
  if (text.startsWith('unix:') || text.startsWith('local:')) {
    const path = text.slice(text.indexOf(':') + 1);
    if (path === '' || path.endsWith('/'))
      return new Invalid(quote(text), EXPECTED, 'this is not the path of a socket');
    const absolute = resolve(folder, path);
    const bytes = new TextEncoder().encode(absolute).length;
    if (bytes <= MAX_SOCKET_PATH) return { kind: 'unix', path: absolute };
    return new Invalid(
      `${quote(text)}, ${bytes} bytes in full`,
      `a path of at most ${MAX_SOCKET_PATH} bytes`,
    );
  }
  const sendmail = /^inet6?:([0-9]+)@(.+)$/.exec(text);
  if (sendmail !== null)
    return new Invalid(quote(text), EXPECTED, `did you mean inet:${sendmail[2]}:${sendmail[1]}?`);
  const match = /^inet:(\[[^\]]*\]|[^:]*):([0-9]{1,5})$/.exec(text);
  if (match === null) return new Invalid(quote(text), EXPECTED, listenHint(text));
  const port = Number(match[2]);
  if (port > 65_535) return new Invalid(quote(text), 'a port from 0 to 65535');
  const written = match[1] ?? '';
  const host = written.startsWith('[') ? written.slice(1, -1) : written;
  const isAddress = parseAddress(host) !== null;
  if (written.startsWith('[') && !(isAddress && host.includes(':'))) {
    return new Invalid(quote(text), 'an IPv6 address between brackets');
  }
  const name = isAddress ? host : canonicalDomain(host);
  if (name !== null) return { kind: 'inet', host: name, port };
  return new Invalid(
    quote(text),
    EXPECTED,
    host === '*' || host === '' ? 'for all addresses write 0.0.0.0 or [::]' : '',
  );
}

function listenHint(text: string): string {
  if (text.startsWith('/')) return `did you mean unix:${text}?`;
  if (/^inet:[0-9]+$/.test(text)) return `did you mean inet:127.0.0.1:${text.slice(5)}?`;
  const v6 = /^inet:([0-9a-f:]+):([0-9]+)$/i.exec(text);
  if (v6 !== null && parseAddress(v6[1] ?? '') !== null) return `did you mean inet:[${v6[1]}]:${v6[2]}?`;
  return /^[^:]+:[0-9]+$/.test(text) ? `did you mean inet:${text}?` : '';
}

/** Can only this machine reach the socket? */
export function isLoopback(address: ListenAddress): boolean {
  return address.kind === 'unix' || address.host === 'localhost' || inNetworks(LOOPBACK, address.host);
}
