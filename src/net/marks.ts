/**
 * The edits at end of message: every copy of our header that came with the mail goes, then ours is added.
 *
 * The header says what was seen on the receive leg, protected or not. A connection that was negotiated before headers
 * were wanted cannot count the copies that came with the mail, so it adds nothing: a mark beside a forged one is worse
 * than none.
 */
import type { Edit, HeaderField } from '../core/edit.ts';
import type { Transaction } from '../core/transaction.ts';
import type { Verdict } from '../core/verdict.ts';
import { isProtected } from './judge.ts';

export interface MarkOptions {
  /** Header name, `X-TLS-Ward` unless `mark-name` says otherwise. */
  readonly name: string;
  /** `host-name`; '' means: what the MTA calls itself. */
  readonly hostName: string;
}

/** A value that stands between `;` and `;`: anything but plain characters becomes `_`. */
function token(text: string): string {
  return text.replace(/[^A-Za-z0-9._:@*<>[\]+/-]/g, '_').slice(0, 80) || '-';
}

/** Deletions from the highest index down (right in Postfix, which renumbers at once, and in Sendmail), then the mark. */
export function markEdits(
  transaction: Transaction,
  verdict: Verdict,
  headers: readonly HeaderField[] | null,
  code: string,
  options: MarkOptions,
  now: Date,
): Edit[] {
  if (headers === null || verdict.judged !== 'judged') return [];
  const wanted = options.name.toLowerCase();
  const copies = headers.filter((field) => field.name.trimEnd().toLowerCase() === wanted).length;
  const edits: Edit[] = [];
  for (let index = copies; index >= 1; index--)
    edits.push({ kind: 'deleteHeader', name: options.name, index });
  if (verdict.mark)
    edits.push({
      kind: 'insertHeader',
      name: options.name,
      index: 1,
      value: markValue(transaction, verdict, code, options, now),
    });
  return edits;
}

function markValue(
  transaction: Transaction,
  verdict: Verdict,
  code: string,
  options: MarkOptions,
  now: Date,
): string {
  const { tls } = verdict;
  const fields = [`v=1`, `leg=receive`, `state=${isProtected(verdict)}`];
  if (tls.kind === 'tls') {
    fields.push(
      `protocol=${token(tls.protocol)}`,
      `cipher=${token(tls.cipher)}`,
      `bits=${tls.bits ?? '-'}`,
      `certificate=${tls.certificate.kind}`,
    );
  }
  const row = verdict.decisive?.row?.pattern;
  if (row !== undefined) fields.push(`row=${token(row)}`);
  const action = verdict.tagged ? 'tag' : verdict.action;
  const host = options.hostName === '' ? transaction.mtaName : options.hostName;
  fields.push(
    `verdict=${action}`,
    `host=${token(host)}`,
    `id=${token(transaction.queueId)}`,
    `time=${now.toISOString().slice(0, 19)}Z`,
    `code=${code}`,
  );
  return folded(fields);
}

/** Fields joined with "; ", folded with LF and a space so that no line passes 76 columns by much. */
function folded(fields: readonly string[]): string {
  let value = '';
  let column = 20;
  for (const [i, field] of fields.entries()) {
    const text = i === fields.length - 1 ? field : `${field};`;
    if (i > 0 && column + text.length + 1 > 76) {
      value += `\n ${text}`;
      column = text.length + 1;
    } else {
      value += i > 0 ? ` ${text}` : text;
      column += text.length + 1;
    }
  }
  return value;
}
