/**
 * What is known of the messages in the queue, by queue id: kept from the first line about one until it is removed,
 * within a limit in bytes. Values are replaced, never changed.
 */
import { ENTRY_BYTES, ownText, textBytes } from '../core/memorySize.ts';
import { BoundedMap } from './boundedMap.ts';

export interface Queued {
  readonly sender: string | null;
  readonly client: string | null;
  readonly messageId: string | null;
  readonly origQueueId: string | null;
  /** A `message` record was made of it. */
  readonly recorded: boolean;
  /** Another number for each time that it is taken up for delivery. */
  readonly attempt: number;
  /** Recipients that were deferred last; null: more than are kept. */
  readonly deferred: readonly string[] | null;
}

const MAX_QUEUES_BYTES = 16 * 1_048_576;
/** Deferred recipients of one message. */
const MAX_DEFERRED = 100;
const MAX_TEXT = 2048;

export class Queues {
  readonly map = new BoundedMap<Queued>('messages in the queue', MAX_QUEUES_BYTES, sizeOf);
  #attempts = 0;

  get(queueId: string): Queued | undefined {
    return this.map.get(queueId);
  }

  /** What the fields say from now on; the texts may be slices. */
  update(queueId: string, fields: Partial<Queued>): Queued {
    const old = this.map.get(queueId) ?? { ...NEW, attempt: ++this.#attempts };
    const kept = { ...old, ...fields };
    // what was kept before is a copy
    if (kept.sender !== old.sender) kept.sender = own(kept.sender);
    if (kept.client !== old.client) kept.client = own(kept.client);
    if (kept.messageId !== old.messageId) kept.messageId = own(kept.messageId);
    if (kept.origQueueId !== old.origQueueId) kept.origQueueId = own(kept.origQueueId);
    this.map.set(ownText(queueId), kept);
    return kept;
  }

  /** A new attempt to deliver it begins. */
  begin(queueId: string, sender: string): Queued {
    return this.update(queueId, { sender, attempt: ++this.#attempts });
  }

  /** Notes whether a recipient waits. */
  wait(queueId: string, recipient: string, waits: boolean): void {
    const old = this.map.get(queueId);
    if (old === undefined || old.deferred === null) return;
    const known = old.deferred.includes(recipient);
    if (known === waits) return;
    if (!waits) this.update(queueId, { deferred: old.deferred.filter((one) => one !== recipient) });
    else if (old.deferred.length >= MAX_DEFERRED) this.update(queueId, { deferred: null });
    else this.update(queueId, { deferred: [...old.deferred, ownText(recipient.slice(0, MAX_TEXT))] });
  }

  delete(queueId: string): void {
    this.map.delete(queueId);
  }

  save(): readonly [number, readonly (readonly [string, Queued])[]] {
    return [this.#attempts, [...this.map.entries()]];
  }

  restore([attempts, entries]: ReturnType<Queues['save']>): void {
    this.#attempts = attempts;
    for (const [queueId, queued] of entries) this.map.set(queueId, queued);
  }
}

const NEW: Omit<Queued, 'attempt'> = {
  sender: null,
  client: null,
  messageId: null,
  origQueueId: null,
  recorded: false,
  deferred: [],
};

function own(text: string | null): string | null {
  return text === null ? null : ownText(text.slice(0, MAX_TEXT));
}

function sizeOf(queueId: string, queued: Queued): number {
  const texts = [queued.sender, queued.client, queued.messageId, queued.origQueueId];
  let bytes = ENTRY_BYTES + textBytes(queueId);
  for (const text of texts) if (text !== null) bytes += textBytes(text);
  for (const text of queued.deferred ?? []) bytes += textBytes(text) + 32;
  return bytes;
}
