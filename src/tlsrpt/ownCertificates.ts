/**
 * What the certificates that we present have to do with a report: a file that changed, or a certificate that began or
 * ended, within the hours of the report. It is what stands in the file now; what was presented then is not known.
 */
import { X509Certificate } from 'node:crypto';
import { escapeText } from '../core/escape.ts';
import { readGuardedSync } from '../files/guardedReader.ts';
import { fileError } from '../files/systemError.ts';

const MAX_BYTES = 1_048_576;

export interface OwnCertificate {
  readonly file: string;
  /** ISO 8601: when the file was changed last, from when and until when its first certificate is valid. */
  readonly changed: string;
  readonly validFrom: string;
  readonly validTo: string;
}

/** A text says why it cannot be read. */
export function ownCertificate(file: string): OwnCertificate | string {
  const shown = escapeText(file, 300);
  try {
    const found = readGuardedSync(file, { maxBytes: MAX_BYTES, followLinks: true, refuse: () => null });
    if (found.kind !== 'read') return `${shown}: is no file of a certificate`;
    const certificate = new X509Certificate(found.bytes);
    return {
      file: shown,
      changed: isoOf(found.status.mtimeMs),
      validFrom: isoOf(Date.parse(certificate.validFrom)),
      validTo: isoOf(Date.parse(certificate.validTo)),
    };
  } catch (error) {
    const system = error instanceof Error && 'syscall' in error;
    return `${shown}: ${system ? `cannot be read (${fileError(error)})` : 'holds no certificate in PEM'}`;
  }
}

function isoOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** What of it lies within the hours, in words; empty: nothing. */
export function certificateEvents(
  { file, changed, validFrom, validTo }: OwnCertificate,
  start: string,
  end: string,
): string[] {
  const within = (time: string): boolean => time >= start && time <= end;
  return [
    ...(within(changed) ? [`${file} was changed ${changed}`] : []),
    ...(within(validFrom) ? [`the certificate in ${file} is valid since ${validFrom}`] : []),
    ...(validTo < end ? [`the certificate in ${file} expired ${validTo}`] : []),
  ];
}
