/**
 * `tlsward doctor`: does the Postfix of this host do what the table promises? Looks at main.cf and master.cf,
 * the running daemon, files, certificates and DNS, changes nothing, and prints what is wrong with the command
 * that mends it.
 *
 * Exit status: 0 fine, 1 warnings, 2 mail can pass unjudged, leave unprotected or be lost, 75 there is no
 * Postfix to look at, 78 mistakes in the configuration.
 */

import { resolve } from 'node:path';
import { examine } from '../doctor/checks.ts';
import { type Paint, reportJson, reportText } from '../doctor/doctorReport.ts';
import { gatherFacts } from '../doctor/gather/gatherFacts.ts';
import { PostfixConfigError } from '../mta/readPostfix.ts';
import { configFile, EXIT, type Io, paint, parseCommand, reportError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { socketOf } from './daemon.ts';
import { loadOrReport } from './loadOrReport.ts';

/** `tlsward doctor`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values } = parseCommand(argv, COMMANDS.doctor);
  const file = configFile(values, io.env);
  const loaded = loadOrReport(file, values.json, io);
  if (loaded === null) return EXIT.config;
  try {
    const facts = await gatherFacts({
      table: { ...loaded, file },
      control: socketOf(values, io.env),
      directory: values['postfix-config'] === undefined ? undefined : resolve(values['postfix-config']),
      dns: values['no-dns'] !== true,
      now: new Date(),
    });
    const { directory, release } = facts.postfix;
    const subject = { postfix: `${directory} (${release})`, config: file };
    const examination = examine(facts);
    if (values.json) io.out(`${JSON.stringify(reportJson(examination, subject))}\n`);
    else io.out(reportText(examination, subject, painter(io)));
    return examination.exit;
  } catch (error) {
    if (!(error instanceof PostfixConfigError)) throw error;
    reportError(io, values.json, values.json ? error.message : `tlsward doctor: ${error.message}`);
    return EXIT.cannotTell;
  }
}

function painter(io: Io): Paint {
  const colours = {
    danger: 'red',
    warning: 'yellow',
    unknown: 'yellow',
    note: 'bold',
    fine: 'green',
  } as const;
  return (severity, text) => paint(io, colours[severity], text);
}
