/**
 * Writes a mark, in both forms of markFields.ts side by side: the canonical one for the HMAC, and the value of the header,
 * folded. What many messages have in common, the facts of their session, is written once.
 *
 * Folds are LF and one space, at most 76 columns a line, inside a long text if necessary.
 */
import { ownText } from '../core/memorySize.ts';
import { MARK_NAME, type MarkFields, type MarkSeal } from './markFields.ts';
import { encodeMarkText } from './markText.ts';

const MAX_COLUMNS = 76;

/** A mark as it is written, fact by fact. */
export class WrittenMark {
  /** The canonical form so far. */
  #canonical = 'tlsward-mark\n';
  /** The folded value so far, without `#last`: only then is it known whether a `;` follows. */
  #value = '';
  #column: number;
  #last = '';

  /** `name` only matters for the length of the first line. */
  constructor(fields: MarkFields, name: string = MARK_NAME) {
    // a space follows the colon, which the MTA or its milter rules supply
    this.#column = name.length + 2;
    this.#session(fields, name);
    this.#add(`row=${encodeMarkText(fields.row)}`);
    this.#add(`verdict=${fields.verdict}`);
    this.#add(`host=${encodeMarkText(fields.host)}`);
    this.#add(`id=${encodeMarkText(fields.queueId)}`);
    this.#add(`time=${fields.time}`);
    this.#add(`code=${encodeMarkText(fields.code)}`);
    if (fields.bodyDigest !== '') this.#add(`body=${fields.bodyDigest}`);
  }

  /** The canonical form (markFields.ts); `senderDomain` is the canonical domain or address literal, '' for none. */
  canonical(senderDomain: string, keyId: string): string {
    return `${this.#canonical}key=${keyId}\nsender=${encodeMarkText(senderDomain)}\n`;
  }

  /** The header's value, folded; nothing can be added to it. */
  sealed(seal: MarkSeal | null): string {
    if (seal !== null) {
      this.#add(`key=${seal.keyId}`);
      this.#add(`hmac=${seal.hmac}`);
    }
    this.#fold(this.#last);
    return this.#value;
  }

  #session(fields: MarkFields, name: string): void {
    const known = sessions.get(fields.cipher);
    if (known !== undefined && known.name === name && isSameSession(known.fields, fields)) {
      this.#canonical = known.canonical;
      this.#value = known.value;
      this.#column = known.column;
      this.#last = known.last;
      return;
    }
    this.#add('v=1');
    this.#add(`leg=${fields.leg}`);
    this.#add(`state=${fields.state}`);
    this.#add(`protocol=${encodeMarkText(fields.protocol)}`);
    this.#add(`cipher=${encodeMarkText(fields.cipher)}`);
    this.#add(`bits=${fields.bits ?? '-'}`);
    this.#add(`certificate=${fields.certificate}`);
    this.#add(`certificate-name=${encodeMarkText(fields.certificateName)}`);
    if (fields.certificateName !== '' || fields.cipher.length + fields.protocol.length > MAX_KEPT) return;
    if (sessions.size >= MAX_SESSIONS) sessions.clear();
    const { leg, state, protocol, cipher, bits, certificate, certificateName } = fields;
    const key = ownText(cipher);
    sessions.set(key, {
      name,
      fields: { leg, state, protocol: ownText(protocol), cipher: key, bits, certificate, certificateName },
      canonical: ownText(this.#canonical),
      value: ownText(this.#value),
      column: this.#column,
      last: this.#last,
    });
  }

  #add(fact: string): void {
    if (this.#last !== '') this.#fold(`${this.#last};`);
    this.#last = fact;
    this.#canonical += `${fact}\n`;
  }

  #fold(pair: string): void {
    let rest = pair;
    if (this.#value !== '') {
      const fits = this.#column + 1 + rest.length <= MAX_COLUMNS;
      this.#value += fits ? ' ' : '\n ';
      this.#column = fits ? this.#column + 1 : 1;
    }
    while (this.#column + rest.length > MAX_COLUMNS) {
      const room = Math.max(1, MAX_COLUMNS - this.#column);
      this.#value += `${rest.slice(0, room)}\n `;
      rest = rest.slice(room);
      this.#column = 1;
    }
    this.#value += rest;
    this.#column += rest.length;
  }
}

type SessionFields = Pick<
  MarkFields,
  'leg' | 'state' | 'protocol' | 'cipher' | 'bits' | 'certificate' | 'certificateName'
>;

/** What was written of a session. */
interface KnownSession {
  readonly name: string;
  readonly fields: SessionFields;
  readonly canonical: string;
  readonly value: string;
  readonly column: number;
  readonly last: string;
}

/** By cipher, as there are few; begun anew when there are many. */
const sessions = new Map<string, KnownSession>();
const MAX_SESSIONS = 64;
/** Longest cipher and protocol kept, in characters. */
const MAX_KEPT = 100;

function isSameSession(one: SessionFields, other: SessionFields): boolean {
  return (
    one.cipher === other.cipher &&
    one.protocol === other.protocol &&
    one.bits === other.bits &&
    one.state === other.state &&
    one.certificate === other.certificate &&
    one.certificateName === other.certificateName &&
    one.leg === other.leg
  );
}

/** The canonical form (markFields.ts); `senderDomain` is the canonical domain or address literal, '' for none. */
export function canonicalMark(fields: MarkFields, senderDomain: string, keyId: string): string {
  return new WrittenMark(fields).canonical(senderDomain, keyId);
}

/** The header's value, folded; `name` only matters for the length of the first line. */
export function formatMark(
  fields: MarkFields,
  seal: MarkSeal | null = null,
  name: string = MARK_NAME,
): string {
  return new WrittenMark(fields, name).sealed(seal);
}
