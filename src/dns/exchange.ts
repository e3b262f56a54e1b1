/**
 * One question to one DNS server: over UDP, and over TCP when the answer does not fit.
 *
 * Each question has a socket of its own, and so a source port of the kernel's choosing, and an id from the
 * system's random source. A datagram counts only if it comes from the server, has the id, and repeats the
 * question; all others are ignored (RFC 5452 section 9.1). A datagram from the server with the right id that
 * cannot be decoded ends the attempt. Over TCP only one answer is expected, so anything unexpected ends it.
 *
 * When it settles, the socket is closed and the timer cleared. `running` holds a function for each open
 * socket that ends it, for a resolver that is being closed.
 * Sources: RFC 1035 section 4.2, RFC 7766 section 8 (length over TCP), RFC 5452, RFC 2181 section 9 (TC).
 */
import { Buffer } from 'node:buffer';
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { parseAddress } from '../core/network.ts';
import { type DnsAnswer, decodeAnswer } from '../wire/dnsDecode.ts';
import { type DnsQuestion, encodeQuery } from '../wire/dnsEncode.ts';
import { RCODE, TYPE } from '../wire/dnsNumbers.ts';
import { WireError } from '../wire/wireError.ts';

export interface DnsServer {
  /** IP address without brackets. */
  readonly host: string;
  readonly port: number;
}

type Exchange =
  | { readonly kind: 'answer'; readonly answer: DnsAnswer }
  /** A name too long for a DNS question. */
  | { readonly kind: 'no-name' }
  /**
   * `late`: nothing arrived; a second try may succeed. `what` is a clause about the server: "gave no answer
   * within 2 s".
   */
  | { readonly kind: 'failed'; readonly what: string; readonly late: boolean };

/** `127.0.0.1:53`, `[::1]:53`. */
export function serverName({ host, port }: DnsServer): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * `patience` returns how many milliseconds are left; it is called again when TCP begins. Rejects only with
 * RangeError, when the name is not canonical text.
 */
export async function exchange(
  server: DnsServer,
  question: DnsQuestion,
  patience: () => number,
  running: Set<() => void>,
): Promise<Exchange> {
  const id = randomInt(0x10000);
  const query = encodeQuery(id, question);
  if (query === null) return { kind: 'no-name' };
  const job: Job = { server, question, id, query, running };
  const first = await overUdp(job, patience());
  if (first.kind !== 'answer' || !first.answer.truncated) return first;
  const second = await overTcp(job, patience());
  if (second.kind === 'failed')
    return failed(`has a long answer, and over TCP it ${second.what}`, second.late);
  if (second.kind === 'answer' && second.answer.truncated) return failed('cut its answer over TCP');
  return second;
}

interface Job {
  readonly server: DnsServer;
  readonly question: DnsQuestion;
  readonly id: number;
  readonly query: Uint8Array;
  readonly running: Set<() => void>;
}

const failed = (what: string, late = false): Exchange => ({ kind: 'failed', what, late });

/** The outcome that a message decides, or null when it does not answer this question. */
function outcomeOf(message: Buffer, { id, question }: Job): Exchange | null {
  if (message.length < 2 || message.readUInt16BE(0) !== id) return null;
  let answer: DnsAnswer;
  try {
    answer = decodeAnswer(message);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return failed(`sent a broken answer (${error.rule})`);
  }
  if (answer.question === null) {
    // error responses may omit a question that the server could not parse
    if (answer.rcode === RCODE.NOERROR || answer.rcode === RCODE.NXDOMAIN) return null;
  } else if (answer.question.name !== question.name || answer.question.type !== TYPE[question.type])
    return null;
  return { kind: 'answer', answer };
}

/** Runs `start` with a function that settles once, after `release` has closed what was opened. */
function once(
  job: Job,
  patienceMs: number,
  release: () => void,
  start: (settle: (outcome: Exchange) => void) => void,
): Promise<Exchange> {
  return new Promise((resolve) => {
    let open = true;
    const settle = (outcome: Exchange): void => {
      if (!open) return;
      open = false;
      clearTimeout(timer);
      job.running.delete(stop);
      release();
      resolve(outcome);
    };
    const stop = (): void => settle(failed('was not waited for, because tlsward is shutting down'));
    const timer = setTimeout(
      () => settle(failed(`gave no answer within ${Math.max(1, Math.round(patienceMs / 100)) / 10} s`, true)),
      Math.max(1, patienceMs),
    );
    job.running.add(stop);
    try {
      start(settle);
    } catch (error) {
      settle(failed(errorWords(error)));
    }
  });
}

function errorWords(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return code === 'ECONNREFUSED' ? 'refused: nothing listens there' : `could not be asked: ${code}`;
}

function overUdp(job: Job, patienceMs: number): Promise<Exchange> {
  const { host, port } = job.server;
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  return once(
    job,
    patienceMs,
    () => socket.close(),
    (settle) => {
      socket.on('error', (error) => settle(failed(errorWords(error))));
      socket.on('message', (message, from) => {
        // once connected, the kernel drops datagrams from others; some may have arrived before
        if (from.port !== port || !sameAddress(from.address, host)) return;
        const outcome = outcomeOf(message, job);
        if (outcome !== null) settle(outcome);
      });
      socket.connect(port, host, () => socket.send(job.query));
    },
  );
}

/** Addresses with a zone (`fe80::1%eth0`) are not compared: the kernel has. */
function sameAddress(one: string, other: string): boolean {
  const [left, right] = [parseAddress(one), parseAddress(other)];
  return left === null || right === null || left.every((byte, i) => byte === right[i]);
}

function overTcp(job: Job, patienceMs: number): Promise<Exchange> {
  const socket = connect(job.server.port, job.server.host);
  const chunks: Buffer[] = [];
  let got = 0;
  /** Bytes to wait for, including the length; 0 until the length has arrived. */
  let whole = 0;
  return once(
    job,
    patienceMs,
    () => socket.destroy(),
    (settle) => {
      socket.on('error', (error) => settle(failed(errorWords(error))));
      socket.on('close', () => settle(failed('closed the connection')));
      socket.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        got += chunk.length;
        if (whole === 0 && got >= 2) whole = 2 + Buffer.concat(chunks).readUInt16BE(0);
        if (whole === 0 || got < whole) return;
        const message = Buffer.concat(chunks).subarray(2, whole);
        settle(outcomeOf(message, job) ?? failed('answered something else'));
      });
      const length = Buffer.alloc(2);
      length.writeUInt16BE(job.query.length);
      socket.write(Buffer.concat([length, job.query]));
    },
  );
}
