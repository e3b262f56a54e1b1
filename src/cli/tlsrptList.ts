/**
 * `tlsward tlsrpt list`: the reports that are kept, one line each; `--full` shows each as `read` did, also with what we know
 * of its hours: an MTA that hands reports over shows it to nobody.
 */

import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { fileError } from '../files/systemError.ts';
import { headline, reportLines } from '../tlsrpt/reportText.ts';
import { ReportStore } from '../tlsrpt/store.ts';
import { asciiJson } from './asciiJson.ts';
import { type CommandValues, EXIT, type Io, label, paint, reportError } from './command.ts';
import type { COMMANDS } from './commands.ts';
import { firstDay } from './sinceDay.ts';
import { Comparison } from './tlsrptCompare.ts';

/** See the file comment. Exit status: 0 listed, 65 the folder cannot be read. */
export async function runList(values: CommandValues<(typeof COMMANDS)['tlsrpt']>, io: Io): Promise<number> {
  const since = firstDay(values.since, new Date().toISOString().slice(0, 10));
  const comparison = values.full ? new Comparison(values, io) : null;
  let reports = 0;
  try {
    for (const report of new ReportStore(values.state).since(since)) {
      if (values.failed === true && report.failed === 0) continue;
      reports++;
      if (values.json) {
        io.out(`${asciiJson({ ok: true, ...report })}\n`);
        continue;
      }
      io.out(`${paint(io, report.failed === 0 ? 'green' : 'red', headline(report))}\n`);
      if (comparison === null) continue;
      const { joined, events } = await comparison.of(report);
      for (const { name, text } of reportLines(report, joined, events)) io.out(`${label(name)} ${text}\n`);
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    const path = 'path' in error ? escapeText(String(error.path), 300) : values.state;
    reportError(io, values.json, `${path}: cannot be read (${fileError(error)})`);
    return EXIT.data;
  }
  if (!values.json) io.out(`${count(reports, 'report')} since ${since}\n`);
  return EXIT.yes;
}
