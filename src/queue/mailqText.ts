/**
 * The text of Sendmail's `mailq` and `mailq -v` to messages, line by line. Pure.
 *
 *   		/var/spool/mqueue (1 request)
 *   -----Q-ID----- --Size-- -Priority- ---Q-Time--- --------Sender/Recipient--------
 *   6AU6J9uD030872        5      30020 Nov 30 06:19 alice@our.example
 *                    (encryption too weak 256 less than 300)
 *   						u@long.example
 *   		 (encryption too weak 256 less than 300)
 *
 * Sendmail cuts what it prints: without `-v` a reason has at most 60 characters and a recipient 38, with it 100 and 71.
 * There is no year, and the time is that of the host. A `*` behind the id: a try is under way.
 *
 * It ends with status 0, and may say of a queue that it is empty, when it may not read a file or one of several folders:
 *
 *   gatherq: cannot open "/var/spool/mqueue/q1": Permission denied
 *   /var/spool/mqueue/q1 is empty
 *   6AU6J9uD030873 (Permission denied)
 *   		/var/spool/mqueue (3 requests, only 1 printed)       MaxQueueRunSize
 *
 * So what was listed is compared with the total of the last line. `(job completed)`: it left meanwhile.
 * Source: sendmail 8.17 queue.c, print_single_queue, and what it printed.
 */
import {
  MAX_REASON,
  MAX_RECIPIENTS,
  MAX_SENDER,
  type QueuedMessage,
  type QueuedRecipient,
} from './queued.ts';

const ENTRY =
  /^([A-Za-z0-9]{14}|[A-Za-z0-9]{5,64}?)([*X+?-]?) +\d{1,12} +(?:-?\d{1,12}[ +])?(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) ([ \d]\d) (\d\d):(\d\d)(?: |$)/;
const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec';
const DAY_MS = 86_400_000;
const TOTAL = '\t\tTotal requests: ';
/** Longest line that is looked at. */
const MAX_LINE = 2048;

interface Entry {
  readonly id: string;
  readonly active: boolean;
  readonly arrived: number;
  readonly sender: string;
  reason: string;
  recipients: { address: string; reason: string }[];
  more: number;
}

/** Is it the first line of such a text that says so? */
export function isMailqHeading(text: string): boolean {
  const line = text.slice(0, MAX_LINE);
  return (
    line.startsWith('-----Q-ID-----') ||
    /^\t\t\S.* \(\d+ requests?(?:, only \d+ printed)?\)$/.test(line) ||
    isOfFolder(line)
  );
}

/** A folder without messages, or one that cannot be read. No text of a message begins in the first column. */
function isOfFolder(line: string): boolean {
  return /^(?:\t\t)?\/.* is empty$/.test(line) || line.startsWith('gatherq: ');
}

export class MailqReader {
  readonly #now: number;
  #entry: Entry | null = null;
  /** Messages that were read or have left, lines that say of others that they cannot be, and what there is in all. */
  #listed = 0;
  #bad = 0;
  #total: number | null = null;

  /** `now`: milliseconds since the epoch; an entry is at most a year older. */
  constructor(now: number) {
    this.#now = now;
  }

  /** Takes a line without its end; returns the message that ended before it. */
  push(text: string): QueuedMessage | null {
    const line = text.slice(0, MAX_LINE);
    const begun = ENTRY.exec(line);
    if (begun !== null) {
      const before = this.end();
      this.#listed++;
      const [, id = '', mark, month = '', day, hour, minute] = begun;
      const time = [MONTHS.indexOf(month) / 3, Number(day), Number(hour), Number(minute)] as const;
      this.#entry = {
        id,
        active: mark === '*',
        arrived: this.#arrival(time),
        sender: senderOf(line.slice(begun[0].length)),
        reason: '',
        recipients: [],
        more: 0,
      };
      return before;
    }
    if (line.startsWith(TOTAL)) {
      const total = /^\d{1,9}$/.exec(line.slice(TOTAL.length));
      this.#total = total === null ? null : Number(total[0]);
      return this.end();
    }
    if (isMailqHeading(line)) {
      if (line.startsWith('gatherq: ')) this.#bad++;
      return this.end();
    }
    if (/^\S/.test(line)) {
      if (line.endsWith(' (job completed)')) this.#listed++;
      else this.#bad++;
      return this.end();
    }
    const entry = this.#entry;
    if (entry === null) return null;
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('(---')) return null;
    if (line.startsWith('\t\t\t')) {
      if (entry.recipients.length < MAX_RECIPIENTS)
        entry.recipients.push({ address: trimmed.replace(/^<(.*)>$/, '$1'), reason: entry.reason });
      else entry.more++;
      return null;
    }
    // `    8BITMIME   (reason)` of the message, or `\t\t (reason)` of the recipient above
    const open = line.indexOf('(');
    if (open < 0) return null;
    const close = line.endsWith(')') ? line.length - 1 : line.length;
    const reason = line.slice(open + 1, close).slice(0, MAX_REASON);
    const last = entry.recipients.at(-1);
    if (line.startsWith('\t\t') && last !== undefined) last.reason = reason;
    else entry.reason = reason;
    return null;
  }

  /** Messages, or folders of them, that could not be read. Behind the last line: 0 is the proof that this is the whole queue. */
  get unread(): number {
    return Math.max(this.#bad, this.#total === null ? 1 : Math.abs(this.#total - this.#listed));
  }

  /** The last message. */
  end(): QueuedMessage | null {
    const entry = this.#entry;
    this.#entry = null;
    if (entry === null) return null;
    const { id, active, arrived, sender, more } = entry;
    const recipients: readonly QueuedRecipient[] = entry.recipients;
    return { id, state: active ? 'active' : 'deferred', arrived, sender, recipients, moreRecipients: more };
  }

  #arrival([month, day, hour, minute]: readonly [number, number, number, number]): number {
    const year = new Date(this.#now).getFullYear();
    const time = new Date(year, month, day, hour, minute).getTime();
    return time > this.#now + DAY_MS ? new Date(year - 1, month, day, hour, minute).getTime() : time;
  }
}

/** Behind the time; a local user and MAILER-DAEMON, the null sender, have no `@`. Cut at 78 characters with `-v`. */
function senderOf(text: string): string {
  const sender = text.trim().replace(/^<(.*)>$/, '$1');
  return sender.length <= MAX_SENDER && sender.includes('@') ? sender : '';
}
