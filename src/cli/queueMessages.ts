/**
 * The queue as messages: what `postqueue -j` prints, else `mailq -v` of Sendmail, or what one of them printed before.
 */
import { escapeText } from '../core/escape.ts';
import { isMailqHeading, MailqReader } from '../queue/mailqText.ts';
import { parsePostqueueLine } from '../queue/postqueueLine.ts';
import type { QueuedMessage } from '../queue/queued.ts';
import { programLines, QueueError } from './queueSource.ts';

export interface QueuePrograms {
  readonly postqueue: string;
  readonly mailq: string;
  /** Of main.cf; undefined: the one that postqueue knows. */
  readonly folder: string | undefined;
}

/** `message`: null for a line that is none. `sendmail`: it is Sendmail's queue. */
type Take = (message: QueuedMessage | null, sendmail: boolean) => void;

/** What Sendmail says, with status 0, to whom PrivacyOptions=restrictmailq shuts out. */
const SHUT_OUT = 'You are not permitted to see the queue';
/** How often what cannot be read is said to be so. */
const MAX_UNREAD = 100_000;

/** Asks the MTA of this host. Resolves to whether it is Sendmail; rejects with QueueError. */
export async function askQueue(programs: QueuePrograms, now: number, take: Take): Promise<boolean> {
  const { postqueue, mailq, folder } = programs;
  const base = folder === undefined ? [] : ['-c', folder];
  try {
    return await readMessages(programLines(postqueue, [...base, '-j']), now, take);
  } catch (error) {
    if (!(error instanceof QueueError && error.absent)) throw error;
    try {
      if (await readMessages(programLines(mailq, ['-v']), now, take)) return true;
      throw new QueueError(`${escapeText(mailq)} -v: does not print what mailq of Sendmail prints`);
    } catch (second) {
      if (!(second instanceof QueueError && second.absent)) throw second;
      throw new QueueError(`${error.message}; ${second.message}: there is no MTA here whose queue is known`);
    }
  }
}

/**
 * Resolves to whether it is Sendmail's queue; rejects with QueueError for the text of another program, and for Sendmail's
 * that nothing may be read. Parts of it that could not be are `null`.
 */
export async function readMessages(
  lines: AsyncIterable<string | null>,
  now: number,
  take: Take,
): Promise<boolean> {
  let mailq: MailqReader | null = null;
  let first = true;
  for await (const line of lines) {
    if (line === null) take(null, mailq !== null);
    else if (mailq !== null) {
      const message = mailq.push(line);
      if (message !== null) take(message, true);
    } else if (line.trim() !== '') {
      if (first && isMailqHeading(line)) {
        mailq = new MailqReader(now);
        mailq.push(line);
      } else {
        if (first && line.startsWith('-Queue ID-'))
          throw new QueueError('this is the text of mailq of Postfix: give what postqueue -j prints');
        if (first && line === SHUT_OUT) throw new QueueError(`mailq of Sendmail: ${line}`);
        take(parsePostqueueLine(line), false);
      }
      first = false;
    }
  }
  const last = mailq?.end() ?? null;
  if (last !== null) take(last, true);
  for (let i = Math.min(mailq?.unread ?? 0, MAX_UNREAD); i > 0; i--) take(null, true);
  return mailq !== null;
}
