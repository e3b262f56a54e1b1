/**
 * `tlsward status --compare FILE FILE ...`: have several hosts the same table in force? Each FILE is what
 * `tlsward status --json` printed on one of them. The hash is that of the bytes of all configuration files in their
 * order: equal hashes are equal tables, and others may also differ in [service] only. A generation counts the reloads
 * of one daemon and does not compare.
 */
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { readGuardedSync } from '../files/guardedReader.ts';
import { asciiJson } from './asciiJson.ts';
import { EXIT, type Io, label, paint, reportError, UsageError, unreadable } from './command.ts';

const MAX_BYTES = 4 * 1024 * 1024;

interface HostTable {
  readonly file: string;
  readonly hash: string;
  readonly rows: number;
  readonly loadedAt: string;
  readonly version: string;
}

/** The table of a saved answer; null: it is none. */
function tableOf(file: string, text: string): HostTable | null {
  let reply: unknown;
  try {
    reply = JSON.parse(text);
  } catch {
    return null;
  }
  const { table, version } = (reply ?? {}) as { table?: Partial<HostTable> | null; version?: unknown };
  const { hash, rows, loadedAt } = table ?? {};
  if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) return null;
  if (typeof rows !== 'number' || typeof loadedAt !== 'string' || typeof version !== 'string') return null;
  return { file, hash, rows, loadedAt, version };
}

/** The files whose table is another than that of most; of as many on both sides, the first file's is taken. */
function othersOf(tables: readonly HostTable[]): HostTable[] {
  const sizes = new Map<string, number>();
  for (const { hash } of tables) sizes.set(hash, (sizes.get(hash) ?? 0) + 1);
  const [most = ''] = [...sizes].sort((a, b) => b[1] - a[1])[0] ?? [];
  return tables.filter(({ hash }) => hash !== most);
}

/** Exit status: 0 the same table, 1 they differ, 65 a file cannot be read or is no answer of `status --json`. */
export function compareStatus(files: readonly string[], json: boolean, io: Io): number {
  if (files.length < 2) throw new UsageError('--compare needs two files or more, each from status --json');
  const tables: HostTable[] = [];
  for (const file of files) {
    let text: string;
    try {
      const found = readGuardedSync(file, { maxBytes: MAX_BYTES, followLinks: true, refuse: () => null });
      text = found.kind === 'read' ? found.bytes.toString() : '';
    } catch (error) {
      return unreadable(io, json, file, error);
    }
    const table = tableOf(file, text);
    if (table === null) {
      reportError(io, json, `${escapeText(file, 300)}: not what tlsward status --json prints`);
      return EXIT.data;
    }
    tables.push(table);
  }
  const others = othersOf(tables);
  if (json)
    io.out(`${asciiJson({ ok: others.length === 0, tables, differ: others.map(({ file }) => file) })}\n`);
  else print(tables, others, io);
  return others.length === 0 ? EXIT.yes : EXIT.no;
}

function print(tables: readonly HostTable[], others: readonly HostTable[], io: Io): void {
  if (others.length === 0)
    io.out(`${paint(io, 'green', 'the same table')} on ${count(tables.length, 'host')}\n`);
  else {
    const names = others.map(({ file }) => escapeText(file, 300)).join(', ');
    io.out(
      `${paint(io, 'red', 'the tables differ')}: ${names} ${others.length === 1 ? 'has' : 'have'} another than most\n`,
    );
    io.out('(a table is all configuration files: rows, rules and [service])\n');
  }
  for (const { file, hash, rows, loadedAt, version } of tables)
    io.out(
      `${label(escapeText(file, 300))} hash ${hash.slice(0, 16)}, ${count(rows, 'row')}, loaded ${escapeText(loadedAt, 40)}, tlsward ${escapeText(version, 40)}\n`,
    );
}
