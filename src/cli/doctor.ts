/**
 * `tlsward doctor`: does the mail server of this host do what the table promises? Looks at main.cf and
 * master.cf of Postfix or, with `--sendmail`, at a sendmail.cf, and at the running daemon, files, certificates
 * and DNS, changes nothing, and prints what is wrong with the command that mends it.
 *
 * Exit status: 0 fine, 1 warnings, 2 mail can pass unjudged, leave unprotected or be lost, 75 there is no
 * Postfix or sendmail.cf to look at, 78 mistakes in the configuration.
 */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Examination, examine, examineSendmail } from '../doctor/checks.ts';
import { type Paint, reportJson, reportText } from '../doctor/doctorReport.ts';
import type { TableFacts } from '../doctor/facts.ts';
import { gatherFacts } from '../doctor/gather/gatherFacts.ts';
import { gatherSendmail, SendmailCfError } from '../doctor/gather/gatherSendmail.ts';
import { PostfixConfigError } from '../mta/readPostfix.ts';
import { configFile, EXIT, type Io, paint, parseCommand, reportError, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { socketOf } from './daemon.ts';
import { loadOrReport } from './loadOrReport.ts';

/** Where Sendmail has its configuration; named, not looked at unasked. */
const SENDMAIL_CF = '/etc/mail/sendmail.cf';

/** `tlsward doctor`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values } = parseCommand(argv, COMMANDS.doctor);
  const file = configFile(values, io.env);
  if (values.sendmail !== undefined && values['postfix-config'] !== undefined)
    throw new UsageError('--sendmail and --postfix-config exclude each other');
  const loaded = loadOrReport(file, values.json, io);
  if (loaded === null) return EXIT.config;
  const patient = { table: { ...loaded, file }, control: socketOf(values, io.env), now: new Date() };
  try {
    const { examination, mta, place } =
      values.sendmail === undefined
        ? await postfix(patient, values['postfix-config'], values['no-dns'] !== true)
        : await sendmail(patient, resolve(values.sendmail));
    const subject = { mta, place, config: file };
    if (values.json) io.out(`${JSON.stringify(reportJson(examination, subject))}\n`);
    else io.out(reportText(examination, subject, painter(io)));
    return examination.exit;
  } catch (error) {
    if (!(error instanceof PostfixConfigError || error instanceof SendmailCfError)) throw error;
    const other = existsSync(SENDMAIL_CF) ? `; there is Sendmail: --sendmail ${SENDMAIL_CF}` : '';
    const absent = error instanceof PostfixConfigError && error.why === 'absent';
    const message = `${error.message}${absent ? other : ''}`;
    reportError(io, values.json, values.json ? message : `tlsward doctor: ${message}`);
    return EXIT.cannotTell;
  }
}

interface Patient {
  readonly table: TableFacts;
  readonly control: string;
  readonly now: Date;
}

interface Examined {
  readonly examination: Examination;
  readonly mta: 'Postfix' | 'Sendmail';
  readonly place: string;
}

async function postfix(patient: Patient, folder: string | undefined, dns: boolean): Promise<Examined> {
  const directory = folder === undefined ? undefined : resolve(folder);
  const facts = await gatherFacts({ ...patient, directory, dns });
  const place = `${facts.postfix.directory} (${facts.postfix.release})`;
  return { examination: examine(facts), mta: 'Postfix', place };
}

async function sendmail(patient: Patient, file: string): Promise<Examined> {
  const facts = await gatherSendmail({ ...patient, file });
  return { examination: examineSendmail(facts), mta: 'Sendmail', place: file };
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
