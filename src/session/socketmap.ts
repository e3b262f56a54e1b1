/**
 * Socketmap as a `Protocol`: every request is a question, every answer a formatted reply, in order. No state but "one is asked".
 *
 * When our own code throws, the reply is TEMP: both MTAs defer, and the connection and what was pipelined behind go on.
 */
import { SocketmapDecoder, type SocketmapRequest } from '../wire/socketmapDecode.ts';
import { encodeSocketmapReply, formatSocketmapReply } from '../wire/socketmapEncode.ts';
import type { Protocol } from './protocol.ts';

type SocketmapState = 'idle' | 'asked';

const INTERNAL_ERROR = formatSocketmapReply({
  status: 'TEMP',
  reason: 'tlsward: internal error, see its log',
});

export const socketmapProtocol: Protocol<SocketmapState, SocketmapRequest, string, SocketmapRequest, string> =
  {
    name: 'socketmap',
    decoder: () => new SocketmapDecoder(),
    start: () => 'idle',
    step: (_state, request) => ({ state: 'asked', out: [], ask: request }),
    answer: (_state, reply) => ({ state: 'idle', out: [reply] }),
    failSafe: () => ({ state: 'idle', out: [INTERNAL_ERROR] }),
    encode: encodeSocketmapReply,
    idle: (state) => state === 'idle',
    held: () => 0,
  };
