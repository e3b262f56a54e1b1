/** The evidence of `tlsward status`, in lines. */
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import type { EvidenceStatus } from '../daemon/evidence.ts';
import { evidenceFailure } from '../daemon/statusFindings.ts';
import { type Io, paint } from './command.ts';

/** null: none is kept. */
export function evidenceLines(io: Io, evidence: EvidenceStatus | null): string[] {
  if (evidence === null) return ['none is kept (evidence is empty)'];
  const { directory, stream, day, records, lastSyncMs, gaps, lost, failures, trouble, held } = evidence;
  const { waitingBytes, limitBytes, handedBytes, handedLimitBytes } = evidence;
  const synced = lastSyncMs === 0 ? 'not synced yet' : `synced ${new Date(lastSyncMs).toISOString()}`;
  const waiting = Math.ceil((waitingBytes + handedBytes) / 1024);
  const room = Math.ceil((limitBytes + handedLimitBytes) / 1024);
  const lines = [
    `${directory}/${stream}`,
    `${day === '' ? 'no day' : day}: ${count(records, 'record')}, ${synced}; ${waiting} of ${room} KiB wait`,
  ];
  const failed = evidenceFailure(evidence);
  if (failed !== '') lines.push(paint(io, 'red', failed));
  if (gaps > 0 || lost > 0)
    lines.push(paint(io, 'yellow', `${count(gaps, 'gap')}, ${count(lost, 'record')} known to be missing`));
  if (held > 0)
    lines.push(paint(io, 'yellow', `${count(held, 'answer')} deferred, because they could not be recorded`));
  if (failures > 0) lines.push(`${count(failures, 'failed system call')} since the start`);
  if (trouble !== '') lines.push(paint(io, 'yellow', escapeText(trouble)));
  return lines;
}
