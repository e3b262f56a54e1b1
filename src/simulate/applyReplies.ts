/**
 * What an MTA makes of a message when a filter's replies at its end are carried out: for `simulate` and for
 * tests beside the real MTAs. Pure.
 *
 * Postfix's rules (`cleanup_milter.c`): CHGHEADER counts fields of a name from 1 in any case and renumbers at
 * once, an empty value deletes, a field not found is appended; INSHEADER 0 and 1 go on top (the MTA's own
 * Received is not among the fields here); ADDHEADER goes to the end; the first REPLBODY empties the body,
 * each one appends.
 */
import type { HeaderField } from '../core/messageEdit.ts';
import { fieldNameKey } from '../mark/stripMarks.ts';
import type { MilterReply } from '../wire/milterEncode.ts';

export interface PlainMessage {
  readonly headers: readonly HeaderField[];
  readonly body: Uint8Array;
}

/** The message after these replies; verdicts among them change nothing. */
export function applyReplies(message: PlainMessage, replies: readonly MilterReply[]): PlainMessage {
  const headers = [...message.headers];
  let chunks: Uint8Array[] | null = null;
  for (const reply of replies) {
    switch (reply.kind) {
      case 'ADDHEADER':
        headers.push({ name: reply.name, value: reply.value });
        break;
      case 'INSHEADER':
        headers.splice(Math.max(0, reply.index - 1), 0, { name: reply.name, value: reply.value });
        break;
      case 'CHGHEADER':
        change(headers, reply);
        break;
      case 'REPLBODY':
        chunks ??= [];
        chunks.push(Uint8Array.from(reply.chunk));
        break;
      default:
        break;
    }
  }
  return { headers, body: chunks === null ? message.body : Buffer.concat(chunks) };
}

/**
 * The recipients after these replies, by path: DELRCPT removes the path that it names, which must be equal
 * letter by letter, ADDRCPT puts one at the end.
 */
export function applyRecipients(recipients: readonly string[], replies: readonly MilterReply[]): string[] {
  let left = [...recipients];
  for (const reply of replies) {
    if (reply.kind === 'DELRCPT') left = left.filter((path) => path !== reply.path);
    else if (reply.kind === 'ADDRCPT' || reply.kind === 'ADDRCPT_PAR') left.push(reply.path);
  }
  return left;
}

function change(
  headers: HeaderField[],
  { name, index, value }: { name: string; index: number; value: string },
): void {
  const key = fieldNameKey(name);
  let left = Math.max(1, index);
  const at = headers.findIndex((field) => fieldNameKey(field.name) === key && --left === 0);
  if (value === '') {
    if (at >= 0) headers.splice(at, 1);
  } else if (at >= 0) headers[at] = { name, value };
  else headers.push({ name, value });
}
