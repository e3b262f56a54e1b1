/**
 * A protocol, as the driver needs it: a value made of pure functions. There are four: milter, policy
 * delegation, socketmap and the control protocol. One driver (`src/net/driver.ts`) does all reading, writing,
 * deadlines and logging for them.
 *
 * A session is stepped with one message at a time. A step yields the next state, what to send, and at most
 * one question for the core (`ask`); after a question the driver passes in no further message before the
 * answer. The same state and input always give the same step.
 */

/** Bytes in, messages out, however the stream is split into chunks. */
export interface Decoder<In, State> {
  /** Takes a chunk; views into it are only valid until the next `push`, so a session copies what it keeps. */
  push(chunk: Uint8Array): void;
  /**
   * The next complete message, or null when more bytes are needed. After a WireError the decoder cannot be
   * used. `state`: that of the session now; messages that change nothing in it may be left out, once checked.
   */
  next(state?: State): In | null;
  /** Has part of a message been received? If so, the request deadline runs. */
  partial(): boolean;
  /**
   * Copies the rest of the chunk, because its buffer is reused before the pending answer allows the next call
   * of `next`.
   */
  keep(): void;
  /** Bytes of memory held for an incomplete message. */
  held(): number;
}

export interface Step<State, Out, Query> {
  readonly state: State;
  /** Messages to send now, in order; one write. */
  readonly out: readonly Out[];
  readonly ask?: Query;
  /** Close after `out` was sent. */
  readonly close?: true;
}

export interface Protocol<State, In, Out, Query, Answer> {
  readonly name: 'milter' | 'policy' | 'socketmap' | 'control';
  /** A message may have 64 KiB and more: enough is read at once for one to be complete, so that it is not copied. */
  readonly largePackets?: true;
  decoder(): Decoder<In, State>;
  start(): State;
  step(state: State, input: In): Step<State, Out, Query>;
  answer(state: State, answer: Answer): Step<State, Out, Query>;
  /** The safest reply when our own code threw in this state; `close` closes the connection. */
  failSafe(state: State): Step<State, Out, Query>;
  encode(out: Out): Uint8Array;
  /**
   * May the connection be closed at shutdown without anyone waiting for an answer or losing a transaction?
   */
  idle(state: State): boolean;
  /** Bytes of memory that the state holds; 0 if negligible. */
  held(state: State): number;
}
