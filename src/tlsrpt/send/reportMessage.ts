/**
 * A report as a message (RFC 8460 section 5.3): a few words to read, and the report in gzip. Pure. Lines end in LF; all is
 * ASCII, no line is longer than 998 characters (RFC 5322), and no server must change it, so that a signature holds.
 *
 * Names of domains are canonical here (letters, digits, hyphen, underscore, dots), so nothing in them ends a header field
 * or a parameter.
 */
import { escapeText } from '../../core/escape.ts';
import { count } from '../../core/plural.ts';
import { wrapWords } from '../../core/wrapWords.ts';
import { mailDate } from '../../mail/dateText.ts';
import { OWN_LABEL } from './ownMail.ts';
import { type Reporter, reportIdOf, submitterOf } from './reportJson.ts';

interface Letter {
  readonly reporter: Reporter;
  readonly day: string;
  readonly domain: string;
  readonly to: string;
  readonly gzip: Uint8Array;
  readonly successful: number;
  readonly failed: number;
  /** From what was counted, in a sentence; ASCII. */
  readonly source: string;
  /** False: the message goes with as much TLS as the MTA demands (RFC 8689). */
  readonly tlsOptional: boolean;
  readonly nowMs: number;
}

const LINE = 76;
const DAY_SECONDS = 86_400;

/** SENDER!POLICY-DOMAIN!BEGIN!END!ID.json.gz (RFC 8460 section 5.1). */
function fileNameOf(reporter: Reporter, day: string, domain: string): string {
  const begin = Date.parse(`${day}T00:00:00Z`) / 1000;
  const id = reportIdOf(reporter, day, domain)
    .split('@')[0]!
    .replace(/[^a-z0-9]/g, '');
  return `${submitterOf(reporter)}!${domain}!${begin}!${begin + DAY_SECONDS - 1}!${id}.json.gz`;
}

export function reportMessage(letter: Letter): string {
  const { reporter, day, domain, to, gzip, nowMs } = letter;
  const submitter = submitterOf(reporter);
  const id = reportIdOf(reporter, day, domain);
  const name = fileNameOf(reporter, day, domain);
  const boundary = `=_tlsrpt-${id.split('@')[0]!}`;
  return [
    `From: <${reporter.contact}>`,
    `To: <${to}>`,
    `Date: ${mailDate(nowMs)}`,
    `Subject: Report Domain: ${domain}`,
    ` Submitter: ${submitter}`,
    ` Report-ID: <${id}>`,
    `Message-ID: <${id.split('@')[0]!}@${OWN_LABEL}${submitter}>`,
    `TLS-Report-Domain: ${domain}`,
    `TLS-Report-Submitter: ${submitter}`,
    ...(letter.tlsOptional ? ['TLS-Required: No'] : []),
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type="tlsrpt";',
    ` boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=us-ascii',
    'Content-Transfer-Encoding: 7bit',
    '',
    ...words(letter).flatMap((text) => wrapWords(text, LINE)),
    '',
    `--${boundary}`,
    'Content-Type: application/tlsrpt+gzip;',
    ` name="${name}"`,
    'Content-Transfer-Encoding: base64',
    'Content-Disposition: attachment;',
    ` filename="${name}"`,
    '',
    ...base64Lines(gzip),
    `--${boundary}--`,
    '',
  ].join('\n');
}

function words({ reporter, day, domain, successful, failed, source }: Letter): string[] {
  return [
    `This is an aggregate TLS report (RFC 8460) about ${domain}, ${day} (UTC), from ${escapeText(reporter.organization)}.`,
    '',
    `${count(successful, 'session')} with TLS as it must be, ${failed} failed.`,
    source,
    '',
    `Questions: ${reporter.contact}`,
  ];
}

function base64Lines(bytes: Uint8Array): string[] {
  const all = Buffer.from(bytes).toString('base64');
  const lines: string[] = [];
  for (let at = 0; at < all.length; at += LINE) lines.push(all.slice(at, at + LINE));
  return lines;
}
