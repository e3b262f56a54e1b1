/**
 * Limits connections to policy hosts by their address, and remembers which of them hang.
 *
 * The owner of a recipient's domain chooses the address of its policy host, so one address gets only a share
 * of the places, however many domains name it, and a slow one makes room when others wait (dns/fairGate.ts).
 * An address at which HANGS handshakes in a row did not complete gets only PROBES places and little time,
 * until one completes or FORGET_MS have passed. Each of its domains is still judged by its own attempt, so
 * one owner cannot make another's policy seem unavailable. IPv6 addresses count by their /64, which is the
 * least that one host is given.
 *
 * Limits: MAX_ADDRESSES are remembered; the ones that hung longest ago are forgotten first.
 */
import { isIPv6 } from 'node:net';
import { FairGate, type Place } from '../dns/fairGate.ts';

interface PolicyHostsOptions {
  /** Connections at once. */
  readonly most: number;
  /** Monotonic, in milliseconds. */
  readonly now?: () => number;
}

const HANGS = 2;
const PROBES = 2;
const FORGET_MS = 60_000;
const MAX_ADDRESSES = 1000;
const PATIENCE_MS = 1000;
const OLD_MS = 2000;
/** Handshake timeout for an address that hangs: less than OLD_MS, or no attempt could complete. */
const PROBE_MS = 1500;

export class PolicyHosts {
  readonly #most: number;
  readonly #now: () => number;
  readonly #gate: FairGate;
  readonly #hung = new Map<string, { times: number; at: number }>();

  constructor({ most, now }: PolicyHostsOptions) {
    this.#most = most;
    this.#now = now ?? (() => performance.now());
    this.#gate = new FairGate({ most, mostWaiting: most * 4, patienceMs: PATIENCE_MS, oldMs: OLD_MS });
  }

  /** Connections that are open or being made; addresses that hang. */
  get load(): { readonly open: number; readonly hanging: number } {
    let hanging = 0;
    for (const group of this.#hung.keys()) if (this.#hangs(group)) hanging++;
    return { open: this.#gate.size, hanging };
  }

  /** A place for one connection, and its handshake timeout; null when none became free in time. */
  async enter(
    address: string,
  ): Promise<{ readonly place: Place; readonly handshakeMs: number | null } | null> {
    const group = groupOf(address);
    const hangs = this.#hangs(group);
    const most = hangs ? PROBES : Math.max(1, Math.floor(this.#most / 4));
    const place = await this.#gate.enter([{ group, most }]);
    return place === null ? null : { place, handshakeMs: hangs ? PROBE_MS : null };
  }

  /** The result of an attempt; `hung`: the handshake did not complete in time. */
  tell(address: string, hung: boolean): void {
    const group = groupOf(address);
    const times = hung ? (this.#hung.get(group)?.times ?? 0) + 1 : 0;
    this.#hung.delete(group);
    if (!hung) return;
    this.#hung.set(group, { times, at: this.#now() });
    const [oldest] = this.#hung.keys();
    if (this.#hung.size > MAX_ADDRESSES && oldest !== undefined) this.#hung.delete(oldest);
  }

  close(): void {
    this.#gate.close();
  }

  #hangs(group: string): boolean {
    const hung = this.#hung.get(group);
    return hung !== undefined && hung.times >= HANGS && this.#now() - hung.at < FORGET_MS;
  }
}

/** `address`: as judgeAddress spells it, IPv6 in eight groups. */
function groupOf(address: string): string {
  return isIPv6(address) ? address.split(':').slice(0, 4).join(':') : address;
}
