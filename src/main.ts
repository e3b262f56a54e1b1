#!/usr/bin/env -S node --max-semi-space-size=4
/**
 * The `tlsward` executable: finds the command in the table of cli/commands.ts, runs it and turns its outcome
 * into an exit status. Nothing else happens here.
 */
import type { Io } from './cli/command.ts';
import { COMMANDS } from './cli/commands.ts';
import { usage } from './cli/help.ts';
import { packageVersion } from './daemon/version.ts';

async function unknownCommand(name: string): Promise<string> {
  const { escapeText } = await import('./core/escape.ts');
  const { nearest } = await import('./config/ini/suggest.ts');
  const near = nearest(name, Object.keys(COMMANDS));
  const hint = near === null ? '' : ` (did you mean ${near}?)`;
  return `tlsward: no command "${escapeText(name)}"${hint}; tlsward help lists them\n`;
}

async function main(argv: string[], io: Io): Promise<number> {
  const [name = '', ...rest] = argv;
  if (name === '--version' || name === 'version') {
    io.out(`tlsward ${packageVersion()}\n`);
    return 0;
  }
  const help = name === '--help' || name === '-h' || name === 'help';
  const wanted = help ? (rest.find((word) => !word.startsWith('-')) ?? '') : name;
  const command = Object.hasOwn(COMMANDS, wanted) ? COMMANDS[wanted] : undefined;
  if (command === undefined && !(help && wanted === '')) {
    io.err(wanted === '' ? usage() : await unknownCommand(wanted));
    return 64;
  }
  if (command === undefined || help || rest.includes('--help') || rest.includes('-h')) {
    io.out(usage(wanted));
    return 0;
  }
  try {
    return await (await command.load()).run(rest, io);
  } catch (error) {
    const known = error instanceof Error ? error.constructor.name : '';
    if (known === 'UsageError') {
      io.err(`tlsward ${name}: ${(error as Error).message}; tlsward help ${name} shows the options\n`);
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
// `tlsward hops FILE | head` closes the pipe when it has enough
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
// the reader of standard error is gone; nothing else is lost by that
stderr.on('error', () => {});
process.exitCode = await main(process.argv.slice(2), {
  out: (text) => void stdout.write(text),
  err: (text) => void stderr.write(text),
  env,
  colour: stdout.isTTY === true && !env.NO_COLOR, // empty counts as absent (no-color.org)
});
