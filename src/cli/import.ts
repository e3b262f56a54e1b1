/**
 * `tlsward import`: existing tables to rows, on standard output, to be looked at and kept as an included
 * file.
 *
 *   tlsward import postfix FILE... [--name PREFIX] [--level LEVEL]      source tables of smtp_tls_policy_maps, with or without their type
 *   tlsward import sendmail FILE... [--name PREFIX]                     sources of the access map
 *
 * `--level` is `smtp_tls_security_level` of that Postfix, may when left out: rows with mandatory TLS also
 * reach `[host]` and `host:port`, which Postfix's own table looks up by themselves, and lines that could
 * lower those below it are named.
 * Every line that could not be mapped is named on standard error, with file and line, the text and the
 * reason; a summary comes last. The rows are about outbound mail; what must arrive encrypted is for the
 * administrator to decide.
 * Exit status: 0 every line is mapped, 1 some are not, 65 a file cannot be read.
 */

import { readFileSync } from 'node:fs';
import { quote } from '../config/ini/problem.ts';
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { formatPosition } from '../core/position.ts';
import { ANSWERED_LEVELS } from '../core/settings.ts';
import { type AnsweredLevel, atLeast } from '../deliver/level.ts';
import { fileError } from '../files/systemError.ts';
import { EXIT, type Io, paint, parseCommand, reportError, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { importPostfix } from './importPostfix.ts';
import { Imported, type Remark } from './importRows.ts';
import { importSendmail } from './importSendmail.ts';

const MTAS = { postfix: importPostfix, sendmail: importSendmail } as const;
/** Tables whose source is one that we read. */
const TYPES = /^(?:texthash|hash|btree|lmdb|cdb|dbm|sdbm):/;

/** `tlsward import`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS.import);
  const [mta = '', ...files] = positionals;
  if (mta !== 'postfix' && mta !== 'sendmail')
    throw new UsageError(`found ${quote(mta)}, expected postfix or sendmail`);
  if (!/^[a-z0-9][a-z0-9_-]{0,40}$/.test(values.name))
    throw new UsageError(
      `--name: found ${quote(values.name)}, expected a policy name of at most 41 characters`,
    );
  const level = ANSWERED_LEVELS.find((known) => known === values.level);
  if (level === undefined)
    throw new UsageError(
      `--level: found ${quote(values.level)}, expected one of ${ANSWERED_LEVELS.join(', ')}`,
    );
  const imported = new Imported(values.name);
  for (const name of files) {
    const file = name.replace(TYPES, '');
    const text = readSource(file);
    if (text instanceof Error) {
      reportError(io, values.json, `tlsward import: ${escapeText(file, 400)}: ${text.message}`);
      return EXIT.data;
    }
    MTAS[mta](file, text, imported);
  }
  if (mta === 'postfix') noteReach(imported, level);
  imported.noteCovered();
  const { unmapped, notes, foreign, mapped } = imported;
  const rows = imported.rows();
  const policies = imported.policies();
  const lines = mapped + unmapped.length;
  const ini = imported.ini(`${mapped} of ${lines} lines of ${files.join(', ')}, by tlsward import ${mta}`);
  if (values.json) {
    const named = Object.fromEntries(
      policies.map(({ name, requirement }) => [name, Object.fromEntries(requirement)]),
    );
    io.out(
      `${JSON.stringify({ ok: unmapped.length === 0, rows, policies: named, unmapped, notes, foreign, ini })}\n`,
    );
  } else {
    io.out(ini);
    for (const remark of notes) io.err(`note: ${words(remark)}\n`);
    for (const remark of unmapped) io.err(`${paint(io, 'red', 'not mapped')}: ${words(remark)}\n`);
    const other = foreign === 0 ? '' : `; ${count(foreign, 'more line is', 'more lines are')} not about TLS`;
    io.err(
      `${mapped} of ${lines} lines mapped to ${count(rows.length, 'row')} with ${count(policies.length, 'policy', 'policies')}${other}\n`,
    );
  }
  return unmapped.length === 0 ? EXIT.yes : EXIT.no;
}

/** Lines whose row could answer less than `level` where Postfix's own table found nothing and went by it. */
function noteReach(imported: Imported, level: AnsweredLevel): void {
  for (const { pattern, from, deliver } of imported.sources()) {
    // these count only for the next hop that they name
    if (deliver === 'none' || deliver === 'may' || /:[a-z0-9-]+$/.test(pattern) || atLeast(deliver, level))
      continue;
    const reached = pattern.startsWith('[')
      ? `${pattern} with a port`
      : `${pattern.startsWith('.') ? 'hosts below it' : pattern} in brackets or with a port`;
    imported.note(from, `the row also applies to ${reached}, for which Postfix used its own level, ${level}`);
  }
}

function words(remark: Remark): string {
  return `${formatPosition(remark)}: ${escapeText(remark.text, 200)}: ${escapeText(remark.why, 300)}`;
}

function readSource(file: string): string | Error {
  if (/^[a-z]+:/.test(file)) return new Error('not the source file of a table');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return new Error(`cannot be read: ${fileError(error)}`);
  }
  if (text.includes('\0')) return new Error('not text: give the source, not the table made from it');
  return text;
}
