/**
 * The keys of `[service]` about what domains publish (`deliver = auto`): text to typed values, or to a
 * description of the mistake.
 *
 *   resolver          127.0.0.1, 127.0.0.1:5353, ::1, [::1]:5353
 *   published         socketmap:inet:HOST:PORT:NAME, socketmap:unix:/PATH:NAME
 *   sts-test-opening  127.0.0.0/8 8443
 *
 * A resolver's statement about DNSSEC (the AD flag, RFC 4035 section 3.2.3) can be trusted only where it
 * cannot be changed on the way. An address that is not on loopback is therefore a mistake. Names of maps are
 * printable ASCII without spaces, as Postfix sends them.
 */
import { inNetworks, LOOPBACK, type Network, parseAddress, parseNetwork } from '../../core/network.ts';
import { Invalid, quote } from '../ini/problem.ts';
import { isLoopback, type ListenAddress, parseListen } from './listenAddress.ts';

/** Where a DNS server is asked, over UDP and TCP. */
export interface ResolverAddress {
  /** IP address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Another policy server and the name of its map. */
export interface OtherServerAddress {
  readonly address: ListenAddress;
  readonly map: string;
}

/** Internal addresses, and a port, from which policies may be fetched; for tests only. */
export interface TestOpening {
  readonly network: Network;
  readonly port: number;
  /** As written, for the warning. */
  readonly text: string;
}

export function parseResolver(text: string): ResolverAddress | Invalid {
  const expected = 'a loopback address such as 127.0.0.1 or [::1]:5353';
  const bracketed = /^\[([^\]]*)\](?::([0-9]{1,5}))?$/.exec(text);
  const dotted = /^([0-9.]+)(?::([0-9]{1,5}))?$/.exec(text);
  const host = bracketed?.[1] ?? dotted?.[1] ?? text;
  const port = Number(bracketed?.[2] ?? dotted?.[2] ?? 53);
  if (parseAddress(host) === null) return new Invalid(quote(text), expected);
  if (port < 1 || port > 65_535) return new Invalid(quote(text), 'a port from 1 to 65535');
  if (inNetworks(LOOPBACK, host)) return { host, port };
  return new Invalid(quote(text), expected, 'answers of a resolver on another host can be forged on the way');
}

/** `folder`: what a relative path starts from. */
export function parsePublished(text: string, folder: string): OtherServerAddress | null | Invalid {
  if (text === '') return null;
  const expected = 'socketmap:inet:HOST:PORT:NAME or socketmap:unix:/PATH:NAME';
  const match = /^socketmap:((?:inet|unix|local):.+):([\x21-\x39\x3b-\x7e]{1,100})$/.exec(text);
  if (match === null) {
    const hint = /^(?:inet|unix):/.test(text) ? `did you mean socketmap:${text}?` : '';
    return new Invalid(quote(text), expected, hint);
  }
  const address = parseListen(match[1]!, folder);
  if (address instanceof Invalid) {
    const form = address.expected.startsWith('unix:');
    return new Invalid(form ? quote(text) : address.found, form ? expected : address.expected, address.hint);
  }
  if (address.kind === 'inet' && address.port === 0)
    return new Invalid(quote(text), 'a port from 1 to 65535');
  return { address, map: match[2]! };
}

/** Is the other server reached over a network? */
export function isRemote(server: OtherServerAddress | null): boolean {
  return server !== null && !isLoopback(server.address);
}

export function parseTestOpening(text: string): TestOpening | null | Invalid {
  if (text === '') return null;
  const [written = '', digits = '', ...more] = text.split(/[ \t]+/);
  const network = parseNetwork(written);
  const port = /^[0-9]{1,5}$/.test(digits) ? Number(digits) : 0;
  if (network === null || more.length > 0 || port < 1 || port > 65_535)
    return new Invalid(quote(text), 'a network and a port such as 127.0.0.0/8 8443');
  return { network, port, text: `${written} ${port}` };
}
