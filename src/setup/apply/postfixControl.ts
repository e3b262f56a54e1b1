/**
 * Writes to one Postfix instance by its own programs: postconf(1) for parameters and entries, postfix(1) to
 * check and reload. Nothing here opens main.cf itself.
 */
import { escapeText } from '../../core/escape.ts';
import { type Ran, runProgram } from '../../mta/runProgram.ts';
import type { Change } from '../plan.ts';
import { type Step, stepsOf } from '../steps.ts';

const LIMITS = { timeoutMs: 60_000, maxBytes: 1024 * 1024 };

export class PostfixControl {
  readonly directory: string;
  readonly #programs: { readonly postconf: string; readonly postfix: string; readonly postqueue: string };

  /** `directory`: of main.cf. */
  constructor(
    directory: string,
    programs = { postconf: 'postconf', postfix: 'postfix', postqueue: 'postqueue' },
  ) {
    this.directory = directory;
    this.#programs = programs;
  }

  /** One call of postconf; null when it went well, otherwise what it said. */
  async write(step: Step): Promise<string | null> {
    return fault(
      'postconf',
      await runProgram(this.#programs.postconf, ['-c', this.directory, ...step], LIMITS),
    );
  }

  /** Every change, in an order in which nothing is used before it is there; null, or what postconf said. */
  async writeAll(changes: readonly Change[]): Promise<string | null> {
    for (const step of stepsOf(changes)) {
      const said = await this.write(step);
      if (said !== null) return said;
    }
    return null;
  }

  /** `postfix check`; null when it has nothing to say against it. */
  async check(): Promise<string | null> {
    return fault('postfix check', await this.#postfix('check'));
  }

  async running(): Promise<boolean> {
    return (await this.#postfix('status')).ok;
  }

  /** Makes a running Postfix read its configuration; null when it went well. */
  async reload(): Promise<string | null> {
    return fault('postfix reload', await this.#postfix('reload'));
  }

  /** Messages in the queue of which a recipient matches; null: the queue cannot be read. */
  async queued(recipient: RegExp): Promise<number | null> {
    const ran = await runProgram(this.#programs.postqueue, ['-c', this.directory, '-j'], {
      ...LIMITS,
      maxBytes: 256 * 1024 * 1024,
    });
    if (!ran.ok) return null;
    return ran.stdout.split('\n').filter((line) => recipientsOf(line).some((one) => recipient.test(one)))
      .length;
  }

  #postfix(word: string): Promise<Ran> {
    return runProgram(this.#programs.postfix, ['-c', this.directory, word], LIMITS);
  }
}

function recipientsOf(line: string): string[] {
  try {
    const entry = JSON.parse(line) as { recipients?: { address?: unknown }[] };
    return (entry.recipients ?? []).map(({ address }) => String(address));
  } catch {
    return [];
  }
}

function fault(program: string, ran: Ran): string | null {
  if (ran.ok) return null;
  const said = ran.stderr
    .trim()
    .split('\n')
    .slice(-5)
    .map((line) => escapeText(line, 500))
    .join('; ');
  const why = {
    absent: 'is not here',
    denied: 'may not be run by this user',
    timeout: 'did not end in time',
  };
  const words = ran.why in why ? why[ran.why as keyof typeof why] : 'failed';
  return `${program} ${words}${said === '' ? '' : `: ${said}`}`;
}
