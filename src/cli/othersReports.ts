/**
 * What others report about sessions to us, as `tlsward report` has it: the kept reports of its days, and the certificates
 * that Postfix presents, for what happened to them in those hours.
 */
import { escapeText } from '../core/escape.ts';
import { certificateFiles } from '../doctor/offering.ts';
import { fileError } from '../files/systemError.ts';
import { PostfixConfigError, readPostfix } from '../mta/readPostfix.ts';
import { type OwnCertificate, ownCertificate } from '../tlsrpt/ownCertificates.ts';
import { reportedOf } from '../tlsrpt/reported.ts';
import { type Reported, withFindings } from '../tlsrpt/reportedFindings.ts';
import { isAboutCertificate } from '../tlsrpt/resultWords.ts';
import { ReportStore } from '../tlsrpt/store.ts';
import type { Range } from '../trace/places.ts';

const MAX_FILES = 20;

interface OthersReports {
  /** null: nothing was ever read. */
  readonly reported: Reported | null;
  /** Why they cannot be read; ''. */
  readonly trouble: string;
}

/** `postconf`: of the configuration; null: no Postfix is asked. */
export async function othersReports(
  state: string,
  { from, to }: Range,
  postconf: string | null,
): Promise<OthersReports> {
  try {
    const store = new ReportStore(state);
    if (!store.exists) return { reported: null, trouble: '' };
    const parts = reportedOf(store.since(from, to), to);
    const asked = parts.causes.some(({ result }) => isAboutCertificate(result));
    return { reported: withFindings(parts, asked ? await presentedCertificates(postconf) : []), trouble: '' };
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    const path = 'path' in error ? escapeText(String(error.path), 300) : state;
    return { reported: null, trouble: `${path}: ${fileError(error)}` };
  }
}

/** Those that Postfix names in main.cf, as far as they can be read. */
export async function presentedCertificates(postconf: string | null): Promise<OwnCertificate[]> {
  if (postconf === null) return [];
  try {
    const files = certificateFiles(await readPostfix(undefined, postconf)).slice(0, MAX_FILES);
    return files.map(ownCertificate).filter((one) => typeof one !== 'string');
  } catch (error) {
    if (error instanceof PostfixConfigError) return [];
    throw error;
  }
}
