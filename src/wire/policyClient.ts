/**
 * Policy delegation seen from Postfix's side, for `simulate` and for tests: a request to bytes, bytes to
 * answers.
 *
 * Reads answers as Postfix does: attributes up to an empty line, of which the first `action` counts and
 * others are ignored. An answer that Postfix would not accept is a WireError. So is one that makes Postfix
 * permit the mail (an empty `action=`, digits alone), because no server should send it.
 * Source: Postfix SMTPD_POLICY_README; `src/util/attr_scan_plain.c`, `src/smtpd/smtpd_check.c`.
 */
import { Buffer } from 'node:buffer';
import { excerpt, WireError } from './wireError.ts';
import type { WireRule } from './wireRules.ts';

/** One attribute for each member, in the order of sending; `request` is sent first and not listed here. */
export type PolicyAttributes = Readonly<Record<string, string>>;

/** `code` and `dsn` are null unless the action is a reply code; `verb` is upper case. */
export interface PolicyAnswer {
  /** The text after `action=`, as it came (latin1). */
  readonly action: string;
  /** `DUNNO`, `HOLD`, `550`. */
  readonly verb: string;
  readonly code: number | null;
  readonly dsn: string | null;
  /** What follows the verb, or the code and the enhanced code. */
  readonly text: string;
}

const MAX_ANSWER = 4096;

/**
 * A request as Postfix sends it. Values are written as UTF-8. Throws RangeError for what cannot be in a
 * request.
 */
export function encodePolicyRequest(attributes: PolicyAttributes): Uint8Array {
  const lines = ['request=smtpd_access_policy\n'];
  for (const [name, value] of Object.entries(attributes)) {
    if (name === '' || /[=\r\n\0]/.test(name))
      throw new RangeError(`no attribute name: ${JSON.stringify(name)}`);
    if (/[\r\n\0]/.test(value)) throw new RangeError(`${name} has a line end or NUL in it`);
    lines.push(`${name}=${value}\n`);
  }
  lines.push('\n');
  return Buffer.from(lines.join(''), 'utf8');
}

/** The parts of an action. */
export function parseAction(action: string): PolicyAnswer {
  const reply = /^([45][0-9][0-9])(?: ([245]\.[0-9]{1,3}\.[0-9]{1,3}))?(?: (.*))?$/s.exec(action);
  if (reply !== null) {
    return { action, verb: reply[1]!, code: Number(reply[1]), dsn: reply[2] ?? null, text: reply[3] ?? '' };
  }
  const space = action.indexOf(' ');
  const verb = (space < 0 ? action : action.slice(0, space)).toUpperCase();
  return { action, verb, code: null, dsn: null, text: space < 0 ? '' : action.slice(space + 1) };
}

/** Bytes to answers, however the bytes are split into chunks. */
export class PolicyAnswerDecoder {
  #held = '';
  #offset = 0;

  push(chunk: Uint8Array): void {
    this.#held += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
  }

  /** The next answer, or null. Throws WireError, each time it is called. */
  next(): PolicyAnswer | null {
    const end = this.#held.startsWith('\n') ? 0 : this.#held.indexOf('\n\n');
    if (end < 0) {
      if (this.#held.includes('\r'))
        this.#fail('policy-answer-carriage-return', 'lines that end in LF alone');
      if (this.#held.length > MAX_ANSWER) this.#fail('policy-answer-too-long', `at most ${MAX_ANSWER} bytes`);
      return null;
    }
    if (end > MAX_ANSWER) this.#fail('policy-answer-too-long', `at most ${MAX_ANSWER} bytes`);
    const answer = this.#held.slice(0, end);
    if (answer.includes('\r')) this.#fail('policy-answer-carriage-return', 'lines that end in LF alone');
    if (answer.includes('\0')) this.#fail('policy-answer-nul', 'no NUL');
    const line = answer.split('\n').find((one) => one.startsWith('action='));
    if (line === undefined) this.#fail('policy-answer-without-action', 'action=...');
    const action = line.slice('action='.length);
    if (action.trim() === '') this.#fail('policy-answer-empty', 'an action, for an empty one permits');
    if (/^[0-9]+$/.test(action.trim()))
      this.#fail('policy-answer-digits', 'words after the code, for digits alone permit');
    this.#held = this.#held.slice(end + 2);
    this.#offset += end + 2;
    return parseAction(action);
  }

  partial(): boolean {
    return this.#held !== '';
  }

  #fail(rule: WireRule, expected: string): never {
    throw new WireError(rule, this.#offset, expected, excerpt(Buffer.from(this.#held, 'latin1')));
  }
}
