/**
 * What one question of a mail transaction must know of an earlier one that came by another connection or another door.
 *
 * - Policy delegation asks about each recipient alone, and at DATA with several recipients names none. `instance` joins
 *   the questions of one message, so the recipients that passed, and the table they were judged by, are kept under it.
 * - A milter under Postfix is not shown fingerprints. When the policy service saw a pinned certificate for a recipient,
 *   the milter's question for the same client address and port, sender and recipient may use that once.
 *
 * Both are bounded in number and in age. They are kept small and let go of in bulk: what outlives its request by a second
 * costs the collector more than the decision did, so an instance keeps its recipients as one string.
 */
import { type EnvelopeAddress, parseInternalAddress } from '../core/address.ts';
import { unmarked } from '../core/routeSuffix.ts';
import type { PolicyTable } from '../core/table.ts';
import type { Fingerprints } from '../core/tls.ts';
import type { Transaction } from '../core/transaction.ts';

interface Dated {
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/**
 * A map that forgets: entries older than `maxAgeMs`, and the older half when there are `maxEntries`. Two maps take turns,
 * because deleting the oldest entries of one by one leaves holes that every search for the next oldest walks over.
 */
class Forgetful<Value extends Dated> {
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();
  #turned = 0;
  #last = 0;
  readonly #maxEntries: number;
  readonly #maxAgeMs: number;

  constructor(maxEntries: number, maxAgeMs: number) {
    this.#maxEntries = maxEntries;
    this.#maxAgeMs = maxAgeMs;
  }

  get(key: string, now: number): Value | undefined {
    const value = this.#young.get(key) ?? this.#old.get(key);
    return value !== undefined && now - value.since <= this.#maxAgeMs ? value : undefined;
  }

  set(key: string, value: Value): void {
    if (this.#young.size * 2 >= this.#maxEntries) this.#turn(value.since);
    this.#young.set(key, value);
    this.#last = value.since;
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  /** Lets go of what is too old, some of it a turn later. */
  sweep(now: number): void {
    if (now - this.#last > this.#maxAgeMs) this.#young.clear();
    if (now - this.#turned > this.#maxAgeMs) this.#turn(now);
  }

  #turn(now: number): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#turned = now;
  }
}

/** What is known of a policy transaction so far. */
export class Instance implements Dated {
  readonly table: PolicyTable;
  readonly since: number;
  /** Questions about a recipient that was not refused: at least as many as there are such recipients. */
  asked = 0;
  /** Postfix was told to ask for REQUIRETLS. */
  requireTls = false;
  /** Addresses in Postfix's internal form, which has no LF in it, with an LF between them. */
  #recipients = '';

  constructor(table: PolicyTable, since: number) {
    this.table = table;
    this.since = since;
  }

  /** Adds recipients that were judged and not refused. Postfix asks twice when the service is listed twice. */
  add(recipients: readonly EnvelopeAddress[]): void {
    this.asked += recipients.length;
    for (const { text } of recipients) {
      const known = this.#recipients;
      if (known === '') this.#recipients = text;
      else if (known !== text && !known.endsWith(`\n${text}`)) this.#recipients = `${known}\n${text}`;
    }
  }

  /** All of them, in order. */
  recipients(): EnvelopeAddress[] {
    return this.#recipients === ''
      ? []
      : this.#recipients.split('\n').map((text) => unmarked(parseInternalAddress(text)));
  }
}

interface Pins extends Dated {
  readonly fingerprints: Fingerprints;
}

export class TransactionMemory {
  /** smtpd_timeout is 300 s, so between RCPT and DATA little more can pass. */
  readonly #instances = new Forgetful<Instance>(20_000, 10 * 60_000);
  readonly #pins = new Forgetful<Pins>(20_000, 60_000);
  /** The instance that each policy connection last spoke of. */
  readonly #current = new WeakMap<object, string>();

  instance(id: string, now: number): Instance | undefined {
    return this.#instances.get(id, now);
  }

  /**
   * A new transaction under this id, first heard of on this connection. An smtpd(8) has one policy connection and one
   * message at a time, so the one it spoke of before is over, and only the last of each is kept.
   */
  begin(id: string, table: PolicyTable, now: number, connection: object): Instance {
    const before = this.#current.get(connection);
    if (before !== undefined) this.#instances.delete(before);
    this.#current.set(connection, id);
    const instance = new Instance(table, now);
    this.#instances.set(id, instance);
    return instance;
  }

  end(id: string): void {
    this.#instances.delete(id);
  }

  rememberPins(transaction: Transaction, fingerprints: Fingerprints, now: number): void {
    const key = pinKey(transaction);
    if (key !== '') this.#pins.set(key, { fingerprints, since: now });
  }

  /** The fingerprints the policy service saw for this very recipient, once; none when it saw none. */
  takePins(transaction: Transaction, now: number): Fingerprints {
    const key = pinKey(transaction);
    const found = key === '' ? undefined : this.#pins.get(key, now);
    if (found === undefined) return [];
    this.#pins.delete(key);
    return found.fingerprints;
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
