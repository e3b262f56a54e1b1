/**
 * Policy delegation, us to Postfix: actions to bytes.
 *
 *   answer = "action=" text LF LF
 *
 * Postfix executes the text as if it were in an access table, and several mistakes would permit mail: an
 * empty text permits, a text of digits alone permits, a word with a colon is looked up as a map, and the name
 * of a restriction is evaluated. So an action is not a string here but one of a closed list of verbs, and
 * foreign text can only follow a verb. `OK` is not in the list: it would skip the restrictions that follow.
 *
 * The text is printable ASCII of at most 400 bytes (Postfix cuts at 510 and adds words of its own); what is
 * not printable becomes `?`. Exactly one blank line ends the answer: Postfix takes further bytes for a failed
 * server.
 * Source: Postfix SMTPD_POLICY_README, access(5); `src/smtpd/smtpd_check.c`, check_table_result().
 */
import { Buffer } from 'node:buffer';

export type PolicyAction =
  /** No objection; the next restriction decides. */
  | { readonly verb: 'DUNNO' }
  /** Refused with this code, 400..599; `dsn` is an enhanced code of the same class, such as `5.7.0`. */
  | { readonly verb: 'reply'; readonly code: number; readonly dsn: string; readonly text: string }
  /** Accepted into the hold queue, with all its recipients. Needs a sender. */
  | { readonly verb: 'HOLD'; readonly text: string }
  /** One header field on top of the message; not at END-OF-MESSAGE, where Postfix only warns. */
  | { readonly verb: 'PREPEND'; readonly name: string; readonly value: string };

export const DUNNO: PolicyAction = { verb: 'DUNNO' };

const MAX_TEXT = 400;
const DUNNO_BYTES = Buffer.from('action=DUNNO\n\n', 'latin1');

function clean(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').trim();
}

/**
 * The action as Postfix expects it. Throws RangeError for an action that cannot be sent: a bug of the caller.
 */
export function formatAction(action: PolicyAction): string {
  switch (action.verb) {
    case 'DUNNO':
      return 'DUNNO';
    case 'reply': {
      const { code, dsn } = action;
      if (!Number.isInteger(code) || code < 400 || code > 599)
        throw new RangeError(`no SMTP refusal: ${code}`);
      if (!/^[45]\.[0-9]{1,3}\.[0-9]{1,3}$/.test(dsn) || dsn[0] !== String(code)[0]) {
        throw new RangeError(`enhanced code ${dsn} does not go with ${code}`);
      }
      // a code without text would permit
      return `${code} ${dsn} ${clean(action.text) || 'refused'}`.slice(0, MAX_TEXT);
    }
    case 'HOLD':
      return `HOLD ${clean(action.text)}`.trim().slice(0, MAX_TEXT);
    case 'PREPEND': {
      const { name } = action;
      if (!/^[!-9;-~]{1,76}$/.test(name)) throw new RangeError(`no header field name: ${clean(name)}`);
      return `PREPEND ${name}: ${clean(action.value)}`.slice(0, MAX_TEXT);
    }
  }
}

/** The whole answer. The bytes may be shared between calls and must not be changed. */
export function encodePolicyAnswer(action: PolicyAction): Uint8Array {
  if (action.verb === 'DUNNO') return DUNNO_BYTES;
  return Buffer.from(`action=${formatAction(action)}\n\n`, 'latin1');
}
