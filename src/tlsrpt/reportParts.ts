/**
 * Which parts of a message are a report: by media type, by file name, and at last by what the bytes begin with, for
 * reports come as `application/tlsrpt+gzip`, `application/tlsrpt+json`, `application/tlsrpt`, `application/gzip`,
 * `application/json` and `application/octet-stream`, inside `multipart/report` or `multipart/mixed`, or as the whole
 * message without any multipart.
 *
 * The structure is read strictly (mail/mime.ts): a message that can be read in two ways is refused. The transfer
 * encoding is not: base64 with foreign characters or without its padding is decoded all the same, as every reporter's
 * own reader does, because gzip has a check value.
 */
import type { HeaderField } from '../core/messageEdit.ts';
import { allAtOnce } from '../core/work.ts';
import { type Entity, readStructure } from '../mail/mime.ts';
import { SKIP_REASONS } from '../mail/skipReasons.ts';
import { decodeTransfer, transferEncoding } from '../mail/transfer.ts';
import { ReportRefused } from './refusal.ts';
import { formOf } from './unpack.ts';

/** A part that is, or may be, a report. */
interface ReportPart {
  readonly bytes: Buffer;
  /** Of its attachment; ''. */
  readonly fileName: string;
  /** What is not as RFC 8460 has it. */
  readonly quirks: readonly string[];
}

/** Reports in one message that are read. */
const MAX_REPORTS = 10;
const REPORT_TYPE = /^application\/tlsrpt(?:\+gzip|\+json)?$/;
const PROPER_TYPE = /^application\/tlsrpt\+(?:gzip|json)$/;
const REPORT_NAME = /\.json(?:\.gz)?$|\.gz$/i;

/** Throws ReportRefused when there is none. */
export function reportParts(headers: readonly HeaderField[], body: Buffer): readonly ReportPart[] {
  const lines = withCrlf(body);
  const structure = allAtOnce(readStructure(headers, lines));
  if (structure.kind === 'skipped')
    throw new ReportRefused(
      'mime-unreadable',
      SKIP_REASONS[structure.reason],
      'a message that is read one way',
    );
  const { root } = structure;
  const leaves = leavesOf(root);
  const named = leaves.filter((part) => REPORT_TYPE.test(part.type.value));
  const parts = [
    ...named,
    ...leaves.filter((part) => !named.includes(part) && REPORT_NAME.test(nameOf(part))),
  ];
  for (const candidates of [parts, leaves]) {
    const found = candidates.flatMap((part) => read(part, lines, root, candidates === parts));
    if (found.length > 0) return found.slice(0, MAX_REPORTS);
  }
  throw new ReportRefused(
    'no-report',
    `${leaves.length} parts, none of them gzip or JSON`,
    'a report of RFC 8460',
  );
}

function leavesOf(entity: Entity): Entity[] {
  return entity.type.value.startsWith('multipart/') ? entity.children.flatMap(leavesOf) : [entity];
}

function nameOf({ disposition, type }: Entity): string {
  return disposition?.params.get('filename') ?? type.params.get('name') ?? '';
}

/** Empty: it is none. Throws ReportRefused for one that must be a report and cannot be decoded. */
function read(part: Entity, lines: Buffer, root: Entity, expected: boolean): ReportPart[] {
  const raw = lines.subarray(part.start, part.end);
  const encoding = transferEncoding(part.encoding);
  const quirks: string[] = [];
  let bytes = encoding === null ? null : decodeTransfer(raw, encoding);
  if (bytes === null && encoding === 'base64') {
    bytes = Buffer.from(raw.toString('latin1'), 'base64');
    quirks.push('the base64 is not strict');
  }
  if (bytes === null) {
    if (!expected) return [];
    throw new ReportRefused(
      'encoding-damaged',
      part.encoding,
      'base64, quoted-printable, 7bit, 8bit or binary',
    );
  }
  const form = formOf(bytes);
  if (form === 'other') {
    if (!expected || !REPORT_TYPE.test(part.type.value)) return [];
    throw new ReportRefused('no-report', `${part.type.value} with other bytes`, 'gzip (1f 8b) or JSON ({)');
  }
  if (!PROPER_TYPE.test(part.type.value)) quirks.push(`the type of the part is ${part.type.value}`);
  else if (part.type.value.endsWith('+gzip') && form === 'json') quirks.push('it was unpacked on the way');
  if (form === 'gzip-as-utf8') quirks.push('its bytes were written as UTF-8 on the way');
  if (form === 'gzip-base64') quirks.push('it is base64 in base64');
  if (root === part) quirks.push('the whole message is the report');
  else if (root.type.value !== 'multipart/report') quirks.push(`the message is ${root.type.value}`);
  else if (root.type.params.get('report-type')?.toLowerCase() !== 'tlsrpt')
    quirks.push('report-type is not tlsrpt');
  return [{ bytes, fileName: nameOf(part), quirks }];
}

/** Saved messages have the line ends of the system; MIME is read with CRLF. */
function withCrlf(body: Buffer): Buffer {
  const text = body.toString('latin1');
  return Buffer.from(text.replace(/\r?\n/g, '\r\n'), 'latin1');
}
