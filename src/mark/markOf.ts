/**
 * From a verdict to the content of the message's mark. Pure.
 *
 * A session is `protected` when it was encrypted and met the minimums of every row that applied (the default
 * minimums where none did) and everything else these rows require. A plaintext session, one below a minimum,
 * and one that violates a row that only tags or observes are `unprotected`. If the MTA did not tell the TLS
 * state, the session is `unknown`.
 *
 * The row is named when the sender's row decided, or when the message has one recipient: otherwise the
 * pattern of a recipient's row could reveal a blind copy to the other recipients. The log has the row in any
 * case, under the same queue id.
 */
import type { EnvelopeAddress } from '../core/address.ts';
import { DEFAULTS } from '../core/settings.ts';
import { compareWithFloor } from '../core/tls.ts';
import type { Verdict } from '../core/verdict.ts';
import type { MarkFields, MarkState, MarkVerdict } from './markFields.ts';

interface MarkContext {
  readonly host: string;
  readonly queueId: string;
  /** The code for `tlsward lookup`; '' for none. */
  readonly code: string;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** Recipients of the message; the mark must not reveal one to another. */
  readonly recipients: number;
  /** Digest of the body as it is passed on; '' when the mark does not bind it. */
  readonly bodyDigest: string;
}

/** `2026-11-22T18:47:31Z`. */
function markTime(timeMs: number): string {
  const second = Math.floor(timeMs / 1000);
  if (second !== writtenSecond) {
    writtenSecond = second;
    written = `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
  }
  return written;
}

// under load many messages share a second, and formatting it is the most expensive part of a mark
let writtenSecond = Number.NaN;
let written = '';

/** The domain that an HMAC is bound to: the canonical domain of the envelope sender, '' where it has none. */
export function markSenderDomain(sender: EnvelopeAddress | null): string {
  return sender === null ? '' : sender.domain;
}

export function markOf(verdict: Verdict, context: MarkContext): MarkFields {
  const { tls, decisive } = verdict;
  const encrypted = tls.kind === 'tls' ? tls : null;
  const certificate = encrypted?.certificate ?? null;
  const row = decisive?.row ?? null;
  const tellRow = row !== null && (decisive?.side === 'sender' || context.recipients === 1);
  return {
    leg: 'receive',
    state: stateOf(verdict),
    protocol: encrypted?.protocol ?? '',
    cipher: encrypted?.cipher ?? '',
    bits: encrypted?.bits ?? null,
    certificate: certificate?.kind ?? (tls.kind === 'unknown' ? 'unknown' : 'none'),
    certificateName: certificate?.kind === 'trusted' ? certificate.commonName : '',
    row: tellRow ? row.pattern : '',
    verdict: verdictWord(verdict),
    host: context.host,
    queueId: context.queueId,
    time: markTime(context.timeMs),
    code: context.code,
    bodyDigest: context.bodyDigest,
  };
}

function verdictWord(verdict: Verdict): MarkVerdict {
  if (verdict.judged !== 'judged') return 'not-judged';
  if (verdict.action === 'hold') return 'hold';
  if (verdict.tagged) return 'tag';
  return verdict.wouldBe === null ? 'accept' : `would-${verdict.wouldBe}`;
}

/** Protected, unprotected or unknown; the weakest result of all rows. */
export function stateOf(verdict: Verdict): MarkState {
  const { tls, findings } = verdict;
  if (tls.kind === 'unknown') return 'unknown';
  if (tls.kind === 'plain') return 'unprotected';
  let row = false;
  let unknown = false;
  for (const finding of findings) {
    const breach = finding.breach?.kind ?? null;
    if (breach !== null && breach !== 'unknown') return 'unprotected';
    if (breach === 'unknown') unknown = true;
    if (finding.row === null) continue;
    row = true;
    const floor = compareWithFloor(tls, finding.row.settings);
    if (floor === 'unknown') unknown = true;
    else if (floor !== 'ok') return 'unprotected';
  }
  const floor = row ? 'ok' : compareWithFloor(tls, DEFAULTS);
  if (floor !== 'ok' && floor !== 'unknown') return 'unprotected';
  return unknown || floor === 'unknown' ? 'unknown' : 'protected';
}
