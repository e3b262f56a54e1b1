/**
 * What one question of a mail transaction must know of an earlier one that came by another connection or interface.
 *
 * - Policy delegation asks about each recipient alone, and at DATA with several recipients names none. `instance` joins
 *   the questions of one message, so the recipients that passed, and the table they were judged by, are kept under it.
 * - A milter under Postfix is shown neither fingerprints nor whether there was a certificate that did not verify. The
 *   policy service is, and Postfix asks it about a recipient just before it asks the milter. So what the policy service
 *   was told last of each client is kept, and serves the milter's question that follows, once.
 *
 * Nothing of one session may serve another. The client's address and port and the server's name the session as long as it
 * lasts; the port can be used again at once after. What was remembered before the milter connection of a session was
 * negotiated is therefore not of that session, and every question of the policy service replaces or clears what an earlier
 * one left. Whatever else both interfaces are shown (protocol, cipher, bits, HELO name, subject and issuer of a certificate
 * that verified, sender, recipient) must agree too, or nothing is known.
 *
 * Both are bounded in number, in bytes and in age; a question whose earlier ones were forgotten is answered as though they had
 * been asked elsewhere: recipients unseen, no pin. They are kept small and let go of in bulk: what outlives its request by a second
 * costs the collector more than the decision did, so an instance keeps its recipients as one string.
 */
import { createHash } from 'node:crypto';
import { type EnvelopeAddress, parseInternalAddress } from '../core/address.ts';
import { ENTRY_BYTES, type MemoryUse, ownText, textBytes } from '../core/memorySize.ts';
import type { PolicyTable } from '../core/table.ts';
import type { ClientCertificate, Fingerprints } from '../core/tls.ts';
import type { Transaction } from '../core/transaction.ts';
import { unrouted } from '../rules/recipientSuffix.ts';
import { ExpiringMap, type Remembered } from './expiringMap.ts';

/** Recipients of one message: 10,000 of a hundred characters. Those above are taken for unseen. */
const MAX_RECIPIENT_BYTES = 1024 * 1024;
/** Of an entry besides its texts: key, map, object (measured). */
const INSTANCE_BYTES = 320;

/** What is known of a policy transaction so far. */
class Instance implements Remembered {
  readonly table: PolicyTable;
  readonly since: number;
  /** Questions about a recipient that was not refused: at least as many as there are such recipients. */
  asked = 0;
  /** Postfix was told to ask for REQUIRETLS. */
  requireTls = false;
  bytes = INSTANCE_BYTES;
  /** Addresses in Postfix's internal form, which has no LF in it, with an LF between them. */
  #recipients = '';
  #last = '';

  constructor(table: PolicyTable, since: number) {
    this.table = table;
    this.since = since;
  }

  /**
   * Adds recipients that were judged and not refused; returns the bytes that they take. Postfix asks twice when the service is
   * listed twice. What is over the limit is not counted as asked, so the message then has recipients that were not seen.
   */
  add(recipients: readonly EnvelopeAddress[]): number {
    const before = this.#recipients.length;
    for (const { text: foreign } of recipients) {
      const text = ownText(foreign);
      const known = this.#recipients;
      if (known.length + text.length > MAX_RECIPIENT_BYTES / 2) continue;
      this.asked++;
      if (text === this.#last) continue;
      this.#last = text;
      // not looked into before it is asked for: that would copy all of it each time
      this.#recipients = known === '' ? text : `${known}\n${text}`;
    }
    // two bytes a character at most, and what joins them
    return 2 * (this.#recipients.length - before) + 64 * recipients.length;
  }

  /** All of them, in order. */
  recipients(): EnvelopeAddress[] {
    return this.#recipients === ''
      ? []
      : this.#recipients.split('\n').map((text) => unrouted(parseInternalAddress(text)));
  }
}

/** The certificate of a session as the policy service was told of it. */
interface Seen extends Remembered {
  /** What the milter must be shown as well: a digest, so that an entry is small whatever the client called itself. */
  readonly facts: string;
  /** No certificate, or one with these digests. */
  readonly fingerprints: Fingerprints | null;
  /** The newest milter connection that had been negotiated by then. */
  readonly newestMilter: number;
}

/** Longer digests than those of SHA-512 in pairs are not kept. */
const MAX_FINGERPRINT = 191;
/** Two IPv6 addresses and ports, with zones. */
const MAX_SESSION_KEY = 160;

export class TransactionMemory {
  /** smtpd_timeout is 300 s, so between RCPT and DATA little more can pass. */
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
    const key = ownText(id);
    this.#current.set(connection, key);
    const instance = new Instance(table, now);
    instance.bytes += 2 * key.length;
    this.#instances.set(key, instance);
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
   * Keeps what the policy service was told of the client's certificate in this question, instead of what it was told
   * before. `newestMilter`: number of the newest milter connection that has been negotiated.
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

  /** The client was spoken of without need of its certificate: what was kept is of an earlier question. */
  forgetCertificate(transaction: Transaction): void {
    const key = sessionKey(transaction);
    if (key !== '') this.#seen.delete(key);
  }

  /**
   * The certificate for this question of the milter, as the policy service was told of it in the question just before;
   * null when it was not. Serves once. `conn`: number of the milter connection, one a session.
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

/** null: no certificate; undefined: nothing that could be told to the milter. */
function fingerprintsOf({ tls }: Transaction): Fingerprints | null | undefined {
  if (tls.kind !== 'tls') return undefined;
  const { certificate } = tls;
  if (certificate.kind === 'none') return null;
  if (certificate.kind !== 'trusted' && certificate.kind !== 'untrusted') return undefined;
  const { fingerprints } = certificate;
  const fits = fingerprints.length > 0 && fingerprints.every((digest) => digest.length <= MAX_FINGERPRINT);
  return fits ? fingerprints : undefined;
}

/** The two ends of the connection; '' when the MTA did not tell the client's, or what it told is no address. */
function sessionKey({ clientAddress, clientPort, server }: Transaction): string {
  if (clientPort === 0 || clientAddress === '') return '';
  const key = `${clientAddress} ${clientPort} ${server ?? ''}`;
  return key.length <= MAX_SESSION_KEY ? key : '';
}

/** What both interfaces are shown of this session and this recipient. */
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

/** A mailbox as such; of other addresses each interface has another form. */
function addressKey(address: EnvelopeAddress | null): string {
  return address === null ? '' : address.mailbox === '' ? address.kind : address.mailbox;
}

/** A HELO name as far as it is the same at both interfaces: Postfix shows the policy service `?` for what is odd. */
function comparableName(heloName: string): string {
  return heloName.replace(/[^A-Za-z0-9._:[\]-]/g, '');
}
