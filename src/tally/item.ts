/** What one record says of one or several messages per recipient, before it is counted. */
import { encryptsNothing, protocolRank } from '../core/tls.ts';
import type { Counts, Level, Way, WritableCounts } from './counts.ts';
import type { Outcome } from './tallies.ts';

/** A row that applied. Outbound: what was demanded, and the row that said so, if that is known. */
export interface ItemRow {
  /** '': not known. */
  readonly pattern: string;
  readonly at: string;
  readonly level: string;
  /** `enforce`, `observe`; '' if not known. */
  readonly mode: string;
}

export interface Item {
  readonly way: Way;
  /** '<>': the null sender; '': none. */
  readonly domain: string;
  readonly count: number;
  readonly outcome: 'travelled' | 'refused' | 'putOff' | 'returned' | 'waiting' | 'otherFailed' | 'inside';
  /** Of what travelled. */
  readonly level: Level;
  readonly verified: boolean;
  /** Did a row or a level require TLS? */
  readonly required: boolean;
  /** Of what travelled under a requirement. */
  readonly kept: boolean;
  readonly row: ItemRow | null;
  /** Why not; '' where there is nothing to explain. */
  readonly cause: string;
  /** ISO 8601. */
  readonly time: string;
  /** A code or a queue id. */
  readonly example: string;
  /** Address of the other side. */
  readonly peer: string;
  /** `TLSv1.3 TLS_AES_256_GCM_SHA384`; '' without TLS. */
  readonly cipher: string;
}

interface Session {
  readonly state: 'plain' | 'tls' | 'unknown';
  readonly protocol?: string;
  readonly cipher?: string;
  readonly bits?: number;
}

/** A cipher that encrypts nothing is plaintext; TLS of a protocol that has no known name is not known. */
export function levelOf({ state, protocol = '', cipher = '', bits }: Session): Level {
  if (state !== 'tls') return state;
  if (bits === 0 || encryptsNothing(cipher)) return 'plain';
  const rank = protocolRank(protocol);
  if (rank === null) return 'unknown';
  return rank > 4 ? 'tls13' : rank === 4 ? 'tls12' : 'older';
}

/** Longest name of a protocol and a cipher, in characters. */
const MAX_CIPHER = 100;

/** Texts that many records have in common, by cipher; begun anew when it is full. */
const made = new Map<string, string>();
const MAX_MADE = 1000;

export function cipherOf({ state, protocol = '', cipher = '' }: Session): string {
  if (state !== 'tls') return '';
  const known = made.get(cipher);
  if (known?.startsWith(protocol) && known.length === protocol.length + 1 + cipher.length) return known;
  const text = `${protocol || '?'} ${cipher || '?'}`.slice(0, MAX_CIPHER);
  if (made.size >= MAX_MADE) made.clear();
  made.set(cipher, text);
  return text;
}

/** Adds an item to counts. */
export function count(counts: WritableCounts, item: Item): void {
  const { count: n, outcome, required } = item;
  switch (outcome) {
    case 'travelled':
      counts[item.level] += n;
      if (item.verified) counts.verified += n;
      if (required) counts[item.kept ? 'kept' : 'passed'] += n;
      return;
    case 'inside':
    case 'otherFailed':
      counts[outcome] += n;
      return;
    default:
      counts[outcome] += n;
      if (required) counts[REQUIRED[outcome]] += n;
  }
}

const REQUIRED = {
  refused: 'requiredRefused',
  putOff: 'requiredPutOff',
  returned: 'requiredReturned',
  waiting: 'requiredWaiting',
} as const satisfies Readonly<Record<string, keyof Counts>>;

const OUTCOMES: Readonly<Partial<Record<Item['outcome'], Outcome>>> = {
  travelled: 'let pass',
  refused: 'refused',
  putOff: 'put off',
  returned: 'returned',
  waiting: 'waiting',
};

/** The word for it among causes; null: it needs none. */
export function outcomeOf(outcome: Item['outcome']): Outcome | null {
  return OUTCOMES[outcome] ?? null;
}
