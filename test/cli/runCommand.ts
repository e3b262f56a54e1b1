/** One command run in this process: what it says, and its exit status or the error it ends with. */
import type { Io } from '../../src/cli/command.ts';

export interface Said {
  readonly code: number | string;
  readonly out: string;
  readonly err: string;
}

export async function say(run: (argv: string[], io: Io) => Promise<number>, argv: string[]): Promise<Said> {
  let out = '';
  let err = '';
  const io: Io = { out: (text) => (out += text), err: (text) => (err += text), env: {}, colour: false };
  const code = await run(argv, io).catch((error: Error) => `${error.constructor.name}: ${error.message}`);
  return { code, out, err };
}
