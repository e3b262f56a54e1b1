/**
 * By what a record is found: its code, its queue ids, its Message-ID, the addresses and the domains in it.
 *
 * A key is a text of a kind. Keys are compared as they stand in the file, so a Message-ID and an address are found
 * by what `privacy` left of them (asked.ts). A domain is that of an address, or one of a list of domains.
 */
import type { EvidenceRecord } from '../evidence/record.ts';

/** Kinds of keys; the number is part of a key's hash. */
export const KEY_KINDS = { type: 1, code: 2, queueId: 3, messageId: 4, address: 5, domain: 6 } as const;
export type KeyKind = keyof typeof KEY_KINDS;

export interface Key {
  readonly kind: KeyKind;
  readonly text: string;
}

/** The fields of a record that hold keys, whatever its type. `domains`: a list of them. */
export const KEY_FIELDS: Readonly<Record<string, KeyKind>> = {
  type: 'type',
  code: 'code',
  queueId: 'queueId',
  origQueueId: 'queueId',
  messageId: 'messageId',
  sender: 'address',
  recipient: 'address',
  recipients: 'address',
  origTo: 'address',
  key: 'address',
  senderDomain: 'domain',
  recipientDomain: 'domain',
  recipientDomains: 'domain',
};

/** Records of these types say what is missing, or what was in force: they are found by their type. */
export const EVENT_TYPES = ['day', 'start', 'stop', 'exception', 'gap', 'torn', 'clock'] as const;

/** The domain of an address as a record has it, `h:2026-11:...@bank.example`; '' for none. */
export function domainOf(address: string): string {
  const at = address.lastIndexOf('@');
  return at < 0 ? '' : address.slice(at + 1);
}

/** Has the record this key? */
export function hasKey(record: EvidenceRecord, { kind, text }: Key): boolean {
  for (const [name, value] of Object.entries(record)) {
    const field = KEY_FIELDS[name];
    if (field === undefined || (field === 'type' && kind !== 'type')) continue;
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    for (const one of values) {
      if (typeof one !== 'string') continue;
      if (field === kind && one === text) return true;
      if (kind === 'domain' && field === 'address' && domainOf(one) === text) return true;
    }
  }
  return false;
}
