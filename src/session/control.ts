/**
 * The control session: every request is a question for the daemon, every answer goes back as one line. No
 * state.
 */
import { ControlDecoder, type ControlRequest, encodeControlReply } from '../wire/controlLines.ts';
import type { Protocol } from './protocol.ts';

type ControlState = 'idle' | 'asked';

export const controlProtocol: Protocol<ControlState, ControlRequest, object, ControlRequest, object> = {
  name: 'control',
  decoder: () => new ControlDecoder(),
  start: () => 'idle',
  step: (_state, request) => ({ state: 'asked', out: [], ask: request }),
  answer: (_state, answer) => ({ state: 'idle', out: [answer] }),
  failSafe: () => ({
    state: 'idle',
    out: [{ ok: false, error: 'internal error: see the log' }],
    close: true,
  }),
  encode: encodeControlReply,
  idle: (state) => state === 'idle',
  held: () => 0,
};
