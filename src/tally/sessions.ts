/**
 * Connections of SMTP that a day's verdicts are about, told apart by address and port of the client: the same port
 * after an hour of silence is another connection. Pure.
 */
import type { VerdictEvidence } from '../evidence/record.ts';
import { dropOldest, keptOf } from './oldest.ts';

const SESSION_MS = 3_600_000;
/** Connections that are remembered. */
const MAX_SESSIONS = 100_000;

export class Sessions {
  readonly #last = new Map<string, number>();
  #all = 0;
  #tls = 0;
  #unknown = 0;

  /** A verdict about mail from another host. */
  add({ host, client, clientPort, time: text, tls }: VerdictEvidence): void {
    if (client === undefined || clientPort === undefined) {
      this.#unknown++;
      return;
    }
    const key = `${host} ${client} ${clientPort}`;
    const time = Date.parse(text);
    const last = this.#last.get(key);
    // it keeps its place: those that began longest ago go first
    this.#last.set(key, time);
    if (last !== undefined && time - last <= SESSION_MS) return;
    this.#all++;
    if (tls.state === 'tls') this.#tls++;
    if (this.#last.size > MAX_SESSIONS) dropOldest(this.#last, (_, left) => left > keptOf(MAX_SESSIONS));
  }

  get counts(): { readonly all: number; readonly tls: number; readonly unknown: number } {
    return { all: this.#all, tls: this.#tls, unknown: this.#unknown };
  }
}
