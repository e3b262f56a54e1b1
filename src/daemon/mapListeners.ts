/** The listeners of answers to table questions: counters, log and evidence. A new listener is one more line. */
import type { Row } from '../core/table.ts';
import type { Log } from '../log/log.ts';
import type { SocketmapReply } from '../wire/socketmapEncode.ts';

export interface MapCounters {
  ok: number;
  notFound: number;
  temp: number;
}

/** A question with its answer. */
export interface MapRecord {
  readonly conn: number;
  readonly map: string;
  readonly key: string;
  readonly status: SocketmapReply['status'];
  /** The reply as it is sent. */
  readonly reply: string;
  /** The row that decided; null when none did. */
  readonly row: Row | null;
}

export class MapListeners {
  readonly counters: MapCounters = { ok: 0, notFound: 0, temp: 0 };
  readonly #listeners: readonly ((record: MapRecord) => void)[];

  constructor(log: Pick<Log, 'mapAnswer'>, evidence: { mapAnswer(record: MapRecord): void }) {
    this.#listeners = [
      ({ status }) => this.#count(status),
      (record) => log.mapAnswer(record, record.status === 'TEMP' || record.status === 'PERM'),
      (record) => evidence.mapAnswer(record),
    ];
  }

  /** Calls each listener in turn. If one throws, so does this, and the session answers TEMP. */
  tell(record: MapRecord): void {
    for (const listener of this.#listeners) listener(record);
  }

  #count(status: SocketmapReply['status']): void {
    if (status === 'OK') this.counters.ok++;
    else if (status === 'NOTFOUND') this.counters.notFound++;
    else this.counters.temp++;
  }
}
