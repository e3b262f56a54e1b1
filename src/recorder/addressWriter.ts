/**
 * Addresses as records have them, with the key of the month. Senders and recipients repeat, so the last few thousand
 * results are kept. When a key cannot be read or made, records have the domain only, until it can.
 */
import { addressOf, type MonthKey, type Privacy } from '../evidence/pseudonym.ts';
import { monthKey } from './keys.ts';
import type { System } from './system.ts';

/** Addresses of at most so many characters are kept, at most so many of them. */
const MAX_KEPT_CHARACTERS = 128;
const MAX_KEPT = 4096;

export class AddressWriter {
  readonly #system: System;
  readonly #folder: string;
  readonly #privacy: Privacy;
  readonly #known = new Map<string, string>();
  #month = '';
  #key: MonthKey | null = null;
  /** Why there is no key; '' if there is one, or none is needed. */
  trouble = '';

  /** `folder`: that of the keys. */
  constructor(system: System, folder: string, privacy: Privacy) {
    this.#system = system;
    this.#folder = folder;
    this.#privacy = privacy;
  }

  /** What writes the addresses of a record of this month, `2026-11`. */
  forMonth(month: string): (address: string) => string {
    if (month !== this.#month || this.trouble !== '') {
      this.#month = month;
      this.#known.clear();
      this.#key = null;
      this.trouble = '';
    }
    return this.#write;
  }

  /** Only when there is an address: a month without one needs no key. */
  #readKey(): void {
    if (this.#privacy !== 'hashed' || this.#key !== null || this.trouble !== '') return;
    try {
      this.#key = monthKey(this.#system, this.#folder, this.#month);
    } catch (error) {
      this.trouble = (error as NodeJS.ErrnoException).code ?? 'error';
    }
  }

  readonly #write = (address: string): string => {
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    this.#readKey();
    const privacy = this.trouble === '' ? this.#privacy : 'domains';
    const written = addressOf(address, privacy, this.#key);
    if (address.length > MAX_KEPT_CHARACTERS) return written;
    if (this.#known.size === MAX_KEPT) this.#known.clear();
    this.#known.set(address, written);
    return written;
  };
}
