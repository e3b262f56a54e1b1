/**
 * What the Postfix on this host says of itself, asked of postconf(1): its version, and the settings on which promises of the
 * table depend. A program of ours is started for that, without a shell; it has two seconds and 64 KiB, and an answer that does
 * not come, or comes from something else, is null. Never throws, and delays no mail.
 *
 * A setting that the version does not know is not in the answer. Entries of master.cf can override tls_required_enable
 * (`-o tls_required_enable=yes`); so those are asked for, too, and one that differs counts.
 */
import { leadingPostfixVersion } from '../core/postfixVersion.ts';
import { parseParameters } from '../mta/postfixConfig.ts';
import { runProgram } from '../mta/runProgram.ts';

export interface PostconfAnswer {
  /** `3.10.13` */
  readonly version: string;
  /** `no` when it is so in main.cf and in every entry of master.cf that says something of it; null before 3.10. */
  readonly tlsRequiredEnable: 'yes' | 'no' | null;
  /** `no`, `yes`, `normalize`, `reject`, `note`; null where the version does not have it. */
  readonly forbidBareNewline: string | null;
}

const LIMITS = { timeoutMs: 2000, maxBytes: 65_536, background: true };
const SETTINGS = ['mail_version', 'tls_required_enable', 'smtpd_forbid_bare_newline'] as const;

/** Asks the program at this absolute path. */
export async function askPostconf(program: string): Promise<PostconfAnswer | null> {
  // the second line of an answer depends on the first, so both are asked at once
  const [main, master] = await Promise.all([
    runProgram(program, SETTINGS, LIMITS),
    runProgram(program, ['-P', '*/*/tls_required_enable'], LIMITS),
  ]);
  // what it warns of on standard error is not for us
  return main.ok ? readPostconf(main.stdout, master.ok ? master.stdout : '') : null;
}

/** Both outputs, as postconf prints them. */
export function readPostconf(main: string, master: string): PostconfAnswer | null {
  const values = parseParameters(main.toLowerCase());
  const version = leadingPostfixVersion(values.get('mail_version') ?? '');
  if (version === '') return null;
  const inMain = values.get('tls_required_enable');
  const all = [...(inMain === undefined ? [] : [inMain]), ...parseParameters(master.toLowerCase()).values()];
  const tlsRequiredEnable = all.length === 0 ? null : all.every((value) => value === 'no') ? 'no' : 'yes';
  return { version, tlsRequiredEnable, forbidBareNewline: values.get('smtpd_forbid_bare_newline') ?? null };
}
