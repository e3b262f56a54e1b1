/**
 * A ClickHouse server that has the table: which settings it knows, that the table has every column, and that the
 * engine takes a record twice without having two of it.
 */
import { ask, RefusedError, sqlText } from './clickhouse.ts';
import { ALL_COLUMNS } from './columns.ts';
import type { Target } from './target.ts';

/**
 * What an INSERT is sent with where the server knows it. The server must answer when it has stored the rows, not when it
 * has queued them; and a block that is sent again must be stored again, even on a replicated table that remembers
 * it: the rows may have been dropped in between.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  insert_deduplicate: '0',
  async_insert: '0',
  wait_for_async_insert: '1',
  insert_distributed_sync: '1',
  distributed_foreground_insert: '1',
};

/** Older versions of some settings are aliases of newer ones: only the newest that is known is sent. */
const REPLACED: Readonly<Record<string, string>> = {
  insert_distributed_sync: 'distributed_foreground_insert',
};

export interface Server {
  readonly target: Target;
  /** For an INSERT. */
  readonly settings: Readonly<Record<string, string>>;
}

const SCHEMA = 'contrib/clickhouse/schema.sql';

/** Rejects with AwayError, or RefusedError that names what the table lacks. */
export async function openServer(target: Target, signal?: AbortSignal): Promise<Server> {
  const { database, table } = target;
  const where = `database = ${sqlText(database)} AND`;
  const names = Object.keys(SETTINGS).map(sqlText).join(', ');
  const query = `SELECT 'setting', name, '' FROM system.settings WHERE name IN (${names})
UNION ALL SELECT 'engine', engine, '' FROM system.tables WHERE ${where} name = ${sqlText(table)}
UNION ALL SELECT 'column', name, type FROM system.columns WHERE ${where} table = ${sqlText(table)}
FORMAT JSONCompact`;
  const rows = rowsOf(await ask(target, { query, signal }));
  const named = (kind: string) => rows.filter(([first]) => first === kind);
  const [engine] = named('engine');
  if (engine === undefined)
    throw new RefusedError(`there is no table ${database}.${table}: make it with ${SCHEMA}`);
  // a table that distributes rows to others says nothing of theirs
  if (!/(?:ReplacingMergeTree|^Distributed)$/.test(engine[1]!))
    throw new RefusedError(
      `${database}.${table} is a ${engine[1]}: expected ReplacingMergeTree, as in ${SCHEMA}, which keeps one row of each record`,
    );
  const found = new Map(named('column').map(([, name, type]) => [name, type]));
  const wrong = ALL_COLUMNS.filter(({ name, type }) => !fits(found.get(name), type));
  if (wrong.length > 0) {
    const alter = wrong.map(
      ({ name, type }) => `${found.has(name) ? 'MODIFY' : 'ADD'} COLUMN ${name} ${type}`,
    );
    throw new RefusedError(
      `${database}.${table} has other columns; ALTER TABLE ${database}.${table} ${alter.join(', ')}`,
    );
  }
  const known = named('setting').map(([, name]) => name!);
  const sent = known.filter((name) => !known.includes(REPLACED[name] ?? ''));
  return { target, settings: Object.fromEntries(sent.map((name) => [name, SETTINGS[name]!])) };
}

/** Text columns may be stored with a dictionary. */
function fits(found: string | undefined, type: string): boolean {
  return found === type || found === `LowCardinality(${type})`;
}

/** The rows of JSONCompact: lists of texts. */
function rowsOf(answer: Buffer): string[][] {
  try {
    const { data } = JSON.parse(answer.toString()) as { data: unknown };
    if (Array.isArray(data) && data.every((row) => Array.isArray(row) && row.every(isText))) return data;
  } catch {
    // said below
  }
  throw new RefusedError('what answers is no ClickHouse server: expected its HTTP port, 8123 or 8443');
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}
