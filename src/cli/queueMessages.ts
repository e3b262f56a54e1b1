/**
 * The queue as messages: what `postqueue -j` prints, else `mailq -v` of Sendmail, or what one of them printed before.
 */
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

/** Asks the MTA of this host. Resolves to whether it is Sendmail; rejects with QueueError. */
export async function askQueue(programs: QueuePrograms, now: number, take: Take): Promise<boolean> {
  const { postqueue, mailq, folder } = programs;
  const base = folder === undefined ? [] : ['-c', folder];
  try {
    return await readMessages(programLines(postqueue, [...base, '-j']), now, take);
  } catch (error) {
    if (!(error instanceof QueueError && error.absent)) throw error;
    try {
      return await readMessages(programLines(mailq, ['-v']), now, take);
    } catch (second) {
      if (!(second instanceof QueueError && second.absent)) throw second;
      throw new QueueError(`${error.message}; ${second.message}: there is no MTA here whose queue is known`);
    }
  }
}

/** Resolves to whether it is Sendmail's queue; rejects with QueueError for the text of another program. */
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
      if (first && (isMailqHeading(line) || / is empty$/.test(line.slice(0, 1000)))) {
        mailq = new MailqReader(now);
      } else {
        if (first && line.startsWith('-Queue ID-'))
          throw new QueueError('this is the text of mailq of Postfix: give what postqueue -j prints');
        take(parsePostqueueLine(line), false);
      }
      first = false;
    }
  }
  const last = mailq?.end() ?? null;
  if (last !== null) take(last, true);
  return mailq !== null;
}
