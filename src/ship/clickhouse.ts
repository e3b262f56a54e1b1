/**
 * One question to a ClickHouse server over HTTP, and what its answer means for whoever asked.
 *
 * An answer counts only when all of it has come, with status 200 and no error text. What fails is sorted into two:
 * what may go away by itself (nobody listens, a time-out, a cut answer, 500: `AwayError`), and what somebody must
 * mend first (no such table, a wrong password: `RefusedError`). The server names its errors by number, in a header
 * field or at the beginning of the text, `Code: 60, ...`; old ones answer many a mistake with 500.
 *
 * Each question has a connection of its own: the server closes idle ones after some seconds, and a question that
 * meets that would have to be repeated without knowing whether it was obeyed.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import { escapeText } from '../core/escape.ts';
import { codeOf, fileError } from '../files/systemError.ts';
import type { Target } from './target.ts';

/** The server cannot be asked now; the same question may be answered later. */
export class AwayError extends Error {}

/** The server does not take this, and will not before somebody has changed something. */
export class RefusedError extends Error {}

interface Question {
  /** SQL in the URL; data follow in the body. */
  readonly query: string;
  readonly settings?: Readonly<Record<string, string>>;
  /** Compressed by gzip. */
  readonly body?: Buffer;
  /** A longer answer is an error. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal | undefined;
}

const MAX_ANSWER_BYTES = 1 << 20;
/** Of an error text: what is looked at, and what is shown. */
const MAX_ERROR_BYTES = 16_384;
const MAX_SHOWN = 400;

/** Statuses of RFC 9110 that ask to try again. */
const TRY_AGAIN = [408, 425, 429];

/**
 * Errors that come with status 500 and yet do not pass: src/Common/ErrorCodes.cpp of ClickHouse. Columns and
 * parsing (16, 26, 27, 47, 53, 117), tables (60, 81), settings (115), rights (164, 192 to 195, 291, 497, 516).
 */
const LASTING = new Set([16, 26, 27, 47, 53, 60, 62, 81, 115, 117, 164, 192, 193, 194, 195, 291, 497, 516]);

/** The bytes of the answer. Rejects with AwayError or RefusedError, or with the reason of `signal`. */
export async function ask(target: Target, question: Question): Promise<Buffer> {
  const { maxBytes = MAX_ANSWER_BYTES, signal } = question;
  const { status, code, bytes } = await exchange(target, question, Math.max(maxBytes, MAX_ERROR_BYTES));
  signal?.throwIfAborted();
  if (status === 200 && code === null) {
    if (bytes.length > maxBytes) throw new RefusedError(`the answer has more than ${maxBytes} bytes`);
    return bytes;
  }
  const text = bytes.subarray(0, MAX_ERROR_BYTES).toString();
  const said = `${status}: ${escapeText(text.replace(/\s+/g, ' ').trim(), MAX_SHOWN)}`;
  const number = code ?? errorIn(text);
  const lasts = number !== null && LASTING.has(number);
  if (lasts || (status >= 300 && status < 500 && !TRY_AGAIN.includes(status))) throw new RefusedError(said);
  throw new AwayError(said);
}

/** Of `Code: 60, e.displayText() = ...` and `Code: 60. DB::Exception: ...`. */
function errorIn(text: string): number | null {
  const match = /^Code: ([0-9]{1,5})[,.]/.exec(text);
  return match === null ? null : Number(match[1]);
}

interface Answer {
  readonly status: number;
  /** The error that a header field names. */
  readonly code: number | null;
  readonly bytes: Buffer;
}

function exchange(target: Target, question: Question, maxBytes: number): Promise<Answer> {
  const { server, credentials, timeoutMs } = target;
  const url = new URL(server);
  // the answer begins when it is complete, so that its status is that of the whole
  const parameters = { query: question.query, wait_end_of_query: '1', ...question.settings };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  const headers: http.OutgoingHttpHeaders = { 'Content-Length': question.body?.length ?? 0 };
  if (question.body !== undefined) headers['Content-Encoding'] = 'gzip';
  if (credentials !== null) {
    headers['X-ClickHouse-User'] = credentials.user;
    headers['X-ClickHouse-Key'] = credentials.password;
  }
  const { request } = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const away = (why: string): void => {
      reject(question.signal?.aborted === true ? question.signal.reason : new AwayError(why));
      asked.destroy();
    };
    const asked = request(url, {
      method: 'POST',
      agent: false,
      headers,
      timeout: timeoutMs,
      ...(question.signal === undefined ? {} : { signal: question.signal }),
    });
    asked.on('timeout', () => away(`no answer within ${Math.ceil(timeoutMs / 1000)} s`));
    asked.on('error', (error) => away(errorText(error)));
    asked.on('response', (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        // one byte more tells that it is too long
        if (length <= maxBytes + 65_536) chunks.push(chunk);
        else finish();
      });
      response.on('error', (error) => away(errorText(error)));
      response.on('aborted', () => away('the answer was cut'));
      response.on('end', () => {
        if (response.complete) finish();
        else away('the answer was cut');
      });
      const finish = (): void => {
        const field = response.headers['x-clickhouse-exception-code'];
        const code = typeof field === 'string' && /^[0-9]{1,5}$/.test(field) ? Number(field) : null;
        resolve({ status: response.statusCode ?? 0, code, bytes: Buffer.concat(chunks) });
        asked.destroy();
      };
    });
    asked.end(question.body);
  });
}

/** The code and words of the system; of an error of TLS its message, which has a code that is not shown. */
function errorText(error: Error): string {
  const words = fileError(error);
  const said =
    words === codeOf(error) || words === String(error) ? error.message : `${codeOf(error)}: ${words}`;
  return escapeText(said, MAX_SHOWN);
}

/** A string in SQL. */
export function sqlText(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
