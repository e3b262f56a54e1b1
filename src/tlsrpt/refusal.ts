/**
 * Why a report is not read: one closed list of names. A report comes from a stranger, and everything about it is
 * bounded before it is looked at: what is beyond a limit, or is no report, is refused under one of these names, and
 * never read in part.
 */

/** What each name stands for, in a sentence. */
export const REFUSALS = {
  'too-large': 'the message, or the file, is larger than a report may be',
  'mime-unreadable': 'the parts of the message cannot be told apart',
  'no-report': 'no part of it is a report',
  'encoding-damaged': 'the transfer encoding of the part is damaged',
  'gzip-mangled': 'the bytes of the gzip file were taken for text and replaced on the way',
  'gzip-damaged': 'the gzip file is cut off or damaged',
  'gzip-members': 'the gzip file has more than one member',
  'gzip-ratio': 'the gzip file unpacks to far more than a report does',
  'decoded-too-large': 'the report unpacks to more than is read',
  'json-syntax': 'it is not JSON',
  'json-depth': 'the JSON is nested deeper than a report is',
  'json-values': 'the JSON has more values than a report has',
  'not-a-report': 'the JSON is no report of RFC 8460',
  'no-range': 'the report does not say for which hours it is',
  'too-many-policies': 'the report has more policies than are read',
  'too-many-failures': 'the report has more rows of failures than are read',
  'bad-count': 'a number of sessions is none',
  'not-own': 'the report is not about a domain of ours',
} as const satisfies Readonly<Record<string, string>>;

type RefusalName = keyof typeof REFUSALS;

/** The report is refused; the message says what was found and what was expected. */
export class ReportRefused extends Error {
  readonly refusal: RefusalName;

  /** `found`: what is there instead, `expected`: what would do; both without foreign text that is not escaped. */
  constructor(refusal: RefusalName, found: string, expected: string) {
    super(`${REFUSALS[refusal]}: found ${found}, expected ${expected}`);
    this.name = 'ReportRefused';
    this.refusal = refusal;
  }
}
