/**
 * Takes each day's last head to somebody else: to a program, and to a mailbox. It is tried once; what fails is logged,
 * and the head itself is in the log in any case. How soon a head leaves the host is the limit of what it proves:
 * whoever has the key on the host can sign anything until then.
 */
import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import type { Log } from '../log/log.ts';
import { type Ran, runProgram } from '../mta/runProgram.ts';

const LIMITS = { timeoutMs: 60_000, maxBytes: 65_536, background: true } as const;

/** `note`: the signed note of the head of `day`. Never rejects. */
export async function deliverHead(
  day: string,
  note: string,
  { checkpointCommand, checkpointMail }: Pick<ServiceSettings, 'checkpointCommand' | 'checkpointMail'>,
  host: string,
  log: Pick<Log, 'evidenceHeadKept'>,
  sendmail = 'sendmail',
): Promise<void> {
  const tell = (to: string, ran: Ran): void => {
    if (!ran.ok) log.evidenceHeadKept(day, to, `${ran.why}${ran.stderr === '' ? '' : `: ${ran.stderr}`}`);
  };
  if (checkpointCommand !== null) {
    const [program = '', ...args] = checkpointCommand;
    tell(program, await runProgram(program, args, { ...LIMITS, input: note }));
  }
  if (checkpointMail !== null)
    tell(
      checkpointMail,
      await runProgram(sendmail, ['-i', '-t'], {
        ...LIMITS,
        input: message(day, note, checkpointMail, host),
      }),
    );
}

/** The note stands alone in the body, between two empty lines. */
function message(day: string, note: string, to: string, host: string): string {
  return [
    `To: <${to}>`,
    `Subject: evidence of ${host.replace(/[^A-Za-z0-9.-]/g, '-')}, ${day}: signed head`,
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
