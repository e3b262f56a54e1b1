/**
 * What the Postfix on this host says of itself, asked of postconf(1): its version, and the settings on which promises of the
 * table depend. A program of ours is started for that, without a shell; it has two seconds and 64 KiB, and an answer that does
 * not come, or comes from something else, is null. Never throws, and delays no mail.
 *
 * A setting that the version does not know is not in the answer. Entries of master.cf can override tls_required_enable
 * (`-o tls_required_enable=yes`); so those are asked for, too, and one that differs counts.
 */
import { execFile } from 'node:child_process';
import { leadingPostfixVersion } from '../core/postfixVersion.ts';

export interface PostconfAnswer {
  /** `3.10.13` */
  readonly version: string;
  /** `no` when it is so in main.cf and in every entry of master.cf that says something of it; null before 3.10. */
  readonly tlsRequiredEnable: 'yes' | 'no' | null;
  /** `no`, `yes`, `normalize`, `reject`, `note`; null where the version does not have it. */
  readonly forbidBareNewline: string | null;
}

const LIMIT_MS = 2000;
const LIMIT_BYTES = 65_536;
const SETTINGS = ['mail_version', 'tls_required_enable', 'smtpd_forbid_bare_newline'] as const;

/** Asks the program at this absolute path. */
export async function askPostconf(program: string): Promise<PostconfAnswer | null> {
  // the second line of an answer depends on the first, so both are asked at once
  const [main, master] = await Promise.all([
    run(program, SETTINGS),
    run(program, ['-P', '*/*/tls_required_enable']),
  ]);
  return main === null ? null : readPostconf(main, master ?? '');
}

/** Both outputs, as postconf prints them. */
export function readPostconf(main: string, master: string): PostconfAnswer | null {
  const values = valuesOf(main);
  const version = leadingPostfixVersion(values.get('mail_version') ?? '');
  if (version === '') return null;
  const inMain = values.get('tls_required_enable');
  const all = [...(inMain === undefined ? [] : [inMain]), ...valuesOf(master).values()];
  const tlsRequiredEnable = all.length === 0 ? null : all.every((value) => value === 'no') ? 'no' : 'yes';
  return { version, tlsRequiredEnable, forbidBareNewline: values.get('smtpd_forbid_bare_newline') ?? null };
}

function valuesOf(output: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of output.split('\n')) {
    const equals = line.indexOf(' = ');
    if (equals > 0)
      values.set(
        line.slice(0, equals),
        line
          .slice(equals + 3)
          .trim()
          .toLowerCase(),
      );
  }
  return values;
}

function run(program: string, args: readonly string[]): Promise<string | null> {
  const options = {
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
    maxBuffer: LIMIT_BYTES,
    encoding: 'utf8',
    cwd: '/',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
  } as const;
  return new Promise((resolve) => {
    try {
      // what it warns of on standard error is not for us
      const child = execFile(program, args, options, (error, stdout) =>
        resolve(error === null ? stdout : null),
      );
      child.stdin?.destroy();
      child.unref();
    } catch {
      resolve(null); // no descriptor or process is left
    }
  });
}
