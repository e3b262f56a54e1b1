/**
 * Takes each day's last head to somebody else: to a program, and to a mailbox. What fails is logged, and the head
 * itself is in the log in any case. How soon a head leaves the host is the limit of what it proves:
 * whoever has the key on the host can sign anything until then.
 */
import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import type { Log } from '../log/log.ts';
import { handOver, MAIL_SERVER, type MailServer, whyNot } from '../mta/handOver.ts';
import { runProgram } from '../mta/runProgram.ts';

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
    const why = await handOver(checkpointMail, name, message(day, note, checkpointMail, name), mailServer);
    if (why !== '') log.evidenceHeadKept(day, checkpointMail, why);
  }
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
