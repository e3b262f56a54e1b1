/**
 * What the log tells of the way in, as records: who a message came from, and what was refused.
 */
import { escapeText } from '../core/escape.ts';
import { Mailbox } from '../evidence/lineText.ts';
import type { LogLine } from './logLine.ts';
import { domainOfAddress, shown } from './outbound.ts';
import type { Produced } from './produced.ts';
import type { Queued } from './queues.ts';
import type { Refusal } from './refusalLine.ts';

type Seen = Pick<LogLine, 'time' | 'host'>;

const escaped = (text: string | null) => (text === null ? undefined : escapeText(text));
const mailbox = (text: string | null) => (text === null ? undefined : new Mailbox(text));

/** What joins the passages of a message. */
export function message({ time, host }: Seen, queueId: string, queued: Queued): Produced {
  const { messageId, origQueueId, client, sender } = queued;
  const fields = {
    queueId,
    messageId: mailbox(messageId),
    origQueueId: origQueueId ?? undefined,
    client: escaped(client),
    sender: mailbox(sender),
  };
  return { time, type: 'message', host, fields };
}

export function refusal({ time, host }: Seen, refused: Refusal): Produced {
  const { queueId, stage, client, helo, sender, recipient, dsn, reply } = refused;
  const fields = {
    leg: 'inbound',
    queueId: queueId ?? undefined,
    stage: escaped(stage),
    client: escaped(client),
    helo: helo === null ? undefined : shown(helo),
    sender: mailbox(sender),
    recipient: mailbox(recipient),
    recipientDomain: recipient === null ? undefined : domainOfAddress(recipient),
    dsn: dsn ?? undefined,
    reply: shown(reply, [sender, recipient]),
  };
  return { time, type: 'refusal', host, fields };
}
