/**
 * How the players of `tlsward simulate` (milterPlayer.ts, policyPlayer.ts, socketmapPlayer.ts) connect to the
 * daemon, and the error that they end with when it cannot be reached or does not keep to the protocol.
 */
import { connect, type Socket } from 'node:net';
import type { ListenAddress } from '../config/keys/listenAddress.ts';

/** The daemon broke off, answered out of turn, or not in time. */
export class PlayError extends Error {}

/** A connection that is being opened. */
export function connectTo(address: ListenAddress): Socket {
  return address.kind === 'unix' ? connect(address.path) : connect(address.port, address.host);
}
