/**
 * Recipient edits: which paths and parameters a filter may send, and the packets that carry them.
 *
 *     ADDRCPT       path NUL                     ADDRCPT_PAR   path NUL parameters NUL
 *     DELRCPT       path NUL                     parameters = esmtp-param *( SP esmtp-param )
 *
 * Both MTAs accept more than an address: Sendmail splits the text at commas and would run `|program`, Postfix
 * takes the first address of a list. A path that is added must therefore be one mailbox in brackets,
 * `<local@domain>`, its local part a dot-atom or a quoted string (RFC 5321 section 4.1.2). A path that is
 * deleted is the one that the MTA sent: it is compared, not parsed into a list, and may lack brackets or a
 * domain. Neither may contain CR, LF or NUL or, outside quotes, blanks, commas or control characters. Text is
 * latin1, one character a byte; 8-bit bytes are those of RFC 6531.
 *
 * Parameters are those of RCPT in RFC 3461, `NOTIFY=` and `ORCPT=`; Postfix warns about all others.
 * Sources: Sendmail `milter.c` (milter_addrcpt), Postfix `cleanup_milter.c` (cleanup_add_rcpt_par), RFC 3461
 * section 4.
 */
import type { MilterReply } from './milterEncode.ts';

/** Bytes of a path; Postfix lets 2,048 through, RFC 5321 section 4.5.3.1.3 has 256. */
export const MAX_PATH = 2048;
/** Bytes of the parameters; an SMTP command line has 512, with RFC 3461 some 500 more. */
export const MAX_PARAMETERS = 2048;

const QUOTED = String.raw`"(?:[^"\\\r\n\0]|\\[^\r\n\0])*"`;
const ATOMS = String.raw`[^"(),:;<>@[\\\]\0-\x20\x7f|]+`;
const DOMAIN = String.raw`(?:[^"(),:;<>@[\\\]\0-\x20\x7f]+|\[[0-9A-Za-z:.]+\])`;
const MAILBOX = new RegExp(`^<(?:${QUOTED}|${ATOMS})@${DOMAIN}>$`);
const SHOWN = new RegExp(
  `^(?:<(?:${QUOTED}|${ATOMS})(?:@${DOMAIN})?>|(?:${QUOTED}|${ATOMS})(?:@${DOMAIN})?)$`,
);
const PARAMETERS = /^(?:NOTIFY|ORCPT)=[!-~]+(?: (?:NOTIFY|ORCPT)=[!-~]+)*$/i;

/** Why this path must not be added; null when it may. */
export function addedPathProblem(path: string): string | null {
  if (path.length > MAX_PATH) return `the path has more than ${MAX_PATH} bytes`;
  return MAILBOX.test(path) ? null : 'the path is not one mailbox in brackets';
}

/** Why this path cannot be deleted; null when it can. */
export function deletedPathProblem(path: string): string | null {
  if (path.length > MAX_PATH) return `the path has more than ${MAX_PATH} bytes`;
  return SHOWN.test(path) ? null : 'the path is not one mailbox';
}

/** Why these parameters must not be sent; null when they may. '' is none. */
export function parametersProblem(parameters: string): string | null {
  if (parameters.length > MAX_PARAMETERS) return `the parameters have more than ${MAX_PARAMETERS} bytes`;
  return parameters === '' || PARAMETERS.test(parameters) ? null : 'the parameters are not NOTIFY and ORCPT';
}

function check(problem: string | null): void {
  if (problem !== null) throw new RangeError(`milter: recipient: ${problem}`);
}

/** Adds a recipient; with parameters it needs the right ADDRCPT_PAR, without ADDRCPT. Throws RangeError. */
export function addRecipient(path: string, parameters: string): MilterReply {
  check(addedPathProblem(path));
  check(parametersProblem(parameters));
  return parameters === '' ? { kind: 'ADDRCPT', path } : { kind: 'ADDRCPT_PAR', path, parameters };
}

/** Deletes a recipient by the path that the MTA showed. Throws RangeError. */
export function deleteRecipient(path: string): MilterReply {
  check(deletedPathProblem(path));
  return { kind: 'DELRCPT', path };
}
