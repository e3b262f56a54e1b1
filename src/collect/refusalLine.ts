/**
 * Lines in which Postfix says that it refused something a client sent:
 *
 *   NOQUEUE: reject: RCPT from HOST[ADDR]: 554 5.7.10 <u@a.example>: TEXT; from=<A> to=<B> proto=ESMTP helo=<NAME>
 *   ID: milter-reject: END-OF-MESSAGE from HOST[ADDR]: 4.7.1 TEXT; from=<A> to=<B> proto=ESMTP helo=<NAME>
 *
 * TEXT may come from a policy service or quote an address, the name in HELO is the client's: the fields at the end
 * are looked for behind a quoted address and in their order.
 */
import { endOfAddress } from './deliveryFields.ts';

export interface Refusal {
  readonly queueId: string | null;
  /** `RCPT`, `MAIL`, `END-OF-MESSAGE`. */
  readonly stage: string | null;
  /** `HOST[ADDRESS]` */
  readonly client: string | null;
  readonly dsn: string | null;
  /** Codes and text. */
  readonly reply: string;
  readonly sender: string | null;
  readonly recipient: string | null;
  readonly helo: string | null;
}

const KINDS = ['reject: ', 'milter-reject: '];
const DSN = /^(?:[45][0-9]{2} )?([45]\.[0-9]{1,3}\.[0-9]{1,3})(?: |$)/;
const STAGE = /^[A-Z-]{1,40}$/;

/** `at`: behind the queue id, or `NOQUEUE: `. null: not a refusal. */
export function parseRefusal(text: string, queueId: string | null, at: number): Refusal | null {
  const kind = KINDS.find((word) => text.startsWith(word, at));
  if (kind === undefined) return null;
  const from = at + kind.length;
  const stageEnd = text.indexOf(' from ', from);
  const stage = stageEnd < 0 ? '' : text.slice(from, stageEnd);
  // of header checks, `reject: header Subject: ...`: the client is named behind what the message says
  if (!STAGE.test(stage)) return { ...NOTHING, queueId, reply: text.slice(from) };
  const clientEnd = text.indexOf(': ', stageEnd);
  if (clientEnd < 0 || clientEnd - stageEnd > 600) return null;
  const client = text.slice(stageEnd + 6, clientEnd);
  const said = text.slice(clientEnd + 2);
  const dsn = DSN.exec(said.slice(0, 40));
  const begin = afterAddress(said, dsn === null ? 0 : dsn[0].length);
  const tail = said.indexOf('; from=<', begin);
  if (tail < 0) return { ...NOTHING, queueId, stage, client, dsn: dsn?.[1] ?? null, reply: said };
  const reply = said.slice(0, tail);
  return { queueId, stage, client, dsn: dsn?.[1] ?? null, reply, ...envelopeOf(said, tail + 8) };
}

const NOTHING = {
  stage: null,
  client: null,
  dsn: null,
  sender: null,
  recipient: null,
  helo: null,
} as const;

/** Behind an address in brackets, which may hold anything in quotes. */
function afterAddress(text: string, at: number): number {
  if (text[at] !== '<') return at;
  const end = endOfAddress(text, at + 1);
  return end < 0 ? at : end;
}

/** `A> to=<B> proto=P helo=<H>`; a part that is missing or cannot be read ends it. */
function envelopeOf(text: string, at: number): Pick<Refusal, 'sender' | 'recipient' | 'helo'> {
  const none = { sender: null, recipient: null, helo: null };
  const senderEnd = endOfAddress(text, at);
  if (senderEnd < 0) return none;
  const sender = text.slice(at, senderEnd);
  let rest = senderEnd + 1;
  let recipient: string | null = null;
  if (text.startsWith(' to=<', rest)) {
    const end = endOfAddress(text, rest + 5);
    if (end < 0) return { ...none, sender };
    recipient = text.slice(rest + 5, end);
    rest = end + 1;
  }
  const heloAt = text.startsWith(' proto=', rest) ? text.indexOf(' helo=<', rest) : -1;
  const helo = heloAt < 0 ? null : text.slice(heloAt + 7, text.endsWith('>') ? -1 : undefined);
  return { sender, recipient, helo };
}
