/**
 * The line language of test/e2e/cases/*.case: what a client does, what it must hear, what must be in the mailbox.
 *
 * One directive a line, in order; `#` in the first column is a comment, and the first one tells what the case is about. A
 * directive followed by `...` below takes a block: the following lines that begin with two spaces (or are empty), without
 * those two spaces.
 *
 *   skip MTA: REASON       the case is not played there (`postfix`, `sendmail`), because
 *   table ...              tlsward.ini: keys of [service] first, then tables; given once, and again to reload
 *   first ...              the same for a second tlsward, the filter in front on the listener `chain`
 *   kill | start           end tlsward with SIGKILL; start it again
 *   open LISTENER [ADDR]   connect (from ADDR) and say EHLO
 *   starttls [CERT] [MAX]  STARTTLS and EHLO, with a client certificate of harness/ca.ts, at most protocol MAX
 *   auth USER PASSWORD     AUTH PLAIN, must succeed
 *   envelope A B ...       MAIL FROM A (without <>; `-` is the null sender), RCPT TO each B; all must be accepted
 *   > TEXT                 one command; its reply is the next `<`
 *   < PATTERN              the reply: code, enhanced code and text; codes alone stand for any text
 *   message ...            DATA and, after a 354, this message; the reply to it is the next `<`
 *   bdat ...               the same by BDAT (RFC 3030) instead of DATA
 *   message again          DATA with the message of the last `delivered`, as a content filter hands it back; a block adds header fields on top
 *   close | drop           QUIT; break off without it
 *   delivered ADDR ...     a message has come for ADDR: these header fields in this order, an empty line, this body
 *   held [PATTERN]         one message is held (for this reason, where the MTA keeps it); it is released
 *   logged PATTERN         tlsward wrote a verdict like this since the case began
 *
 * Any directive may be for one MTA (`sendmail: < 451`), and any line of a block (`@sendmail LINE`).
 * In a PATTERN and in the header fields of `delivered`, `*` is any text; a field is compared unfolded. The body is
 * compared byte by byte. In `message` and `delivered`, `\xHH` is a byte and `\\` a backslash, other text is UTF-8, and:
 *
 *   @common                From, To, Date and Message-ID, always the same
 *   @repeat N LINE         N times
 *   @pad N LINE            LINE and N letters behind it
 *   @fill N                N bytes in lines of 64, line ends (one byte) counted
 *
 * Nothing else may have come or stay in the queue when the case ends: that is checked without being written down.
 */
import { readdirSync, readFileSync } from 'node:fs';

export type MtaName = 'postfix' | 'sendmail';
const MTAS: readonly string[] = ['postfix', 'sendmail'] satisfies MtaName[];

/** `text` and `block` hold what stands for the MTA at hand only; bytes are latin1, one character each. */
export interface Step {
  readonly line: number;
  readonly verb: string;
  readonly text: string;
  readonly block: readonly string[];
}

export interface Case {
  readonly name: string;
  readonly title: string;
  /** Why it is not played on this MTA, or null. */
  readonly skip: string | null;
  readonly steps: readonly Step[];
}

const BLOCKS = new Set(['table', 'first', 'message', 'bdat', 'delivered']);
const WORDS = 'skip kill start open starttls auth envelope > < close drop held logged'.split(' ');
const VERBS = new Set([...BLOCKS, ...WORDS]);

const COMMON = [
  'From: Alice <alice@bank.example>',
  'To: bob@local.example',
  'Date: Sun, 22 Nov 2026 12:00:00 +0000',
  'Message-ID: <1@bank.example>',
];

/** Every case of a folder for one MTA, by name. */
export function readCases(folder: URL, mta: MtaName): Case[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.case'))
    .sort()
    .map((name) => parseCase(name.slice(0, -5), readFileSync(new URL(name, folder), 'utf8'), mta));
}

/** One case for one MTA. Throws with file and line when it is not in this language. */
export function parseCase(name: string, text: string, mta: MtaName): Case {
  const lines = text.replace(/\n$/, '').split('\n');
  const title = /^# (.+)/.exec(lines[0] ?? '')?.[1];
  const fail = (index: number, what: string): never => {
    throw new Error(`${name}.case:${index + 1}: ${what}`);
  };
  if (title === undefined) fail(0, 'the first line must be a comment that tells what the case is about');
  let skip: string | null = null;
  const steps: Step[] = [];
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!;
    if (line.startsWith('#') || line.trim() === '') continue;
    const [, only, directive = ''] = /^(?:(postfix|sendmail): )?(.*)$/.exec(line)!;
    const [, verb = '', rest = ''] = /^([<>]|[a-z]+)(?: (.*))?$/.exec(directive) ?? [];
    if (!VERBS.has(verb)) fail(index, `no such directive: ${line}`);
    const words = rest.trim();
    const wanted = only === undefined || only === mta;
    const block: string[] = [];
    if (BLOCKS.has(verb)) {
      const end = blockEnd(lines, index + 1);
      for (const inner of lines.slice(index + 1, end)) block.push(inner.slice(2));
      if (block.length === 0 && words !== 'again') fail(index, `${verb} without a block`);
      if (wanted) steps.push({ line: index + 1, verb, text: words, block: onlyFor(block, mta) });
      index = end - 1;
      continue;
    }
    if (verb === 'skip') {
      const [, where = '', reason = ''] = /^(\w+): (.+)$/.exec(words) ?? [];
      if (!MTAS.includes(where)) fail(index, 'skip MTA: REASON');
      if (where === mta) skip = reason;
      continue;
    }
    if (wanted) steps.push({ line: index + 1, verb, text: words, block });
  }
  return { name, title: title!, skip, steps };
}

/** The index after the last line of the block that begins at `from`; empty lines at its end are not part of it. */
function blockEnd(lines: readonly string[], from: number): number {
  let end = from;
  for (let index = from; index < lines.length; index++) {
    if (lines[index]!.startsWith('  ')) end = index + 1;
    else if (lines[index] !== '') break;
  }
  return end;
}

function onlyFor(block: readonly string[], mta: MtaName): string[] {
  return block.flatMap((line) => {
    const only = /^@(postfix|sendmail)(?: (.*))?$/.exec(line);
    if (only === null) return [line];
    return only[1] === mta ? [only[2] ?? ''] : [];
  });
}

/** The lines of a `message` or `delivered` block, macros and escapes undone, as latin1. */
export function expandBlock(block: readonly string[]): string[] {
  return block.flatMap((line) => {
    if (line === '@common') return COMMON;
    const macro = /^@(repeat|pad|fill) (\d+)(?: (.*))?$/.exec(line);
    if (macro === null) {
      if (line.startsWith('@')) throw new Error(`no such macro: ${line}`);
      return [bytesOf(line)];
    }
    const [, name, digits, rest = ''] = macro;
    const count = Number(digits);
    if (name === 'repeat') return new Array<string>(count).fill(bytesOf(rest));
    if (name === 'pad') return [bytesOf(rest) + 'a'.repeat(count)];
    const full = new Array<string>(Math.floor(count / 64)).fill('x'.repeat(63));
    return count % 64 === 0 ? full : [...full, 'x'.repeat((count % 64) - 1)];
  });
}

function bytesOf(line: string): string {
  const bytes = Buffer.from(line, 'utf8').toString('latin1');
  return bytes.replace(/\\(?:x([0-9a-fA-F]{2})|(.))/g, (_, hex?: string, char?: string) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    if (char === '\\') return '\\';
    throw new Error(`no such escape: \\${char}`);
  });
}

/** Does `text` match, where `*` in the pattern is any text? */
export function matches(pattern: string, text: string): boolean {
  const parts = pattern.split('*');
  const first = parts.shift()!;
  const last = parts.pop();
  if (last === undefined) return text === pattern;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  let from = first.length;
  for (const part of parts) {
    const at = text.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return from + last.length <= text.length;
}
