/**
 * The SMTP dialogue of a probe as a state machine without I/O: what a server says, in; what is to be sent, and what
 * was learnt, out. It says EHLO, STARTTLS, EHLO again under TLS, and QUIT, and never MAIL: nothing is sent.
 *
 *   greeting -> ehlo -> starttls -> handshake -> ehlo under TLS -> quit -> over
 *               helo (EHLO refused) -> quit
 *
 * Bytes behind the reply to STARTTLS were sent before the handshake, so anyone on the way can have put them there to be
 * taken for replies under TLS (CVE-2011-0411). They are counted and thrown away, as Postfix does.
 * Sources: RFC 5321 section 4.1.1.1, RFC 3207 sections 4 and 4.2; Postfix `src/smtp/smtp_proto.c`, smtp_helo().
 */
import { NOTHING_YET, offers, type Partial, type Reply, takeReply } from './reply.ts';

type Stage = 'greeting' | 'ehlo' | 'helo' | 'starttls' | 'handshake' | 'ehlo-tls' | 'quit' | 'over';

/** What has been learnt so far; null: not yet, or never asked. */
export interface Dialogue {
  readonly stage: Stage;
  readonly ehloName: string;
  /** What came since the last reply. */
  readonly partial: Partial;
  readonly greeting: Reply | null;
  readonly ehlo: Reply | null;
  readonly helo: Reply | null;
  readonly starttls: Reply | null;
  readonly ehloUnderTls: Reply | null;
  /** Bytes that came before the handshake, behind the reply to STARTTLS. */
  readonly injected: number;
  /** Why the server's bytes are no SMTP, a clause; ''. */
  readonly broken: string;
}

export interface DialogueStep {
  readonly state: Dialogue;
  /** A line without its end. */
  readonly send?: string;
  /** The handshake is due. */
  readonly handshake?: true;
  /** Nothing more is to be learnt: close. */
  readonly over?: true;
}

export function startDialogue(ehloName: string): Dialogue {
  const none = { greeting: null, ehlo: null, helo: null, starttls: null, ehloUnderTls: null };
  return { stage: 'greeting', ehloName, partial: NOTHING_YET, ...none, injected: 0, broken: '' };
}

/** The server sent these bytes, one character each. */
export function heard(before: Dialogue, bytes: string): DialogueStep {
  if (before.stage === 'over' || before.stage === 'handshake') return { state: before };
  const taken = takeReply(before.partial, bytes);
  switch (taken.kind) {
    case 'more':
      return { state: { ...before, partial: taken.partial } };
    case 'broken':
      return over({ ...before, broken: taken.why });
    case 'reply': {
      const rest = { ...before, partial: { lines: [], text: taken.rest } };
      return replied(rest, taken.reply);
    }
  }
}

/** The handshake is done: what was said before it is forgotten (RFC 3207 section 4.2). */
export function secured(before: Dialogue): DialogueStep {
  return { state: { ...before, stage: 'ehlo-tls', partial: NOTHING_YET }, send: `EHLO ${before.ehloName}` };
}

function replied(state: Dialogue, reply: Reply): DialogueStep {
  const good = reply.code < 300;
  switch (state.stage) {
    case 'greeting':
      if (!good) return quit({ ...state, greeting: reply });
      return { state: { ...state, stage: 'ehlo', greeting: reply }, send: `EHLO ${state.ehloName}` };
    case 'ehlo': {
      const next = { ...state, ehlo: reply };
      if (good && offers(reply, 'STARTTLS'))
        return { state: { ...next, stage: 'starttls' }, send: 'STARTTLS' };
      if (good || reply.code < 500 || reply.code === 421) return quit(next);
      return { state: { ...next, stage: 'helo' }, send: `HELO ${state.ehloName}` };
    }
    case 'helo':
      return quit({ ...state, helo: reply });
    case 'starttls': {
      if (!good) return quit({ ...state, starttls: reply });
      const injected = state.partial.text.length;
      return {
        state: { ...state, stage: 'handshake', starttls: reply, injected, partial: NOTHING_YET },
        handshake: true,
      };
    }
    case 'ehlo-tls':
      return quit({ ...state, ehloUnderTls: reply });
    default:
      return over(state);
  }
}

function quit(state: Dialogue): DialogueStep {
  return { state: { ...state, stage: 'quit' }, send: 'QUIT' };
}

function over(state: Dialogue): DialogueStep {
  return { state: { ...state, stage: 'over' }, over: true };
}
