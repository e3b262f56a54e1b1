/**
 * What others report about sessions to us, as the last part of the text: their claims, apart from everything that was
 * counted from records. Pure.
 */
import { type Column, pasteLine, tableLines, wrap } from './columns.ts';
import type { Report } from './report.ts';
import { counted, number, percent, shortDay } from './words.ts';

const MAX_ROWS = 20;
/** Where there is a folder for them and none about these days. */
export const NO_REPORTS =
  'No report about these days was read. Large senders send one a day where a TXT record `_smtp._tls` of the domain asks for it (RFC 8460); `tlsward tlsrpt read` reads them, or the mail server hands them over: contrib/doc/tlsrpt.md.';
export const CLAIMS =
  'These are the numbers of others, as their reports have them. No record of this host proves them, and none of them is in any other figure of this report. Counted are sessions and not messages; a sender that tries again counts each try.';

const left = (title: string): Column => ({ title });
const right = (title: string): Column => ({ title, right: true });

export function reportedLines({ reported }: Report): string[] {
  if (reported === null) return [];
  const title = ['WHAT OTHERS REPORT ABOUT SESSIONS TO US', ''];
  const { reports, successful, failed, reporters, otherReporters, causes, otherCauses, findings } = reported;
  if (reports === 0) return [...title, ...wrap(NO_REPORTS.replaceAll('`', '')), ''];
  const all = successful + failed;
  return [
    ...title,
    ...wrap(CLAIMS),
    '',
    ...wrap(
      `${counted(reports, 'report')} of ${counted(reporters.length + otherReporters, 'reporter')}: ${number(failed)} of ${counted(all, 'session')} failed${failed === 0 ? '' : ` (${percent(failed, all)})`}.`,
    ),
    '',
    ...findings.flatMap(({ title: what, text, paste }, i) => [
      ...wrap(`${'abcdefg'[i] ?? '-'}. ${what}`).map((line, at) => (at === 0 ? line : `   ${line}`)),
      ...wrap(text.replaceAll('`', ''), '   '),
      ...(paste === '' ? [] : ['', ...paste.split('\n').map((line) => `     ${pasteLine(line)}`)]),
      '',
    ]),
    ...tableLines(
      [left('Reporter'), right('Reports'), right('Sessions'), right('Failed'), left('Last'), left('State')],
      reporters.slice(0, MAX_ROWS).map((one) => ({
        cells: [
          (one.name || 'nobody named').slice(0, 200),
          number(one.reports),
          number(one.successful + one.failed),
          number(one.failed),
          shortDay(one.last),
          one.silent ? 'silent' : '',
        ],
      })),
    ),
    ...more(reporters.length + otherReporters, 'reporter'),
    '',
    ...(causes.length === 0
      ? []
      : [
          ...tableLines(
            [left('Failed, by cause'), right('Sessions'), left('Reported'), left('Of')],
            causes.slice(0, MAX_ROWS).map((one) => ({
              cells: [
                one.result || 'no reason',
                number(one.sessions),
                one.first === one.last
                  ? shortDay(one.last)
                  : `${shortDay(one.first)} - ${shortDay(one.last)}`,
                (one.reporter || 'nobody named').slice(0, 40),
              ],
              below: [
                one.mxHost === '' ? '' : `at ${one.mxHost}`,
                one.reason,
                one.current ? '' : 'not in its last report',
              ]
                .filter((text) => text !== '')
                .join('; '),
            })),
          ),
          ...more(causes.length + otherCauses, 'cause'),
          '',
        ]),
  ];
}

function more(all: number, what: string): string[] {
  return all > MAX_ROWS ? [`and ${counted(all - MAX_ROWS, `more ${what}`)}: --format csv has them`] : [];
}
