/**
 * `tlsward exceptions`: which exceptions there are, what each changes, how many days it has left, why, and
 * where it stands; the expired ones first. Reads the configuration, not the daemon.
 * Exit status: 0 none has expired, 1 one has, 78 mistakes.
 */

import { dayOf, daysBetween } from '../config/keys/day.ts';
import type { ExceptionRow } from '../config/load/exceptionSections.ts';
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { formatPosition } from '../core/position.ts';
import { configFile, EXIT, type Io, paint, parseCommand } from './command.ts';
import { COMMANDS } from './commands.ts';
import { loadOrReport } from './loadOrReport.ts';

/** `tlsward exceptions`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values } = parseCommand(argv, COMMANDS.exceptions);
  const today = dayOf(new Date());
  const loaded = loadOrReport(configFile(values, io.env), values.json, io);
  if (loaded === null) return EXIT.config;
  const all = [...loaded.exceptions].sort((a, b) => (a.until < b.until ? -1 : a.until > b.until ? 1 : 0));
  const overdue = all.filter(({ until }) => until < today).length;
  if (values.json) {
    const exceptions = all.map((one) => ({ ...one, daysLeft: daysBetween(today, one.until) }));
    io.out(`${JSON.stringify({ ok: overdue === 0, overdue, exceptions })}\n`);
  } else {
    const number = count(all.length, 'exception');
    io.out(
      `${overdue > 0 ? paint(io, 'red', `${number}, ${overdue} expired`) : paint(io, 'green', number)}\n`,
    );
    for (const one of all) print(io, one, today);
  }
  return overdue > 0 ? EXIT.no : EXIT.yes;
}

function print(io: Io, one: ExceptionRow, today: string): void {
  const days = daysBetween(today, one.until);
  const left = days < 0 ? `expired ${count(-days, 'day')} ago, still in force` : `${count(days, 'day')} left`;
  const head = `${one.pattern}: ${left} (until ${one.until})`;
  const changes = one.changes.length === 0 ? 'changes nothing' : one.changes.join(', ');
  const contact = one.contact === null ? '' : `; ${one.contact}`;
  io.out(`\n${days < 0 ? paint(io, 'red', head) : head}\n`);
  io.out(`  ${changes}\n  ${escapeText(one.reason, 300)}${contact}\n  ${formatPosition(one)}\n`);
}
