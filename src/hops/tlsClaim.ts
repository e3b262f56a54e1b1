/**
 * What a Received field claims about TLS, from its pieces. A claim is what was written, not proof of what
 * happened.
 *
 * Keyword (IANA "Mail Transmission Types": RFC 3848, RFC 6531): `ESMTPS`, `ESMTPSA`, `UTF8SMTPS`, `LMTPS`,
 * ... mean TLS, the same without `S` mean none. A comment or words that name a version or a cipher mean TLS
 * whatever the keyword is, since some gateways write `SMTP` beside them. A line that mentions TLS in a form
 * not listed here is `unknown`, never `no`, and so is a keyword outside the registry: Microsoft's servers
 * write the same words with and without TLS.
 *
 * TLS that does not encrypt (a NULL cipher, 0 bits) is `no`, whatever the keyword says. TLS that encrypts and
 * is known to be weak stays `yes` with a `weakness`: below the table's default minimums (TLSv1.2, 128 bits),
 * with an export cipher or RC4, or with an anonymous cipher, where neither side presented a certificate.
 * `TLSv1/SSLv3`, OpenSSL's name for the version that introduced the cipher, is shown as written and does not
 * tell which version was used.
 *
 *   Postfix     (using TLSv1.3 with cipher C (256/256 bits) key-exchange ...)
 *               (Client CN "x", Issuer "y" (verified OK))
 *   Sendmail, Cyrus, Gmail, Haraka   (version=TLSv1.3 cipher=C bits=256 verify=NO)
 *               Gmail: TLS1_3, bits=256/256
 *   Sendmail of old   (using TLSv1/SSLv3 with cipher C (256 bits) verified FAIL)
 *   Mimecast    (Using TLS), with STARTTLS
 *   OpenSMTPD of old  TLS version=TLSv1.2 cipher=C bits=256 verify=NO    now: (TLSv1.3:C:256:NO)
 *   IronPort    with ESMTP/TLS/C
 *   Exchange    with Microsoft SMTP Server (version=TLS1_2, cipher=C), before 2016 (TLS)
 *   IIS         over TLS secured channel
 *   Exim        with esmtps (TLS1.3:C:256), (TLS1.3) tls C, (Cipher TLSv1:C:168)
 *   chasquid    tls C (over SMTP, TLS-1.3, envelope from "x")
 *   mox         (TLS1.3 C)
 *   qpsmtpd, qmail    with (C encrypted) SMTP
 *   Courier, McAfee   (TLS: TLSv1.3,256bits,C)
 *
 * Patterns are anchored at the start of a comment, and comments that contain text from the peer (certificate
 * names, login names) are read for the certificate only: a CN of `using TLSv1.3 with cipher` claims nothing.
 */
import { DEFAULTS } from '../core/settings.ts';
import { compareWithFloor, encryptsNothing } from '../core/tls.ts';
import type { Piece } from './receivedTokens.ts';

export interface TlsClaim {
  readonly encrypted: 'yes' | 'no' | 'unknown';
  /** `TLSv1.3`; '' when not stated. */
  readonly protocol: string;
  readonly cipher: string;
  readonly bits: number | null;
  /** Why the encryption is known to be weak, a phrase; '' when it is not. */
  readonly weakness: string;
  /** The result at the host that wrote the line; `none`: not presented or not requested. */
  readonly certificate: 'unknown' | 'none' | 'untrusted' | 'trusted';
  /** CN; '' when not stated. */
  readonly certificateName: string;
}

/** Parsed details; `weakness` is derived from them. */
type Details = { -readonly [K in keyof TlsClaim]: TlsClaim[K] };

const GENERATION = 'TLSv1/SSLv3';

/**
 * `TLS1_3`, `TLS1.3`, `TLSv1.3`, `TLSV1_3`, `TLS-1.3` to OpenSSL's spelling; '' for anything that is not a
 * version. `TLSv1/SSLv3` stays as it is: anything from SSLv3 to TLSv1.2.
 */
export function protocolName(text: string): string {
  if (text === GENERATION) return text;
  const match = /^(TLS|SSL)[vV-]?([0-9])(?:[._]([0-9]))?$/i.exec(text);
  if (match === null) return '';
  const minor = match[3] === undefined || (match[2] === '1' && match[3] === '0') ? '' : `.${match[3]}`;
  return `${match[1]!.toUpperCase()}v${match[2]}${minor}`;
}

const VERSION = '((?:TLS|SSL)[vV-]?[0-9](?:[._][0-9])?)';
const USING =
  /^using ([A-Za-z][^ ]*) with cipher ([^ ]+)(?: \(([0-9]{1,5})(?:\/[0-9]{1,5})? bits\))?(?: verified ([A-Z]+)$)?/i;
const USING_LIST = new RegExp(`^using TLS: ${VERSION}, ?([^ ]+)$`);
const COLONS = new RegExp(`^(?:Cipher )?${VERSION}:([^: ]+)(?::([0-9]{1,5}))?(?::([A-Z]+))?$`);
const TWO_WORDS = new RegExp(`^${VERSION} ([A-Z0-9_-]{4,})$`);
const COMMAS = /^TLS: ([^, ]+),([0-9]{1,5})bits,([^, ]+)$/;
const OVER = new RegExp(`^over [^ ,]+, ${VERSION}, `);
const ENCRYPTED = /^([A-Za-z0-9_-]{4,}) encrypted$/;
const ALONE = new RegExp(`^(?:TLS|SSL|${VERSION}|Using TLS)$`);
const PEER_WORDS =
  /^(?:Client (?:CN|RPK)|Authenticated sender:|authenticated[ )]|IDENT:)|(?:^|[ "])(?:helo|ehlo|ident)[= ]/i;

/** Details of one comment, or null when it is not about TLS in a known form. */
function readComment(text: string): Partial<Details> | null {
  if (/^version=/i.test(text)) return readPairs(text);
  const using = USING.exec(text);
  if (using !== null) return { ...details(using[1], using[2], using[3]), ...verified(using[4]) };
  const list = USING_LIST.exec(text);
  if (list !== null) return details(list[1], list[2], undefined);
  const colons = COLONS.exec(text);
  if (colons !== null) {
    return {
      ...details(colons[1], colons[2], colons[3]),
      ...(colons[4] === 'YES' ? { certificate: 'trusted' as const } : {}),
    };
  }
  const words = TWO_WORDS.exec(text);
  if (words !== null) return details(words[1], words[2], undefined);
  const commas = COMMAS.exec(text);
  if (commas !== null) return details(commas[1], commas[3], commas[2]);
  const over = OVER.exec(text);
  if (over !== null) return details(over[1], undefined, undefined);
  const encrypted = ENCRYPTED.exec(text);
  if (encrypted !== null) return details(undefined, encrypted[1], undefined);
  return ALONE.test(text) ? details(text, undefined, undefined) : null;
}

function details(
  protocol: string | undefined,
  cipher: string | undefined,
  bits: string | undefined,
): Partial<Details> {
  const said: Partial<Details> = { encrypted: 'yes' };
  const name = protocolName(protocol ?? '');
  if (name !== '') said.protocol = name;
  if (cipher !== undefined) said.cipher = cipher.slice(0, 128);
  if (bits !== undefined) said.bits = Number(bits);
  return said;
}

/** Sendmail's `{verify}`: OK, NO (none presented), NOT (not asked), FAIL; other values tell nothing. */
const VERIFY: Readonly<Record<string, TlsClaim['certificate']>> = {
  OK: 'trusted',
  NO: 'none',
  NOT: 'none',
  FAIL: 'untrusted',
};

function verified(word: string | undefined): Partial<Details> {
  const certificate = VERIFY[(word ?? '').toUpperCase()];
  return certificate === undefined ? {} : { certificate };
}

function readPairs(text: string): Partial<Details> {
  const pairs = new Map<string, string>();
  for (const part of text.split(/[ ,]+/)) {
    const equals = part.indexOf('=');
    if (equals > 0) pairs.set(part.slice(0, equals).toLowerCase(), part.slice(equals + 1));
  }
  const version = pairs.get('version') ?? '';
  if (!/^(TLS|SSL)/i.test(version)) return { encrypted: 'unknown' };
  const bits = /^[0-9]{1,5}/.exec(pairs.get('bits') ?? '')?.[0];
  return { ...details(version, pairs.get('cipher'), bits), ...verified(pairs.get('verify')) };
}

/** Postfix's comments about the client certificate. The result comes last, where a name cannot be. */
function readCertificate(text: string): Partial<Details> | null {
  if (/^No client certificate requested$/i.test(text)) return { certificate: 'none' };
  if (/^Client did not present a certificate$/i.test(text)) return { certificate: 'none' };
  if (!/^Client (?:CN|RPK)/.test(text)) return null;
  const certificate = text.endsWith(' (verified OK)') ? 'trusted' : 'untrusted';
  const parts = text.split('", Issuer "');
  const named = parts.length === 2 && parts[0]!.startsWith('Client CN "');
  return { certificate, certificateName: named ? parts[0]!.slice('Client CN "'.length, 128) : '' };
}

/** What the `with` keyword alone means; `unknown` for keywords that are not in the registry. */
export function keywordSays(keyword: string): TlsClaim['encrypted'] {
  const match = /^(?:UTF8)?(?:E?SMTP|LMTP)(S?)A?$/.exec(keyword);
  if (match !== null) return match[1] === 'S' ? 'yes' : 'no';
  return /^E?SMTPS?\/(TLS|SSL)/.test(keyword) || keyword === 'HTTPS' ? 'yes' : 'unknown';
}

/** What is known to be weak about an encrypted session, as a phrase; '' for nothing. */
function weaknessOf({ protocol, cipher, bits }: Partial<Details>): string {
  const parts = new Set((cipher ?? '').toUpperCase().split(/[_-]/));
  const has = (...names: readonly string[]): boolean => names.some((name) => parts.has(name));
  if (has('EXP', 'EXPORT', 'EXPORT40', 'EXPORT1024', 'EXP1024')) return 'an export cipher';
  if (has('ADH', 'AECDH', 'ANON', 'ANULL')) return 'an anonymous cipher, without any certificate';
  if (has('RC4', 'RC2', 'ARCFOUR', 'DES', '3DES', 'DES40')) return 'an old cipher';
  const kind = 'tls';
  const compared = compareWithFloor(
    { kind, protocol: protocol ?? '', cipher: '', bits: bits ?? null, certificate: { kind: 'none' } },
    DEFAULTS,
  );
  if (compared === 'protocol') return `below ${DEFAULTS.minProtocol}`;
  return compared === 'bits' ? `fewer than ${DEFAULTS.minBits} bits` : '';
}

/**
 * The claim of a field: its keyword (upper case, '' for none) and its pieces. What is found first is kept;
 * later words only add to it. `mentioned`: is TLS mentioned besides the keyword, in a form that may be
 * unknown?
 */
export function tlsClaimOf(pieces: readonly Piece[], keyword: string, mentionedThere = false): TlsClaim {
  const found: Partial<Details> = {};
  let mentioned = mentionedThere;
  for (const [i, piece] of pieces.entries()) {
    if (piece.kind === 'comment') {
      const read =
        readCertificate(piece.text) ?? (PEER_WORDS.test(piece.text) ? null : readComment(piece.text));
      if (read !== null) Object.assign(found, { ...read, ...found });
      else if (!PEER_WORDS.test(piece.text))
        mentioned ||= /(?:^| )(?:TLS|SSL)(?:[vV-]?[0-9][0-9._]*)?(?:$| )/.test(piece.text);
    } else if (piece.kind === 'word' && /^tls$/i.test(piece.text) && cipherLike(pieces[i + 1])) {
      Object.assign(found, { ...details(undefined, pieces[i + 1]?.text, undefined), ...found });
    } else if (piece.kind === 'word' && piece.text === 'TLS' && pieces[i - 1]?.text === 'over') {
      found.encrypted = 'yes';
    } else if (piece.kind === 'word' && piece.text === 'TLS' && /^version=/.test(pieces[i + 1]?.text ?? '')) {
      Object.assign(found, { ...readPairs(wordsFrom(pieces, i + 1)), ...found });
    }
  }
  const behindKeyword = /^E?SMTPS?\/TLS\/(.+)$/.exec(keyword)?.[1];
  if (behindKeyword !== undefined) found.cipher ??= behindKeyword.slice(0, 128);
  const says = keywordSays(keyword);
  const told = found.encrypted ?? (says === 'no' && mentioned ? 'unknown' : says);
  const claimed = told === 'unknown' && says === 'yes' ? 'yes' : told;
  const open = found.bits === 0 || encryptsNothing(found.cipher ?? '');
  const encrypted = claimed === 'yes' && open ? 'no' : claimed;
  return {
    encrypted,
    protocol: found.protocol ?? '',
    cipher: found.cipher ?? '',
    bits: found.bits ?? null,
    weakness: encrypted === 'yes' ? weaknessOf(found) : '',
    certificate: found.certificate ?? 'unknown',
    certificateName: found.certificateName ?? '',
  };
}

/** The words from `start` up to the next comment, joined as in a comment. */
function wordsFrom(pieces: readonly Piece[], start: number): string {
  const words: string[] = [];
  for (let i = start; pieces[i]?.kind === 'word' && words.length < 8; i++) words.push(pieces[i]!.text);
  return words.join(' ');
}

function cipherLike(piece: Piece | undefined): boolean {
  return piece?.kind === 'word' && /^[A-Z0-9][A-Za-z0-9_-]{5,127}$/.test(piece.text);
}
