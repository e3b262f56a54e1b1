/**
 * Why a message waits, in the words of the report where it is about TLS (tally/causes.ts), else in a few words that
 * name no host, so that the same trouble is one group. Pure; the reason was bounded where it was read.
 */
import { escapeText } from '../core/escape.ts';
import type { DeliveryRecord } from '../evidence/record.ts';
import { tlsFailure, withoutSuspension } from '../tally/causes.ts';

export interface WaitCause {
  readonly cause: string;
  /** Is it for want of TLS, or of a TLS policy? */
  readonly tls: boolean;
}

/** What Sendmail's rule sets say (tls_rcpt, tls_server, and those of contrib/sendmail), without the name of the rule set. */
const SENDMAIL: readonly (readonly [text: string, cause: string])[] = [
  ['encryption too weak 0 less than', 'no STARTTLS offered'],
  ['encryption too weak', 'encryption too weak'],
  ['other side does not support starttls', 'no STARTTLS offered'],
  ['tls handshake failed', 'handshake failed'],
  ['not listed in san', 'certificate of another name'],
  [' does not match ', 'certificate of another name'],
  [' not found in ', 'certificate of another name'],
  ['authentication failed', 'certificate not verified'],
  ['tls_rcpt map: lookup', 'TLS policy not known'],
  ['sts map: lookup', 'TLS policy not known'],
  ['the tls table cannot be asked', 'TLS policy not known'],
];

const OTHERS: readonly (readonly [text: string, cause: string])[] = [
  ['connection refused', 'connection refused'],
  ['connection timed out', 'connection timed out'],
  ['timed out while', 'the server did not answer in time'],
  ['no route to host', 'no route to the host'],
  ['network is unreachable', 'no route to the host'],
  ['lost connection', 'connection lost'],
  ['host or domain name not found', 'no such domain, or DNS does not answer'],
  ['name service error', 'no such domain, or DNS does not answer'],
  ['host not found', 'no such domain, or DNS does not answer'],
  ['mail transport unavailable', 'the transport of the MTA is not available'],
  ['transport is throttled', 'the transport of the MTA is not available'],
  ['delivery temporarily suspended', 'delivery suspended after failures'],
  ['temporary lookup error', 'a lookup failed'],
  ['queue file write error', 'the MTA could not write'],
  ['no space left', 'no space left'],
  ['greylist', 'greylisted'],
];
/** `450 4.2.0`, also `450-4.2.0`. */
const SAID = /^[245]\d\d(?:[ -][245]\.\d{1,3}\.\d{1,3})?/;
const MAX_CAUSE = 100;

/**
 * `sendmail`: they are the words of Sendmail, which does not tell its own from those of the other server. `noted`: what
 * the log said of the session before, as a record of the collector has it in `tls.why`.
 */
export function waitCause(said: string, sendmail: boolean, noted = ''): WaitCause {
  const reason = withoutSuspension(said);
  const record = withoutDsn(reason);
  // a temporary error of the table of TLS policies has this code in the log, and none in the queue
  const tls: DeliveryRecord['tls'] = { state: 'unknown', ...(noted === '' ? {} : { why: noted }) };
  const failure = tlsFailure({ ...record, tls });
  if (failure !== null) return { cause: failure.cause, tls: true };
  const text = reason.toLowerCase();
  if (sendmail) for (const [words, cause] of SENDMAIL) if (text.includes(words)) return { cause, tls: true };
  const answer = text.indexOf(' said: ');
  if (answer >= 0) {
    const words = reason.slice(answer + 7);
    const code = SAID.exec(words)?.[0];
    if (text.includes('greylist', answer)) return { cause: 'greylisted', tls: false };
    return {
      cause: code === undefined ? 'the server refused for now' : `the server said ${code}`,
      tls: false,
    };
  }
  for (const [words, cause] of OTHERS) if (text.includes(words)) return { cause, tls: false };
  return { cause: reason === '' ? 'no reason is named' : escapeText(reason, MAX_CAUSE), tls: false };
}

/** `4.7.4 TLS is required ...`, as older releases had it. */
function withoutDsn(reason: string): { reply: string; dsn: string } {
  const [, dsn = '', text = reason] = /^([245]\.\d{1,3}\.\d{1,3}) (.*)$/s.exec(reason) ?? [];
  return { reply: text, dsn };
}
