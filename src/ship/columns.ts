/**
 * A record as a row of the table: what the report's queries ask for, each in a column of its own, and the line as it
 * stands in the file, so that whoever has the table can compute the tree again.
 *
 * Pure. The columns are flat and of types that ClickHouse has had since 2018: nested values, times with
 * milliseconds and JSON functions came later. contrib/clickhouse/schema.sql has the same list.
 */

type Json = Readonly<Record<string, unknown>>;

interface Column {
  readonly name: string;
  readonly type: 'String' | 'Array(String)' | "DateTime('UTC')" | `UInt${8 | 16 | 32}` | 'Nullable(UInt64)';
  /** What of a record it holds; undefined: the default of the column. */
  readonly of: (record: Json) => unknown;
}

const LIMIT = { UInt8: 0xff, UInt16: 0xffff, UInt32: 0xffff_ffff } as const;

/** Reads `tls.bits` of a record. Two parts at most, taken apart once: it is done for each column of each row. */
function reader(path: string): (record: Json) => unknown {
  const [first = '', second] = path.split('.');
  if (second === undefined) return (record) => record[first];
  return (record) => {
    const part = record[first];
    return typeof part === 'object' && part !== null ? (part as Json)[second] : undefined;
  };
}

/** A text, by the first of the paths that has one. */
function text(name: string, path: string, otherwise: string = path): Column {
  const read = reader(path);
  const readOther = reader(otherwise);
  return {
    name,
    type: 'String',
    of: (record) => {
      const value = read(record);
      if (typeof value === 'string') return value;
      const other = readOther(record);
      return typeof other === 'string' ? other : undefined;
    },
  };
}

function texts(name: string, path: string): Column {
  const read = reader(path);
  return {
    name,
    type: 'Array(String)',
    of: (record) => {
      const value = read(record);
      return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : undefined;
    },
  };
}

function number(name: string, type: keyof typeof LIMIT, path: string): Column {
  const read = reader(path);
  return {
    name,
    type,
    of: (record) => {
      const value = read(record);
      return isWhole(value) && value <= LIMIT[type] ? value : undefined;
    },
  };
}

function moment(name: string, path: string): Column {
  const read = reader(path);
  return { name, type: "DateTime('UTC')", of: (record) => secondsOf(read(record)) };
}

function isWhole(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Seconds since 1970, which every version reads alike. */
function secondsOf(value: unknown): number | undefined {
  const ms = typeof value === 'string' && value.length <= 30 ? Date.parse(value) : Number.NaN;
  const seconds = Math.floor(ms / 1000);
  return seconds >= 0 && seconds <= LIMIT.UInt32 ? seconds : undefined;
}

/** Those that name a row, in the order in which the table is sorted. */
export const KEY_COLUMNS = [
  { name: 'day', type: 'Date' },
  { name: 'host', type: 'String' },
  { name: 'stream', type: 'String' },
  { name: 'n', type: 'UInt32' },
] as const;

/** The others but `line`. */
export const COLUMNS: readonly Column[] = [
  moment('time', 'time'),
  { name: 'ms', type: 'UInt16', of: (record) => Number(/\.(\d{3})Z$/.exec(String(record.time))?.[1] ?? 0) },
  text('type', 'type'),
  text('leg', 'leg'),
  text('protocol', 'protocol'),
  text('stage', 'stage'),
  text('code', 'code'),
  text('queue_id', 'queueId'),
  text('message_id', 'messageId'),
  text('orig_queue_id', 'origQueueId'),
  text('client', 'client'),
  text('sender', 'sender'),
  text('sender_domain', 'senderDomain'),
  text('recipient', 'recipient'),
  text('recipient_domain', 'recipientDomain'),
  texts('recipients', 'recipients'),
  texts('recipient_domains', 'recipientDomains'),
  number('recipient_count', 'UInt32', 'recipientCount'),
  text('next_hop', 'nextHop'),
  text('relay', 'relay.host'),
  text('tls', 'tls.state'),
  text('tls_protocol', 'tls.protocol'),
  text('tls_cipher', 'tls.cipher'),
  number('tls_bits', 'UInt16', 'tls.bits'),
  text('tls_peer', 'tls.peer', 'tls.certificate'),
  text('tls_how', 'tls.how'),
  text('tls_why', 'tls.why'),
  text('row', 'row.pattern'),
  text('row_at', 'row.at'),
  text('level', 'row.level', 'demanded.level'),
  text('mode', 'row.mode'),
  text('table_hash', 'table.hash'),
  text('action', 'action'),
  text('would', 'would'),
  text('breach', 'breach'),
  text('outcome', 'outcome'),
  text('dsn', 'dsn'),
  text('reply', 'reply'),
  moment('gap_from', 'from'),
  moment('gap_to', 'to'),
  {
    name: 'gap_count',
    type: 'Nullable(UInt64)',
    of: ({ count }) => (isWhole(count) ? count : undefined),
  },
  text('why', 'why'),
];

/** Every column with its type, as the table must have them. */
export const ALL_COLUMNS: readonly { readonly name: string; readonly type: string }[] = [
  ...KEY_COLUMNS,
  ...COLUMNS.map(({ name, type }) => ({ name, type })),
  { name: 'line', type: 'String' },
];

/** What a row is of. */
export interface RowKey {
  readonly day: string;
  /** The host of the stream's key. */
  readonly host: string;
  readonly stream: string;
  readonly n: number;
}

/** The row as JSON, without LF; null for a line that is no record, or not that of `key.n`. */
export function rowText(key: RowKey, line: string): string | null {
  const record = parsed(line);
  if (record === null || record.n !== key.n) return null;
  if (typeof record.type !== 'string' || secondsOf(record.time) === undefined) return null;
  let row = JSON.stringify(key).slice(0, -1);
  for (const { name, of } of COLUMNS) {
    const value = of(record);
    if (value !== undefined) row += `,"${name}":${JSON.stringify(value)}`;
  }
  return `${row},"line":${JSON.stringify(line)}}`;
}

function parsed(line: string): Json | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;
  } catch {
    return null;
  }
}
