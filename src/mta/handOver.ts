/**
 * Hands a message to the mail server of this host: by sendmail(1) or, where that fails, by SMTP, because a confined unit
 * may not run Postfix's set-group-id postdrop(1).
 */
import { type Ran, runProgram } from './runProgram.ts';
import type { SmtpPlace } from './smtpDialogue.ts';
import { submit, TIMEOUT_MS } from './submit.ts';

/** How the mail server of this host takes a message. */
export interface MailServer {
  readonly sendmail: string;
  readonly smtp: SmtpPlace;
}

export const MAIL_SERVER: MailServer = { sendmail: 'sendmail', smtp: { host: '127.0.0.1', port: 25 } };

const MAX_OUTPUT = 65_536;

/**
 * '' when it was taken, otherwise why not. `text`: a whole message with LF as line ends; the null sender, so that nothing
 * comes back. Never rejects.
 */
export async function handOver(
  to: string,
  host: string,
  text: string,
  { sendmail, smtp }: MailServer = MAIL_SERVER,
): Promise<string> {
  const limits = { timeoutMs: TIMEOUT_MS, maxBytes: MAX_OUTPUT, background: true, input: text };
  const why = whyNot(await runProgram(sendmail, ['-i', '-f', '<>', '--', to], limits));
  if (why === '') return '';
  const submitted = await submit(smtp, { host, to, text });
  return submitted.how === 'taken' ? '' : `sendmail: ${why}; SMTP: ${submitted.why}`;
}

/** '' when it ended well. */
export function whyNot(ran: Ran): string {
  if (ran.ok) return '';
  return ran.stderr === '' ? ran.why : `${ran.why}: ${ran.stderr}`;
}

/** What came of handing a message over. */
export type Handed =
  /** `said`: the reply of the server, with its queue id. */
  | { readonly kind: 'taken'; readonly said: string }
  /** `message`: the server did not want the message itself (5xx behind DATA). */
  | { readonly kind: 'refused'; readonly why: string; readonly message: boolean }
  /** It may have been taken, or not. */
  | { readonly kind: 'unknown'; readonly why: string };

/** One way, so that no second one is tried when it is not known what came of the first. */
export type Way = { readonly smtp: SmtpPlace } | { readonly sendmail: string };

/** As `handOver`, at most once. Never rejects. */
export async function handOverOnce(
  to: string,
  host: string,
  text: string,
  way: Way,
  timeoutMs = TIMEOUT_MS,
): Promise<Handed> {
  if ('sendmail' in way) {
    const limits = { timeoutMs, maxBytes: MAX_OUTPUT, input: text };
    const ran = await runProgram(way.sendmail, ['-i', '-f', '<>', '--', to], limits);
    if (ran.ok) return { kind: 'taken', said: '' };
    const ended = ran.why !== 'timeout' && ran.why !== 'tooMuch';
    if (!ended) return { kind: 'unknown', why: `sendmail: ${whyNot(ran)}` };
    return { kind: 'refused', why: `sendmail: ${whyNot(ran)}`, message: false };
  }
  const { how, why, reply } = await submit(way.smtp, { host, to, text }, timeoutMs);
  if (how === 'taken') return { kind: 'taken', said: reply };
  if (how === 'unsure') return { kind: 'unknown', why: `SMTP: ${why}` };
  return { kind: 'refused', why: `SMTP: ${why}`, message: how === 'permanent' && reply !== '' };
}
