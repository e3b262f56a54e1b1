/**
 * The lines of Postfix's log that tell what became of a message: its Message-ID with the queue id (cleanup),
 * TLS connections (smtp, lmtp), deliveries (every delivery agent), and the end of the queue file (qmgr). Lines
 * are read from the left, in linear time, so that foreign text, which stands at their end, is never taken for
 * a field.
 */

interface LogHead {
  /** Name and process id of the writer: `postfix/smtp[4711]`. */
  readonly writer: string;
}

/** `relay`: `HOST[ADDRESS]:PORT`, `none`, or the name of a transport. */
export type LogEvent = LogHead &
  (
    | { readonly kind: 'messageId'; readonly queueId: string; readonly messageId: string }
    | { readonly kind: 'tls'; readonly relay: string; readonly text: string; readonly encrypted: boolean }
    | ({ readonly kind: 'delivery' } & LoggedDelivery)
    | { readonly kind: 'removed'; readonly queueId: string }
    /** Anything else that is logged about a queue file. */
    | { readonly kind: 'other'; readonly queueId: string }
  );

export interface LoggedDelivery {
  readonly queueId: string;
  readonly to: string;
  readonly relay: string;
  readonly dsn: string;
  /** `sent`, `deferred`, `bounced`, `expired`, `undeliverable`. */
  readonly status: string;
  /** What stands in parentheses at the end: the reply of the other server, or the reason. */
  readonly reply: string;
}

/** Not what every program may write in front of its own words. */
const QUEUE_ID = /^(?!warning$|error$|fatal$|panic$)[0-9A-Za-z]{5,40}$/;
const WRITER = /^[!-~]{1,100}\/[a-z-]{1,30}\[[0-9]{1,10}$/;
const TLS =
  /^(?:Verified|Trusted|Untrusted|Anonymous) TLS connection (?:established|reused) to (\S{1,400}): /;

/** What a line of a file, or of `journalctl --output short`, tells; null: nothing of this. */
export function parseLogLine(line: string): LogEvent | null {
  const end = line.indexOf(']: ');
  if (end < 0) return null;
  const writer = line.slice(line.lastIndexOf(' ', end) + 1, end);
  if (!WRITER.test(writer)) return null;
  const text = line.slice(end + 3);
  const program = writer.slice(writer.lastIndexOf('/') + 1, writer.indexOf('['));
  const tls = program === 'smtp' || program === 'lmtp' ? TLS.exec(text) : null;
  if (tls !== null) return { kind: 'tls', writer, relay: tls[1]!, text, encrypted: encrypts(text) };
  const colon = text.indexOf(': ');
  const queueId = text.slice(0, Math.max(colon, 0));
  if (!QUEUE_ID.test(queueId)) return null;
  const rest = text.slice(colon + 2);
  if (program === 'cleanup' && rest.startsWith('message-id='))
    return { kind: 'messageId', writer, queueId, messageId: rest.slice('message-id='.length) };
  if (program === 'qmgr' && rest === 'removed') return { kind: 'removed', writer, queueId };
  const delivery = rest.startsWith('to=<') ? deliveryOf(rest) : null;
  return delivery === null
    ? { kind: 'other', writer, queueId }
    : { kind: 'delivery', writer, queueId, ...delivery };
}

/** A cipher that encrypts nothing has no bits. */
function encrypts(text: string): boolean {
  return / with cipher \S{1,100} \([1-9][0-9]{0,5}\//.test(text) && !/ with cipher \S{0,100}NULL/.test(text);
}

/** `to=<ADDRESS>, orig_to=<ADDRESS>, relay=R, delay=…, …, dsn=D, status=S (TEXT)` */
function deliveryOf(text: string): Omit<LoggedDelivery, 'queueId'> | null {
  const relayAt = text.indexOf('>, relay=');
  const statusAt = text.indexOf(', status=', relayAt);
  if (relayAt < 0 || statusAt < 0) return null;
  const to = text.slice('to=<'.length, Math.min(relayAt, before(text, '>, orig_to=<')));
  const fields = new Map(
    text
      .slice(relayAt + '>, '.length, statusAt)
      .split(', ')
      .map((field): [string, string] => {
        const equals = field.indexOf('=');
        return [field.slice(0, Math.max(equals, 0)), field.slice(equals + 1)];
      }),
  );
  const said = text.slice(statusAt + ', status='.length);
  const space = before(said, ' ');
  const reply = said
    .slice(space + 1)
    .replace(/^\(/, '')
    .replace(/\)$/, '');
  return {
    to,
    relay: fields.get('relay') ?? '',
    dsn: fields.get('dsn') ?? '',
    status: said.slice(0, space),
    reply,
  };
}

function before(text: string, mark: string): number {
  const at = text.indexOf(mark);
  return at < 0 ? text.length : at;
}
