/**
 * Which records are about one message in one queue. Pure.
 *
 * Records meet by queue id and host. A host may have two names: the daemon's `host-name`, and the one in the MTA's log,
 * often without its domain; in one directory, one name of each stream is one host. Postfix gives a queue id again
 * after the message is gone, so an arrival after a delivery, or long after another arrival, begins a new life of
 * the id: each delivery belongs to the nearest earlier arrival.
 */
import type { Found } from './places.ts';

/** One message while it had this queue id on this host. */
export interface Life {
  readonly host: string;
  /** '': it never had one; then there is one record. */
  readonly queueId: string;
  /** In order of time. */
  readonly found: readonly Found[];
  /** Milliseconds since the epoch. */
  readonly begin: number;
  readonly end: number;
}

/** A log has whole seconds: a record of it may be of any time in its second. */
const SECOND_MS = 999;
/** Two clocks, that of the daemon and that of the log. */
const CLOCKS_MS = 2000;
/** Longest time between two answers about one message. */
const SESSION_MS = 3_600_000;

/** Milliseconds since the epoch by which records are put in order. */
function orderOf({ stream, record }: Found): number {
  const time = Date.parse(record.time);
  return stream === 'collector' && record.time.endsWith('.000Z') ? time + SECOND_MS : time;
}

export function queueIdOf({ record }: Found): string {
  return 'queueId' in record ? (record.queueId ?? '') : '';
}

/** The Message-ID, if it is one: `privacy = domains` leaves only its domain. */
export function messageIdOf({ record }: Found): string | undefined {
  if (record.type !== 'message' || record.messageId === undefined) return undefined;
  return record.messageId.startsWith('@') || record.messageId === '<>' ? undefined : record.messageId;
}

/** Is it one host by two names, of which one may be short? */
export function isSameHost(one: string, other: string): boolean {
  const [a, b] = [one.toLowerCase(), other.toLowerCase()];
  if (a === b) return true;
  return (!a.includes('.') && b.startsWith(`${a}.`)) || (!b.includes('.') && a.startsWith(`${b}.`));
}

export function livesOf(all: readonly Found[]): Life[] {
  const byId = new Map<string, Found[]>();
  const lives: Life[] = [];
  for (const found of all) {
    const id = queueIdOf(found);
    if (id === '') lives.push(lifeOf([found], id, found.record.host));
    else if (byId.has(id)) byId.get(id)!.push(found);
    else byId.set(id, [found]);
  }
  for (const [id, found] of byId)
    for (const { host, records } of byHost(found))
      for (const life of split(records.sort((a, b) => orderOf(a) - orderOf(b) || a.record.n - b.record.n)))
        lives.push(lifeOf(life, id, host));
  return lives.sort((a, b) => a.begin - b.begin);
}

function lifeOf(found: readonly Found[], queueId: string, host: string): Life {
  return { host, queueId, found, begin: orderOf(found[0]!), end: orderOf(found.at(-1)!) };
}

interface Host {
  /** The daemon's name, where it has one. */
  readonly host: string;
  readonly records: Found[];
}

function byHost(found: readonly Found[]): Host[] {
  const hosts: Host[] = [];
  const known = new Map<string, Host>();
  const names = namesOf(found);
  for (const one of [...found].sort((a, b) => rank(a) - rank(b))) {
    const name = `${one.place.directory}\n${one.stream}\n${one.record.host}`;
    let host = known.get(name);
    if (host === undefined) {
      host =
        hosts.find((other) => isSameHost(other.host, one.record.host)) ??
        hosts.find(({ records: [first] }) => isOneHost(names, one, first!));
      if (host === undefined) {
        host = { host: one.record.host, records: [] };
        hosts.push(host);
      }
      known.set(name, host);
    }
    host.records.push(one);
  }
  return hosts;
}

function rank({ stream }: Found): number {
  return stream === 'daemon' ? 0 : 1;
}

const streamOf = ({ place, stream }: Found): string => `${place.directory}\n${stream}`;

/** By stream: the names of the host in it. */
function namesOf(found: readonly Found[]): ReadonlyMap<string, ReadonlySet<string>> {
  const names = new Map<string, Set<string>>();
  for (const one of found) {
    const known = names.get(streamOf(one)) ?? new Set();
    names.set(streamOf(one), known.add(one.record.host));
  }
  return names;
}

/** Have both streams of one directory one name each? */
function isOneHost(names: ReturnType<typeof namesOf>, one: Found, other: Found): boolean {
  if (one.place !== other.place || one.stream === other.stream) return false;
  return names.get(streamOf(one))?.size === 1 && names.get(streamOf(other))?.size === 1;
}

function split(records: readonly Found[]): Found[][] {
  const lives: Found[][] = [];
  let delivered = Number.POSITIVE_INFINITY;
  let arrived = 0;
  let messageId: string | undefined;
  for (const found of records) {
    const { record } = found;
    const time = orderOf(found);
    const arrival = record.type === 'verdict' || record.type === 'message' || record.type === 'refusal';
    const same = messageId !== undefined && messageIdOf(found) === messageId;
    const again = arrival && !same && (time > delivered + CLOCKS_MS || time > arrived + SESSION_MS);
    if (lives.length === 0 || again) {
      lives.push([]);
      delivered = Number.POSITIVE_INFINITY;
      messageId = undefined;
    }
    lives.at(-1)!.push(found);
    if (arrival) arrived = time;
    messageId ??= messageIdOf(found);
    if (record.type === 'delivery') delivered = time;
  }
  return lives;
}
