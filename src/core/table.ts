/**
 * The policy table in use: a packed, read-only hash table from pattern to settings.
 *
 * A million rows as JavaScript objects take 200 MiB and block the event loop for a second while they are
 * built or received from a worker. Here a row is some bytes in `names` and five numbers in typed arrays in
 * shared memory, so a worker can build a table beside the running one and pass it on without copying.
 *
 * Patterns are stored in canonical form, one byte a character (ASCII): `local@domain`, `domain`, `.suffix`,
 * `*`, `<>`, `[192.0.2.1]`, and next hops `[relay.example]:587`. The most specific wins: address, exact,
 * longest suffix, `*`. The hash runs from the last character to the first, so one walk over a name yields the
 * hash of each of its suffixes.
 */

import type { EnvelopeAddress } from './address.ts';
import type { Position } from './position.ts';
import type { Settings } from './settings.ts';
import { type Floor, protocolRank } from './tls.ts';

/** The table as it passes between threads; every array is backed by a SharedArrayBuffer. */
export interface PackedTable {
  readonly rows: number;
  /** All patterns one after another. */
  readonly names: Uint8Array;
  /** rows + 1 offsets into `names`. */
  readonly starts: Uint32Array;
  /** Open addressing, a power of two long: row number + 1, or 0 for a free slot. */
  readonly slots: Uint32Array;
  /** Per row: index into `settings`. */
  readonly settingsOf: Uint32Array;
  /** Per row: index into `files`. */
  readonly fileOf: Uint16Array;
  readonly lineOf: Uint32Array;
  readonly settings: readonly Settings[];
  readonly files: readonly string[];
  /** Are there rows with a local part, or rows that begin with a dot? Saves lookups that cannot succeed. */
  readonly hasAddresses: boolean;
  readonly hasSuffixes: boolean;
}

/** One row of the table as `explain` prints it. */
export interface Row {
  readonly pattern: string;
  readonly settings: Settings;
  readonly at: Position;
}

/**
 * The strictest inbound requirement of all rows that hold, defer or refuse: what an unseen recipient might
 * need. Rows that only observe or tag let the message pass anyway.
 */
interface Strictest extends Floor {
  readonly tls: boolean;
  readonly certificate: boolean;
  /**
   * Does any enforced row, even one that only tags, depend on the TLS state? Then an unknown TLS state defers
   * mail.
   */
  readonly knowledge: boolean;
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** Hash of bytes[start, end), last byte first. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = FNV_OFFSET;
  for (let i = end - 1; i >= start; i--) hash = Math.imul(hash ^ bytes[i]!, FNV_PRIME);
  return hash;
}

/** Spreads the hash over a table of `mask` + 1 slots. */
export function firstSlot(hash: number, mask: number): number {
  return (hash ^ (hash >>> 15)) & mask;
}

export class PolicyTable {
  readonly packed: PackedTable;
  /** Increases with each table put in use; 1 is the one the daemon started with. */
  readonly generation: number;
  /** SHA-256 over the files it was read from, hex; names the table in the log and in `status`. */
  readonly hash: string;
  readonly strictest: Strictest;
  /** Can any row refuse, hold or tag? When not, no reply before end of message is needed. */
  readonly judges: boolean;
  readonly #mask: number;
  readonly #anyone: number;
  readonly #nullSender: number;

  constructor(packed: PackedTable, generation: number, hash: string) {
    this.packed = packed;
    this.generation = generation;
    this.hash = hash;
    this.strictest = strictestOf(packed.settings);
    this.judges = packed.settings.some(requiresTls);
    this.#mask = packed.slots.length - 1;
    this.#anyone = this.find('*');
    this.#nullSender = this.find('<>');
  }

  get rows(): number {
    return this.packed.rows;
  }

  /** Number of the row with exactly this canonical pattern, or -1. */
  find(pattern: string): number {
    let hash = FNV_OFFSET;
    for (let i = pattern.length - 1; i >= 0; i--) hash = Math.imul(hash ^ pattern.charCodeAt(i), FNV_PRIME);
    return this.#probe(hash, pattern, 0);
  }

  #probe(hash: number, text: string, from: number): number {
    const { slots, starts, names } = this.packed;
    const mask = this.#mask;
    for (let slot = (hash ^ (hash >>> 15)) & mask; ; slot = (slot + 1) & mask) {
      const row = slots[slot]! - 1;
      if (row < 0) return -1;
      let at = starts[row]!;
      if (starts[row + 1]! - at !== text.length - from) continue;
      let i = from;
      while (i < text.length && names[at] === text.charCodeAt(i)) {
        i++;
        at++;
      }
      if (i === text.length) return row;
    }
  }

  /**
   * Number of the row for a canonical domain or literal: exact, longest suffix, `*`; -1 when there is none.
   */
  findDomain(domain: string): number {
    let best = this.#anyone;
    let hash = FNV_OFFSET;
    const suffixes = this.packed.hasSuffixes;
    for (let i = domain.length - 1; i >= 0; i--) {
      const char = domain.charCodeAt(i);
      hash = Math.imul(hash ^ char, FNV_PRIME);
      if (char === 0x2e && suffixes && i > 0) {
        const row = this.#probe(hash, domain, i);
        if (row >= 0) best = row;
      }
    }
    const exact = this.#probe(hash, domain, 0);
    return exact >= 0 ? exact : best;
  }

  /** The row that `findDomain` finds; null when there is none. */
  rowOfDomain(domain: string): Row | null {
    const row = this.findDomain(domain);
    return row < 0 ? null : this.row(row, this.#patternOf(row, domain));
  }

  /**
   * The rows that apply to an address. A well-formed address has one row or none. A malformed address has the
   * rows of all its readings, including `*`. An address whose local part hides a domain also has that
   * domain's row. The null sender matches only a `<>` row, an address without a domain only `*`.
   */
  rowsFor(address: EnvelopeAddress): readonly Row[] {
    switch (address.kind) {
      case 'null':
        return this.#list(this.#nullSender);
      case 'domainless':
        return this.#list(this.#anyone);
      case 'mailbox': {
        const own = this.packed.hasAddresses ? this.find(address.mailbox) : -1;
        if (address.readings.length > 0)
          return this.#readings(address, own >= 0 ? own : this.findDomain(address.domain));
        if (own >= 0) return [this.row(own, address.mailbox)];
        const row = this.rowOfDomain(address.domain);
        return row === null ? [] : [row];
      }
      case 'malformed':
        return this.#readings(address, this.#anyone);
    }
  }

  /** The rows of all readings, and `first`. */
  #readings(address: EnvelopeAddress, first: number): readonly Row[] {
    const rows = address.readings.map((reading) =>
      reading.includes('@') ? this.find(reading) : this.findDomain(reading),
    );
    const found = new Set([first, ...rows]);
    found.delete(-1);
    return [...found].map((row) => this.row(row));
  }

  #list(row: number): readonly Row[] {
    return row < 0 ? [] : [this.row(row)];
  }

  /**
   * The pattern of a row found for this domain: a slice of the domain, which is cheaper than decoding the
   * pattern.
   */
  #patternOf(row: number, domain: string): string {
    if (row === this.#anyone) return '*';
    const { starts } = this.packed;
    const length = starts[row + 1]! - starts[row]!;
    return length === domain.length ? domain : domain.slice(domain.length - length);
  }

  #spell(number: number): string {
    const { names, starts } = this.packed;
    let pattern = '';
    for (let i = starts[number]!; i < starts[number + 1]!; i++) pattern += String.fromCharCode(names[i]!);
    return pattern;
  }

  /** Row by number, 0 .. rows - 1; `pattern` if the caller knows it. */
  row(number: number, pattern: string = this.#spell(number)): Row {
    const { settings, settingsOf, files, fileOf, lineOf } = this.packed;
    return {
      pattern,
      settings: settings[settingsOf[number]!]!,
      at: { file: files[fileOf[number]!]!, line: lineOf[number]! },
    };
  }
}

function requiresTls(settings: Settings): boolean {
  return settings.receive === 'encrypt' || settings.receive === 'verify';
}

function strictestOf(all: readonly Settings[]): Strictest {
  const enforced = all.filter((settings) => requiresTls(settings) && settings.mode === 'enforce');
  const requiring = enforced.filter((settings) => settings.violation !== 'tag');
  let minProtocol = 'TLSv1';
  let minBits = 0;
  for (const settings of requiring) {
    if ((protocolRank(settings.minProtocol) ?? 0) > (protocolRank(minProtocol) ?? 0))
      minProtocol = settings.minProtocol;
    minBits = Math.max(minBits, settings.minBits);
  }
  return {
    tls: requiring.length > 0,
    knowledge: enforced.length > 0,
    certificate: requiring.some((settings) => settings.receive === 'verify'),
    minProtocol,
    minBits,
    denyCiphers: [...new Set(requiring.flatMap((settings) => settings.denyCiphers))],
  };
}
