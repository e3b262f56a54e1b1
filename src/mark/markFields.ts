/**
 * The content of a mark, and its form in the header (`X-TLS-Ward` unless `mark-name` says otherwise).
 *
 *   value  = field *( ";" field )            white space and folds are ignored everywhere
 *   field  = "v=1" | "leg=" word | "state=" word | "protocol=" text | "cipher=" text | "bits=" digits
 *          | "certificate=" word | "certificate-name=" text | "row=" text | "verdict=" word
 *          | "host=" text | "id=" text | "time=" YYYY-MM-DDThh:mm:ssZ | "code=" text | "body=" 43 base64url digits
 *          | "key=" 8 hex digits | "hmac=" 43 base64url digits
 *
 * `v` comes first; every other field occurs exactly once, in any order; an unknown field makes the value
 * unreadable. `key` and `hmac` occur together or not at all. `body` (bodyDigest.ts) occurs in marks that bind
 * the body; without it the mark says nothing about the body, and older readers cannot read marks that have
 * it. Texts are escaped by the one rule of `markText.ts`, so no foreign text (queue id, certificate name,
 * row) can introduce a `;`, a `=`, white space or a line end. writtenMark.ts folds with LF and one space, at
 * most 76 columns a line, inside a long text if necessary.
 *
 * Canonical form, over which the HMAC is computed: the line `tlsward-mark`, then `name=value` in the order
 * above for all fields but `hmac`, values escaped, then `sender=` and the escaped sender domain; each line
 * ends in LF. No value can contain `=` or LF, so the lines can be parsed in one way only, and folding, white
 * space and field order do not matter.
 *
 * Limits: a text is cut at 400 bytes; a value of more than 8,192 characters is not read. The absence of a
 * mark proves nothing.
 */
import { decodeMarkText } from './markText.ts';

/**
 * `protected`: encrypted, and meets everything that the rows in force require. `unknown`: the MTA did not
 * tell.
 */
export const MARK_STATES = ['protected', 'unprotected', 'unknown'] as const;
export type MarkState = (typeof MARK_STATES)[number];

/** The client certificate as core/tls.ts knows it; `none` without TLS. */
export const MARK_CERTIFICATES = ['unknown', 'none', 'unproven', 'untrusted', 'trusted'] as const;
type MarkCertificate = (typeof MARK_CERTIFICATES)[number];

/** `would-…`: a row in observe mode, so nothing was done. */
export const MARK_VERDICTS = [
  'accept',
  'tag',
  'hold',
  'would-tag',
  'would-hold',
  'would-defer',
  'would-reject',
  'not-judged',
] as const;
export type MarkVerdict = (typeof MARK_VERDICTS)[number];

const MARK_LEGS = ['receive'] as const;

export interface MarkFields {
  readonly leg: (typeof MARK_LEGS)[number];
  readonly state: MarkState;
  /** `TLSv1.3`; '' without TLS or when the MTA did not tell. */
  readonly protocol: string;
  readonly cipher: string;
  /** Effective key length; null when not known. */
  readonly bits: number | null;
  readonly certificate: MarkCertificate;
  /** Common name of a trusted certificate, foreign text; '' otherwise. */
  readonly certificateName: string;
  /** Pattern of the row that decided; '' when none did or when it would reveal one recipient to another. */
  readonly row: string;
  readonly verdict: MarkVerdict;
  /** The host that made the mark: `host-name` of the configuration, or the MTA's own name. */
  readonly host: string;
  readonly queueId: string;
  /** `2026-11-22T18:47:31Z`, UTC, whole seconds. */
  readonly time: string;
  /** The code by which `tlsward lookup` finds the transaction; '' when it has none. */
  readonly code: string;
  /** Digest of the body as it was passed on (bodyDigest.ts); '' when the mark does not bind it. */
  readonly bodyDigest: string;
}

/** The signing key and the HMAC, in base64url without padding. */
export interface MarkSeal {
  readonly keyId: string;
  readonly hmac: string;
}

export const MARK_NAME = 'X-TLS-Ward';
const MAX_MARK_VALUE = 8192;

export type MarkFault =
  | 'too-long'
  | 'not-ascii'
  | 'syntax'
  | 'version'
  | 'unknown-field'
  | 'duplicate-field'
  | 'missing-field'
  | 'bad-value';

type ParsedMark =
  | { readonly ok: true; readonly fields: MarkFields; readonly seal: MarkSeal | null }
  /** `detail` is one printable line, safe to show. */
  | { readonly ok: false; readonly reason: MarkFault; readonly detail: string };

const FIELD_NAMES: ReadonlySet<string> = new Set(
  'v leg state protocol cipher bits certificate certificate-name row verdict host id time code body key hmac'.split(
    ' ',
  ),
);

/** A fault found while reading; caught in `parseMark`, where it becomes a value. */
class Fault extends Error {
  readonly reason: MarkFault;
  constructor(reason: MarkFault, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

/** Reads a header value, however folded. Never throws: a value that is not a mark is a named fault. */
export function parseMark(value: string): ParsedMark {
  try {
    return readMark(value);
  } catch (error) {
    if (error instanceof Fault) return { ok: false, reason: error.reason, detail: error.message };
    throw error;
  }
}

function readMark(value: string): ParsedMark {
  if (value.length > MAX_MARK_VALUE)
    throw new Fault('too-long', `is longer than ${MAX_MARK_VALUE} characters`);
  const text = value.replace(/[ \t\r\n]/g, '');
  if (!/^[\x21-\x7e]*$/.test(text)) throw new Fault('not-ascii', 'has characters other than printable ASCII');
  const found = new Map<string, string>();
  for (const part of text.split(';')) {
    const equals = part.indexOf('=');
    if (equals < 1) throw new Fault('syntax', 'has a part that is not name=value');
    const name = part.slice(0, equals);
    if (found.size === 0 && name !== 'v') throw new Fault('version', 'does not begin with v=');
    if (found.size === 0 && part !== 'v=1') throw new Fault('version', 'has a version other than 1');
    if (!FIELD_NAMES.has(name)) throw new Fault('unknown-field', 'has a field that version 1 does not know');
    if (found.has(name)) throw new Fault('duplicate-field', `has ${name} twice`);
    found.set(name, part.slice(equals + 1));
  }
  return { ok: true, fields: fieldsOf(found), seal: sealOf(found) };
}

function fieldsOf(found: ReadonlyMap<string, string>): MarkFields {
  const raw = (name: string): string => {
    const value = found.get(name);
    if (value === undefined) throw new Fault('missing-field', `has no ${name}`);
    return value;
  };
  const word = <T extends string>(name: string, words: readonly T[]): T => {
    const value = raw(name);
    const known = words.find((one) => one === value);
    if (known === undefined)
      throw new Fault('bad-value', `has a ${name} that is not one of ${words.join(', ')}`);
    return known;
  };
  const plain = (name: string): string => {
    const text = decodeMarkText(raw(name));
    if (text === null) throw new Fault('bad-value', `has a ${name} that is not escaped correctly`);
    return text;
  };
  const matching = (name: string, form: RegExp, words: string): string => {
    const value = raw(name);
    if (!form.test(value)) throw new Fault('bad-value', `has a ${name} that is not ${words}`);
    return value;
  };
  const bits = matching('bits', /^(-|0|[1-9][0-9]{0,4})$/, 'a number');
  return {
    leg: word('leg', MARK_LEGS),
    state: word('state', MARK_STATES),
    protocol: plain('protocol'),
    cipher: plain('cipher'),
    bits: bits === '-' ? null : Number(bits),
    certificate: word('certificate', MARK_CERTIFICATES),
    certificateName: plain('certificate-name'),
    row: plain('row'),
    verdict: word('verdict', MARK_VERDICTS),
    host: plain('host'),
    queueId: plain('id'),
    time: matching(
      'time',
      /^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]Z$/,
      'a time in UTC',
    ),
    code: plain('code'),
    bodyDigest: found.has('body') ? matching('body', /^[A-Za-z0-9_-]{43}$/, '43 base64url digits') : '',
  };
}

function sealOf(found: ReadonlyMap<string, string>): MarkSeal | null {
  const keyId = found.get('key');
  const hmac = found.get('hmac');
  if (keyId === undefined && hmac === undefined) return null;
  if (keyId === undefined) throw new Fault('missing-field', 'has no key');
  if (hmac === undefined) throw new Fault('missing-field', 'has no hmac');
  if (!/^[0-9a-f]{8}$/.test(keyId)) throw new Fault('bad-value', 'has a key that is not 8 hex digits');
  if (!/^[A-Za-z0-9_-]{43}$/.test(hmac))
    throw new Fault('bad-value', 'has an hmac that is not 43 base64url digits');
  return { keyId, hmac };
}
