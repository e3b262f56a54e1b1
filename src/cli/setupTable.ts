/**
 * The first tlsward.ini, where there is none: the sockets, what this Postfix is and delivers itself, the rows
 * of its TLS tables, and a row for all others. All rows observe: nothing is refused, and nothing leaves in
 * another way, before the administrator changes that.
 */
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Invalid } from '../config/ini/problem.ts';
import { dayOf } from '../config/keys/day.ts';
import { formatListen } from '../config/keys/listenAddress.ts';
import { parseLocalDomain, parseRelay } from '../config/keys/routingKeys.ts';
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { writeAtomically } from '../files/atomicWriter.ts';
import { fileError } from '../files/systemError.ts';
import { listOf } from '../mta/listValue.ts';
import { type PostfixConfig, valueFor } from '../mta/postfixConfig.ts';
import { groupId } from '../net/listen.ts';
import type { Wanted } from '../setup/wanted.ts';
import { importPostfix, logicalLines } from './importPostfix.ts';
import { Imported, type Requirement, type SourceLine } from './importRows.ts';

export interface FirstTable {
  readonly text: string;
  /** Rows that came out of tables of Postfix. */
  readonly imported: number;
  readonly domains: readonly string[];
  /** What could not be taken over, one sentence each. */
  readonly notes: readonly string[];
}

/** Tables whose source can be read; the source of lmdb, hash and the like has the name without a suffix. */
const SOURCE = /^(?:proxy:)?(?:texthash|hash|btree|lmdb|cdb|dbm|sdbm):(\/.+)$/;
/** Parameters that name domains for which mail is delivered or relayed here. */
const DOMAINS = ['mydestination', 'relay_domains', 'virtual_alias_domains', 'virtual_mailbox_domains'];
const MAX_DOMAINS = 500;
const MAX_NOTES = 20;

/** Rows of which each only observes. */
class Observed extends Imported {
  override add(from: SourceLine, patterns: readonly string[], requirement: Requirement): boolean {
    return super.add(from, patterns, [...requirement, ['mode', 'observe']]);
  }
}

/** Reads the tables that main.cf names; `now` is for the comment. */
export function firstTable(config: PostfixConfig, { listen }: Wanted, now: Date): FirstTable {
  const notes: string[] = [];
  const domains = localDomains(config, notes);
  const imported = new Observed('imported');
  for (const table of listOf(valueFor(config, 'smtp_tls_policy_maps'))) {
    const file = SOURCE.exec(table)?.[1];
    const text = file === undefined ? null : read(file, notes);
    if (file !== undefined && text !== null) importPostfix(file, text, imported);
    else if (file === undefined) notes.push(`${table} is no file, so no rows were made of it.`);
  }
  imported.noteCovered();
  for (const { line, file, text, why } of imported.unmapped)
    notes.push(`${file}:${line} is not in the table: ${escapeText(text, 200)}: ${escapeText(why, 300)}`);
  const relay = parseRelay(valueFor(config, 'relayhost'));
  const { major, minor } = config.version;
  const listeners = (['policy', 'milter', 'socketmap'] as const).flatMap((name) =>
    listen[name].slice(0, 1).map((address) => `${name}-listen = ${formatListen(address)}`),
  );
  const rows = imported.rows().length;
  const text = [
    `; Written by tlsward setup postfix on ${dayOf(now)}. Every row observes: nothing is refused, and no mail leaves in`,
    '; another way. The log says "would" where a row would have refused. To enforce one, take "mode = observe" out of its',
    '; policy, or give the row another; then: tlsward check && tlsward reload',
    '',
    '[service]',
    ...listeners,
    `postfix-version = ${major}.${minor}`,
    ...(domains.length > 0 ? [`local-domains = ${domains.join(', ')}`] : []),
    ...(typeof relay === 'string' ? [`relayhost = ${relay}`] : []),
    '',
    '; Everybody else: the log shows who sends without TLS, and to whom.',
    '[policy watched]',
    'based-on = encrypt',
    'mode = observe',
    '',
    '[domain *]',
    'policy = watched',
    '',
    rows === 0
      ? '; One line for each partner: bank.example = watched\n[domains]\n'
      : imported.ini(`${count(rows, 'row')} of smtp_tls_policy_maps`),
  ].join('\n');
  return { text, imported: rows, domains, notes: shortened(notes) };
}

function localDomains(config: PostfixConfig, notes: string[]): string[] {
  const found = new Set<string>();
  for (const name of DOMAINS) {
    for (const element of listOf(valueFor(config, name))) {
      const file = SOURCE.exec(element)?.[1] ?? (element.startsWith('/') ? element : undefined);
      if (file !== undefined) {
        const text = read(file, notes);
        for (const line of text === null ? [] : logicalLines(file, text))
          add(found, line.text.split(/\s/, 1)[0]!);
      } else if (element.includes(':'))
        notes.push(`${name}: ${element} cannot be read here; add its domains to local-domains.`);
      else add(found, element);
    }
  }
  if (found.size > MAX_DOMAINS) {
    notes.push(
      `There are ${found.size} local domains; the first ${MAX_DOMAINS} were written. They count for rules only.`,
    );
  }
  return [...found].slice(0, MAX_DOMAINS);
}

function add(found: Set<string>, text: string): void {
  if (text === 'localhost' || text.includes('@')) return;
  const domain = parseLocalDomain(text);
  if (!(domain instanceof Invalid) && !/^localhost(?:$|\.)/.test(domain)) found.add(domain);
}

function read(file: string, notes: string[]): string | null {
  try {
    const text = readFileSync(file, 'utf8');
    if (!text.includes('\0')) return text;
    notes.push(`${file} is not text, so nothing was made of it.`);
  } catch (error) {
    notes.push(`${file} cannot be read: ${fileError(error)}.`);
  }
  return null;
}

function shortened(notes: readonly string[]): string[] {
  const more = notes.length - MAX_NOTES;
  return more <= 0 ? [...notes] : [...notes.slice(0, MAX_NOTES), `${more} more like these.`];
}

/**
 * Writes it; never over a file that is there. Group tlsward may read it, where there is one. Rejects with the
 * error of the system call.
 */
export async function writeFirstTable(file: string, text: string): Promise<void> {
  const gid = groupId('tlsward');
  const folder = dirname(file);
  if (!existsSync(folder)) {
    mkdirSync(folder, { recursive: true, mode: 0o750 });
    if (gid !== null) chownSync(folder, -1, gid);
  }
  await writeAtomically(file, text, { how: 'create', draft: '.tlsward.ini.', syncFolder: true });
  if (gid !== null) chownSync(file, -1, gid);
  chmodSync(file, 0o640);
}
