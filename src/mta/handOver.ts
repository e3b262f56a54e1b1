/**
 * Hands a message to the mail server of this host: by sendmail(1) or, where that fails, by SMTP, because a confined unit
 * may not run Postfix's set-group-id postdrop(1).
 */
import { type Ran, runProgram } from './runProgram.ts';
import { type SmtpPlace, smtpDialogue, submission } from './smtpDialogue.ts';

/** How the mail server of this host takes a message. */
export interface MailServer {
  readonly sendmail: string;
  readonly smtp: SmtpPlace;
}

export const MAIL_SERVER: MailServer = { sendmail: 'sendmail', smtp: { host: '127.0.0.1', port: 25 } };

const TIMEOUT_MS = 60_000;
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
  const said: string[] = [];
  try {
    await smtpDialogue(smtp, submission(host, to, text.trimEnd()), said, {
      timeoutMs: TIMEOUT_MS,
      strict: true,
    });
    return '';
  } catch (error) {
    // the reply to the message itself decides: the sixth, after greeting, EHLO, MAIL, RCPT and DATA
    if (said[5]?.startsWith('2') === true) return '';
    return `sendmail: ${why}; SMTP: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** '' when it ended well. */
export function whyNot(ran: Ran): string {
  if (ran.ok) return '';
  return ran.stderr === '' ? ran.why : `${ran.why}: ${ran.stderr}`;
}
