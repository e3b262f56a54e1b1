/**
 * Socketmap as a `Protocol`: every request is a question, every answer a formatted reply, in order. The only
 * state is "a request is being answered".
 *
 * When our own code throws, the reply is TEMP: both MTAs defer, and the connection continues with the
 * requests that follow.
 */
import { SocketmapDecoder, type SocketmapRequest } from '../wire/socketmapDecode.ts';
import { encodeSocketmapReply, formatSocketmapReply } from '../wire/socketmapEncode.ts';
import type { Protocol } from './protocol.ts';

type SocketmapState = 'idle' | 'asked';

const NOTHING: readonly never[] = [];
const INTERNAL_ERROR = formatSocketmapReply({
  status: 'TEMP',
  reason: 'tlsward: internal error, see its log',
});

export const socketmapProtocol: Protocol<SocketmapState, SocketmapRequest, string, SocketmapRequest, string> =
  {
    name: 'socketmap',
    decoder: () => new SocketmapDecoder(),
    start: () => 'idle',
    step: (_state, request) => ({ state: 'asked', out: NOTHING, ask: request }),
    answer: (_state, reply) => ({ state: 'idle', out: [reply] }),
    failSafe: () => ({ state: 'idle', out: [INTERNAL_ERROR] }),
    encode: encodeSocketmapReply,
    idle: (state) => state === 'idle',
    held: () => 0,
  };
