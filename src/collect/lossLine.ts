/**
 * Lines in which a logger says that it lost or held back lines of others: journald's rate limit, rsyslog's, and its
 * input from the journal. What was lost is not known, so it is a gap of the evidence.
 *
 *   systemd-journald: Suppressed 1234 messages from postfix@-.service
 *   rsyslogd: imuxsock lost 12 messages from pid 4711 due to rate-limiting
 *   rsyslogd: imjournal: 12 messages lost due to rate-limiting (20000 allowed within 600 seconds)
 *   rsyslogd: imjournal: begin to drop messages due to rate-limiting
 */
import type { LogLine } from './logLine.ts';

interface Loss {
  /** Lines; null: not said. */
  readonly count: number | null;
  readonly why: string;
  /** They were logged within so long before, as far as the logger is set as by default; milliseconds. */
  readonly withinMs: number;
}

const JOURNALD = /^(?:Suppressed|Missed) ([0-9]{1,12}) (?:kernel )?messages/;
/** RateLimitIntervalSec of journald.conf(5), and more than rsyslog's imuxsock has. */
const WITHIN_MS = 30_000;
/** Of imjournal. */
const IMJOURNAL_MS = 600_000;
const RSYSLOG = /\b([0-9]{1,12}) messages\b.{0,60}\brate-limit/;

/** null: nothing was lost. */
export function parseLoss({ program, text }: Pick<LogLine, 'program' | 'text'>): Loss | null {
  if (program === 'systemd-journald') {
    const match = JOURNALD.exec(text.slice(0, 100));
    if (match === null) return null;
    return { count: Number(match[1]), why: `systemd-journald: ${text.slice(0, 160)}`, withinMs: WITHIN_MS };
  }
  if (program !== 'rsyslogd' || !text.includes('rate-limit')) return null;
  const head = text.slice(0, 200);
  const lost = head.includes('lost') ? RSYSLOG.exec(head) : null;
  const withinMs = head.includes('imjournal') ? IMJOURNAL_MS : WITHIN_MS;
  if (lost !== null) return { count: Number(lost[1]), why: `rsyslogd: ${head}`, withinMs };
  return head.includes('begin to drop') ? { count: null, why: `rsyslogd: ${head}`, withinMs } : null;
}
