/**
 * Plays the random cases of the differential test against a real MTA and asks `explain --json` the same.
 *
 * What a client heard is compared word by word (but for the code that each reply has), and what was delivered or is held
 * by the mark on it, whose host, id, time and code are left aside.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Io } from '../../../../src/cli/command.ts';
import { run as explain } from '../../../../src/cli/explain.ts';
import type { ExplainedInterface, ExplainedInterfaces } from '../../../../src/cli/explainInterfaces.ts';
import type { Interface } from '../../../../src/receive/interfaces.ts';
import type { Daemon } from '../daemon.ts';
import { until } from '../deadline.ts';
import { type MailMessage, parseMessage } from '../message.ts';
import type { Postfix } from '../mta/postfix.ts';
import type { Sendmail } from '../mta/sendmail.ts';
import { CA_NAME, type Certificate, type CertificateAuthority } from '../peers/ca.ts';
import type { SmtpClient } from '../peers/smtp.ts';
import type { Reply } from '../peers/smtp-reply.ts';
import { openSession } from '../peers/smtp-session.ts';
import { bitsOf, type ClientName, type Envelope, type SessionCase } from './differential-cases.ts';
import { markFields } from './matrix.ts';

/** What a client heard, and what came of the message; the same for the live MTA and for `explain`. */
export interface Outcome {
  /** `250`, or the reply, per recipient. */
  readonly recipients: readonly string[];
  /** `none` when no recipient passed, `accept`, `hold`, or the reply. */
  readonly message: string;
  /** Of the mark; null: there is none. */
  readonly mark: Readonly<Record<string, string>> | null;
}

/** One message that was played. */
export interface PlayedCase {
  readonly where: Interface;
  readonly session: SessionCase;
  readonly envelope: Envelope;
  /** Arguments of `explain` for it. */
  readonly argv: readonly string[];
  readonly subject: string;
  readonly transcript: readonly string[];
  /** All but the mark, which is known when mail has settled. */
  readonly live: Omit<Outcome, 'mark'>;
}

/** What the test needs of an MTA. */
export interface DifferentialMta {
  port(where: Interface): number;
  /** Messages that are delivered and those that are held, by subject, once nothing is on its way. */
  settled(): Promise<ReadonlyMap<string, { readonly message: MailMessage; readonly held: boolean }>>;
  clear(): Promise<void>;
}

function certificateOf(ca: CertificateAuthority, name: ClientName): Certificate | null {
  return name === 'none' ? null : ca.clients[name];
}

/** Arguments that tell `explain` of the session as the client knows it. */
function argvOf(
  ca: CertificateAuthority,
  session: SessionCase,
  { from, to }: Envelope,
  client: SmtpClient,
  table: string,
): string[] {
  // in brackets: as a client says it, also where explain would take it for a mistake
  const argv = ['--json', '--from', `<${from}>`, ...to.flatMap((one) => ['--to', `<${one}>`])];
  argv.push('--client', session.clientAddress);
  if (session.login) argv.push('--auth', 'alice');
  if (client.tls === null) return argv;
  const { protocol, cipher } = client.tls;
  argv.push('--tls', `${protocol} ${cipher} ${bitsOf(cipher)}`);
  const certificate = certificateOf(ca, session.client);
  if (certificate === null) return argv;
  const names = { right: 'mx1.gov.example', wrong: 'mx1.other.example', sanOnly: '' } as const;
  const { client: name } = session;
  if (name === 'right' || name === 'wrong' || name === 'sanOnly')
    argv.push('--cert', names[name], '--issuer', CA_NAME);
  else argv.push('--cert', 'untrusted');
  const digests = [certificate.fingerprint, certificate.pubkeyFingerprint];
  if (!session.digestsLeftOut || digests.some((digest) => table.includes(digest)))
    for (const digest of digests) argv.push('--fingerprint', digest);
  return argv;
}

/** A reply as `explain` words it. */
function heard({ code, enhanced, text }: Reply): string {
  if (code === 250) return '250';
  const words = Buffer.from(text, 'latin1').toString('utf8');
  return `${code} ${enhanced} ${words.replace(/\b[0-9A-HJKMNP-TV-Z]{8}(?=\]?$)/, 'XXXXXXXX')}`;
}

/** Plays a session; `number` gives each message a subject of its own. */
export async function playSession(
  mta: DifferentialMta,
  where: Interface,
  ca: CertificateAuthority,
  session: SessionCase,
  table: string,
  number: () => number,
): Promise<PlayedCase[]> {
  const certificate = certificateOf(ca, session.client);
  const { suite } = session;
  const tls = suite && {
    minVersion: suite.protocol,
    maxVersion: suite.protocol,
    ciphers: suite.ciphers,
    ...(certificate === null ? {} : { cert: certificate.cert, key: certificate.key }),
  };
  const client = await openSession(mta.port(where), {
    localAddress: session.clientAddress,
    helo: session.helo,
    timeoutMs: 30_000,
    ...(tls === null ? {} : { tls }),
    ...(session.login ? { auth: { user: 'alice', password: 'secret' } } : {}),
  });
  const played: PlayedCase[] = [];
  for (const envelope of session.messages) {
    const subject = `case ${number()}`;
    const text = `From: <a@b.example>\nSubject: ${subject}\n\nHello.\n`;
    const { mail, rcpt, data, end } = await client.send({
      ...envelope,
      text,
      mailParameters: smtputf8(envelope),
    });
    const last = end ?? data;
    played.push({
      where,
      session,
      envelope,
      argv: argvOf(ca, session, envelope, client, table),
      subject,
      transcript: [...client.transcript],
      live: {
        recipients: mail.code === 250 ? rcpt.map(heard) : [`MAIL ${heard(mail)}`],
        message: last === null ? 'none' : heard(last),
      },
    });
  }
  await client.quit();
  return played;
}

/** A name beyond ASCII needs the extension. */
function smtputf8({ from, to }: Envelope): string {
  return /[^\0-\x7f]/.test(from + to.join('')) ? 'SMTPUTF8' : '';
}

/** What `explain` says of a case. */
export async function predicted(daemon: Daemon, { argv, where }: PlayedCase): Promise<Outcome> {
  let out = '';
  let err = '';
  const io: Io = { out: (text) => (out += text), err: (text) => (err += text), env: {}, colour: false };
  await explain(['--config', daemon.configFile, ...argv], io);
  if (err !== '') throw new Error(`explain ${argv.join(' ')}: ${err}`);
  const { interfaces } = JSON.parse(out) as { interfaces: ExplainedInterfaces };
  return outcomeOf(interfaces[where]);
}

function outcomeOf({ recipients, message }: ExplainedInterface): Outcome {
  return {
    recipients: recipients.map(({ verdict, reply }) =>
      verdict === 'accept' || verdict === 'hold' || reply === null
        ? '250'
        : `${reply.code} ${reply.dsn} ${reply.text}`,
    ),
    message: message?.verdict ?? 'none',
    mark: message?.header == null ? null : told(message.header.replace(/^X-TLS-Ward: /, '')),
  };
}

/** The fields of a mark that can be compared. */
function told(value: string): Record<string, string> {
  const { host: _host, id: _id, time: _time, code: _code, ...rest } = markFields(value);
  return rest;
}

/** The whole outcome of a played case, once mail has settled. */
export function outcomeWith(
  played: PlayedCase,
  mail: ReadonlyMap<string, { readonly message: MailMessage; readonly held: boolean }>,
): Outcome {
  const { recipients, message } = played.live;
  if (message !== '250') return { recipients, message, mark: null };
  const found = mail.get(played.subject);
  if (found === undefined) return { recipients, message: 'lost', mark: null };
  const [mark, ...more] = found.message.all('X-TLS-Ward');
  if (more.length > 0) return { recipients, message: 'two marks', mark: null };
  return {
    recipients,
    message: found.held ? 'hold' : 'accept',
    mark: mark === undefined ? null : told(mark),
  };
}

export function postfixDifferential(postfix: Postfix): DifferentialMta {
  return {
    port: (where) => postfix.port(where),
    settled: async () => {
      let entries = await postfix.queue();
      await until(
        60_000,
        'empty queue',
        async () => {
          entries = await postfix.queue();
          return entries.every(({ queue_name }) => queue_name === 'hold' || queue_name === 'deferred');
        },
        () => JSON.stringify(entries),
      );
      const found = new Map<string, { message: MailMessage; held: boolean }>();
      for (const message of postfix.delivered())
        found.set(message.first('Subject') ?? '', { message, held: false });
      // what cannot be delivered (a name that this host has in another spelling) was accepted all the same
      for (const { queue_id, queue_name } of entries) {
        const message = await postfix.queued(queue_id);
        const held = queue_name === 'hold';
        found.set(message.first('Subject') ?? '', { message, held });
      }
      return found;
    },
    clear: () => postfix.clear(),
  };
}

export function sendmailDifferential(sendmail: Sendmail): DifferentialMta {
  return {
    port: () => sendmail.port('smtp'),
    settled: async () => {
      await until(60_000, 'empty queue', () => sendmail.queue().every((entry) => entry.quarantine !== null));
      const found = new Map<string, { message: MailMessage; held: boolean }>();
      for (const message of sendmail.delivered())
        found.set(message.first('Subject') ?? '', { message, held: false });
      const folder = join(sendmail.dir, 'queue');
      for (const name of readdirSync(folder).filter((one) => one.startsWith('hf'))) {
        // lines of the header begin with H and flags between question marks (doc/op, appendix B)
        const header = [
          ...readFileSync(join(folder, name), 'latin1').matchAll(/^H\?[^?\n]*\?(.*(?:\n[ \t].*)*)/gm),
        ];
        const message = parseMessage(
          Buffer.from(`${header.map((match) => match[1]!).join('\n')}\n\n`, 'latin1'),
        );
        found.set(message.first('Subject') ?? '', { message, held: true });
      }
      return found;
    },
    clear: async () => sendmail.clear(),
  };
}
