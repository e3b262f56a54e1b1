/**
 * Hands a letter to the MTA of this host by SMTP, from the null sender, and says for certain whether it may have been
 * taken. sendmail(1) is not used: it takes what the MTA would refuse, and a confined unit may not run Postfix's postdrop(1).
 */
import { type SmtpPlace, smtpDialogue, submission } from '../../mta/smtpDialogue.ts';

/**
 * `taken`; `unsure`: the connection was lost when the whole letter was there; `server`: it was not taken, and no other
 * would be now; `temporary`, `permanent`: this one was refused.
 */
export interface Posted {
  readonly how: 'taken' | 'unsure' | 'server' | 'temporary' | 'permanent';
  /** Foreign text; '' when it was taken. */
  readonly why: string;
}

const TIMEOUT_MS = 60_000;
/** Replies that are there when the letter itself is sent: greeting, EHLO, MAIL, RCPT, DATA. */
const BEFORE_LETTER = 5;
const BEFORE_RCPT = 3;

/** `host`: for EHLO. `text`: a whole message with LF as line ends. Never rejects. */
export async function post(
  place: SmtpPlace,
  { host, to, text }: { readonly host: string; readonly to: string; readonly text: string },
): Promise<Posted> {
  const said: string[] = [];
  let why = '';
  try {
    const lines = submission(host, to, text.trimEnd());
    await smtpDialogue(place, lines, said, { timeoutMs: TIMEOUT_MS, strict: true });
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
  }
  // the reply to the letter decides, whatever comes of QUIT
  if (said[BEFORE_LETTER]?.startsWith('2') === true) return { how: 'taken', why: '' };
  const last = said.at(-1) ?? '';
  const refused = !/^[23]/.test(last);
  if (said.length === BEFORE_LETTER && !refused) return { how: 'unsure', why };
  if (!refused || said.length <= BEFORE_RCPT || last.startsWith('421')) return { how: 'server', why };
  return { how: last.startsWith('5') ? 'permanent' : 'temporary', why };
}
