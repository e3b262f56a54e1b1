/**
 * A MIME reader for the tests, written in another way than src/mail: strings and regular expressions, recursive, lenient.
 *
 * It cuts a body into segments whose texts joined are the body again: glue (boundaries, part headers, preambles,
 * epilogues) and leaves (bodies of parts that are no multiparts, attached messages among them). So "nothing else changed"
 * is a comparison of two lists. It also shows a leaf as a person would see it.
 */
import { quoteRegex } from '../quoteRegex.ts';

export interface Segment {
  readonly leaf: boolean;
  /** latin1, as in the message. */
  readonly text: string;
  /** Of a leaf: its number, '' in a message of one part. */
  readonly path: string;
  readonly type: string;
  readonly encoding: string;
  readonly charset: string;
}

function field(header: string, name: string): string {
  const unfolded = header.replace(/\r?\n[ \t]+/g, ' ');
  return new RegExp(`^${name}:[ \t]*(.*?)\\s*$`, 'im').exec(unfolded)?.[1] ?? '';
}

function parameter(value: string, name: string): string {
  const bare = value.replace(/("(?:[^"\\]|\\.)*")|\([^()]*\)/g, '$1');
  const plain = new RegExp(`;\\s*${name}\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s;]+))`, 'i').exec(bare);
  if (plain !== null) return (plain[1] ?? plain[2] ?? '').replace(/\\(.)/g, '$1');
  const sections = [...bare.matchAll(new RegExp(`;\\s*${name}(\\*\\d*)\\*?\\s*=\\s*"?([^\\s;"]+)"?`, 'gi'))];
  return decodeURIComponent(sections.map((found) => found[2]!.replace(/^[\w-]*'\w*'/, '')).join(''));
}

/** Segments of a body whose header (CRLF lines) is given. */
export function readSegments(header: string, body: string, path = ''): Segment[] {
  const contentType = field(header, 'Content-Type') || 'text/plain';
  const type = contentType
    .split(';')[0]!
    .replace(/\(.*?\)/g, '')
    .trim()
    .toLowerCase();
  if (!type.startsWith('multipart/')) {
    const encoding = field(header, 'Content-Transfer-Encoding')
      .replace(/\(.*?\)/g, '')
      .trim()
      .toLowerCase();
    return [{ leaf: true, text: body, path, type, encoding, charset: parameter(contentType, 'charset') }];
  }
  const boundary = quoteRegex(parameter(contentType, 'boundary'));
  const cut = new RegExp(`(?<=^|\r\n)--${boundary}(--)?[ \t]*(?:\r\n|$(?![\\s\\S]))`, 'g');
  const glue = (text: string): Segment => ({
    leaf: false,
    text,
    path: '',
    type: '',
    encoding: '',
    charset: '',
  });
  const out: Segment[] = [];
  let at = 0;
  let number = 0;
  for (const found of body.matchAll(cut)) {
    const content = body.slice(at, found.index);
    if (number === 0) {
      out.push(glue(content));
    } else {
      const headerEnd = content.startsWith('\r\n') ? 2 : content.indexOf('\r\n\r\n') + 4;
      // The CRLF in front of a boundary belongs to it; an empty part has none of its own.
      const end = Math.max(headerEnd, content.length - 2);
      const partPath = `${path}${path === '' ? '' : '.'}${number}`;
      out.push(glue(content.slice(0, headerEnd)));
      out.push(...readSegments(content.slice(0, headerEnd), content.slice(headerEnd, end), partPath));
      out.push(glue(content.slice(end)));
    }
    number++;
    out.push(glue(found[0]));
    at = found.index + found[0].length;
    if (found[1] !== undefined) break;
  }
  return [...out, glue(body.slice(at))];
}

/** The decoded bytes of a leaf as latin1. */
export function decodeLeaf(segment: Segment): string {
  if (segment.encoding === 'base64') return Buffer.from(segment.text, 'base64').toString('latin1');
  if (segment.encoding !== 'quoted-printable') return segment.text;
  return segment.text
    .replace(/[ \t]+(?=\r\n|$(?![\s\S]))/g, '')
    .replace(/=\r\n|=$(?![\s\S])/g, '')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Bytes (latin1) in a character set, as text. */
export function inCharset(latin1: string, charset: string): string {
  const label = charset === '' || charset === 'unknown-8bit' ? 'us-ascii' : charset;
  const text = new TextDecoder(label).decode(Buffer.from(latin1, 'latin1'));
  // Node 20 decodes windows-1252 as iso-8859-1: 0x96 is the dash.
  return text.replace(/\u0096/g, '\u2013');
}

/** What a person sees of an HTML text: no head, comments and tags; references resolved, white space collapsed. */
export function seenOf(html: string): string {
  return html
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(/<(title|style|script)\b[\s\S]*?<\/\1\s*>/gi, '')
    .replace(/<br\b[^>]*>/gi, ' ')
    .replace(/<[a-z!/?](?:=\s*"[^"]*"|=\s*'[^']*'|[^>])*>/gi, ' ')
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replace(/&nbsp;/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}
