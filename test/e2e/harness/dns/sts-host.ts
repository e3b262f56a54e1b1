/**
 * The HTTPS hosts of MTA-STS policies: one server on loopback for all of them, which chooses its certificate by SNI and its
 * answer by `Host`.
 *
 *   const hosts = await StsHost.start(ca);                      // daemon: sts-test-opening = 127.0.0.0/8 <hosts.port>
 *   hosts.serve('good.example', { body: stsPolicy({ mode: 'enforce', mx: ['mx.good.example'] }) });
 *   hosts.serve('late.example', { body: ..., delayMs: 500 });   // and `mta-sts.late.example. A <hosts.address>` in the DNS
 *
 * A domain that is not served has no certificate: the handshake fails. Every request is kept, whatever its answer.
 * Source: RFC 8461 sections 3.2 and 3.3.
 */
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Certificate, CertificateAuthority } from '../peers/ca.ts';

export interface StsAnswer {
  readonly body?: string | Buffer;
  /** Default 200. */
  readonly status?: number;
  /** Default `content-type: text/plain`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly delayMs?: number;
  /** `hang`: the request is never answered. `reset`: the connection is cut in the middle of the body. */
  readonly trouble?: 'hang' | 'reset';
  /** Default `right`: from the CA, for `mta-sts.DOMAIN`. */
  readonly certificate?: 'right' | 'wrong' | 'self' | 'expired' | Certificate;
}

export interface StsRequest {
  readonly host: string;
  readonly path: string;
  /** performance.now() */
  readonly at: number;
}

/** The text of a policy; `maxAge` in seconds, default a week. */
export function stsPolicy(policy: {
  readonly mode: string;
  readonly mx?: readonly string[];
  readonly maxAge?: number;
}): string {
  const mx = (policy.mx ?? []).map((name) => `mx: ${name}`);
  const lines = ['version: STSv1', `mode: ${policy.mode}`, ...mx, `max_age: ${policy.maxAge ?? 604_800}`];
  return `${lines.join('\r\n')}\r\n`;
}

export class StsHost {
  readonly address = '127.0.0.1';
  readonly requests: StsRequest[] = [];
  readonly #ca: CertificateAuthority;
  readonly #answers = new Map<string, StsAnswer>();
  readonly #contexts = new Map<string, SecureContext>();
  readonly #open = new Set<Socket>();
  #server: Server | null = null;
  #port = 0;
  #issued = 0;

  private constructor(ca: CertificateAuthority) {
    this.#ca = ca;
  }

  static async start(ca: CertificateAuthority): Promise<StsHost> {
    const hosts = new StsHost(ca);
    await hosts.listen();
    return hosts;
  }

  get port(): number {
    return this.#port;
  }

  /** Listen, or listen again after `stop` on the same port. */
  async listen(): Promise<void> {
    const server = createServer(
      {
        SNICallback: (name, done) => {
          const context = this.#contexts.get(name.toLowerCase());
          if (context === undefined) done(new Error(`no policy host ${name}`));
          else done(null, context);
        },
      },
      (request, response) => {
        const host = (request.headers.host ?? '').toLowerCase().replace(/:\d+$/, '');
        this.requests.push({ host, path: request.url ?? '', at: performance.now() });
        const answer = this.#answers.get(host);
        if (answer === undefined || request.url !== '/.well-known/mta-sts.txt') {
          response.writeHead(404).end('no policy here\n');
          return;
        }
        if (answer.trouble === 'hang') return;
        const { status = 200, headers = { 'content-type': 'text/plain' }, body = '', delayMs = 0 } = answer;
        setTimeout(() => {
          if (response.destroyed) return;
          if (answer.trouble === 'reset') {
            response.writeHead(status, { ...headers, 'content-length': String(body.length + 1000) });
            response.write(body, () => response.destroy());
          } else response.writeHead(status, headers).end(body);
        }, delayMs);
      },
    );
    server.on('tlsClientError', () => {}); // a client that refused the certificate, perhaps as wanted
    server.on('clientError', (_, socket) => socket.destroy());
    server.on('connection', (socket: Socket) => {
      this.#open.add(socket);
      socket.on('close', () => this.#open.delete(socket));
      socket.on('error', () => {}); // the client has gone
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, this.address, resolve);
    });
    this.#server = server;
    this.#port = (server.address() as { port: number }).port;
  }

  /** What `https://mta-sts.DOMAIN/.well-known/mta-sts.txt` answers from now on. */
  serve(domain: string, answer: StsAnswer): void {
    const host = `mta-sts.${domain}`;
    this.#answers.set(host, answer);
    const { cert, key } = this.#certificate(host, answer.certificate ?? 'right');
    this.#contexts.set(host, createSecureContext({ cert, key }));
  }

  /** How many requests there were for the policy of a domain. */
  count(domain: string): number {
    return this.requests.filter(({ host }) => host === `mta-sts.${domain}`).length;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    for (const socket of this.#open) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  #certificate(host: string, wanted: NonNullable<StsAnswer['certificate']>): Certificate {
    if (typeof wanted === 'object') return wanted;
    const name = wanted === 'wrong' ? 'www.other.example' : host;
    this.#issued++;
    return this.#ca.issue(`sts-${this.#issued}`, {
      subject: `/CN=${name}`,
      san: [name],
      issuer: wanted === 'self' ? 'self' : 'ca',
      expired: wanted === 'expired',
    });
  }
}
