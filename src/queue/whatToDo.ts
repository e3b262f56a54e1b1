/**
 * What an administrator can do about mail that waits, as commands to paste. Pure.
 *
 * An exception is proposed only where it would let the mail go: the level of the row, or what the domain publishes,
 * keeps it here. It is the least that is weaker: a certificate that fails still leaves an encrypted session, so the
 * level becomes `encrypt`; only a server without STARTTLS needs `may`. It is for the domain alone and ends by itself.
 */
import type { Group } from './groups.ts';

interface Step {
  /** What it is good for, in words. */
  readonly text: string;
  /** A command line; '' when there is none. */
  readonly command: string;
}

/** How long a proposed exception lasts, as `except --until` takes it. */
const UNTIL = '+2d';
/** A plain domain, safe on a command line. */
const DOMAIN = /^[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9])?$/;
/** Causes that mail in plaintext would not have. */
const NEEDS_PLAIN = new Set([
  'no STARTTLS offered',
  'STARTTLS refused by the server',
  'TLS required and not available',
  'handshake failed',
  'encryption too weak',
]);
/** Causes that a session under TLS with anyone would not have. */
const NEEDS_ENCRYPTION =
  /^certificate |^no TLSA records$|^no DNSSEC$|^no usable TLSA records$|^TLSA records not available$/;
const OF_THIS_HOST = new Set([
  'TLS not available on this host',
  'DANE not possible on this host',
  'TLS policy not usable',
]);

/** `sendmail`: the queue is Sendmail's. */
export function whatToDo(group: Group, sendmail: boolean): readonly Step[] {
  const { domain, demand, cause, tls, held, ids } = group;
  if (held) return [{ text: 'let it go once its reason is gone', command: release(ids) }];
  const known = DOMAIN.test(domain);
  const again = { text: 'have it tried again', command: sendmail ? 'sendmail -q' : 'postqueue -f' };
  if (cause === 'a lookup failed' || cause === 'TLS policy not known')
    return [{ text: 'does tlsward answer?', command: 'tlsward status' }];
  if (cause === 'the server asks for TLS')
    return [{ text: 'the level of its row is too low: make it encrypt', command: ask(domain, known) }];
  if (OF_THIS_HOST.has(cause)) return [{ text: 'this host is not set up for it', command: 'tlsward doctor' }];
  if (!tls || !known) return [];
  if (demand.byRule)
    return [
      {
        text: 'a rule demands it of these messages: an exception of the domain does not lower that',
        command: '',
      },
    ];
  if (demand.level === '')
    return [
      {
        text: 'no row demands it: a level of the MTA itself does',
        command: sendmail ? '' : 'postconf smtp_tls_security_level smtp_tls_policy_maps',
      },
    ];
  const deliver = NEEDS_PLAIN.has(cause) ? 'may' : NEEDS_ENCRYPTION.test(cause) ? 'encrypt' : '';
  if (deliver === '') return [{ text: 'what is demanded of it', command: ask(domain, known) }];
  // an exception was made since it was tried last
  if (demand.level === 'none' || demand.level === 'may' || demand.level === deliver)
    return [{ ...again, text: `its row no longer demands that: ${again.text}` }];
  const plain = deliver === 'may' ? 'in plaintext if need be' : 'encrypted, to whoever answers';
  return [
    {
      text: `let it go ${plain}, for two days`,
      command: `tlsward except ${domain} --until ${UNTIL} --reason "${cause}" --deliver ${deliver}`,
    },
    { ...again, text: `then ${again.text}` },
  ];
}

function ask(domain: string, known: boolean): string {
  return known ? `tlsward explain --deliver ${domain}` : '';
}

function release(ids: readonly string[]): string {
  const [id] = ids;
  return ids.length === 1 && id !== undefined && /^[A-Za-z0-9]{5,64}$/.test(id) ? `postsuper -H ${id}` : '';
}
