/**
 * Takes each day's last head to somebody else: to a program, and to a mailbox, by sendmail(1) or, where that fails, by
 * SMTP to this host: a confined unit may not run Postfix's set-group-id postdrop(1). What fails is logged,
 * and the head itself is in the log in any case. How soon a head leaves the host is the limit of what it proves:
 * whoever has the key on the host can sign anything until then.
 */
import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import type { Log } from '../log/log.ts';
import { type Ran, runProgram } from '../mta/runProgram.ts';
import { type SmtpPlace, smtpDialogue, submission } from '../mta/smtpDialogue.ts';

const LIMITS = { timeoutMs: 60_000, maxBytes: 65_536, background: true } as const;

/** `note`: the signed note of the head of `day`. Never rejects. */
export async function deliverHead(
  day: string,
  note: string,
  { checkpointCommand, checkpointMail }: Pick<ServiceSettings, 'checkpointCommand' | 'checkpointMail'>,
  host: string,
  log: Pick<Log, 'evidenceHeadKept'>,
  mailServer: MailServer = MAIL_SERVER,
): Promise<void> {
  if (checkpointCommand !== null) {
    const [program = '', ...args] = checkpointCommand;
    const why = whyNot(await runProgram(program, args, { ...LIMITS, input: note }));
    if (why !== '') log.evidenceHeadKept(day, program, why);
  }
  if (checkpointMail !== null) {
    const name = host.replace(/[^A-Za-z0-9.-]/g, '-');
    const why = await mail(checkpointMail, name, message(day, note, checkpointMail, name), mailServer);
    if (why !== '') log.evidenceHeadKept(day, checkpointMail, why);
  }
}

/** How the mail server of this host takes a message. */
interface MailServer {
  readonly sendmail: string;
  readonly smtp: SmtpPlace;
}

const MAIL_SERVER: MailServer = { sendmail: 'sendmail', smtp: { host: '127.0.0.1', port: 25 } };

/** '' when it was taken. */
async function mail(to: string, host: string, text: string, { sendmail, smtp }: MailServer): Promise<string> {
  const why = whyNot(await runProgram(sendmail, ['-i', '-t'], { ...LIMITS, input: text }));
  if (why === '') return '';
  const said: string[] = [];
  try {
    await smtpDialogue(smtp, submission(host, to, text.trimEnd()), said, {
      timeoutMs: LIMITS.timeoutMs,
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
function whyNot(ran: Ran): string {
  if (ran.ok) return '';
  return ran.stderr === '' ? ran.why : `${ran.why}: ${ran.stderr}`;
}

/** The note stands alone in the body, between two empty lines. */
function message(day: string, note: string, to: string, host: string): string {
  return [
    `To: <${to}>`,
    `Subject: evidence of ${host}, ${day}: signed head`,
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    'Keep this: it proves what the evidence of this day was (tlsward-evidence(5)).',
    '',
    note,
  ].join('\n');
}
