/**
 * Asks postconf(1) for the version of Postfix on this host and for the settings on which the guarantees of
 * the table depend. postconf is started without a shell, with limits of two seconds and 64 KiB. The result is
 * null when there is no answer, or one that postconf would not give. Never throws, and delays no mail.
 *
 * A setting that the version does not know is missing from the answer. Entries of master.cf can override
 * tls_required_enable (`-o tls_required_enable=yes`), so they are read, too, and one that differs counts.
 */
import { statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { leadingPostfixVersion } from '../core/postfixVersion.ts';
import { parseParameters } from '../mta/postfixConfig.ts';
import { runProgram } from '../mta/runProgram.ts';

export interface PostconfAnswer {
  /** `3.10.13` */
  readonly version: string;
  /** `no` when main.cf and every entry of master.cf that sets it say so; null before 3.10. */
  readonly tlsRequiredEnable: 'yes' | 'no' | null;
  /** `no`, `yes`, `normalize`, `reject`, `note`; null when the version does not have it. */
  readonly forbidBareNewline: string | null;
  /** The folder of main.cf and master.cf; '' when it is not known. */
  readonly configDirectory: string;
}

const LIMITS = { timeoutMs: 2000, maxBytes: 65_536, background: true };
const SETTINGS = [
  'mail_version',
  'tls_required_enable',
  'smtpd_forbid_bare_newline',
  'config_directory',
] as const;

/** Runs the program at this absolute path. */
export async function askPostconf(program: string): Promise<PostconfAnswer | null> {
  const [main, master] = await Promise.all([
    runProgram(program, SETTINGS, LIMITS),
    runProgram(program, ['-P', '*/*/tls_required_enable'], LIMITS),
  ]);
  // its warnings on standard error are ignored
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
  const directory = parseParameters(main).get('config_directory') ?? '';
  return {
    version,
    tlsRequiredEnable,
    forbidBareNewline: values.get('smtpd_forbid_bare_newline') ?? null,
    configDirectory: isAbsolute(directory) ? directory : '',
  };
}

/**
 * Identifies the files from which `program` gave the answer to a question put at `askedMs`: while this is the
 * same, so is the answer. '' when they are not known, or were changed meanwhile.
 */
export function sourcesOf(program: string, { configDirectory }: PostconfAnswer, askedMs: number): string {
  if (configDirectory === '') return '';
  try {
    const files = ['main.cf', 'master.cf'].map((name) => join(configDirectory, name));
    const found = [program, ...files].map((path) => statSync(path));
    if (found.some(({ ctimeMs }) => ctimeMs >= askedMs)) return '';
    return found.map(({ dev, ino, size, ctimeMs }) => [dev, ino, size, ctimeMs].join(':')).join(' ');
  } catch {
    return '';
  }
}
