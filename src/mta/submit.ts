/**
 * Hands a message to the mail server of this host by SMTP, from the null sender, and says for certain whether it may have
 * been taken.
 */
import { type SmtpPlace, smtpDialogue, submission } from './smtpDialogue.ts';

/**
 * `taken`; `unsure`: the connection was lost when the whole message was there; `server`: it was not taken, and no other
 * would be now; `temporary`, `permanent`: this one was refused.
 */
export interface Submitted {
  readonly how: 'taken' | 'unsure' | 'server' | 'temporary' | 'permanent';
  /** Foreign text; '' when it was taken. */
  readonly why: string;
  /** The reply to the message itself, behind DATA: with a queue id when it was taken. '': none came. */
  readonly reply: string;
}

interface Submission {
  /** For EHLO. */
  readonly host: string;
  readonly to: string;
  /** A whole message with LF as line ends. */
  readonly text: string;
}

export const TIMEOUT_MS = 60_000;
/** Replies that are there when the message itself is sent: greeting, EHLO, MAIL, RCPT, DATA. */
const BEFORE_MESSAGE = 5;
const BEFORE_RCPT = 3;

/** Never rejects. */
export async function submit(
  place: SmtpPlace,
  { host, to, text }: Submission,
  timeoutMs = TIMEOUT_MS,
): Promise<Submitted> {
  const said: string[] = [];
  let why = '';
  try {
    await smtpDialogue(place, submission(host, to, text.trimEnd()), said, { timeoutMs, strict: true });
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
  }
  const reply = said[BEFORE_MESSAGE] ?? '';
  // the reply to the message decides, whatever comes of QUIT
  if (reply.startsWith('2')) return { how: 'taken', why: '', reply };
  const last = said.at(-1) ?? '';
  const refused = !/^[23]/.test(last);
  if (said.length === BEFORE_MESSAGE && !refused) return { how: 'unsure', why, reply };
  if (!refused || said.length <= BEFORE_RCPT || last.startsWith('421')) return { how: 'server', why, reply };
  return { how: last.startsWith('5') ? 'permanent' : 'temporary', why, reply };
}
