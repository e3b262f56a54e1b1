/**
 * What a protocol is to the driver: a value made of pure functions. Milter, policy delegation, socketmap and the control
 * socket are four of them; one driver (`src/net/driver.ts`) does all reading, writing, deadlines and logging for each.
 *
 * A session is stepped with one message at a time. A step yields the next state, what to send, and at most one question
 * for the core (`ask`); after a question the driver feeds no further message until the answer was stepped in. The same
 * state and input always give the same step.
 */

/** Bytes in, messages out: any way of cutting the stream gives the same messages. */
export interface Decoder<In> {
  /** Takes a chunk; views into it are only valid until the next `push`, so a session copies what it keeps. */
  push(chunk: Uint8Array): void;
  /** The next whole message, or null when more bytes are needed. Throws WireError; the decoder is then dead. */
  next(): In | null;
  /** True when part of a message has come: from then on the request deadline runs. */
  partial(): boolean;
  /** Copies what is left of the chunk: `next` is called only after an answer, and the chunk will not wait. */
  keep(): void;
  /** Bytes of memory that are held for a message that is not whole. */
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
  decoder(): Decoder<In>;
  start(): State;
  step(state: State, input: In): Step<State, Out, Query>;
  answer(state: State, answer: Answer): Step<State, Out, Query>;
  /** What is safest to say when our own code threw in this state; the connection is closed if `close` is set. */
  failSafe(state: State): Step<State, Out, Query>;
  encode(out: Out): Uint8Array;
  /** May the connection be closed at shutdown without anyone waiting for an answer or losing a transaction? */
  idle(state: State): boolean;
  /** Bytes of memory that the state holds; 0 where that is next to nothing. */
  held(state: State): number;
}
