/**
 * How one message was protected on one leg, in the few words that a statement counts by. Pure. What is not known has
 * its own word, and is never counted as protected or as plaintext.
 */
import { isLoopback } from '../core/network.ts';
import type { Delivery, Verdict } from './passageFacts.ts';

/** Of a session: `verified`: TLS, and the other side proved who it is; `inside`: no connection to another host. */
export const CLASSES = ['verified', 'tls', 'plain', 'unknown', 'inside'] as const;
export type Class = (typeof CLASSES)[number];

/** On its way in, the client proves who it is by a certificate that the MTA trusts. */
export function inboundClass({ tls, client }: Verdict): Class {
  if (client !== undefined && isLoopback(client)) return 'inside';
  if (tls.state !== 'tls') return tls.state;
  return tls.certificate === 'trusted' ? 'verified' : 'tls';
}

/** On its way out, the server proves who it is; `trusted` alone says nothing of its name. */
export function outboundClass({ tls, relay }: Delivery): Class {
  const address = relay?.address ?? '';
  // a socket of this host has a path for an address
  if (tls.how === 'local' || address.includes('/') || isLoopback(address)) return 'inside';
  if (tls.state !== 'tls') return tls.state;
  return tls.peer === 'verified' ? 'verified' : 'tls';
}

/** Of two answers about one message: the one that is known; when they differ in whether there was TLS, none is. */
export function together(one: Class, other: Class): Class {
  if (one === other || other === 'unknown') return one;
  if (one === 'unknown') return other;
  const both = [one, other];
  if (both.includes('plain') || both.includes('inside')) return 'unknown';
  return 'tls';
}
