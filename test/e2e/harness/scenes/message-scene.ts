/**
 * What the tests of rules share: a Postfix with the fragments of contrib/postfix as they are shipped (deliver, milter and one
 * of the two message ways), tlsward on the sockets that they name, a DNS and the mail servers of other domains.
 *
 *   good.example   TLS, a certificate with its name        plain.example   no STARTTLS
 *   self.example   TLS, self-signed                        gateway, relay  TLS, a certificate with their name
 *
 * Nothing in a fragment is rewritten but the CA file, the port of the second look and, for the header way, the gateway and the
 * listeners' cleanup, which an administrator has to write too. Rules see every listener of the harness; mail for local.example is delivered here.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { root } from '../../../root.ts';
import { Daemon, type ProtocolName } from '../daemon.ts';
import { type Dns, startDns } from '../dns/dns.ts';
import type { MailMessage } from '../message.ts';
import { Postfix } from '../mta/postfix.ts';
import { LISTENERS, type Parameters, parseMain } from '../mta/postfix-config.ts';
import type { Release } from '../mta/postfix-releases.ts';
import { type CertificateAuthority, createCa } from '../peers/ca.ts';
import { Receivers } from '../peers/receivers.ts';
import type { Transaction } from '../peers/smtp.ts';
import { openSession, type SessionOptions } from '../peers/smtp-session.ts';
import type { Received, TlsSink } from '../peers/tls-sink.ts';
import { freePorts } from '../processes.ts';

export const AUTHOR = 'alice@local.example';
export const NEIGHBOUR = 'bob@local.example';
/** A line that must never be seen in plain text. */
export const SECRET = 'The password is 4711.';

export type Place = 'good' | 'plain' | 'self' | 'gateway' | 'relay';
const CERTIFICATES = { good: 'right', plain: null, self: 'self', gateway: 'right', relay: 'right' } as const;

export interface MessageOptions {
  readonly way?: 'recipient' | 'header';
  /** Whose Postfix; default as everywhere. */
  readonly release?: Release;
  /** The fragment with the policy service, too. */
  readonly policy?: true;
  /** Servers that offer REQUIRETLS. */
  readonly requireTls?: readonly Place[];
  /** Over what the fragments say. */
  readonly main?: Parameters;
  /** More lines of master.cf. */
  readonly services?: readonly string[];
  /** Keys of tlsward's `[service]`, which may need the next hops of `receivers`. */
  readonly service?: (hop: (place: Place) => string) => Readonly<Record<string, string>>;
  /** tlsward asks the scene's DNS, too, and believes it. */
  readonly trusted?: boolean;
  /** Rules and rows. */
  readonly tables: string | ((hop: (place: Place) => string, at: (place: Place) => string) => string);
}

export interface Post {
  readonly to: string | readonly string[];
  readonly from?: string;
  readonly subject?: string;
  /** More header lines. */
  readonly headers?: readonly string[];
  /** Listener; default `plain`. */
  readonly listener?: string;
  readonly session?: SessionOptions;
  readonly mailParameters?: string;
}

export class MessageScene {
  readonly ca: CertificateAuthority;
  readonly postfix: Postfix;
  readonly daemon: Daemon;
  readonly dns: Dns;
  /** `[mx.PLACE.example]:PORT`. */
  readonly hop: (place: Place) => string;
  /** The port of every server. */
  readonly port: number;
  readonly #sinks: ReadonlyMap<Place, TlsSink>;

  constructor(
    ca: CertificateAuthority,
    postfix: Postfix,
    daemon: Daemon,
    dns: Dns,
    sinks: ReadonlyMap<Place, TlsSink>,
    hop: (place: Place) => string,
    port: number,
  ) {
    this.hop = hop;
    this.port = port;
    this.ca = ca;
    this.postfix = postfix;
    this.daemon = daemon;
    this.dns = dns;
    this.#sinks = sinks;
  }

  /** Its address. */
  at(place: Place): string {
    return this.sink(place).host;
  }

  sink(place: Place): TlsSink {
    return this.#sinks.get(place)!;
  }

  /** Whole messages that a server has, as `recipients under protocol`. */
  got(place: Place): string[] {
    return this.sink(place).messages.map(
      ({ recipients, protocol }) => `${[...recipients].sort().join(' ')} ${protocol}`,
    );
  }

  /** Every server but those that are named has seen nothing but greetings in plain text: no address, no content. */
  sealed(t: Test, ...except: readonly Place[]): void {
    for (const [place, sink] of this.#sinks) {
      if (except.includes(place)) continue;
      const said = sink.clear.replace(/^(?:EHLO [\w.-]+|STARTTLS|QUIT)\r\n/gm, '');
      t.equal(said, '', `nothing was said to ${place} in plain text`);
      t.strictSame(sink.plain, []);
    }
  }

  /** The text of a message; the same for each way in. */
  text({ to, from = AUTHOR, subject = 'hello', headers = [] }: Post): string {
    const shown = typeof to === 'string' ? to : to.join(', ');
    return [`From: <${from}>`, `To: ${shown}`, `Subject: ${subject}`, ...headers, '', SECRET, ''].join('\n');
  }

  /** Hands in one message over SMTP. */
  async post(post: Post): Promise<Transaction> {
    const client = await openSession(this.postfix.port(post.listener ?? 'plain'), post.session);
    const { mailParameters } = post;
    try {
      return await client.send({
        from: post.from ?? AUTHOR,
        to: post.to,
        text: this.text(post),
        ...(mailParameters === undefined ? {} : { mailParameters }),
      });
    } finally {
      await client.quit();
    }
  }

  /** The same, accepted; resolves to the queue id. */
  async accepted(t: Test, post: Post): Promise<string> {
    const { last, queueId } = await this.post(post);
    t.match(last, { code: 250, enhanced: '2.0.0' }, `accepted: ${post.subject}`);
    return queueId!;
  }

  /**
   * How the delivery to one recipient ended: `sent`, `bounced`, `deferred`, with the transport and the code. A message that
   * went through the second look has another queue id from then on, and is followed.
   */
  async outcome(id: string, recipient: string, from = 0): Promise<string> {
    const address = recipient.replace(/[.+[\]]/g, '\\$&');
    const to = `${id}: to=<${address}(?:\\.[a-z0-9.-]*tlsward-\\w+)?>,`;
    const again = new RegExp(`tlsward-again/smtp\\[\\d+\\]: ${to}.* queued as (\\w+)\\)`);
    const gone = again.exec(this.postfix.log().slice(0, from))?.[1];
    if (gone !== undefined) return this.outcome(gone, recipient, from);
    const line = new RegExp(
      `postfix(?:/([a-z-]+))?/(\\w+)\\[\\d+\\]: ${to}.* dsn=([0-9.]+), status=(\\w+)(?: \\(250 2\\.0\\.0 Ok: queued as (\\w+)\\))?`,
    );
    const [, name, program, dsn, status, next] = await this.postfix.waitForLog(line, { from });
    if (name === 'tlsward-again' && next !== undefined) return this.outcome(next, recipient, from);
    return `${name ?? program} ${dsn} ${status}`;
  }

  /** The `count`th notice of non-delivery that the author has. */
  async notice(count = 1, author = AUTHOR): Promise<MailMessage> {
    const isNotice = (mail: MailMessage) => mail.first('Return-Path') === '<>';
    for (let wanted = count; ; wanted++) {
      const mails = await this.postfix.waitForDelivered(author, { count: wanted });
      const notices = mails.filter(isNotice);
      if (notices.length >= count) return notices[count - 1]!;
    }
  }
}

/** A message as a server got it: the header field, folds removed; null when it has none. */
export function fieldOf(received: Received | undefined, name: string): string | null {
  const head = (received?.content ?? '').split('\n\n')[0]!.replace(/\n(?=[ \t])/g, '');
  return new RegExp(`^${name}: ?(.*)$`, 'im').exec(head)?.[1] ?? null;
}

function fragment(name: string): string {
  return readFileSync(new URL(`contrib/postfix/${name}`, root), 'utf8');
}

export async function messageScene(t: Test, options: MessageOptions): Promise<MessageScene> {
  const { way = 'recipient' } = options;
  const ca = createCa();
  t.teardown(() => ca.remove());
  const receivers = await Receivers.start(t, ca);
  const sinks = new Map<Place, TlsSink>();
  const mx: string[] = [];
  for (const [name, certificate] of Object.entries(CERTIFICATES)) {
    const { sink } = await receivers.add([`mx.${name}.example`], {
      certificate,
      requireTls: options.requireTls?.includes(name as Place) ?? false,
    });
    sinks.set(name as Place, sink);
    mx.push(`${name}.example. MX 10 mx.${name}.example.`);
  }
  const dns = await startDns(t, { records: [...mx, ...receivers.records] });
  const hop = (place: Place) => `[mx.${place}.example]:${receivers.port}`;

  const parts = [`message-${way}`, ...(way === 'header' ? [] : ['message-again'])];
  const main = ['deliver', options.policy ? 'both' : 'milter', 'message-fence', ...parts]
    .map((name) => fragment(`${name}.main.cf`))
    .join('\n');
  const header = way === 'header';
  const [again = 0] = await freePorts(1);
  const own = (text: string): string => text.replaceAll('127.0.0.1:10027', `127.0.0.1:${again}`);
  const listeners: Record<string, Parameters> = {};
  if (header)
    for (const name of Object.keys(LISTENERS)) listeners[name] = { cleanup_service_name: 'tlsward-in' };
  const postfix = new Postfix({
    ca,
    ...(options.release === undefined ? {} : { release: options.release }),
    resolver: dns.address,
    listeners,
    services: [...parts.map((name) => own(fragment(`${name}.master.cf`))), ...(options.services ?? [])],
    main: {
      default_transport: 'smtp',
      ...parseMain(
        main
          .replaceAll('[gateway.example]', hop('gateway'))
          .replaceAll('[127.0.0.1]:10027', `[127.0.0.1]:${again}`),
      ),
      smtp_tls_CAfile: ca.caFile,
      smtp_tcp_port: String(receivers.port),
      minimal_backoff_time: '300s',
      ...options.main,
    },
  });
  t.teardown(() => postfix.close());
  if (postfix.since(3, 10)) await postfix.setMain(parseMain(fragment('deliver-3.10.main.cf')));
  const socketDir = join(postfix.queueDirectory, 'tlsward');
  mkdirSync(socketDir, { mode: 0o755 });
  const tables =
    typeof options.tables === 'string'
      ? options.tables
      : options.tables(hop, (place) => sinks.get(place)!.host);
  const service = {
    ...(header ? { 'message-route': 'header' } : {}),
    ...(options.trusted ? { resolver: dns.address } : {}),
    ...options.service?.(hop),
  };
  const protocols: ProtocolName[] = [
    'milter',
    'socketmap',
    'control',
    ...(options.policy ? ['policy' as const] : []),
  ];
  const daemon = await Daemon.create({ protocols, socketDir, tables, service });
  t.teardown(() => daemon.close());
  await daemon.start();
  await postfix.start();
  return new MessageScene(ca, postfix, daemon, dns, sinks, hop, receivers.port);
}
