/**
 * What is answered to a request, and the header fields that go with it. Pure.
 *
 * Nothing of a request is ever in a header field. No answer may be kept, framed, read by another site or mistaken for
 * another type; scripts and styles are those whose hashes the answer names (Content Security Policy level 3).
 */
import { createHash } from 'node:crypto';

export interface Answer {
  readonly status: number;
  readonly type: 'text/html' | 'text/plain' | 'metrics' | 'text/event-stream';
  readonly body: string | Uint8Array;
  /** The policy of a page; else nothing may be loaded or run. */
  readonly policy?: string;
  readonly retryAfterSeconds?: number;
}

const TYPES: Readonly<Record<Answer['type'], string>> = {
  'text/html': 'text/html; charset=utf-8',
  'text/plain': 'text/plain; charset=utf-8',
  // the text format of Prometheus
  metrics: 'text/plain; version=0.0.4; charset=utf-8',
  'text/event-stream': 'text/event-stream; charset=utf-8',
};

const NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'";

/** A source of the policy: the hash of what stands between the tags. */
export function hashSource(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** Header fields by name; without a length where the body is a stream. */
export function headersOf(answer: Answer): Record<string, string> {
  const headers: Record<string, string> = {
    'Content-Type': TYPES[answer.type],
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Content-Security-Policy': `${answer.policy ?? NOTHING}; frame-ancestors 'none'`,
  };
  if (answer.type !== 'text/event-stream') headers['Content-Length'] = String(Buffer.byteLength(answer.body));
  if (answer.status === 405) headers.Allow = 'GET, HEAD';
  if (answer.retryAfterSeconds !== undefined) headers['Retry-After'] = String(answer.retryAfterSeconds);
  return headers;
}

/** A line of text. */
export function plainAnswer(status: number, text: string): Answer {
  return { status, type: 'text/plain', body: `${text}\n` };
}
