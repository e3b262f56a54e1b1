/**
 * `tlsward probe DOMAIN | HOST`: looks at the mail servers of a partner, step by step, and says which level would
 * hold today and what breaks it. Nothing is sent.
 *
 *   tlsward probe bank.example                 its MX hosts
 *   tlsward probe '[mx.bank.example]:587'      one host, as a next hop is written for Postfix
 *   tlsward probe bank.example --level secure  the exit status is about this level
 *   tlsward probe --all-required               every partner whose row requires TLS (probeRequired.ts)
 *
 * Exit status: 0 the level holds (that of --level, else of the row, else may), 1 mail would wait, 75 it cannot be told.
 */

import { isUntried } from '../probe/closing.ts';
import { LEVELS } from '../probe/levels.ts';
import type { ProbeReport } from '../probe/report.ts';
import { asciiJson } from './asciiJson.ts';
import { EXIT, type Io, parseCommand, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { probeRequired } from './probeRequired.ts';
import { openProbe } from './probeSetting.ts';
import { probeLines } from './probeText.ts';

/** `tlsward probe`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS.probe);
  const [target] = positionals;
  const level = LEVELS.find((one) => one === values.level);
  if (values.level !== undefined && level === undefined)
    throw new UsageError(`--level: found "${values.level}", expected ${LEVELS.join(', ')}`);
  const all = values['all-required'] === true;
  if (all && (target !== undefined || level !== undefined))
    throw new UsageError('--all-required takes the domains and levels of the table, and no other');
  if (!all && target === undefined)
    throw new UsageError('DOMAIN|HOST is missing: a domain or a host, or --all-required');
  const setting = await openProbe(values, io);
  if (setting === null) return EXIT.config;
  try {
    if (target === undefined) return await probeRequired(setting, values, io);
    const report = await setting.look(target);
    if (values.json) io.out(`${asciiJson(report)}\n`);
    else io.out(`${probeLines(report, io).join('\n')}\n`);
    return statusOf(report, level ?? null);
  } finally {
    setting.close();
  }
}

function statusOf({ levels, row }: ProbeReport, level: string | null): number {
  const asked =
    level !== null
      ? levels.find((one) => one.level === level)
      : (row ?? levels.find((one) => one.level === 'may'));
  if (asked === undefined || asked.ends === 'unknown' || isUntried(asked)) return EXIT.cannotTell;
  return asked.ends === 'sent' ? EXIT.yes : EXIT.no;
}
