/**
 * Converts the arguments of CONNECT, MAIL and RCPT to the types of core: client address and name, envelope
 * paths.
 *
 * The spellings differ by MTA: Sendmail writes `IPv6:` in front of addresses, Postfix a bare address and
 * `[address]` for a client without a name; mail that did not arrive by SMTP is shown by Postfix as
 * `localhost`, port 0, 127.0.0.1 or ::1. Paths are passed on as the client sent them; Sendmail 8.17.1 with
 * EAI leaves the parameters after the closing bracket.
 *
 * Sources: Postfix MILTER_README "non_smtpd_milters" and `cleanup_milter.c`, Sendmail RELEASE_NOTES 8.17.2.
 */
import { type EnvelopeAddress, parsePath } from '../core/address.ts';
import { formatAddress, parseAddress } from '../core/network.ts';
import type { RuleRecipient } from '../core/rule.ts';
import { unrouted } from '../rules/recipientSuffix.ts';
import { decodeXtext, utf8OrLatin1 } from '../wire/foreignText.ts';
import type { ConnectCommand } from '../wire/milterDecode.ts';
import { macroValue } from '../wire/milterMacros.ts';
import type { Client } from './milterState.ts';

/** Most characters of an MTA's name and version. */
const MAX_MTA = 100;

/**
 * An IP address in the spelling that both interfaces can compare: no `IPv6:`, no v4-mapped IPv4; '' for none.
 */
export function clientAddress(text: string): string {
  if (!text.includes(':')) return text === 'unknown' ? '' : text;
  const bare = /^ipv6:/i.test(text) ? text.slice(5) : text;
  const bytes = parseAddress(bare);
  if (bytes === null) return bare;
  const one = formatAddress(bytes);
  return one.includes(':') ? bare.toLowerCase() : one;
}

/** The server's end of a connection in one spelling, `address port`; '' if unknown. */
export function serverOf(address: string | null, port: string | null): string {
  return address === null || port === null ? '' : `${clientAddress(address)} ${port}`;
}

/**
 * `milter_macro_daemon_name` of the listener for the second look, in contrib/postfix/message-again.master.cf.
 */
const AGAIN_LISTENER = 'tlsward-again';

/** The client of a new SMTP session; `macros` are those of CONNECT. */
export function clientOf(connect: ConnectCommand, macros: string): Client {
  const { hostname, family, port } = connect;
  const address = family === '4' || family === '6' ? clientAddress(connect.address) : '';
  const mta = (macroValue(macros, 'v') ?? '').slice(0, MAX_MTA);
  const loopback = address === '127.0.0.1' || address === '::1';
  const postfix = /postfix/i.test(mta);
  const byItself = hostname === 'localhost' && port === 0 && loopback;
  const here = loopback || /^127\.[0-9.]+$/.test(address);
  const again = postfix && here && macroValue(macros, 'daemon_name') === AGAIN_LISTENER;
  return {
    arrival: byItself ? 'local' : again ? 'again' : 'smtp',
    address,
    // a client without a name is `[address]` here and `unknown` elsewhere
    name: hostname.startsWith('[') || hostname === 'unknown' ? '' : hostname,
    port,
    server: serverOf(macroValue(macros, 'daemon_addr'), macroValue(macros, 'daemon_port')),
    heloName: '',
    mtaName: macroValue(macros, 'j') ?? '',
    postfix,
    mta,
    heloMacros: '',
    later: false,
  };
}

/** A login as text: Sendmail encodes it, Postfix does not. */
export function loginOf(value: string | null, postfix: boolean): string {
  if (value === null) return '';
  return postfix ? utf8OrLatin1(value) : decodeXtext(value);
}

export const NO_PARAMETERS: readonly string[] = [];

/** Argument 0 of MAIL or RCPT as an address. */
export function addressOf(argument: string): EnvelopeAddress {
  return parsePath(utf8OrLatin1(withoutParameters(argument)));
}

/** Argument 0 of RCPT as an address, without our own routing suffix. */
export function recipientOf(argument: string): EnvelopeAddress {
  return unrouted(addressOf(argument));
}

/** The parameters of MAIL or RCPT, including those in argument 0. */
export function parametersOf(args: readonly string[]): readonly string[] {
  const [first = '', ...rest] = args;
  const inFirst = first.slice(withoutParameters(first).length).trim();
  return inFirst === '' ? rest : [...inFirst.split(/ +/), ...rest];
}

/** A recipient as rules and their edits need it; `macros` are those of RCPT. */
export function shownRecipient(
  args: readonly string[],
  address: EnvelopeAddress,
  macros: string,
): RuleRecipient {
  return {
    address,
    path: withoutParameters(args[0]!),
    parameters: parametersOf(args),
    mailer: macroValue(macros, 'rcpt_mailer') ?? '',
    nextHop: utf8OrLatin1(macroValue(macros, 'rcpt_host') ?? ''),
  };
}

/** `<a@b> SIZE=9` to `<a@b>`. A bracket inside a quoted local part does not close the path. */
function withoutParameters(argument: string): string {
  if (!argument.startsWith('<') || !argument.includes(' ')) return argument;
  let quoted = false;
  for (let i = 1; i < argument.length; i++) {
    const char = argument[i];
    if (char === '\\' && quoted) i++;
    else if (char === '"') quoted = !quoted;
    else if (char === '>' && !quoted) return argument[i + 1] === ' ' ? argument.slice(0, i + 1) : argument;
  }
  return argument;
}
