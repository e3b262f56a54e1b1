/**
 * What the players of `tlsward simulate` share (milterPlayer.ts, policyPlayer.ts, socketmapPlayer.ts): how they reach the
 * daemon, and how they say that it does not behave.
 */
import { connect, type Socket } from 'node:net';
import type { ListenAddress } from '../config/keys/listenAddress.ts';

/** The daemon broke off, answered out of turn, or not in time. */
export class PlayError extends Error {}

/** A connection that is being opened. */
export function connectTo(address: ListenAddress): Socket {
  return address.kind === 'unix' ? connect(address.path) : connect(address.port, address.host);
}
