/**
 * Gives the process's arguments, output and environment to dispatch.ts and turns its outcome into an exit
 * status.
 */
import type { Terminal } from './command.ts';
import { dispatch } from './dispatch.ts';

/** Runs the command of this process. Resolves when it has ended. */
export async function runProcess(): Promise<void> {
  const { stdout, stderr, env } = process;
  // `tlsward hops FILE | head` closes the pipe when it has enough
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  // standard error is closed; nothing else is lost
  stderr.on('error', () => {});
  process.exitCode = await dispatch(process.argv.slice(2), {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    env,
    errorsShown: stderr.isTTY === true,
    progress: stderr.isTTY === true && stdout.isTTY !== true,
    colour: stdout.isTTY === true && !env.NO_COLOR, // empty counts as absent (no-color.org)
    ...(stdout.isTTY === true && process.stdin.isTTY === true ? { terminal: terminal() } : null),
  });
}

function terminal(): Terminal {
  const { stdin, stdout } = process;
  return {
    size: () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 }),
    listen(key, resized) {
      const typed = (piece: Buffer): void => key(piece.toString('latin1'));
      stdin.setRawMode(true);
      stdin.on('data', typed);
      stdin.resume();
      stdout.on('resize', resized);
      return () => {
        stdin.removeListener('data', typed);
        stdin.setRawMode(false);
        stdin.pause();
        stdout.removeListener('resize', resized);
      };
    },
  };
}
