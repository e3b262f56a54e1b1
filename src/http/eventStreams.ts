/**
 * The streams of `/events` (server-sent events, HTML standard section 9.2): verdicts as they are given, and every two
 * seconds the figures of the page.
 *
 * The mail path pays for it only while somebody looks, and then no more than a bounded number of events a second: the
 * rest is counted. A client that does not read is ended, and nothing is kept for it. There are 16 streams at most, each
 * ends after an hour (a browser opens another), and each holds at most 64 KiB and one event.
 */
import type { ServerResponse } from 'node:http';
import type { VerdictFields } from '../log/verdictFields.ts';
import { type Privacy, shownVerdict } from './shownVerdict.ts';

const MAX_STREAMS = 16;
/** Bytes that wait for a client before it is ended. */
const MAX_WAITING = 64 * 1024;
const EVERY_MS = 2000;
const LIFE_MS = 3_600_000;
/** Events a second: of accepted mail, and of all other. */
const ACCEPTS_A_SECOND = 10;
const OTHERS_A_SECOND = 40;
/** Longest event, in characters: ten texts of at most 300. */
const LONGEST_EVENT = 4096;

/** What all streams may hold. */
export const STREAMS_LIMIT_BYTES = MAX_STREAMS * (MAX_WAITING + LONGEST_EVENT);

interface Stream {
  readonly response: ServerResponse;
  readonly endsAtMs: number;
}

export class EventStreams {
  /** Is anybody listening? Read for every verdict. */
  listening = false;
  dropped = 0;
  readonly #streams = new Set<Stream>();
  /** The data of the event `status`. */
  readonly #figures: () => Promise<string>;
  readonly #privacy: () => Privacy;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | null = null;
  #second = 0;
  #accepts = 0;
  #others = 0;
  /** Verdicts of which nobody was told, since the last event `status`. */
  #leftOut = 0;

  constructor(figures: () => Promise<string>, privacy: () => Privacy, now: () => number = Date.now) {
    this.#figures = figures;
    this.#privacy = privacy;
    this.#now = now;
  }

  get open(): number {
    return this.#streams.size;
  }

  /** Is there room for one more? */
  get hasRoom(): boolean {
    return this.#streams.size < MAX_STREAMS;
  }

  /** Adds a client, whose header fields are sent; `first`: events that it gets at once. */
  add(response: ServerResponse, first: string): void {
    const stream: Stream = { response, endsAtMs: this.#now() + LIFE_MS };
    this.#streams.add(stream);
    this.listening = true;
    response.on('close', () => this.#forget(stream));
    response.write(`retry: 5000\n\n${first}`);
    this.#timer ??= setInterval(() => void this.tick(), EVERY_MS).unref();
  }

  /** One verdict; called only while `listening`. Never throws. */
  verdict(fields: VerdictFields, timeMs: number): void {
    if (!this.#mayTell(fields, timeMs)) {
      this.#leftOut++;
      return;
    }
    this.#send(verdictEvent(fields, new Date(timeMs).toISOString(), this.#privacy()));
  }

  /** Sends the figures, and ends streams that are old; called by a timer. */
  async tick(): Promise<void> {
    const now = this.#now();
    for (const stream of [...this.#streams]) {
      if (now < stream.endsAtMs) continue;
      // until its client has read all there may be more to tell, which an ended response does not take
      this.#forget(stream);
      stream.response.end();
    }
    try {
      const figures = await this.#figures();
      const leftOut = this.#leftOut;
      this.#leftOut = 0;
      this.#send(
        `event: status\ndata: ${figures}\n\n${leftOut === 0 ? '' : `event: left-out\ndata: ${leftOut}\n\n`}`,
      );
    } catch {
      // the next one may succeed; without any, the page says that it has lost the daemon
    }
  }

  /** Bytes that wait for clients. */
  get usedBytes(): number {
    let bytes = 0;
    for (const { response } of this.#streams) bytes += response.writableLength;
    return bytes;
  }

  close(): void {
    for (const { response } of [...this.#streams]) response.destroy();
    this.#stop();
  }

  #mayTell({ action, would, tagged }: VerdictFields, timeMs: number): boolean {
    const second = Math.floor(timeMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#accepts = 0;
      this.#others = 0;
    }
    const plain = action === 'accept' && would === undefined && tagged !== true;
    return plain ? this.#accepts++ < ACCEPTS_A_SECOND : this.#others++ < OTHERS_A_SECOND;
  }

  #send(text: string): void {
    for (const stream of [...this.#streams]) {
      const { response } = stream;
      if (response.writableLength > MAX_WAITING) {
        this.dropped++;
        this.#forget(stream);
        response.destroy();
      } else response.write(text);
    }
  }

  #forget(stream: Stream): void {
    this.#streams.delete(stream);
    if (this.#streams.size === 0) this.#stop();
  }

  #stop(): void {
    this.listening = false;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}

/** The event of one verdict. JSON has no line feed of its own, so nothing can end the event early. */
export function verdictEvent(fields: VerdictFields, time: string, privacy: Privacy): string {
  return `event: verdict\ndata: ${JSON.stringify(shownVerdict(fields, time, privacy))}\n\n`;
}
