/**
 * One request for a policy to one address that passed the filter, over verified TLS.
 *
 * TLS 1.2 or newer; the certificate must chain to a known CA, be within its validity period, and have the
 * host's name in its subjectAltName (never in the CN); `*` only as its whole leftmost label. Revocation is
 * not checked. Only status 200 is accepted; redirects are not followed. The body must be text/plain, not
 * encoded, at most 64 KiB, counted as it arrives; a body with an announced length must be complete.
 *
 * No connection is kept, nothing is cached, no cookies, no proxy. Texts in `why` quote nothing from the
 * server but its status.
 *
 * Sources: RFC 8461 section 3.3; RFC 6125 section 6.4; RFC 8460 section 4.3.2 (names of failures).
 */

import { X509Certificate } from 'node:crypto';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { StsFailure, StsPolicy } from '../core/publishedFacts.ts';
import { codeOf } from '../files/systemError.ts';
import { POLICY_LIMIT_BYTES, parseStsPolicy } from './policyFile.ts';

export interface StsFailed {
  readonly kind: 'failed';
  readonly failure: StsFailure;
  /** In words, for people. */
  readonly why: string;
}

/** Not tried, or not completed, because others needed the place: nothing is known about the policy. */
export interface StsBusy {
  readonly kind: 'busy';
  readonly why: string;
}

export type StsFetched =
  | { readonly kind: 'policy'; readonly policy: StsPolicy; readonly text: string }
  | StsFailed
  | StsBusy;

interface PolicyRequest {
  /** The policy host: for SNI, the certificate and the Host field. */
  readonly host: string;
  readonly address: string;
  readonly port: number;
  /** How long connecting and the TLS handshake may take; null: until the signal aborts them. */
  readonly handshakeMs: number | null;
  /** PEM of the CAs to trust instead of Node's own list. */
  readonly ca: string | null;
  /** Ends the request; its reason is a StsFailed or StsBusy. */
  readonly signal: AbortSignal;
}

/** The result; `final` when the server itself has answered, so another address would give the same answer. */
export interface PolicyAnswer {
  readonly outcome: StsFetched;
  readonly final: boolean;
  /** It was ended before the handshake completed, after a time in which most handshakes complete. */
  readonly hung: boolean;
}

const LONG_HANDSHAKE_MS = 1000;
const PATH = '/.well-known/mta-sts.txt';

export const fetchError = (why: string): StsFailed => ({
  kind: 'failed',
  failure: 'sts-policy-fetch-error',
  why,
});

/** Never rejects; when it answers, its socket is destroyed. */
export function requestPolicy(asked: PolicyRequest): Promise<PolicyAnswer> {
  const { host, handshakeMs, signal } = asked;
  return new Promise((resolve) => {
    let sent: ClientRequest | null = null;
    let handshake: NodeJS.Timeout | undefined;
    let over = false;
    const end = (outcome: StsFetched, final: boolean, hung = false): void => {
      if (over) return;
      over = true;
      clearTimeout(handshake);
      signal.removeEventListener('abort', onAbort);
      sent?.destroy();
      resolve({ outcome, final, hung });
    };
    let secure = false;
    const began = performance.now();
    const onAbort = () => {
      const hung = sent !== null && !secure && performance.now() - began >= LONG_HANDSHAKE_MS;
      end(signal.reason as StsFailed | StsBusy, true, hung);
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort);
    sent = request({
      host: asked.address,
      port: asked.port,
      servername: host,
      path: PATH,
      method: 'GET',
      headers: { Host: host, Accept: 'text/plain', 'Accept-Encoding': 'identity', 'User-Agent': 'tlsward' },
      // a separate agent: no connection kept, no TLS session reused
      agent: false,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      insecureHTTPParser: false,
      maxHeaderSize: 16_384,
      checkServerIdentity,
      ...(asked.ca === null ? {} : { ca: asked.ca }),
    });
    let socket: TLSSocket | null = null;
    if (handshakeMs !== null) {
      handshake = setTimeout(
        () => end(fetchError(`${host} did not complete a TLS handshake in time`), false, true),
        handshakeMs,
      );
    }
    sent.on('socket', (opened) => {
      socket = opened as TLSSocket;
      socket.once('secureConnect', () => {
        secure = true;
        clearTimeout(handshake);
      });
    });
    // also after the end: destroying a request that waits may emit one more
    sent.on('error', (error) => end(connectionFailure(host, error, socket, secure), false));
    let answered = false;
    sent.on('response', (response) => {
      answered = true;
      receive(host, response, (outcome) => end(outcome, true));
    });
    // a body that ends with the connection is delivered after this event
    sent.on('close', () => {
      if (!answered) end(fetchError(`${host} closed the connection without an answer`), false);
    });
    sent.end();
  });
}

/** Checks the answer and collects its body; calls `end` once or more, the first call counts. */
function receive(host: string, response: IncomingMessage, end: (outcome: StsFetched) => void): void {
  response.on('error', () => end(fetchError(`${host} broke off its answer`)));
  const refusal = refusedHead(host, response);
  if (refusal !== null) {
    end(refusal);
    return;
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > POLICY_LIMIT_BYTES) end(tooLong(host));
    else chunks.push(chunk);
  });
  response.on('close', () => {
    if (!response.complete) return end(fetchError(`${host} broke off its answer`));
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
    } catch {
      return end({ kind: 'failed', failure: 'sts-policy-invalid', why: 'the policy is not UTF-8' });
    }
    const parsed = parseStsPolicy(text);
    if (parsed.kind === 'policy') end({ kind: 'policy', policy: parsed.policy, text });
    else end({ kind: 'failed', failure: 'sts-policy-invalid', why: `the policy is invalid: ${parsed.why}` });
  });
}

function refusedHead(host: string, response: IncomingMessage): StsFailed | null {
  const status = response.statusCode ?? 0;
  if (status >= 300 && status < 400) {
    return fetchError(`${host} answered ${status}: redirects are not followed`);
  }
  if (status !== 200) return fetchError(`${host} answered ${status} instead of 200`);
  const { headers } = response;
  const type = (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
  if (type !== 'text/plain') return fetchError(`${host} sent something that is not text/plain`);
  const encoding = (headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const transfer = (headers['transfer-encoding'] ?? 'chunked').trim().toLowerCase();
  if (encoding !== 'identity' || transfer !== 'chunked') return fetchError(`${host} sent an encoded body`);
  return Number(headers['content-length'] ?? 0) > POLICY_LIMIT_BYTES ? tooLong(host) : null;
}

const tooLong = (host: string): StsFailed => fetchError(`${host} sent more than ${POLICY_LIMIT_BYTES} bytes`);

/** Only DNS names of the subjectAltName count; `*` is a whole label. */
function checkServerIdentity(host: string, certificate: { readonly raw: Buffer }): Error | undefined {
  const matched = new X509Certificate(certificate.raw).checkHost(host, {
    subject: 'never',
    partialWildcards: false,
  });
  if (matched !== undefined) return undefined;
  return Object.assign(new Error('certificate for another name'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
}

const CERTIFICATE_WORDS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not yet valid',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is self-signed',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another name',
  SELF_SIGNED_CERT_IN_CHAIN: 'has an untrusted CA in its chain',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'does not lead to a trusted CA',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'does not lead to a trusted CA',
};

function connectionFailure(host: string, error: Error, socket: TLSSocket | null, secure: boolean): StsFailed {
  const code = codeOf(error);
  // set when the handshake completed and the certificate was then refused; `null` or empty otherwise
  if (socket?.authorizationError) {
    const words = CERTIFICATE_WORDS[code] ?? `is not valid (${code || 'unknown reason'})`;
    return { kind: 'failed', failure: 'sts-webpki-invalid', why: `the certificate of ${host} ${words}` };
  }
  if (secure) return fetchError(`${host} gave no readable answer${code === '' ? '' : ` (${code})`}`);
  return fetchError(`no TLS connection with ${host}${code === '' ? '' : ` (${code})`}`);
}
