/**
 * From what a person knows of a message to the keys of records: a code, a queue id, a Message-ID or an address.
 *
 * What has an `@` is an address or a Message-ID: both are looked for, as written (`privacy = full`) and as the
 * pseudonym under the key of each month that is kept (`privacy = hashed`). A pseudonym may be given itself, as it
 * stands in a record. Anything else is a code or a queue id.
 */
import { addressOf, pseudonymOf, splitAddress } from '../evidence/pseudonym.ts';
import type { Place } from './places.ts';
import type { Key } from './recordKeys.ts';

export interface Asked {
  readonly text: string;
  /** Has it a local part that `privacy` may have taken away? */
  readonly hidden: boolean;
  readonly domain: string;
  keysIn(place: Place): Key[];
}

/** Postfix's queue ids have at most 20 characters, Sendmail's 14; a Message-ID may have 998. */
const MAX_TEXT = 2048;
const PSEUDONYM = /^h:\d{4}-\d{2}:[A-Za-z0-9_-]{16}@[^@\s]*$/;

/** null: neither of them. `code`: the text as a code is stored (daemon/codes.ts). */
export function parseAsked(written: string, code: string): Asked | null {
  const text = written.trim();
  if (text === '' || text.length > MAX_TEXT) return null;
  if (PSEUDONYM.test(text)) {
    const keys = bothKinds(text);
    return { text, hidden: false, domain: '', keysIn: () => keys };
  }
  if (text.includes('@') || text.startsWith('<')) {
    const parts = splitAddress(text);
    // the null sender, or a domain, would be every second message
    if (parts === null || parts.local === '') return null;
    const plain = addressOf(text, 'full', null);
    return {
      text: plain,
      hidden: true,
      domain: parts.domain,
      keysIn: ({ keys }) => [
        ...bothKinds(plain),
        ...keys.flatMap((key) => bothKinds(pseudonymOf(text, key))),
      ],
    };
  }
  const keys: Key[] = [{ kind: 'queueId', text }];
  if (code !== '') keys.push({ kind: 'code', text: code });
  return { text, hidden: false, domain: '', keysIn: () => keys };
}

function bothKinds(text: string): Key[] {
  return [
    { kind: 'address', text },
    { kind: 'messageId', text },
  ];
}
