/**
 * Runs a program of the MTA to read what it prints (postconf, postmulti), or to give it a message (sendmail), and those
 * that the configuration names: without a shell, with a time limit and a limit of bytes, in an environment of its own. Never throws.
 */
import { execFile } from 'node:child_process';

export type Ran =
  | { readonly ok: true; readonly stdout: string; readonly stderr: string }
  | {
      readonly ok: false;
      /** `absent`: there is no such program; `failed`: it ended with another status than 0, or could not be started. */
      readonly why: 'absent' | 'denied' | 'timeout' | 'tooMuch' | 'failed';
      /** What it printed there; of one that could not be started, the system's reason: `spawn EAGAIN`. */
      readonly stderr: string;
    };

interface RunLimits {
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Does a process that has nothing else to do end without waiting for it? */
  readonly background?: boolean;
  /** Its standard input; left out: none. */
  readonly input?: string;
  /** Added to its environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Where programs are found that are named without a path: those of an MTA are in sbin folders. */
const PROGRAM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin';

const WHY: Readonly<Record<string, 'absent' | 'denied' | 'tooMuch'>> = {
  ENOENT: 'absent',
  EACCES: 'denied',
  ENOEXEC: 'denied',
  ERR_CHILD_PROCESS_STDIO_MAXBUFFER: 'tooMuch',
};

/** `program`: an absolute path, or a name that is looked for in PROGRAM_PATH. */
export function runProgram(
  program: string,
  args: readonly string[],
  { timeoutMs, maxBytes, background = false, input, env = {} }: RunLimits,
): Promise<Ran> {
  const options = {
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: maxBytes,
    encoding: 'utf8',
    cwd: '/',
    env: { PATH: PROGRAM_PATH, LC_ALL: 'C', ...env },
  } as const;
  return new Promise((resolve) => {
    try {
      const child = execFile(program, args, options, (error, stdout, stderr) => {
        if (error === null) resolve({ ok: true, stdout, stderr });
        else {
          const why = WHY[String(error.code)] ?? (error.killed === true ? 'timeout' : 'failed');
          // a status is a number, the system's reason for not starting it a word
          const reason = typeof error.code === 'string' && why === 'failed' ? error.message : '';
          resolve({ ok: false, why, stderr: stderr || reason });
        }
      });
      // a program that ends without reading says why by its status
      child.stdin?.on('error', () => {});
      if (input === undefined) child.stdin?.destroy();
      else child.stdin?.end(input);
      if (background) child.unref();
    } catch (error) {
      // most reasons arrive above; execve's rarer ones (ETXTBSY, ENOMEM) are thrown
      resolve({ ok: false, why: 'failed', stderr: error instanceof Error ? error.message : String(error) });
    }
  });
}
