/**
 * `tlsward export postfix`: the domains that must never be sent in plaintext as a static table for
 * `smtp_tls_policy_maps` (deliver/staticMap.ts),
 * so that mail for them still leaves, under TLS, while the daemon is down.
 *
 *   tlsward export postfix [--output FILE] [--auto-floor]       on standard output, or into FILE, replaced at once
 *   tlsward export postfix --check FILE                         is FILE what would be written? comments do not count
 *
 * In main.cf, before the socketmap: smtp_tls_policy_maps = texthash:/etc/postfix/tls_never_plain,
 * socketmap:...:deliver
 * An entry answers before the daemon does, also when the table has changed since: export again after each
 * reload.
 * Exit status: 0 written, or the same; 1 FILE differs, 65 FILE cannot be read, 73 it cannot be written, 78
 * mistakes.
 */

import { readFileSync } from 'node:fs';
import { quote } from '../config/ini/problem.ts';
import { dayOf } from '../config/keys/day.ts';
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { answeredVersion } from '../core/postfixVersion.ts';
import { PolicyTable } from '../core/table.ts';
import { type StaticMap, staticMap } from '../deliver/staticMap.ts';
import { LockedError, openDraft, WriteError } from '../files/lockedDraft.ts';
import { fileError } from '../files/systemError.ts';
import { formatTlsPolicy } from '../wire/tlsPolicyValue.ts';
import { configFile, EXIT, type Io, paint, parseCommand, reportError, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { loadOrReport } from './loadOrReport.ts';

/** Differing lines that `--check` prints, and suffixes that the comment names. */
const MAX_LINES = 20;

/** `tlsward export postfix`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS.export);
  if (positionals[0] !== 'postfix')
    throw new UsageError(`found ${quote(positionals[0]!)}, expected the MTA to write for: postfix`);
  if (values.check !== undefined && values.output !== undefined)
    throw new UsageError('--check and --output exclude each other');
  const config = configFile(values, io.env);
  const loaded = loadOrReport(config, values.json, io);
  if (loaded === null) return EXIT.config;
  const map = staticMap(new PolicyTable(loaded.packed, 1, loaded.hash), values['auto-floor'] ?? false);
  const version = answeredVersion(loaded.service.postfixVersion);
  const lines = map.entries.map(({ key, policy }) => `${key} ${formatTlsPolicy(policy, version)}`);
  if (values.check !== undefined) return check(values.check, lines, values.json ?? false, io);

  const { entries: _, ...leftOut } = map;
  const head = heading(map, config, loaded.hash, `${version.major}.${version.minor}`);
  const text = [...head.map((line) => (line === '' ? '#' : `# ${line}`)), ...lines].join('\n');
  if (values.output !== undefined) {
    try {
      await writeOut(values.output, `${text}\n`);
    } catch (error) {
      if (!(error instanceof WriteError || error instanceof LockedError)) throw error;
      reportError(io, values.json, `tlsward export: ${error.message}`);
      return error instanceof WriteError ? EXIT.cannotCreate : EXIT.cannotTell;
    }
  }
  if (values.json) io.out(`${JSON.stringify({ ok: true, hash: loaded.hash, entries: lines, leftOut })}\n`);
  else if (values.output === undefined) io.out(`${text}\n`);
  else io.out(`${paint(io, 'green', values.output)}: ${count(lines.length, 'entry', 'entries')}\n`);
  return EXIT.yes;
}

async function writeOut(file: string, text: string): Promise<void> {
  const draft = await openDraft(file, null);
  try {
    draft.write(text);
    draft.commit();
  } finally {
    draft.close();
  }
}

/** The comment on top: what this is, how it is used, and what is not in it. */
function heading(map: StaticMap, config: string, hash: string, version: string): string[] {
  const { entries, addresses, anyone, observed, auto, hidden } = map;
  const not = [
    addresses > 0 ? count(addresses, 'row for an address', 'rows for addresses') : '',
    anyone ? 'the row for everyone, *' : '',
    observed > 0 ? count(observed, 'row that is only observed', 'rows that are only observed') : '',
    auto > 0 ? count(auto, 'row with deliver = auto', 'rows with deliver = auto') : '',
    ...hidden
      .slice(0, MAX_LINES)
      .map(({ suffix, because }) => `${suffix}, because Postfix's own level applies to ${because}`),
    hidden.length > MAX_LINES
      ? `${count(hidden.length - MAX_LINES, 'more suffix', 'more suffixes')}, for the same reason`
      : '',
  ].filter((words) => words !== '');
  return [
    `Domains that must never be sent in plaintext, for Postfix ${version} and later: written by tlsward export postfix.`,
    `${dayOf(new Date())}, ${escapeText(config, 400)}, table ${hash.slice(0, 16)}, ${count(entries.length, 'entry', 'entries')}`,
    '',
    'In main.cf, before the socketmap, and then postfix reload:',
    '  smtp_tls_policy_maps = texthash:/THIS/FILE, socketmap:unix:tlsward/socketmap.sock:deliver',
    'An entry answers before tlsward does. Write the file again after each reload of the table; from cron:',
    '  tlsward export postfix --check /THIS/FILE || echo the file differs from the table',
    'While tlsward is down, mail to names below a .suffix is deferred, like all mail without an entry here.',
    ...not.map((words) => `Not included: ${words}.`),
    '',
  ];
}

/** Compares entries, in any order; comments and white space do not count. */
function check(file: string, lines: readonly string[], json: boolean, io: Io): number {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    reportError(io, json, `tlsward export: cannot read ${escapeText(file, 400)}: ${fileError(error)}`);
    return EXIT.data;
  }
  const there = new Set(
    text
      .split('\n')
      .map((line) => line.trim().replace(/\s+/g, ' '))
      .filter((line) => line !== '' && !line.startsWith('#')),
  );
  const wanted = new Set(lines);
  const missing = lines.filter((line) => !there.has(line));
  const extra = [...there].filter((line) => !wanted.has(line));
  const same = missing.length + extra.length === 0;
  if (json) io.out(`${JSON.stringify({ ok: same, missing, extra })}\n`);
  else if (same) io.out(`${paint(io, 'green', `${file}: matches the table`)}\n`);
  else {
    const differences = [
      ...missing.map((line) => `+ ${line}`),
      ...extra.map((line) => `- ${escapeText(line, 400)}`),
    ];
    io.out(`${paint(io, 'red', `${file}: ${missing.length} missing, ${extra.length} extra`)}\n`);
    for (const line of differences.slice(0, MAX_LINES)) io.out(`  ${line}\n`);
    if (differences.length > MAX_LINES) io.out(`  ${differences.length - MAX_LINES} more\n`);
  }
  return same ? EXIT.yes : EXIT.no;
}
