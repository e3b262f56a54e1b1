/**
 * Sends a report over HTTPS (RFC 8460 section 5.2). The owner of a domain chooses the host, so it is not trusted: only public
 * addresses are connected to, exactly those that were judged (src/sts/addressFilter.ts), on port 443; no redirect is
 * followed, the certificate must be that of the host, the answer is read to 16 KiB, and all of it has one deadline.
 */
import type { ClientRequest } from 'node:http';
import { request } from 'node:https';
import type { Resolver } from '../../../dns/resolver.ts';
import { codeOf } from '../../../files/systemError.ts';
import type { Handed } from '../../../mta/handOver.ts';
import { judgeAddress, type StsOpening } from '../../../sts/addressFilter.ts';

export interface PostOptions {
  readonly resolver: Pick<Resolver, 'addresses'>;
  /** For tests: see sts-test-opening. */
  readonly opening: StsOpening | null;
  /** PEM of the CAs to trust instead of Node's own list (which NODE_EXTRA_CA_CERTS adds to). */
  readonly ca?: string;
  /** For everything together. */
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 30_000;
const MAX_ANSWER = 16_384;
const MAX_ADDRESSES = 3;

/** Never rejects. */
export async function postReport(
  { host, path }: { readonly host: string; readonly path: string },
  gzip: Uint8Array,
  { resolver, opening, ca, deadlineMs = DEADLINE_MS }: PostOptions,
): Promise<Handed> {
  const signal = AbortSignal.timeout(deadlineMs);
  const found = await resolver.addresses(host);
  if (found.kind !== 'found')
    return refused(
      found.kind === 'absent' ? `${host} has no address` : `no answer for the address of ${host}`,
    );
  const judged = found.records.slice(0, 50).map((text) => judgeAddress(text, opening));
  const allowed = judged.flatMap((one) => (one.kind === 'allowed' ? [one] : []));
  if (allowed.length === 0) {
    const why = judged.flatMap((one) => (one.kind === 'refused' ? [one.why] : []));
    return refused(`${host} has no public address (${[...new Set(why)].join(', ')})`);
  }
  let last: Handed = refused(`${host} could not be asked`);
  for (const { address, port } of allowed.slice(0, MAX_ADDRESSES)) {
    const { handed, connected } = await post({ host, path, address, port, ca }, gzip, signal);
    if (connected || signal.aborted) return handed;
    last = handed;
  }
  return last;
}

interface Target {
  readonly host: string;
  readonly path: string;
  readonly address: string;
  readonly port: number;
  readonly ca: string | undefined;
}

function post(
  { host, path, address, port, ca }: Target,
  gzip: Uint8Array,
  signal: AbortSignal,
): Promise<{ readonly handed: Handed; readonly connected: boolean }> {
  return new Promise((resolve) => {
    let connected = false;
    let sent: ClientRequest | null = null;
    const end = (handed: Handed): void => {
      signal.removeEventListener('abort', late);
      resolve({ handed, connected });
      sent?.destroy();
    };
    const broke = (why: string): void =>
      end(
        connected
          ? { kind: 'unknown', why: `${host}: ${why}` }
          : refused(`no TLS connection with ${host} (${why})`),
      );
    const late = (): void => broke('no answer in time');
    signal.addEventListener('abort', late);
    if (signal.aborted) return late();
    sent = request({
      host: address,
      port,
      servername: host,
      path,
      method: 'POST',
      headers: {
        Host: host,
        'Content-Type': 'application/tlsrpt+gzip',
        'Content-Length': gzip.length,
        'User-Agent': 'tlsward',
      },
      agent: false,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      maxHeaderSize: MAX_ANSWER,
      ...(ca === undefined ? {} : { ca }),
    });
    sent.on('socket', (socket) => {
      // nothing of the request leaves before the certificate was checked
      socket.once('secureConnect', () => {
        connected = true;
      });
    });
    sent.on('error', (error) => {
      // a certificate that does not fit: the handshake was over, and nothing was sent
      if (/^(?:CERT_|DEPTH_|SELF_|UNABLE_|ERR_TLS_)/.test(codeOf(error))) connected = false;
      broke(codeOf(error) || 'no readable answer');
    });
    sent.on('response', (response) => {
      const status = response.statusCode ?? 0;
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_ANSWER) sent?.destroy();
      });
      response.on('error', () => {});
      if (status >= 200 && status < 300) end({ kind: 'taken', said: String(status) });
      else end(refused(`${host} answered ${status}`));
    });
    sent.end(gzip);
  });
}

function refused(why: string): Handed {
  return { kind: 'refused', why, message: false };
}
