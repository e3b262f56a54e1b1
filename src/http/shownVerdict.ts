/**
 * A verdict as the live page may show it. What is left of addresses follows `privacy` of the evidence: with `full` all
 * of them, else only domains. Pure; the fields are those of the log line (contrib/doc/log-fields.md).
 */
import { canonicalDomain } from '../core/domain.ts';
import { withoutLocalParts } from '../evidence/lineText.ts';
import type { VerdictFields } from '../log/verdictFields.ts';

export type Privacy = 'domains' | 'hashed' | 'full';

/** One line of the list of verdicts. */
export interface ShownVerdict {
  readonly time: string;
  readonly code: string;
  /** `accept`, `hold`, `defer`, `reject`. */
  readonly action: string;
  /** `observe: would reject`, `tagged`, `not judged: local`; '' for none of them. */
  readonly remark: string;
  readonly from: string;
  readonly to: string;
  readonly client: string;
  readonly tls: string;
  readonly row: string;
  readonly because: string;
}

const MOST_RECIPIENTS = 3;
const LONGEST = 300;

/** The line for a verdict; `time`: ISO 8601. */
export function shownVerdict(fields: VerdictFields, time: string, privacy: Privacy): ShownVerdict {
  const of = (name: string): string => cut(safeText(fields[name], privacy));
  const because = Array.isArray(fields.because) ? (fields.because[0] as unknown) : undefined;
  return {
    time,
    code: of('code'),
    action: of('action'),
    remark: remarkOf(fields),
    from: cut(safeAddress(fields.sender, privacy)),
    to: recipientsOf(fields.recipients, privacy),
    client: of('client'),
    // the cipher is on the page of the verdict
    tls: /^TLSv[0-9.]+(?= )/.exec(of('tls'))?.[0] ?? of('tls'),
    row: of('row'),
    because: cut(lastPart(safeReason(because, privacy))),
  };
}

/** Every field of a verdict, for the page of one; in the order of the log. */
export function shownFields(
  fields: VerdictFields,
  privacy: Privacy,
): { readonly name: string; readonly text: string }[] {
  return Object.entries(fields).flatMap(([name, value]) => {
    if (value === undefined || name === 'event') return [];
    if (name === 'saslUsername' && privacy !== 'full') return [];
    if (name === 'sender') return [{ name, text: safeAddress(value, privacy) }];
    const list = Array.isArray(value) ? (value as readonly unknown[]) : [value];
    const safe = name === 'recipients' ? safeAddress : name === 'because' ? safeReason : safeText;
    return [{ name, text: list.map((one) => safe(one, privacy)).join(', ') }];
  });
}

function remarkOf({ would, tagged, notJudged }: VerdictFields): string {
  if (would !== undefined) return `observe: would ${String(would)}`;
  if (tagged === true) return 'tagged';
  return notJudged === undefined ? '' : `not judged: ${String(notJudged)}`;
}

function recipientsOf(value: unknown, privacy: Privacy): string {
  const list = Array.isArray(value) ? (value as readonly unknown[]) : [value];
  const shown = [...new Set(list.map((one) => safeAddress(one, privacy)))];
  const more = shown.length - MOST_RECIPIENTS;
  return cut(more > 0 ? `${shown.slice(0, MOST_RECIPIENTS).join(', ')} and ${more} more` : shown.join(', '));
}

/** Text in which addresses may occur. */
function safeText(value: unknown, privacy: Privacy): string {
  const text = value === undefined || value === null ? '' : String(value);
  return privacy === 'full' ? text : withoutLocalParts(text);
}

/** Sides with which a reason begins, and what stands behind the address (receive/describeVerdict.ts). */
const SIDES = ['sender', 'recipient'];
const BEHIND_ADDRESS = ': row "';

/** A reason: the address in it may have any form, so that it is left out as a whole. */
function safeReason(value: unknown, privacy: Privacy): string {
  const text = value === undefined || value === null ? '' : String(value);
  const side = SIDES.find((word) => text.startsWith(`${word} `));
  // the last one: an address may have it, too
  const end = text.lastIndexOf(BEHIND_ADDRESS);
  if (privacy === 'full' || side === undefined || end < 0) return safeText(text, privacy);
  return safeText(`${side}${text.slice(end)}`, privacy);
}

/** `this session is not encrypted`, without the row that stands in a column of its own. */
function lastPart(reason: string): string {
  return reason.split('): ').at(-1)!;
}

/** An envelope address, or how many more there are. */
function safeAddress(value: unknown, privacy: Privacy): string {
  const text = value === undefined || value === null ? '' : String(value);
  if (privacy === 'full' || text === '') return text === '' ? '<>' : text;
  if (text === '<>' || /^and [0-9]+ more$/.test(text)) return text;
  const at = text.lastIndexOf('@');
  if (at < 0) return '(no domain)';
  return canonicalDomain(text.slice(at + 1).replace(/>$/, '')) ?? '(no domain)';
}

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 3)}...` : text;
}
