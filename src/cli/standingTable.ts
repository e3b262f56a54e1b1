/**
 * The table of the configuration, as far as a report needs it: rows by domain with the lines that mean the same, rows that
 * observe, exceptions, and what the Postfix of this host does by itself.
 */
import { readFileSync } from 'node:fs';
import { formatPosition } from '../core/position.ts';
import { PolicyTable, type Row } from '../core/table.ts';
import { runProgram } from '../mta/runProgram.ts';
import type { Standing, StandingTable } from '../report/standing.ts';
import type { LoadedTable } from './loadOrReport.ts';

const MAX_OBSERVED = 1000;
const LIMITS = { timeoutMs: 10_000, maxBytes: 65_536 };

/** `mtaLevel`: of mtaLevelOf. */
export function standingTable(loaded: LoadedTable, mtaLevel: string | null): StandingTable {
  const { packed, service, hash, exceptions } = loaded;
  const table = new PolicyTable(packed, 1, hash);
  const sections = new SectionLines();
  const standing = (row: Row): Standing => {
    const [root = ''] = row.settings.lineage;
    const { pattern, settings } = row;
    const exception = root.startsWith('exception ');
    return { pattern, at: formatPosition(row.at), settings, exception, lines: linesOf(row, root, sections) };
  };
  return {
    hash,
    rowOf: (domain) => {
      const number = table.findDomain(domain);
      return number < 0 ? null : standing(table.row(number));
    },
    observed: observed(table).map(standing),
    exceptions: exceptions.map((one) => ({ ...one, at: formatPosition(one) })),
    delivers: service.socketmapListen.length > 0,
    finds: service.resolver.length > 0 || service.published !== null,
    mtaLevel,
  };
}

function observed(table: PolicyTable): Row[] {
  const { packed } = table;
  const which = new Set(packed.settings.flatMap(({ mode }, i) => (mode === 'observe' ? [i] : [])));
  const rows: Row[] = [];
  if (which.size === 0) return rows;
  for (let i = 0; i < table.rows && rows.length < MAX_OBSERVED; i++)
    if (which.has(packed.settingsOf[i]!)) rows.push(table.row(i));
  return rows;
}

function linesOf({ at }: Row, root: string, sections: SectionLines): readonly string[] {
  const policy = /^(?:policy|built-in) (.*)$/.exec(root)?.[1];
  return policy === undefined ? sections.of(at.file, at.line) : [`policy = ${policy}`];
}

/** The keys of a `[domain]` section as they are written, without those that speak of the section alone. */
class SectionLines {
  readonly #files = new Map<string, readonly string[]>();

  /** `line`: that of the header. */
  of(file: string, line: number): readonly string[] {
    const all = this.#read(file);
    const found: string[] = [];
    for (let i = line; i < all.length; i++) {
      const text = all[i]!.trim();
      if (text.startsWith('[')) break;
      if (/^[^;#=][^=]*=/.test(text) && !/^(?:until|reason)\s*=/.test(text)) found.push(text);
    }
    return found;
  }

  #read(file: string): readonly string[] {
    let lines = this.#files.get(file);
    if (lines === undefined) {
      lines = readFileSync(file, 'utf8').split('\n');
      this.#files.set(file, lines);
    }
    return lines;
  }
}

/**
 * The level that Postfix uses where the table says nothing: `smtp_tls_security_level`; null where there is no Postfix, where
 * it cannot be asked, and where an entry of master.cf has one of its own.
 */
export async function mtaLevelOf(postconf: string | null): Promise<string | null> {
  if (postconf === null) return null;
  const [level, entries] = await Promise.all([
    runProgram(postconf, ['-h', 'smtp_tls_security_level'], LIMITS),
    runProgram(postconf, ['-P', '*/*/smtp_tls_security_level'], LIMITS),
  ]);
  if (!level.ok || !entries.ok || entries.stdout.trim() !== '') return null;
  const word = level.stdout.trim();
  return /^[a-z-]{1,20}$/.test(word) ? word : null;
}
