/**
 * One connection of a driver: bytes to the decoder, messages to the session, questions to the handler, answers out.
 *
 * Messages are stepped one at a time and in order; while an answer is awaited nothing is stepped and, after what was under
 * way, nothing read. All that is due after one read leaves in one write. The peer's mistake (WireError) closes the
 * connection with a named rule in the log; a mistake of ours gets the session's fail-safe reply, and the next message.
 *
 * A peer that sends many messages at once gets SLICE_MS of them worked on, and then the other connections their turn; so
 * does a message that takes longer (slices.ts).
 */
import type { Socket } from 'node:net';
import { AT_ONCE, type Work } from '../core/work.ts';
import type { Log } from '../log/log.ts';
import type { Decoder, Protocol, Step } from '../session/protocol.ts';
import { WireError } from '../wire/wireError.ts';
import type { ConnectionBudget, MemoryHolder } from './connectionBudget.ts';
import type { LoopWatch } from './loopWatch.ts';
import { isWork, runRest, runSlice, SLICE_MS, UNFINISHED } from './slices.ts';

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

/** Answers at once, later, or by work that is done in slices, with the other connections' turns in between. */
export type Handler<Query, Answer> = (query: Query, peer: Peer) => Answer | Promise<Answer> | Work<Answer>;

/** What a connection needs of its driver. */
export interface Owner<State, In, Out, Query, Answer> {
  readonly protocol: Protocol<State, In, Out, Query, Answer>;
  readonly handler: Handler<Query, Answer>;
  readonly log: Log;
  readonly counters: DriverCounters;
  readonly draining: boolean;
  /** Told of each piece of work; null: it is not measured. */
  readonly watch: LoopWatch | null;
  readonly budget: ConnectionBudget;
  /** Seconds since start. */
  readonly clock: number;
  closed(connection: Connection<State, In, Out, Query, Answer>): void;
}

const MAX_PENDING_BYTES = 65_536;

export type AnyConnection = Connection<unknown, unknown, unknown, unknown, unknown>;

let connections = 0;

export class Connection<State, In, Out, Query, Answer> implements Peer, MemoryHolder {
  get protocol(): string {
    return this.driver.protocol.name;
  }

  readonly driver: Owner<State, In, Out, Query, Answer>;
  readonly socket: Socket;
  readonly conn: number;
  readonly peer: string;
  readonly decoder: Decoder<In>;
  state: State;
  pending: Uint8Array[] = [];
  pendingBytes = 0;
  /** An answer is being waited for: no further message is stepped. */
  busy = false;
  /** Bytes that were counted for it in the budget. */
  held = 0;
  ended = false;
  closing = false;
  /** Seconds of the driver's clock. */
  lastActive: number;
  waitingSince = 0;

  constructor(driver: Owner<State, In, Out, Query, Answer>, socket: Socket, peer: string) {
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
        message = this.decoder.next();
      } catch (error) {
        // a decoder that failed once has lost its place: nothing more can be read here, whether the peer or we were at fault
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
      if (performance.now() - begun > SLICE_MS && !this.busy && !this.closing && this.decoder.partial())
        this.pause();
    }
    this.driver.watch?.worked(begun, this);
    if (this.pending.length > 0) flushSoon(this as unknown as AnyConnection);
    // a whole message is progress: the deadline is that of the one begun behind it
    if (stepped || !this.decoder.partial()) this.waitingSince = 0;
    if (this.decoder.partial()) this.waitingSince ||= this.driver.clock;
    if (this.busy || this.closing) return;
    if (this.ended) this.end();
    else if (this.driver.draining && this.driver.protocol.idle(this.state)) this.finish();
    // only when all that came was answered, and the peer has read the answers: else it would fill our memory
    else if (this.socket.isPaused() && !this.socket.writableNeedDrain) this.socket.resume();
  }

  /** Goes on when the other connections have had their turn. */
  pause(): void {
    this.busy = true;
    this.decoder.keep();
    setImmediate(() => {
      this.busy = false;
      this.pump();
      this.count();
    });
  }

  apply(first: Step<State, Out, Query>): void {
    let step: Step<State, Out, Query> | null = first;
    while (step !== null) {
      this.state = step.state;
      const said = step;
      if (said.out.length > AT_ONCE) {
        const saying = this.saying(said.out);
        if (runSlice(saying) === UNFINISHED) {
          this.wait(runRest(saying, this.ran), () => {
            const next = this.ask(said);
            if (next !== null) this.apply(next);
          });
          return;
        }
      } else for (const out of said.out) this.say(this.driver.protocol.encode(out));
      step = this.ask(said);
    }
  }

  /** A message with 10,000 recipients may get twice as many replies. */
  *saying(out: readonly Out[]): Work<void> {
    for (const [i, one] of out.entries()) {
      this.say(this.driver.protocol.encode(one));
      if (i % AT_ONCE === AT_ONCE - 1) yield;
    }
  }

  /** What follows the replies of a step; null: nothing, or nothing yet. */
  ask(step: Step<State, Out, Query>): Step<State, Out, Query> | null {
    if (step.close) {
      this.finish();
      return null;
    }
    if (step.ask === undefined) return null;
    // what is said before a question is said before the work on it
    if (step.out.length > 0) this.flush();
    let answer = this.driver.handler(step.ask, this);
    if (isWork<Answer>(answer)) {
      const work = answer;
      const result = runSlice(work);
      answer = result === UNFINISHED ? runRest(work, this.ran) : result;
    }
    if (!(answer instanceof Promise)) return this.driver.protocol.answer(this.state, answer);
    this.wait(answer, (given) => this.apply(this.driver.protocol.answer(this.state, given)));
    return null;
  }

  readonly ran = (begun: number): void => {
    this.driver.watch?.worked(begun, this);
  };

  wait<T>(promise: Promise<T>, then: (value: T) => void): void {
    this.busy = true;
    // the chunk may be a buffer that all connections share, and what is left of it is looked at only after the answer
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

  /** The peer's mistake closes the connection; ours gets the fail-safe reply. */
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

  /** Puts it with what is written at the end of the turn; much of it is written at once, because node reads on before that. */
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

  /** The peer will send no more; what it asked for is already answered. */
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
    // an MTA that keeps the connection for later does not notice our end of stream, so do not wait for its own
    this.socket.destroySoon();
    this.waitingSince = this.driver.clock;
  }
}

let due: AnyConnection[] = [];

/**
 * Writes once everything that had come was read: the answers to several peers leave one behind the other, so a peer that
 * the first one woke is awake for the rest. Waking is the most expensive part of a write.
 */
function flushSoon(connection: AnyConnection): void {
  if (due.push(connection) === 1) setImmediate(flushDue);
}

function flushDue(): void {
  const now = due;
  due = [];
  for (const connection of now) connection.flush();
}
