/**
 * How a command finds and asks the running daemon: through the `control-listen` of the configuration file
 * that the daemon was started with. Only that key is looked up, so `status` and `reload` work while the file
 * is full of mistakes.
 */
import { dirname, resolve } from 'node:path';
import type { ControlReplies } from '../daemon/controlReplies.ts';
import { askDaemon } from '../net/controlClient.ts';
import { configFile, type Io } from './command.ts';
import { mustExist, peekKey } from './peekKey.ts';

const DEFAULT_CONTROL = '/run/tlsward/control.sock';

/** Path of the control socket named in the file; the default when it names none or cannot be read. */
export function controlSocket(file: string): string {
  const address = peekKey(file, 'control-listen');
  return address?.startsWith('unix:')
    ? resolve(dirname(file), address.slice('unix:'.length))
    : DEFAULT_CONTROL;
}

interface Where {
  readonly config?: string | undefined;
  readonly sample?: boolean | undefined;
  readonly control?: string | undefined;
}

/** Path of the control socket that the options name; throws ConfigError when there is no such configuration. */
export function socketOf(values: Where, env: NodeJS.ProcessEnv): string {
  if (values.control !== undefined) return values.control.replace(/^unix:/, '');
  const file = configFile(values, env);
  mustExist(file);
  return controlSocket(file);
}

/** Asks the daemon of this configuration; rejects with ControlError when it does not answer, with
 * ConfigError when there is no such configuration. */
export async function ask<Command extends keyof ControlReplies>(
  values: Where,
  io: Io,
  command: Command,
  argument = '',
): Promise<ControlReplies[Command]> {
  return await askDaemon(socketOf(values, io.env), command, argument);
}
