/**
 * One Received field: which host says that it received the message, from which client, when, over which
 * protocol, and what it claims about TLS.
 *
 *   "from" name [comments] "by" name [comments] ["via" link] ["with" protocol] ["id" id] ["for" path]
 *   ";" date-time
 *
 * RFC 5321 section 4.4 is what servers should write; this parser reads what they do write: Postfix, Sendmail,
 * Exim, Exchange and IIS, Gmail, qmail, qpsmtpd, OpenSMTPD, Courier, Cyrus, Dovecot, chasquid, mox, Haraka,
 * Stalwart and others (test/hops/received.ts has them). Clauses may come in any order, and only the first of
 * each kind counts; a value may have several words ("Microsoft SMTP Server"). The date is what follows the
 * last semicolon that a date follows, else any date in the words. No value is refused: what cannot be found
 * is '' or null, and `complete` is false.
 *
 * The client's address is taken from what the server saw: a literal in the comment after the name, else the
 * name itself if it is a literal. What the client said about itself (`helo=`, `HELO`, `EHLO`, `ident=`) is
 * ignored.
 */
import { formatAddress, parseAddress } from '../core/network.ts';
import { dateFromWords } from './receivedDate.ts';
import { type Piece, receivedPieces } from './receivedTokens.ts';
import { type TlsClaim, tlsClaimOf } from './tlsClaim.ts';

/**
 * How it arrived: `local` submitted inside the host, `store` between parts of one mail system (MAPI), `web`
 * by HTTP.
 */
type Carrier = 'smtp' | 'lmtp' | 'local' | 'store' | 'web' | 'unknown';

export interface ReceivedField {
  /** Name after `from`, as written; '' when there is none. Usually the client's HELO name. */
  readonly from: string;
  /** Client address in canonical form, '' when not stated. */
  readonly address: string;
  /** Name after `by`, as written. */
  readonly by: string;
  /** Protocol after `with`, upper case: `ESMTPS`, `MICROSOFT SMTP SERVER`; '' when not stated. */
  readonly protocol: string;
  readonly id: string;
  readonly carrier: Carrier;
  readonly tls: TlsClaim;
  /** Milliseconds since 1970; null when there is no date. */
  readonly timeMs: number | null;
  /** Were `by` and a date found? */
  readonly complete: boolean;
}

const CLAUSES = ['from', 'by', 'via', 'with', 'id', 'for'] as const;
type Clause = (typeof CLAUSES)[number];

/** Pieces per clause, and those before any clause (key ''). */
type Clauses = Readonly<Record<Clause | '', readonly Piece[]>>;

function splitClauses(pieces: readonly Piece[]): Clauses {
  const out: Record<Clause | '', Piece[]> = { '': [], from: [], by: [], via: [], with: [], id: [], for: [] };
  const seen = new Set<Clause>();
  let current: Clause | '' = '';
  for (const [i, piece] of pieces.entries()) {
    const word = piece.text.toLowerCase();
    const clause = piece.kind === 'word' ? CLAUSES.find((one) => one === word) : undefined;
    // "from" only begins a field; a clause word directly after another one is its value
    const follows = current !== '' && out[current].length === 0 && i > 0;
    if (clause !== undefined && !seen.has(clause) && !follows && (clause !== 'from' || i === 0)) {
      seen.add(clause);
      current = clause;
    } else out[current].push(piece);
  }
  return out;
}

/** Where the date begins, in pieces, and the date; [pieces.length, null] without one. */
function findDate(pieces: readonly Piece[]): readonly [number, number | null] {
  const wordsFrom = (start: number): string[] => {
    const words: string[] = [];
    for (let i = start; i < pieces.length && words.length < 7; i++)
      if (pieces[i]?.kind === 'word') words.push(pieces[i]!.text);
    return words;
  };
  for (let i = pieces.length - 1; i >= 0; i--) {
    if (pieces[i]?.kind !== 'semicolon') continue;
    const time = dateFromWords(wordsFrom(i + 1), 0);
    if (time !== null) return [i, time];
  }
  for (let i = pieces.length - 1; i >= 0; i--) {
    const time = pieces[i]?.kind === 'word' ? dateFromWords(wordsFrom(i), 0) : null;
    if (time === null) continue;
    // the day's name may come first
    const named =
      i > 0 && dateFromWords(wordsFrom(i - 1), 0) === time && /^[A-Za-z]{3},?$/.test(pieces[i - 1]!.text);
    return [named ? i - 1 : i, time];
  }
  return [pieces.length, null];
}

/**
 * `[192.0.2.1]`, `[IPv6:2001:db8::1]:25`, `192.0.2.1`, `fe80::1%6` to the canonical address; '' for anything
 * else.
 */
function literal(text: string): string {
  let inner = text;
  const open = text.lastIndexOf('[');
  const close = text.indexOf(']', open);
  if (open >= 0 && close > open) inner = text.slice(open + 1, close);
  inner = inner
    .replace(/^\(|\)$/g, '')
    .replace(/^IPv6:/i, '')
    .replace(/%.*$/, '');
  const bytes = inner.length > 64 ? null : parseAddress(inner);
  return bytes === null ? '' : formatAddress(bytes);
}

/** The client's address in a comment: the last literal in it that is not the client's own claim. */
function addressInComment(comment: string): string {
  const plain = withoutNested(comment);
  const words = plain.split(' ').filter((word) => !/^"?(helo|ident)=/i.test(word));
  const own = words.findIndex((word) => /^"?[HE][EH]LO$/i.test(word));
  if (own >= 0) words.splice(own, 2);
  for (const word of words.reverse()) {
    const found = literal(word) || literal(word.slice(word.lastIndexOf('@') + 1));
    if (found !== '') return found;
  }
  return '';
}

/** `x (may be forged) y` to `x  y`. */
function withoutNested(comment: string): string {
  let out = '';
  let depth = 0;
  for (const char of comment) {
    if (char === '(') depth++;
    else if (char === ')' && depth > 0) depth--;
    else if (depth === 0) out += char;
  }
  return out;
}

function wordTexts(pieces: readonly Piece[]): string[] {
  return pieces.filter((piece) => piece.kind === 'word').map((piece) => piece.text);
}

function clientAddress(from: readonly Piece[]): string {
  for (const piece of from) {
    const found = piece.kind === 'comment' ? addressInComment(piece.text) : '';
    if (found !== '') return found;
  }
  for (const word of wordTexts(from)) {
    const found = literal(word);
    if (found !== '') return found;
  }
  return '';
}

function protocolOf(clause: readonly Piece[]): string {
  const words = wordTexts(clause);
  const [first = ''] = words;
  if (!/^microsoft$/i.test(first)) return first.toUpperCase();
  return words
    .slice(0, /^smtp$/i.test(words[1] ?? '') ? 3 : 2)
    .join(' ')
    .toUpperCase();
}

function carrierOf(clauses: Clauses, protocol: string, all: readonly Piece[]): Carrier {
  if (/^(UTF8)?LMTP/.test(protocol)) return 'lmtp';
  if (protocol === 'MAPI') return 'store';
  if (/^HTTPS?$/.test(protocol)) return 'web';
  const pickup = wordTexts(clauses.from).join(' ') === 'mail pickup service';
  if (
    pickup ||
    protocol === 'LOCAL' ||
    all.some((piece) => piece.kind === 'comment' && handedOver(piece.text))
  )
    return 'local';
  if (/SMTP/.test(protocol)) return 'smtp';
  // no "with": RFC 821 style when a client is named, else a host's note to itself
  return clauses.from.length > 0 ? 'unknown' : 'local';
}

/**
 * `Postfix, from userid 0`, Sendmail's `from root@localhost`, `qmail 123 invoked by uid 107` or `from
 * network`.
 */
function handedOver(comment: string): boolean {
  return (
    /^(?:Postfix, from userid |from [^ ]+@localhost|qmail [0-9]+ invoked )/.test(comment) ||
    /, from userid [0-9]+$/.test(comment)
  );
}

/** A word after the keyword that is about TLS: `STARTTLS`, `TLSv1.3`. */
function speaksOfTls(word: string): boolean {
  return /^(?:START)?(?:TLS|SSL)(?:$|[^A-Za-z])/i.test(word) || /^(?:TLS|SSL)v[0-9]/i.test(word);
}

/** Reads one value (folds as LF, bytes as characters). Never throws, linear in its length. */
export function parseReceived(value: string): ReceivedField {
  const pieces = receivedPieces(value);
  const [end, timeMs] = findDate(pieces);
  const front = pieces.slice(0, end).filter((piece) => piece.kind !== 'semicolon');
  const clauses = splitClauses(front);
  const protocol = protocolOf(clauses.with);
  const carrier = carrierOf(clauses, protocol, front);
  const by = wordTexts(clauses.by)[0] ?? '';
  const tls = tlsClaimOf(
    pieces.filter((piece) => piece.kind !== 'semicolon'),
    protocol,
    wordTexts(clauses.with).slice(1).some(speaksOfTls),
  );
  // a line without `from` describes a step inside the host's own system: `SMTP` there is not a claim
  const silent = clauses.from.length === 0 && tls.encrypted === 'no';
  return {
    from: wordTexts(clauses.from)[0] ?? '',
    address: clientAddress(clauses.from),
    by,
    protocol,
    id: wordTexts(clauses.id)[0] ?? '',
    carrier,
    tls: silent ? { ...tls, encrypted: 'unknown' } : tls,
    timeMs,
    complete: by !== '' && timeMs !== null,
  };
}
