/**
 * Replies to authors of messages that cannot leave as a rule requires. One line of printable ASCII each, the
 * code of `tlsward lookup` at its end; foreign text is cut, so that the line fits an SMTP reply.
 *
 *   550 5.7.10 <bob@plain.example>: this message must be sent under TLS (rule "secure": the subject has [secure]), and
 *   mx.plain.example did not offer it at 14:03 UTC; ask your mail administrator, or send it another way. HELP [CODE]
 *
 * X.7.10 "encryption needed" (RFC 7372 and the IANA registry of enhanced status codes), X.3.5 "system
 * incorrectly configured" (RFC 3463).
 */

import { escapeText } from '../core/escape.ts';
import type { Need, RuleRecipient } from '../core/rule.ts';
import type { Reply } from '../receive/smtpReply.ts';

/** Characters of a text, so that code, enhanced code and text fit an SMTP reply line of 510. */
const MAX_TEXT = 480;
/** Most characters of each foreign part; the first length that fits is used. */
const ROOMS = [160, 100, 60, 32] as const;

/** The longest form of the text that fits. */
function fit(text: (room: number) => string): string {
  for (const room of ROOMS) {
    const form = text(room);
    if (form.length <= MAX_TEXT) return form;
  }
  return text(16);
}

/** `<bob@plain.example>` for a person. */
function shownAddress({ address }: RuleRecipient, room: number): string {
  const bare = address.kind === 'mailbox' ? address.mailbox : address.text.replace(/^<|>$/g, '');
  return `<${escapeText(bare, room)}>`;
}

function requirement(need: Need, room: number): string {
  const what = need.level === 'encrypt' ? 'under TLS' : 'under TLS to a server that proves its name';
  const because = need.because[0] ?? '';
  const why = because === '' ? '' : `: ${escapeText(because, room)}`;
  return `must be sent ${what} (rule "${need.rules[0]?.name ?? ''}"${why})`;
}

function sentence(recipient: RuleRecipient, need: Need, why: string, room: number): string {
  return `${shownAddress(recipient, room)}: this message ${requirement(need, room)}, and ${escapeText(why, room)}`;
}

/** The whole reason as a sentence without advice: for a hold. */
export function holdReasonOf(recipient: RuleRecipient, need: Need, why: string): string {
  return fit((room) => sentence(recipient, need, why, room));
}

function closing(need: Need, code: string): string {
  const help = need.rules[0]?.help ?? null;
  return `${help === null ? '' : `. ${escapeText(help, 80)}`} [${code}]`;
}

/** Refused for this recipient and `more` others. */
export function refusal(
  recipient: RuleRecipient,
  need: Need,
  why: string,
  more: number,
  code: string,
): Reply {
  const others = more === 0 ? '' : ` (and ${more} more)`;
  const end = `${others}; ask your mail administrator, or send it another way${closing(need, code)}`;
  const text = fit((room) => `${sentence(recipient, need, why, room)}${end}`);
  return { code: 550, dsn: '5.7.10', text };
}

/** `other` cannot be in the same message. */
export function sendSeparately(
  recipient: RuleRecipient,
  need: Need,
  other: RuleRecipient,
  why: string,
  code: string,
): Reply {
  const end = `; send it to each of them separately${closing(need, code)}`;
  const text = fit((room) => {
    const both = [shownAddress(recipient, room), shownAddress(other, room)] as const;
    return `${both[0]}: this message ${requirement(need, room)}, and ${both[1]} ${why}${end}`;
  });
  return { code: 550, dsn: '5.7.10', text };
}

/** The MTA did not report where the recipient goes, because of its configuration. */
export function deferral(recipient: RuleRecipient, need: Need, local: boolean, code: string): Reply {
  const why = 'the mail server does not tell its filter where this mail goes';
  const cure = local
    ? 'for mail from sendmail(1), set local-domains in tlsward.ini'
    : 'it must send {rcpt_mailer} and {rcpt_host} (milter_protocol = 6)';
  const end = `; ${cure} [${code}]`;
  return {
    code: 451,
    dsn: '4.3.5',
    text: fit((room) => `${sentence(recipient, need, why, Math.max(room, 60))}${end}`),
  };
}

/** Nothing would stop the copies of such a message that the MTA makes. */
export function fenceMissing(header: string, code: string): Reply {
  const text =
    'this message matches a rule, and the mail server does not show that it stops copies: its smtp_header_checks ' +
    `must begin with the table for ${header}, and milter_macro_defaults must report them (message-fence.main.cf)`;
  return { code: 451, dsn: '4.3.5', text: `${text} [${code}]` };
}

/** Rules came into force after the connection was negotiated, without the data that they need. */
export function rulesChanged(code: string): Reply {
  const text =
    'the rules for messages like this one changed while the connection was open; try again on a new one';
  return { code: 451, dsn: '4.3.0', text: `${text} [${code}]` };
}

/** A client sent a recipient address with a routing suffix. */
export function routeFromClient(code: string): Reply {
  const text = 'a recipient address has a routing suffix, which only this server may add';
  return { code: 550, dsn: '5.7.1', text: `${text} [${code}]` };
}

/** Some recipients were not kept, and a rule would apply to them. */
export function tooManyRecipients(code: string): Reply {
  const text =
    'this message matches a rule, and not all of its recipients could be checked; send it to fewer at once';
  return { code: 452, dsn: '4.5.3', text: `${text} [${code}]` };
}
