/**
 * How the tests make messages: parts from a type and a body, multiparts from parts, messages from a part, and the samples
 * that many messages of the corpus share. Bodies are latin1 strings with CRLF lines.
 */
import type { HeaderField } from '../../src/core/messageEdit.ts';
import type { SkipReason } from '../../src/mail/skipReasons.ts';

export interface Case {
  readonly name: string;
  readonly headers: readonly HeaderField[];
  readonly body: string;
  readonly edits: readonly string[];
  readonly leaves: SkipReason | null;
}

export interface Part {
  readonly header: readonly string[];
  readonly body: string;
}

/** A field from "Name: value"; continuation lines are given with LF. */
export function fields(...lines: readonly string[]): HeaderField[] {
  return lines.map((line) => {
    const colon = line.indexOf(':');
    return { name: line.slice(0, colon), value: line.slice(colon + 1).replace(/^ /, '') };
  });
}

export function utf8(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

export function base64(latin1: string, width = 76): string {
  const dense = Buffer.from(latin1, 'latin1').toString('base64');
  return dense.replace(new RegExp(`.{${width}}(?=.)`, 'g'), '$&\r\n');
}

export function quotedPrintable(latin1: string): string {
  return latin1
    .split('\r\n')
    .map((line) => {
      const rows = [''];
      for (const [at, char] of line.split('').entries()) {
        const plain = char === ' ' ? at < line.length - 1 : /[!-<>-~]/.test(char);
        const piece = plain ? char : `=${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
        if (rows.at(-1)!.length + piece.length > 75) rows.push('');
        rows[rows.length - 1] += piece;
      }
      return rows.join('=\r\n');
    })
    .join('\r\n');
}

export function leaf(type: string, body: string, ...more: readonly string[]): Part {
  return { header: [`Content-Type: ${type}`, ...more], body };
}

export const page = (body: string, ...more: readonly string[]): Part =>
  leaf('text/html; charset=utf-8', body, ...more);

let made = 0;

export function multi(
  kind: string,
  parts: readonly Part[],
  options: { boundary?: string; extra?: string; preamble?: string; epilogue?: string } = {},
): Part {
  const boundary = options.boundary ?? `=_part_${++made}_b`;
  const body = parts
    .map(
      ({ header, body }) => `--${boundary}\r\n${header.map((line) => `${line}\r\n`).join('')}\r\n${body}\r\n`,
    )
    .join('');
  return {
    header: [`Content-Type: multipart/${kind}; boundary="${boundary}"${options.extra ?? ''}`],
    body: `${options.preamble ?? ''}${body}--${boundary}--\r\n${options.epilogue ?? ''}`,
  };
}

export function bodyOf(part: Part, bare = false): Part {
  return bare ? { ...part, body: part.body.replace(/\r\n$/, '') } : part;
}

const COMMON = [
  'From: Ann <ann@a.example>',
  'To: Ben <ben@b.example>',
  'Subject: hello',
  'MIME-Version: 1.0',
];

/** A message of the corpus; `result` are the numbers of the parts that get the banner, or why it is left alone. */
export function message(name: string, part: Part, result: readonly string[] | SkipReason): Case {
  const headers = fields(...COMMON, ...part.header.map((line) => line.replace(/\r\n/g, '\n')));
  const edits = typeof result === 'string' ? [] : result;
  return { name, headers, body: part.body, edits, leaves: typeof result === 'string' ? result : null };
}

export const PLAIN = 'Hello Ben,\r\n\r\nthis is the text.\r\n-- \r\nAnn\r\n';
export const HTML =
  '<!DOCTYPE html>\r\n<html><head><title>x</title></head>\r\n<body bgcolor="white">\r\n<p>Hello Ben</p>\r\n</body></html>\r\n';
export const plain = leaf('text/plain; charset=us-ascii', PLAIN);
export const html = leaf('text/html; charset=us-ascii', HTML);
export const image = leaf(
  'image/png; name="a.png"',
  base64('\x89PNG\r\n\x1a\n'.repeat(40)),
  'Content-Transfer-Encoding: base64',
  'Content-ID: <img1@a.example>',
);
export const pdf = leaf(
  'application/pdf; name="a.pdf"',
  base64('%PDF-1.4 '.repeat(30)),
  'Content-Transfer-Encoding: base64',
  'Content-Disposition: attachment; filename="a.pdf"',
);
export const attachedText = leaf(
  'text/plain; charset=utf-8',
  'col1,col2\r\n',
  'Content-Disposition: attachment; filename="data.txt"',
);
export const forwarded = leaf(
  'message/rfc822',
  `From: x@x.example\r\nSubject: inner\r\nMIME-Version: 1.0\r\n${multi('mixed', [plain, pdf]).header[0]}\r\n\r\n--b\r\n`,
);
