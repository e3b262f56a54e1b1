/**
 * The daemon asks itself through its own sockets, as an MTA would: policy, milter, socketmap. What comes back has gone
 * through listener, decoder, session, handler and encoder. The questions are such that no verdict is given, logged or
 * recorded: an EHLO for policy, a negotiation for the milter, a key that is in no map.
 *
 * That a limit of connections refused the question, that the queue of the socket is full, or that its file is gone is no
 * failure: the daemon serves others then, and starting it anew would only hurt them.
 */
import { connect } from 'node:net';
import { encodeCommand, ReplyDecoder } from '../wire/milterClient.ts';
import { encodePolicyRequest, PolicyAnswerDecoder } from '../wire/policyClient.ts';
import { encodeSocketmapRequest, SocketmapReplyDecoder } from '../wire/socketmapClient.ts';

/** Where a listener of ours is reached; null: not known. */
export type Target = { readonly path: string } | { readonly host: string; readonly port: number } | null;

interface Decoder {
  push(chunk: Uint8Array): void;
  next(): object | null;
}

interface Question {
  readonly request: () => Uint8Array;
  readonly decoder: () => Decoder;
}

/** Version 6 with no action and all events, as Postfix begins. */
const NEGOTIATION = { kind: 'OPTNEG', version: 6, actions: 0x1ff, protocol: 0x1f_ffff } as const;

const QUESTIONS: Readonly<Record<string, Question>> = {
  policy: {
    request: () => encodePolicyRequest({ protocol_state: 'EHLO', protocol_name: 'ESMTP' }),
    decoder: () => new PolicyAnswerDecoder(),
  },
  milter: { request: () => encodeCommand(NEGOTIATION), decoder: () => new ReplyDecoder() },
  socketmap: {
    request: () => encodeSocketmapRequest('access', 'self-check'),
    decoder: () => new SocketmapReplyDecoder(),
  },
};

const LIVES: readonly string[] = ['EAGAIN', 'ENOENT'];

/** '' when it answered, or is none of the three; else why not. `refused`: connections that a limit refused so far. */
export async function askItself(
  name: string,
  target: Target,
  refused: () => number,
  timeoutMs: number,
): Promise<string> {
  const question = QUESTIONS[name];
  if (question === undefined || target === null) return '';
  const before = refused();
  const why = await exchange(question, target, timeoutMs);
  return refused() > before ? '' : why;
}

function exchange(
  { request, decoder: newDecoder }: Question,
  target: NonNullable<Target>,
  timeoutMs: number,
): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(target);
    const decoder = newDecoder();
    const end = (why: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(why);
    };
    const timer = setTimeout(() => end(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
    socket.on('error', (error: NodeJS.ErrnoException) =>
      end(LIVES.includes(error.code ?? '') ? '' : (error.code ?? error.message)),
    );
    socket.on('connect', () => socket.write(request()));
    socket.on('data', (chunk) => {
      try {
        decoder.push(chunk);
        if (decoder.next() !== null) end('');
      } catch (error) {
        end(error instanceof Error ? error.message : String(error));
      }
    });
    socket.on('close', () => end('it closed the connection without an answer'));
  });
}
