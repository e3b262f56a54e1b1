/**
 * The opening of an SMTP session in one call, for tests whose subject comes after it.
 */
import { type ConnectOptions, SmtpClient, type TlsOptions } from './smtp.ts';
import type { Reply } from './smtp-reply.ts';

/** Options of `openSession`: a connection, who says hello, whether and how TLS starts, who logs in. */
export interface SessionOptions extends ConnectOptions {
  readonly helo?: string;
  /** true: defaults of this Node. Absent: no STARTTLS. */
  readonly tls?: TlsOptions | true;
  readonly auth?: { readonly user: string; readonly password: string };
}

/** Connect, EHLO, and as asked STARTTLS + EHLO and AUTH. Throws when one of these steps is refused. */
export async function openSession(port: number, options: SessionOptions = {}): Promise<SmtpClient> {
  const client = await SmtpClient.connect(port, options);
  try {
    expect(client.greeting!, 220, 'greeting', client);
    expect(await client.ehlo(options.helo), 250, 'EHLO', client);
    if (options.tls !== undefined) {
      expect(await client.starttls(options.tls === true ? {} : options.tls), 220, 'STARTTLS', client);
      expect(await client.ehlo(options.helo), 250, 'EHLO after STARTTLS', client);
    }
    if (options.auth !== undefined) {
      expect(await client.authPlain(options.auth.user, options.auth.password), 235, 'AUTH', client);
    }
    return client;
  } catch (error) {
    client.destroy();
    throw error;
  }
}

function expect(reply: Reply, code: number, what: string, client: SmtpClient): void {
  if (reply.code === code) return;
  throw new Error(`${what} got ${reply.code} ${reply.text}\n${client.transcript.join('\n')}`);
}
