/**
 * A report as a message: the text to read in any mail reader, and the page as an attachment (RFC 2045, RFC 2046). Pure.
 * Lines end in LF. All of it is ASCII with lines of at most 76 characters, so that no server on the way must change it.
 */
import { mailDate } from '../mail/dateText.ts';
import type { Report } from './report.ts';
import { counted, rangeWords, spoken } from './words.ts';

interface Envelope {
  /** An address without brackets. */
  readonly to: string;
  /** Of the host that sends; letters, digits, dots and hyphens. */
  readonly host: string;
  readonly text: string;
  readonly page: string;
}

/** Not in any encoded line: neither quoted-printable nor base64 has `=_`. */
const BOUNDARY = '=_tlsward-report';

export function reportMessage(report: Report, { to, host, text, page }: Envelope): string {
  const { from, to: last, made } = report;
  return [
    `From: tlsward <postmaster@${host}>`,
    `To: <${to}>`,
    `Date: ${mailDate(Date.parse(made))}`,
    `Subject: mail protection of ${host.slice(0, 60)}, ${rangeWords(from, last)}: ${whatWords(report)}`,
    'Auto-Submitted: auto-generated',
    'X-Auto-Response-Suppress: All',
    'MIME-Version: 1.0',
    `Content-Type: multipart/mixed; boundary="${BOUNDARY}"`,
    '',
    `--${BOUNDARY}`,
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    ...quotedPrintable(text),
    `--${BOUNDARY}`,
    'Content-Type: text/html; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    `Content-Disposition: attachment; filename="tlsward-${from}-${last}.html"`,
    '',
    ...base64Lines(page),
    `--${BOUNDARY}--`,
    '',
  ].join('\n');
}

/** All that many readers see of it: no better than the sentence on top, and nothing good of what is not recorded. */
function whatWords(report: Report): string {
  const harm = report.findings.filter((one) => one.harm).length;
  if (harm > 0) return counted(harm, 'finding');
  const asked = (['in', 'out'] as const).filter((way) => spoken(report, way));
  const known = asked.filter((way) => report.share[way].recordedDays > 0);
  if (known.length === 0) return 'nothing is known';
  // mail with rare domains is in the shares, and in no finding
  const bad = known.some((way) => {
    const { travelled, refused, failed } = report.share[way];
    return travelled.plain + travelled.older + refused + failed > 0;
  });
  const said = bad ? 'mail put off, lost or exposed' : 'nothing lost or exposed is recorded';
  return known.length < asked.length ? `${said}, ${known[0]}bound mail only` : said;
}

const LINE = 76;

/** RFC 2045 section 6.7. */
function quotedPrintable(text: string): string[] {
  const lines: string[] = [];
  for (const line of text.replace(/\n$/, '').split('\n')) {
    let out = '';
    const bytes = Buffer.from(line);
    for (const [i, byte] of bytes.entries()) {
      const blank = byte === 0x20 || byte === 0x09;
      const plain = byte > 0x20 && byte < 0x7f && byte !== 0x3d;
      // white space may not end a line; a dot alone or "From " at its beginning are changed by some servers
      const begins = out === '' && (byte === 0x2e || byte === 0x46);
      const asIs = blank ? i < bytes.length - 1 : plain && !begins;
      const next = asIs ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
      if (out.length + next.length > LINE - 1) {
        lines.push(`${out}=`);
        out = next;
      } else out += next;
    }
    lines.push(out);
  }
  return lines;
}

function base64Lines(text: string): string[] {
  const all = Buffer.from(text).toString('base64');
  const lines: string[] = [];
  for (let at = 0; at < all.length; at += LINE) lines.push(all.slice(at, at + LINE));
  return lines;
}
