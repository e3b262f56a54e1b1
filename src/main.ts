#!/usr/bin/env -S node --max-semi-space-size=4
/**
 * The `tlsward` executable: picks the command and turns its outcome into an exit status. Nothing else happens here.
 */
import type { Io, Run } from './cli/command.ts';
import { packageVersion } from './net/version.ts';

const COMMANDS: Readonly<Record<string, readonly [summary: string, load: () => Promise<{ run: Run }>]>> = {
  serve: ['run the daemon', () => import('./cli/serve.ts')],
  check: ['validate the configuration and exit', () => import('./cli/check.ts')],
  explain: ['say what would happen to a mail, and why', () => import('./cli/explain.ts')],
  reload: ['make the daemon read its configuration again', () => import('./cli/reload.ts')],
  status: ['show what the daemon is doing', () => import('./cli/status.ts')],
  simulate: ['play an MTA against the running daemon', () => import('./cli/simulate.ts')],
  lookup: ['turn the code of a reply back into its transaction', () => import('./cli/lookup.ts')],
  'verify-mark': ['check the marks of saved mail', () => import('./cli/verifyMark.ts')],
  hops: ['show the way a saved message came, as it claims', () => import('./cli/hops.ts')],
};

function usage(): string {
  const commands = Object.entries(COMMANDS).map(([name, [summary]]) => `  ${name.padEnd(13)}${summary}\n`);
  return [
    'tlsward: one table says how each mail domain must be protected by TLS\n\n',
    'usage: tlsward COMMAND [--config FILE | --sample] [--json] [OPTION ...]\n\n',
    ...commands,
    '\nThe configuration is --config FILE, else $TLSWARD_CONFIG, else /etc/tlsward/tlsward.ini;\n',
    '--sample takes the table that comes with the program.\n',
    'Exit status: 0 yes, 1 the policy says no, 64 usage, 69 no daemon, 75 cannot tell, 78 configuration.\n',
  ].join('');
}

async function main(argv: string[], io: Io): Promise<number> {
  const [name = '', ...rest] = argv;
  if (name === '--version' || name === 'version') {
    io.out(`tlsward ${packageVersion()}\n`);
    return 0;
  }
  if (name === '--help' || name === '-h' || name === 'help' || rest.includes('--help')) {
    io.out(usage());
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    io.err(name === '' ? usage() : `tlsward: no command "${name}"; tlsward help lists them\n`);
    return 64;
  }
  try {
    return await (await command[1]()).run(rest, io);
  } catch (error) {
    const known = error instanceof Error ? error.constructor.name : '';
    if (known === 'UsageError') {
      io.err(`tlsward ${name}: ${(error as Error).message}; tlsward help shows the options\n`);
      return 64;
    }
    if (known === 'ControlError') {
      io.err(`tlsward ${name}: ${(error as Error).message}\n`);
      return 69;
    }
    throw error;
  }
}

const { stdout, stderr, env } = process;
// `tlsward hops FILE | head`: whoever reads has enough
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
process.exitCode = await main(process.argv.slice(2), {
  out: (text) => void stdout.write(text),
  err: (text) => void stderr.write(text),
  env,
  colour: stdout.isTTY === true && env.NO_COLOR === undefined,
});
