/**
 * Who is told that a message waits: the envelope sender, where a person of this host reads what is sent there. Pure.
 *
 * RFC 3834 section 2 lists whom an automatic answer must not go to. A notice to a sender elsewhere would go to whoever
 * was forged, so only domains of this host's own are told; and an address whose local part leads elsewhere (`x%y`,
 * `y!x`, one that a forwarder wrote) is none of its own.
 */
import { parsePath } from '../core/address.ts';
import { nameMatches } from '../core/domain.ts';

export interface Author {
  /** `alice@example.org`, as it goes into RCPT TO and To. */
  readonly address: string;
  readonly domain: string;
}

/**
 * `null`: nobody; `foreign`: of another domain; `machine`: a list, a program, a forwarder; `unreadable`: not in plain
 * ASCII, or no address.
 */
export type LeftOut = 'null' | 'foreign' | 'machine' | 'unreadable';

/** RFC 5321 Dot-string, without the characters by which an MTA finds another route (`%`, `!`). */
const PLAIN = /^[A-Za-z0-9#$&'*+/=?^_`{|}~-]{1,64}(?:\.[A-Za-z0-9#$&'*+/=?^_`{|}~-]{1,64}){0,31}$/;
const MAX_LOCAL = 64;
const MAX_SENDER = 320;
const MACHINES = new Set([
  'mailer-daemon',
  'postmaster',
  'nobody',
  'bounce',
  'bounces',
  'noreply',
  'no-reply',
  'no_reply',
  'donotreply',
  'do-not-reply',
  'do_not_reply',
]);
const LIST =
  /^(?:owner|bounces?|no-?reply|do-?not-?reply)[-+]|-(?:request|owner|bounces?|errors|return)(?:[-+]|$)/;
/** Batched addresses of one person (BATV): a tag, and who it is. */
const BATV = /^prvs=[0-9a-z]{4,20}=[^=]+$/;

/** `domains`: canonical, `.suffix` for all names below. `sender`: '' is the null sender. */
export function authorOf(sender: string, domains: readonly string[]): Author | LeftOut {
  if (sender === '') return 'null';
  if (sender.length > MAX_SENDER) return 'unreadable';
  const { kind, domain } = parsePath(`<${sender}>`);
  if (kind !== 'mailbox') return 'unreadable';
  if (!domains.some((own) => nameMatches(own, domain))) return 'foreign';
  const local = sender.slice(0, sender.lastIndexOf('@'));
  if (local.length > MAX_LOCAL || !PLAIN.test(local)) return 'unreadable';
  if (isMachine(local.toLowerCase())) return 'machine';
  return { address: `${local}@${domain}`, domain };
}

function isMachine(local: string): boolean {
  // `=` stands in what SRS, VERP and the like made of another address
  if (local.includes('=')) return !BATV.test(local);
  return MACHINES.has(local.split('+')[0]!) || LIST.test(local);
}
