/**
 * Remembers what a later question of a mail transaction needs from an earlier one on another connection or
 * interface.
 *
 * - Policy delegation asks about each recipient separately, and at DATA with several recipients it names
 *   none. `instance` identifies the questions of one message, so the accepted recipients and the table that
 *   judged them are kept under it.
 * - Postfix shows a milter neither fingerprints nor whether there was a certificate that did not verify. It
 *   shows them to the policy service, which it asks about a recipient just before the milter. So the latest
 *   certificate data of each client is kept, and is used once, for the milter's question that follows.
 *
 * Data of one session must never be used for another. The addresses and ports of client and server identify a
 * session while it lasts, but the client's port can be reused at once. So anything remembered before the
 * milter connection of a session was negotiated belongs to another session, and every question of the policy
 * service replaces or clears what an earlier one left. Everything else that both interfaces see (protocol,
 * cipher, bits, HELO name, subject and issuer of a verified certificate, sender, recipient) must agree, too;
 * otherwise nothing is known.
 *
 * Both are limited in number, bytes and age. If the earlier questions were forgotten, a question is answered
 * as if they had been asked elsewhere: recipients unseen, no pin. Entries are small and are removed in bulk,
 * because data that outlives its request costs more in garbage collection than the decision. That is why an
 * instance keeps its recipients as one string.
 */
import { createHash } from 'node:crypto';
import { type EnvelopeAddress, parseInternalAddress } from '../core/address.ts';
import { ENTRY_BYTES, type MemoryUse, ownText, textBytes } from '../core/memorySize.ts';
import type { PolicyTable } from '../core/table.ts';
import type { ClientCertificate, Fingerprints } from '../core/tls.ts';
import type { Transaction } from '../core/transaction.ts';
import { mapped, type Work } from '../core/work.ts';
import { unrouted } from '../rules/recipientSuffix.ts';
import { ExpiringMap, type Remembered } from './expiringMap.ts';

/** Recipients of one message: 10,000 of a hundred characters. Further ones count as unseen. */
const MAX_RECIPIENT_BYTES = 1024 * 1024;
/** Memory per entry besides its texts: key, map, object (measured). */
const INSTANCE_BYTES = 320;

/** What is known about a policy transaction so far. */
export class Instance implements Remembered {
  /** Decides all its questions; null once its connection is closed: then the table that is in force. */
  table: PolicyTable | null;
  readonly since: number;
  /** Number of questions about recipients that were not refused; repeated questions count each time. */
  asked = 0;
  /** Postfix was told to request REQUIRETLS. */
  requireTls = false;
  bytes = INSTANCE_BYTES;
  /** Addresses in Postfix's internal form, which never contains LF, separated by LF. */
  #recipients = '';
  #last = '';

  constructor(table: PolicyTable, since: number) {
    this.table = table;
    this.since = since;
  }

  /**
   * Adds recipients that were judged and not refused; returns the bytes that they take. Their texts are kept, so
   * none may be a slice of a longer one (wire/policyDecode.ts copies them). Postfix asks twice
   * when the service is listed twice. Recipients over the limit do not count as asked, so the message then
   * has unseen recipients.
   */
  add(recipients: readonly EnvelopeAddress[]): number {
    const before = this.#recipients.length;
    for (const { text } of recipients) {
      const known = this.#recipients;
      if (known.length + text.length > MAX_RECIPIENT_BYTES / 2) continue;
      this.asked++;
      if (text === this.#last) continue;
      this.#last = text;
      // not searched here: flattening the string each time would copy all of it
      this.#recipients = known === '' ? text : `${known}\n${text}`;
    }
    // at most two bytes per character, and the overhead of joining
    return 2 * (this.#recipients.length - before) + 64 * recipients.length;
  }

  /** All of them, in order; there may be tens of thousands of short ones. */
  *recipients(): Work<EnvelopeAddress[]> {
    const texts = this.#recipients === '' ? [] : this.#recipients.split('\n');
    return yield* mapped(texts, (text) => unrouted(parseInternalAddress(text)));
  }
}

/** The certificate of a session as the policy service saw it. */
interface Seen extends Remembered {
  /**
   * A digest of the facts that the milter must see as well; a digest, so that the client cannot make the
   * entry large.
   */
  readonly facts: string;
  /** No certificate, or one with these digests. */
  readonly fingerprints: Fingerprints | null;
  /** The newest milter connection that had been negotiated at that time. */
  readonly newestMilter: number;
}

/** The length of a SHA-512 digest as hex pairs; longer ones are not kept. */
const MAX_FINGERPRINT = 191;
/** Two IPv6 addresses and ports, with zones. */
const MAX_SESSION_KEY = 160;

export class TransactionMemory {
  /** smtpd_timeout is 300 s, so RCPT and DATA are hardly further apart. */
  readonly #instances = new ExpiringMap<Instance>('policy transactions', {
    maxEntries: 20_000,
    maxAgeMs: 10 * 60_000,
    maxBytes: 64 * 1024 * 1024,
  });
  readonly #seen = new ExpiringMap<Seen>('certificates', {
    maxEntries: 20_000,
    maxAgeMs: 60_000,
    maxBytes: 8 * 1024 * 1024,
  });
  /** The last instance of each policy connection. */
  readonly #current = new WeakMap<object, string>();

  instance(id: string, now: number): Instance | undefined {
    return this.#instances.get(id, now);
  }

  /**
   * Begins a transaction with this id, which is kept and may not be a slice of a longer text, on this connection. An smtpd(8) process has one policy connection and
   * one message at a time, so the previous transaction of this connection is over and is removed.
   */
  begin(id: string, table: PolicyTable, now: number, connection: object): Instance {
    const before = this.#current.get(connection);
    if (before !== undefined) this.#instances.delete(before);
    this.#current.set(connection, id);
    const instance = new Instance(table, now);
    instance.bytes += 2 * id.length;
    this.#instances.set(id, instance);
    return instance;
  }

  /** Recipients of the transaction that were judged and not refused. */
  add(id: string, instance: Instance, recipients: readonly EnvelopeAddress[]): void {
    this.#instances.grow(id, instance, instance.add(recipients));
  }

  end(id: string): void {
    this.#instances.delete(id);
  }

  /**
   * The connection is closed, so its last transaction is most likely over. Its recipients are kept for the case
   * that the MTA goes on over another connection; its table is not, because it may be a big one that was replaced.
   */
  closed(connection: object, now: number): void {
    const id = this.#current.get(connection);
    const instance = id === undefined ? undefined : this.#instances.get(id, now);
    if (instance !== undefined) instance.table = null;
  }

  /**
   * Keeps what the policy service was told about the client's certificate in this question, replacing earlier
   * data. `newestMilter`: number of the newest milter connection that has been negotiated.
   */
  rememberCertificate(transaction: Transaction, newestMilter: number, now: number): void {
    const key = sessionKey(transaction);
    if (key === '') return;
    const fingerprints = fingerprintsOf(transaction);
    if (fingerprints === undefined) this.#seen.delete(key);
    else {
      const digests = fingerprints?.map(ownText) ?? null;
      const bytes = (digests ?? []).reduce(
        (sum, one) => sum + textBytes(one),
        2 * ENTRY_BYTES + textBytes(key),
      );
      const facts = factsOf(transaction);
      this.#seen.set(ownText(key), { facts, fingerprints: digests, newestMilter, since: now, bytes });
    }
  }

  /**
   * Clears the certificate after a question that did not need it: what was kept belongs to an earlier
   * question.
   */
  forgetCertificate(transaction: Transaction): void {
    if (this.#seen.empty) return;
    const key = sessionKey(transaction);
    if (key !== '') this.#seen.delete(key);
  }

  /** Is any certificate kept? Most tables need none. */
  get knowsCertificates(): boolean {
    return !this.#seen.empty;
  }

  /**
   * The certificate for this question of the milter, as the policy service saw it in the question just
   * before; null if it did not. Each is returned once. `conn`: number of the milter connection, one per
   * session.
   */
  takeCertificate(transaction: Transaction, conn: number, now: number): ClientCertificate | null {
    const key = sessionKey(transaction);
    const seen = key === '' ? undefined : this.#seen.get(key, now);
    if (seen === undefined) return null;
    this.#seen.delete(key);
    const { tls } = transaction;
    if (seen.newestMilter < conn || tls.kind !== 'tls' || seen.facts !== factsOf(transaction)) return null;
    const { fingerprints } = seen;
    if (tls.certificate.kind === 'trusted')
      return fingerprints === null ? null : { ...tls.certificate, fingerprints };
    return fingerprints === null ? { kind: 'none' } : { kind: 'untrusted', fingerprints };
  }

  sweep(now: number): void {
    this.#instances.sweep(now);
    this.#seen.sweep(now);
  }

  /** For `status`. */
  get memory(): readonly MemoryUse[] {
    return [this.#instances.memory, this.#seen.memory];
  }
}

/** null: no certificate; undefined: nothing that can be used for the milter. */
function fingerprintsOf({ tls }: Transaction): Fingerprints | null | undefined {
  if (tls.kind !== 'tls') return undefined;
  const { certificate } = tls;
  if (certificate.kind === 'none') return null;
  if (certificate.kind !== 'trusted' && certificate.kind !== 'untrusted') return undefined;
  const { fingerprints } = certificate;
  const fits = fingerprints.length > 0 && fingerprints.every((digest) => digest.length <= MAX_FINGERPRINT);
  return fits ? fingerprints : undefined;
}

/** Both ends of the connection; '' when the MTA did not give a valid address of the client. */
function sessionKey({ clientAddress, clientPort, server }: Transaction): string {
  if (clientPort === 0 || clientAddress === '') return '';
  const key = `${clientAddress} ${clientPort} ${server ?? ''}`;
  return key.length <= MAX_SESSION_KEY ? key : '';
}

/** What both interfaces see of this session and this recipient. */
function factsOf({ tls, heloName, sender, recipients }: Transaction): string {
  const names =
    tls.kind === 'tls' && tls.certificate.kind === 'trusted'
      ? [tls.certificate.issuer, tls.certificate.commonName]
      : [];
  const session = tls.kind === 'tls' ? [tls.protocol, tls.cipher, tls.bits, ...names] : [];
  const envelope = [sender, ...recipients].map((address) => addressKey(address));
  const facts = JSON.stringify([session, comparableName(heloName), envelope]);
  return createHash('sha256').update(facts).digest('base64');
}

/** A mailbox in canonical form; other addresses have a different form at each interface. */
function addressKey(address: EnvelopeAddress | null): string {
  return address === null ? '' : address.mailbox === '' ? address.kind : address.mailbox;
}

/**
 * The HELO name where both interfaces see the same one: Postfix replaces unusual characters by `?` for the
 * policy service.
 */
function comparableName(heloName: string): string {
  return heloName.replace(/[^A-Za-z0-9._:[\]-]/g, '');
}
