/**
 * Plays a planned day: opens its sessions, a few at a time, and sends each message until every recipient is accepted or
 * refused for good, as an MTA does. What was said is kept try by try: the transcripts that records are compared with.
 */
import { pause } from '../deadline.ts';
import type { SmtpClient } from '../peers/smtp.ts';
import { openSession, type SessionOptions } from '../peers/smtp-session.ts';
import type { PlannedMessage, PlannedSession } from './plan.ts';

/** A reply and when it was read, milliseconds since the epoch. */
export interface Said {
  readonly code: number;
  readonly text: string;
  readonly at: number;
}

/** One try to hand a message over, as far as it came. */
export interface Try {
  readonly message: PlannedMessage;
  /** The same of all tries on one connection. */
  readonly session: object;
  /** As the client negotiated it; null: plaintext. */
  readonly protocol: string | null;
  readonly listener: PlannedSession['listener'];
  readonly began: number;
  ended: number;
  /** Each recipient that was named; null: the connection was lost before the reply. */
  readonly rcpt: { readonly recipient: string; said: Said | null }[];
  /** The message was sent. */
  sent: boolean;
  /** The reply to it. */
  end: Said | null;
  queueId: string | null;
}

/** Where clients connect from. */
export class Source {
  readonly #address: string;
  #port = 20_000;

  constructor(address: string) {
    this.#address = address;
  }

  next(): { readonly localAddress: string; readonly localPort: number } {
    return { localAddress: this.#address, localPort: this.#port++ };
  }
}

/** Postfix's words, and Sendmail's. */
const QUEUED = /(?:queued as |^)(\w{8,})(?:$| Message accepted)/;
const AGAIN_MS = 250;
const MOST_TRIES = 400;

/** A refusal that a row made: it stays one, whether it is 5xx or 4xx. */
export function byRow({ text }: Said): boolean {
  return text.includes('requires TLS');
}

/**
 * `pauseMs`: of each client, between two sessions; `from`: the address of all clients, each connection with a port of its
 * own, which the system would give again for another server.
 */
export async function play(
  sessions: readonly PlannedSession[],
  atOnce: number,
  port: (listener: PlannedSession['listener']) => number,
  pauseMs = 0,
  from: Source | null = null,
): Promise<Try[]> {
  const tries: Try[] = [];
  const waiting = [...sessions];
  const work = async (): Promise<void> => {
    for (let session = waiting.shift(); session !== undefined; session = waiting.shift()) {
      await playSession(session, () => port(session.listener), tries, from);
      if (pauseMs > 0) await pause(pauseMs);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return tries;
}

/** `port` may be another one after the MTA was started again. */
async function playSession(
  session: PlannedSession,
  port: () => number,
  tries: Try[],
  from: Source | null,
): Promise<void> {
  const { protocol, listener } = session;
  const tls = protocol === null ? {} : { tls: { minVersion: protocol, maxVersion: protocol } };
  const options: SessionOptions = { ...tls, helo: 'client.example' };
  let left: readonly PlannedMessage[] = session.messages;
  for (let count = 0; left.length > 0; count++) {
    if (count === MOST_TRIES) throw new Error(`${left[0]!.sender}: was never accepted`);
    if (count > 0) await pause(AGAIN_MS);
    let client: SmtpClient;
    try {
      client = await openSession(port(), from === null ? options : { ...options, ...from.next() });
    } catch {
      continue;
    }
    const again: PlannedMessage[] = [];
    for (const [i, message] of left.entries()) {
      const one: Try = {
        message,
        session: client,
        protocol: client.tls?.protocol ?? null,
        listener,
        began: Date.now(),
        ended: 0,
        rcpt: [],
        sent: false,
        end: null,
        queueId: null,
      };
      tries.push(one);
      const alive = await send(client, one).then(
        () => true,
        () => false,
      );
      one.ended = Date.now();
      const rest = unsettled(one);
      if (rest.length > 0) again.push({ ...message, recipients: rest });
      if (alive) continue;
      again.push(...left.slice(i + 1));
      break;
    }
    left = again;
    await client.quit().catch(() => {});
    client.destroy();
  }
}

async function send(client: SmtpClient, one: Try): Promise<void> {
  const { sender, recipients } = one.message;
  const mail = await client.mail(sender);
  if (mail.code !== 250) throw new Error('MAIL was refused');
  for (const recipient of recipients) {
    const named: Try['rcpt'][number] = { recipient, said: null };
    one.rcpt.push(named);
    const { code, text } = await client.rcpt(recipient);
    named.said = { code, text, at: Date.now() };
  }
  if (one.rcpt.some(({ said }) => said?.code === 250) && (await client.command('DATA')).code === 354) {
    one.sent = true;
    const { code, text } = await client.content(`From: <${sender}>\nSubject: ${sender}\n\ntext\n`);
    one.end = { code, text, at: Date.now() };
    one.queueId = QUEUED.exec(text)?.[1] ?? null;
  } else await client.command('RSET');
}

/** Recipients of which nothing final was said. */
function unsettled({ message, rcpt, end }: Try): string[] {
  return message.recipients.filter((recipient) => {
    const said = rcpt.find((one) => one.recipient === recipient)?.said ?? null;
    if (said === null) return true;
    if (said.code >= 500 || byRow(said)) return false;
    return said.code !== 250 || end === null || (end.code !== 250 && end.code < 500);
  });
}
