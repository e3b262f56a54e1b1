/**
 * Puts a reply token (mark/replyToken.ts) into a message that arrived protected from outside.
 *
 * The token goes after the last msg-id of the last `References` field, on a line of its own. A message
 * without that field gets one that begins with the msg-ids of `In-Reply-To`, because mail programs read
 * `References` first and would otherwise lose the thread (RFC 5322 section 3.6.4). A program that replies
 * with `In-Reply-To` alone drops the token.
 *
 * Only this edit is skipped, with a note, for: a message with a DKIM or ARC signature that covers
 * `References` (RFC 6376 section 3.5, `h=`; listing an absent field signs its absence), unless `always`; a
 * field that would grow beyond 16 KiB; one with a line longer than 998 or with line breaks that are not
 * folds, which MTAs would not relay unchanged.
 *
 * If there is already a token that the current key signed for this domain, no other is added. Other tokens
 * from outside stay: one whose HMAC matches no recipient of a reply has no effect, and one whose HMAC matches
 * is ours, returned in the answer to our answer; removing a msg-id from `References` would break threads.
 */
import type { Edit, HeaderField } from '../core/messageEdit.ts';
import { SIGNATURE_HEADERS, signatureCovers } from '../mail/signatures.ts';
import { checkReplyTokens, makeReplyToken } from '../mark/replyToken.ts';
import type { MarkKey } from '../mark/signMark.ts';
import { fieldNameKey } from '../mark/stripMarks.ts';

export type TokenMode = 'no' | 'unsigned' | 'always';

interface TokenFor {
  /** Canonical domain of the envelope sender, not ''. */
  readonly domain: string;
  /** The code of the verdict. */
  readonly code: string;
  readonly timeMs: number;
  readonly host: string;
  /** The first signs. */
  readonly keys: readonly MarkKey[];
}

/** Header fields that the MTA must have sent. */
export const TOKEN_HEADERS = ['References', 'In-Reply-To', ...SIGNATURE_HEADERS] as const;

const MAX_LINE = 998;
const MAX_FIELD = 16_384;
/** A new `References` begins with at most this many msg-ids of `In-Reply-To`. */
const MAX_PARENTS = 20;

/** One edit, or a note that says why there is none; neither when our token is already there. */
export function replyTokenEdit(
  headers: readonly HeaderField[],
  mode: Exclude<TokenMode, 'no'>,
  made: TokenFor,
): { readonly edit: Edit | null; readonly note: string | null } {
  const left = (why: string) => ({ edit: null, note: `reply token not added: ${why}` });
  const valuesOf = (name: string): string[] =>
    headers.filter((field) => fieldNameKey(field.name) === name).map(({ value }) => value);
  const references = valuesOf('references');
  const parents = valuesOf('in-reply-to');
  const [signs] = made.keys;
  if (signs === undefined) return left('there is no key');
  const checks = checkReplyTokens([...references, ...parents], [made.domain], [signs]);
  if (checks.some(({ result }) => result === 'verifies')) return { edit: null, note: null };
  if (mode === 'unsigned' && signatureCovers(headers, 'References'))
    return left('a signature covers References');
  const token = makeReplyToken(made.domain, made.code, made.timeMs, made.keys, made.host);
  const last = references.at(-1);
  const value =
    last === undefined
      ? [...parentIds(parents), token].join('\n ')
      : `${last.slice(0, endOfText(last))}\n ${token}`;
  // a field that is too long to be written is not read
  if (value.length > MAX_FIELD) return left(`References would have more than ${MAX_FIELD} bytes`);
  const lines = `References: ${value}`.split('\n');
  if (value.includes('\0') || value.includes('\r') || lines.some(isNoFold))
    return left('References has line breaks that are not folds');
  if (lines.some((line) => line.length > MAX_LINE))
    return left(`References has a line of more than ${MAX_LINE} bytes`);
  const name = 'References';
  return {
    edit:
      last === undefined
        ? { kind: 'addHeader', name, value }
        : { kind: 'changeHeader', name, index: references.length, value },
    note: null,
  };
}

/** Offset after the last character that is neither white space nor a line break. */
function endOfText(value: string): number {
  let end = value.length;
  while (end > 0 && ' \t\n'.includes(value[end - 1]!)) end--;
  return end;
}

/** A continuation line must begin with white space, and only the first and the last line may be blank. */
function isNoFold(line: string, number: number, lines: readonly string[]): boolean {
  if (number === 0) return false;
  if (line[0] !== ' ' && line[0] !== '\t') return true;
  return number < lines.length - 1 && endOfText(line) === 0;
}

/** The msg-ids in In-Reply-To, without phrases and other old forms. */
function parentIds(values: readonly string[]): string[] {
  const ids = values.flatMap((value) => value.slice(0, MAX_FIELD).match(/<[!-;=?-~]{1,250}>/g) ?? []);
  return [...new Set(ids)].slice(0, MAX_PARENTS);
}
