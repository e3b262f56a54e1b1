/**
 * A message, or a bare file, to the reports in it: parts, unpacked, parsed, and what is known of each besides.
 * Bounded in bytes before anything is looked at (MAX_MESSAGE; unpack.ts, boundedJson.ts and parseReport.ts have the
 * other limits).
 */
import { escapeText } from '../core/escape.ts';
import type { HeaderField } from '../core/messageEdit.ts';
import { parseJson } from './boundedJson.ts';
import { type DkimClaim, dkimClaimOf } from './dkimClaim.ts';
import { parseReport } from './parseReport.ts';
import { ReportRefused } from './refusal.ts';
import type { TlsReport } from './report.ts';
import { reportParts } from './reportParts.ts';
import { formOf, unpack } from './unpack.ts';

/** Longest body of a message, and longest bare file, in bytes. */
export const MAX_MESSAGE = 5 * 1_048_576;

export interface ReadReport {
  readonly report: TlsReport;
  /** What is not as RFC 8460 has it, in words. */
  readonly quirks: readonly string[];
  /** null: it came in no message, or the message has no Authentication-Results about DKIM. */
  readonly dkim: DkimClaim | null;
  /** The domain that header or file name say that it is about, as written; ''. */
  readonly namedDomain: string;
}

/** Does a file that begins so hold a report and no mail? A zip file neither, but that is said of it as of a report. */
export function isBareReport(start: Buffer): boolean {
  return formOf(start) !== 'other' || start.toString('latin1', 0, 4) === 'PK\x03\x04';
}

/** `headers`: null for a bare file. `label`: its name. Rejects with ReportRefused. */
export async function readReports(
  headers: readonly HeaderField[] | null,
  bytes: Buffer,
  label: string,
): Promise<readonly ReadReport[]> {
  if (headers === null) {
    const { report, quirks } = parseReport(parseJson(await unpack(bytes)));
    return [
      { report, quirks, dkim: null, namedDomain: domainInName(label.slice(label.lastIndexOf('/') + 1)) },
    ];
  }
  const dkim = dkimClaimOf(headers);
  const inHeader = headers.find(({ name }) => name.toLowerCase() === 'tls-report-domain')?.value.trim();
  const reports: ReadReport[] = [];
  for (const part of reportParts(headers, bytes)) {
    const { report, quirks } = parseReport(parseJson(await unpack(part.bytes)));
    reports.push({
      report,
      quirks: [...part.quirks, ...quirks],
      dkim,
      namedDomain: inHeader ?? domainInName(part.fileName),
    });
  }
  return reports;
}

/** `SENDER!DOMAIN!BEGIN!END[!ID].json.gz` (RFC 8460 section 5.1). */
function domainInName(name: string): string {
  const parts = name.slice(0, 1024).split('!');
  return parts.length < 4 ? '' : parts[1]!;
}

/** What is too large, before it is read. */
export function tooLarge(): ReportRefused {
  return new ReportRefused('too-large', `more than ${MAX_MESSAGE} bytes`, 'at most that');
}

/** For a line of text. */
export function shownLabel(label: string): string {
  return escapeText(label, 300);
}
