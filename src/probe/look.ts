/**
 * One connection to one address of a mail server: the dialogue of dialogue.ts over a socket, and the TLS handshake in
 * its middle. Nothing is believed by the handshake: it always completes if it can, and what the certificate is worth
 * is part of the result. Never rejects.
 *
 * The handshake offers what Postfix offers a partner it must authenticate: TLS 1.0 and later, no anonymous ciphers,
 * OpenSSL's security level 0, so that old servers are seen as they are; SNI only when it is asked for, because Postfix
 * sends none unless DANE or `servername` is in force.
 *
 * Limits: 10 s to connect, 30 s for each step, 60 s and 256 KiB for all of it.
 */
import type { Buffer } from 'node:buffer';
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, type SecureContext, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { type Dialogue, type DialogueStep, heard, secured, startDialogue } from './dialogue.ts';
import { failureWords, isOwnNetwork, sessionOf } from './handshake.ts';
import type { Reply } from './reply.ts';
import type { Session, Sighting, Step } from './sighting.ts';

export interface Target {
  /** IP address. */
  readonly address: string;
  readonly port: number;
  /** What this host calls itself. */
  readonly ehloName: string;
  /** SNI; null: none. */
  readonly servername: string | null;
  /** Trusted CAs, and the ciphers and versions to offer (contexts.ts). */
  readonly context: SecureContext;
}

interface Limits {
  readonly connectMs: number;
  readonly stepMs: number;
  readonly totalMs: number;
}

const LIMITS: Limits = { connectMs: 10_000, stepMs: 30_000, totalMs: 60_000 };
/** The answer to QUIT is worth no longer wait. */
const QUIT_MS = 2000;
const MAX_BYTES = 256 * 1024;

export function look(target: Target, limits: Limits = LIMITS): Promise<Sighting> {
  return new Promise((resolve) => new Look(target, limits, resolve));
}

class Look {
  readonly #target: Target;
  readonly #limits: Limits;
  readonly #done: (sighting: Sighting) => void;
  readonly #socket: Socket;
  #secure: TLSSocket | null = null;
  #state: Dialogue;
  #session: Session | null = null;
  #connected = false;
  #over = false;
  #silent = false;
  #bytes = 0;
  #since = performance.now();
  readonly #steps: Step[] = [];
  readonly #total: NodeJS.Timeout;
  #timer: NodeJS.Timeout;

  constructor(target: Target, limits: Limits, done: (sighting: Sighting) => void) {
    this.#target = target;
    this.#limits = limits;
    this.#done = done;
    this.#state = startDialogue(target.ehloName);
    this.#total = setTimeout(() => this.#late(limits.totalMs), limits.totalMs);
    this.#timer = setTimeout(() => this.#late(limits.connectMs), limits.connectMs);
    this.#socket = connect({ host: target.address, port: target.port });
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('connect', () => {
      this.#connected = true;
      this.#step('connect', true, '');
    });
    this.#socket.on('data', this.#heard);
    this.#socket.on('close', () => this.#end('the server closed the connection'));
  }

  readonly #heard = (chunk: Buffer): void => {
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_BYTES) this.#end(`more than ${MAX_BYTES / 1024} KiB`);
    else this.#take(heard(this.#state, chunk.toString('latin1')));
  };

  #take(step: DialogueStep): void {
    const before = this.#state;
    this.#state = step.state;
    this.#note(before, step.state);
    if (step.over) {
      this.#end('');
      return;
    }
    if (step.send !== undefined) (this.#secure ?? this.#socket).write(`${step.send}\r\n`);
    if (step.handshake) this.#handshake();
    if (step.state.stage === 'quit') this.#wait(QUIT_MS);
  }

  /** Steps of what has become known. */
  #note(before: Dialogue, after: Dialogue): void {
    const fresh = (name: 'greeting' | 'ehlo' | 'helo' | 'starttls' | 'ehloUnderTls'): Reply | null =>
      before[name] === null ? after[name] : null;
    const said = (step: Step['step'], reply: Reply | null): void => {
      if (reply !== null) this.#step(step, reply.code < 300, `${reply.code} ${reply.lines[0]}`.trimEnd());
    };
    said('greeting', fresh('greeting'));
    said('ehlo', fresh('ehlo'));
    said('ehlo', fresh('helo'));
    if (fresh('ehlo') !== null && after.stage === 'quit' && after.ehlo!.code < 300)
      this.#step('starttls', false, 'not offered');
    const starttls = fresh('starttls');
    if (starttls !== null && after.injected > 0)
      this.#step('starttls', false, `${after.injected} bytes were sent before the handshake`);
    else said('starttls', starttls);
    said('ehlo-tls', fresh('ehloUnderTls'));
  }

  #handshake(): void {
    const { servername, context } = this.#target;
    this.#socket.removeListener('data', this.#heard);
    const options: ConnectionOptions = {
      socket: this.#socket,
      secureContext: context,
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      ...(servername === null ? {} : { servername }),
    };
    const secure = tlsConnect(options);
    this.#secure = secure;
    secure.on('error', (error) => this.#fail(error));
    secure.on('close', () => this.#end('the server closed the connection'));
    secure.on('secureConnect', () => {
      this.#session = sessionOf(secure);
      const { protocol, cipher, bits } = this.#session;
      this.#step('handshake', true, `${protocol} ${cipher}${bits === null ? '' : ` ${bits} bits`}`);
      secure.on('data', this.#heard);
      this.#take(secured(this.#state));
    });
  }

  #step(step: Step['step'], ok: boolean, says: string): void {
    const now = performance.now();
    this.#steps.push({ step, ok, ms: Math.round(now - this.#since), says });
    this.#since = now;
    this.#wait(this.#limits.stepMs);
  }

  #wait(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#late(ms), ms);
  }

  #late(ms: number): void {
    this.#silent = true;
    this.#end(`no answer within ${ms / 1000} s`);
  }

  #fail(error: Error): void {
    this.#end(failureWords(error), isOwnNetwork(error));
  }

  /** `why`: '' when the dialogue came to its end. */
  #end(why: string, here = false): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#total);
    const reached = this.#reached(why === '' ? this.#state.broken : why, here);
    if (reached.kind === 'unreachable') this.#step('connect', false, reached.why);
    else if (reached.kind === 'failed') this.#step('handshake', false, reached.why);
    else if (reached.kind === 'broken') this.#step(this.#due(), false, reached.why);
    clearTimeout(this.#timer);
    const { ehlo, ehloUnderTls, injected } = this.#state;
    const extensions = (ehloUnderTls ?? ehlo)?.lines.slice(1).map((line) => line.split(' ', 1)[0]!) ?? [];
    // whatever still comes is nobody's
    this.#secure?.on('error', () => undefined);
    this.#secure?.destroy();
    this.#socket.destroy();
    this.#done({ reached, steps: this.#steps, injected, extensions });
  }

  #due(): Step['step'] {
    const { stage } = this.#state;
    if (stage === 'ehlo-tls' || this.#session !== null) return 'ehlo-tls';
    if (stage === 'starttls') return 'starttls';
    return this.#state.greeting === null ? 'greeting' : 'ehlo';
  }

  #reached(why: string, here: boolean): Sighting['reached'] {
    const { stage, greeting, ehlo, helo, starttls, ehloUnderTls } = this.#state;
    if (!this.#connected) return { kind: 'unreachable', why, here };
    if (greeting !== null && greeting.code >= 300) return { kind: 'unwilling', reply: greeting };
    if (this.#session !== null) {
      if (ehloUnderTls === null) return { kind: 'broken', why };
      if (ehloUnderTls.code >= 300) return { kind: 'unwilling', reply: ehloUnderTls };
      return { kind: 'tls', session: this.#session };
    }
    if (stage === 'handshake') return { kind: 'failed', why, silent: this.#silent };
    if (starttls !== null) return { kind: 'refused', reply: starttls };
    const last = helo ?? ehlo;
    if (last === null || stage === 'starttls' || stage === 'helo') return { kind: 'broken', why };
    return last.code < 300 ? { kind: 'plain' } : { kind: 'unwilling', reply: last };
  }
}
