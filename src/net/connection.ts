/**
 * One connection of a driver: bytes to the decoder, messages to the session, questions to the handler,
 * answers out.
 *
 * Messages are processed one at a time and in order. While an answer is awaited no message is processed, and
 * after one more chunk reading is paused. All replies that are due after one read are written together. A
 * protocol error of the peer (WireError) closes the connection and is logged under the name of the violated
 * rule; after an internal error the session sends its fail-safe reply and continues with the next message.
 *
 * A peer that sends many messages at once is served for SLICE_MS, then the other connections get their turn.
 * The same applies to one message that takes longer (slices.ts).
 */
import { AT_ONCE, type Work } from '../core/work.ts';
import type { Log } from '../log/log.ts';
import type { Decoder, Protocol, Step } from '../session/protocol.ts';
import { WireError } from '../wire/wireError.ts';
import type { ConnectionBudget, MemoryHolder } from './connectionBudget.ts';
import type { ConnectionSocket } from './directSocket.ts';
import { flushSoon } from './flushSoon.ts';
import type { LoopWatch } from './loopWatch.ts';
import { inSlices, inTurn, isWork, SLICE_MS } from './slices.ts';
import type { SocketOwner } from './socketListeners.ts';

export interface DriverCounters {
  opened: number;
  refused: number;
  messages: number;
  wireErrors: number;
  bugs: number;
}

/** Who is asking; `conn` joins the lines of one connection in the log. */
export interface Peer {
  readonly conn: number;
  readonly peer: string;
}

/** Answers at once, later, or by work that is done in slices, between which other connections are served. */
export type Handler<Query, Answer> = (query: Query, peer: Peer) => Answer | Promise<Answer> | Work<Answer>;

/** What a connection needs of its driver. */
export interface Owner<State, In, Out, Query, Answer> {
  readonly protocol: Protocol<State, In, Out, Query, Answer>;
  readonly handler: Handler<Query, Answer>;
  readonly log: Log;
  readonly counters: DriverCounters;
  readonly draining: boolean;
  /** Measures each piece of work; null: nothing is measured. */
  readonly watch: LoopWatch | null;
  readonly budget: ConnectionBudget;
  /** Seconds since start. */
  readonly clock: number;
  closed(connection: Connection<State, In, Out, Query, Answer>): void;
}

const MAX_PENDING_BYTES = 65_536;

let connections = 0;

export class Connection<State, In, Out, Query, Answer> implements Peer, MemoryHolder, SocketOwner {
  get protocol(): string {
    return this.driver.protocol.name;
  }

  readonly driver: Owner<State, In, Out, Query, Answer>;
  readonly socket: ConnectionSocket;
  readonly conn: number;
  readonly peer: string;
  readonly decoder: Decoder<In, State>;
  state: State;
  pending: Uint8Array[] = [];
  pendingBytes = 0;
  /** An answer is awaited: no further message is processed. */
  busy = false;
  /** Bytes counted for this connection in the budget. */
  held = 0;
  ended = false;
  closing = false;
  /** Seconds of the driver's clock. */
  lastActive: number;
  waitingSince = 0;

  constructor(driver: Owner<State, In, Out, Query, Answer>, socket: ConnectionSocket, peer: string) {
    this.driver = driver;
    this.socket = socket;
    this.conn = ++connections;
    this.peer = peer;
    this.decoder = driver.protocol.decoder();
    this.state = driver.protocol.start();
    this.lastActive = driver.clock;
  }

  receive(chunk: Uint8Array): void {
    if (this.closing) return;
    this.lastActive = this.driver.clock;
    try {
      this.decoder.push(chunk);
    } catch (error) {
      this.fault(error);
      return;
    }
    if (this.busy) {
      this.decoder.keep();
      this.socket.pause();
    } else this.pump();
    this.count();
  }

  /** Tells the budget what is held now. */
  count(): void {
    const { driver, socket } = this;
    const held = socket.destroyed
      ? 0
      : this.decoder.held() + driver.protocol.held(this.state) + socket.writableLength;
    const more = held - this.held;
    this.held = held;
    if (more !== 0) driver.budget.add(more);
  }

  evict(limitBytes: number): void {
    const { log, protocol } = this.driver;
    log.limit(protocol.name, this.conn, this.peer, 'max-memory', limitBytes);
    this.closing = true;
    this.socket.destroy();
    this.count();
  }

  pump(begun = performance.now()): void {
    let stepped = false;
    while (!this.busy && !this.closing) {
      let message: In | null;
      try {
        message = this.decoder.next(this.state);
      } catch (error) {
        // a decoder that has failed no longer knows where the next message begins: nothing more can be read
        this.fault(error);
        this.finish();
        break;
      }
      if (message === null) break;
      try {
        this.driver.counters.messages++;
        stepped = true;
        this.apply(this.driver.protocol.step(this.state, message));
      } catch (error) {
        this.fault(error);
      }
      const more = !this.busy && !this.closing && this.decoder.partial();
      if (more && performance.now() - begun > SLICE_MS) this.pause();
    }
    this.driver.watch?.worked(begun, this);
    if (this.pending.length > 0) flushSoon(this);
    // a complete message is progress: the deadline restarts for the next, partial one
    if (stepped || !this.decoder.partial()) this.waitingSince = 0;
    if (this.decoder.partial()) this.waitingSince ||= this.driver.clock;
    if (this.busy || this.closing) return;
    if (this.ended) this.end();
    else if (this.driver.draining && this.driver.protocol.idle(this.state)) this.finish();
    // only when all input is answered and the peer has read the answers: otherwise they would fill our memory
    else if (this.socket.isPaused() && !this.socket.writableNeedDrain) this.socket.resume();
  }

  /** Continues after the other connections have had their turn. */
  pause(): void {
    this.busy = true;
    this.decoder.keep();
    inTurn(() => {
      this.busy = false;
      this.pump();
      this.count();
    });
  }

  apply(first: Step<State, Out, Query> | null): void {
    let step = first;
    while (step !== null) {
      this.state = step.state;
      if (step.out.length <= AT_ONCE) for (const out of step.out) this.say(this.driver.protocol.encode(out));
      else {
        const said = this.inSlices(this.saying(step.out));
        if (said instanceof Promise) {
          this.askAfter(said, step);
          return;
        }
      }
      step = this.ask(step);
    }
  }

  /** A message with 10,000 recipients may have twice as many replies. */
  *saying(out: readonly Out[]): Work<void> {
    for (const [i, one] of out.entries()) {
      this.say(this.driver.protocol.encode(one));
      if (i % AT_ONCE === AT_ONCE - 1) yield;
    }
  }

  /** The next step after the replies of `step`; null: there is none, or none yet. */
  ask(step: Step<State, Out, Query>): Step<State, Out, Query> | null {
    if (step.close) {
      this.finish();
      return null;
    }
    if (step.ask === undefined) return null;
    // replies that precede a question are sent before the work on it begins
    if (step.out.length > 0) this.flush();
    let answer = this.driver.handler(step.ask, this);
    if (isWork<Answer>(answer)) answer = this.inSlices(answer);
    if (!(answer instanceof Promise)) return this.driver.protocol.answer(this.state, answer);
    this.wait(answer, (given) => this.apply(this.driver.protocol.answer(this.state, given)));
    return null;
  }

  /** Continues with `step` once its replies are written. */
  askAfter(said: Promise<void>, step: Step<State, Out, Query>): void {
    this.wait(said, () => this.apply(this.ask(step)));
  }

  inSlices<T>(work: Work<T>): T | Promise<T> {
    return inSlices(work, (begun) => this.driver.watch?.worked(begun, this));
  }

  wait<T>(promise: Promise<T>, then: (value: T) => void): void {
    this.busy = true;
    // the chunk may be in the buffer that all connections share, and the rest of it is decoded only after the
    // answer
    this.decoder.keep();
    const resume = (act: () => void): void => {
      const begun = performance.now();
      this.busy = false;
      try {
        act();
      } catch (error) {
        this.fault(error);
      }
      this.pump(begun);
      this.count();
    };
    promise.then(
      (value) => resume(() => then(value)),
      (error: unknown) => resume(() => this.fault(error)),
    );
  }

  /** A protocol error of the peer closes the connection; an internal error sends the fail-safe reply. */
  fault(error: unknown): void {
    const { log, protocol, counters } = this.driver;
    if (error instanceof WireError) {
      counters.wireErrors++;
      log.wireError(protocol.name, this.conn, this.peer, error.rule, error.offset, error.got);
      this.finish();
      return;
    }
    counters.bugs++;
    log.bug(`${protocol.name} session`, error);
    try {
      const step = protocol.failSafe(this.state);
      this.state = step.state;
      for (const out of step.out) this.say(protocol.encode(out));
      if (step.close) this.finish();
    } catch (second) {
      log.bug(`${protocol.name} fail-safe`, second);
      this.pending = [];
      this.pendingBytes = 0;
      this.finish();
    }
  }

  /**
   * Queues bytes for the write at the end of the turn; a large amount is written at once, because Node reads
   * on before that.
   */
  say(bytes: Uint8Array): void {
    this.pending.push(bytes);
    this.pendingBytes += bytes.length;
    if (this.pendingBytes > MAX_PENDING_BYTES) this.flush();
  }

  flush(): void {
    const { pending } = this;
    if (pending.length === 0) return;
    this.pending = [];
    this.pendingBytes = 0;
    const flowing = this.socket.write(pending.length === 1 ? pending[0]! : Buffer.concat(pending));
    // a peer that sends without reading must not fill our memory
    if (flowing) return;
    this.socket.pause();
    this.count();
  }

  /** The peer will send no more; its complete requests are already answered. */
  end(): void {
    this.ended = true;
    if (this.busy) return;
    if (!this.closing && this.decoder.partial()) {
      const { log, protocol, counters } = this.driver;
      counters.wireErrors++;
      log.wireError(
        protocol.name,
        this.conn,
        this.peer,
        `${protocol.name}-truncated` as const,
        0,
        'end of stream inside a message',
      );
    }
    this.finish();
  }

  finish(): void {
    if (this.closing) return;
    this.closing = true;
    this.flush();
    // an MTA that caches the connection does not notice our end of stream, so do not wait for its end
    this.socket.destroySoon();
    this.waitingSince = this.driver.clock;
  }

  drained(): void {
    this.count();
    if (!this.busy) this.socket.resume();
  }

  failed(error: Error): void {
    const { log, protocol } = this.driver;
    log.socketError(protocol.name, this.conn, this.peer, error);
  }

  closed(): void {
    this.driver.closed(this);
  }
}
