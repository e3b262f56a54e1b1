/**
 * What one question of a mail transaction must know of an earlier one that came by another connection or another door.
 *
 * - Policy delegation asks about each recipient alone, and at DATA with several recipients names none. `instance` joins
 *   the questions of one message, so the recipients that passed, and the table they were judged by, are kept under it.
 * - A milter under Postfix is not shown fingerprints. When the policy service saw a pinned certificate for a recipient,
 *   the milter's question for the same client address and port, sender and recipient may use that once.
 *
 * Both are bounded in number (oldest out first) and in age.
 */
import type { EnvelopeAddress } from '../core/address.ts';
import type { PolicyTable } from '../core/table.ts';
import type { Fingerprints } from '../core/tls.ts';
import type { Transaction } from '../core/transaction.ts';

/** A map that forgets: entries older than `maxAgeMs`, and the oldest beyond `maxEntries`. */
class Forgetful<Value> {
  readonly #entries = new Map<string, { readonly value: Value; readonly since: number }>();
  readonly #maxEntries: number;
  readonly #maxAgeMs: number;

  constructor(maxEntries: number, maxAgeMs: number) {
    this.#maxEntries = maxEntries;
    this.#maxAgeMs = maxAgeMs;
  }

  get(key: string, now: number): Value | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && now - entry.since <= this.#maxAgeMs ? entry.value : undefined;
  }

  set(key: string, value: Value, now: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, since: now });
    if (this.#entries.size > this.#maxEntries) this.#dropOldest();
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** Lets go of what is too old; insertion order is age order. */
  sweep(now: number): void {
    for (const [key, entry] of this.#entries) {
      if (now - entry.since <= this.#maxAgeMs) return;
      this.#entries.delete(key);
    }
  }

  #dropOldest(): void {
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}

/** What is known of a policy transaction so far. */
export interface Instance {
  readonly table: PolicyTable;
  /** Recipients that were judged and not refused, in order. */
  readonly recipients: EnvelopeAddress[];
}

export class TransactionMemory {
  /** smtpd_timeout is 300 s, so between RCPT and DATA little more can pass. */
  readonly #instances = new Forgetful<Instance>(20_000, 10 * 60_000);
  readonly #pins = new Forgetful<Fingerprints>(20_000, 60_000);

  instance(id: string, now: number): Instance | undefined {
    return this.#instances.get(id, now);
  }

  /** A new transaction under this id. */
  begin(id: string, table: PolicyTable, now: number): Instance {
    const instance: Instance = { table, recipients: [] };
    this.#instances.set(id, instance, now);
    return instance;
  }

  end(id: string): void {
    this.#instances.delete(id);
  }

  rememberPins(transaction: Transaction, fingerprints: Fingerprints, now: number): void {
    const key = pinKey(transaction);
    if (key !== '') this.#pins.set(key, fingerprints, now);
  }

  /** The fingerprints the policy service saw for this very recipient, once; none when it saw none. */
  takePins(transaction: Transaction, now: number): Fingerprints {
    const key = pinKey(transaction);
    const found = key === '' ? undefined : this.#pins.get(key, now);
    if (found === undefined) return [];
    this.#pins.delete(key);
    return found;
  }

  sweep(now: number): void {
    this.#instances.sweep(now);
    this.#pins.sweep(now);
  }
}

function pinKey(transaction: Transaction): string {
  const { clientAddress, clientPort, sender, recipients } = transaction;
  if (clientPort === 0 || clientAddress === '' || sender === null || recipients.length !== 1) return '';
  return `${clientAddress} ${clientPort} ${sender.mailbox} ${recipients[0]!.mailbox}`;
}
