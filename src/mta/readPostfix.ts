/**
 * Asks postconf(1) for the whole configuration of a Postfix instance, and postmulti(1) for the instances.
 * Reads only.
 */
import { escapeText } from '../core/escape.ts';
import { type PostfixConfig, parsePostfixConfig } from './postfixConfig.ts';
import { type Ran, runProgram } from './runProgram.ts';

const LIMITS = { timeoutMs: 10_000, maxBytes: 4 * 1024 * 1024 };

/**
 * The configuration could not be read; the message says why, in what postconf itself said where it said
 * something.
 */
export class PostfixConfigError extends Error {
  /** `absent`: there is no Postfix here. */
  readonly why: 'absent' | 'unreadable';

  constructor(message: string, why: 'absent' | 'unreadable' = 'unreadable') {
    super(message);
    this.why = why;
  }
}

/**
 * `directory`: that of main.cf; without it the system's own. `program`: postconf, by its absolute path where
 * it is not in the usual folders. Rejects with PostfixConfigError.
 */
export async function readPostfix(directory?: string, program = 'postconf'): Promise<PostfixConfig> {
  const base = directory === undefined ? [] : ['-c', directory];
  const ask = async (option: string): Promise<Ran & { ok: true }> => {
    const ran = await runProgram(program, [...base, option], LIMITS);
    if (!ran.ok) throw errorOf(program, [...base, option], ran);
    return ran;
  };
  // the first one alone: what is wrong with main.cf is said once
  const set = await ask('-n');
  const [defaults, master, overrides, own] = await Promise.all([
    ask('-d'),
    ask('-M'),
    ask('-P'),
    directory === undefined ? runProgram(program, ['-h', 'config_directory'], LIMITS) : null,
  ]);
  const config = parsePostfixConfig({
    directory: directory ?? (own?.ok ? own.stdout.trim() : '/etc/postfix'),
    set: set.stdout,
    defaults: defaults.stdout,
    master: master.stdout,
    overrides: overrides.stdout,
    complaints: set.stderr,
  });
  if (config === null)
    throw new PostfixConfigError(`${program} does not answer like the postconf of a Postfix`);
  return config;
}

function errorOf(program: string, args: readonly string[], ran: Ran & { ok: false }): PostfixConfigError {
  const called = escapeText([program, ...args].join(' '));
  switch (ran.why) {
    case 'absent':
      return new PostfixConfigError(`${program} is not here: is Postfix installed on this host?`, 'absent');
    case 'denied':
      return new PostfixConfigError(`${called} may not be run by this user`);
    case 'timeout':
      return new PostfixConfigError(`${called} did not answer within ${LIMITS.timeoutMs / 1000} s`);
    case 'tooMuch':
      return new PostfixConfigError(`${called} answered more than ${LIMITS.maxBytes / 1024 / 1024} MiB`);
    case 'failed': {
      const said = ran.stderr.trim().split('\n').at(-1) ?? '';
      return new PostfixConfigError(`${called} failed${said === '' ? '' : `: ${escapeText(said, 500)}`}`);
    }
  }
}

/**
 * One instance of a host (postmulti(1)); a host without multi_instance_directories has one, without a name.
 */
export interface Instance {
  /** '' for one without a name. */
  readonly name: string;
  readonly directory: string;
  readonly enabled: boolean;
}

/** All instances; empty when postmulti is not here or says nothing. */
export async function instances(program = 'postmulti'): Promise<Instance[]> {
  const ran = await runProgram(program, ['-l'], LIMITS);
  return ran.ok ? parseInstances(ran.stdout) : [];
}

/** Lines `name group enabled directory`, with `-` for no name. */
export function parseInstances(output: string): Instance[] {
  return output.split('\n').flatMap((line) => {
    const [name, , enabled, directory] = line.trim().split(/[ \t]+/);
    if (name === undefined || directory === undefined) return [];
    return [{ name: name === '-' ? '' : name, directory, enabled: enabled === 'y' }];
  });
}
