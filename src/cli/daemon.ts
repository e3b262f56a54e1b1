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

function configuredSocket(file: string): string {
  mustExist(file);
  return controlSocket(file);
}

/** Asks the daemon of this configuration; rejects with ControlError when it does not answer, with
 * ConfigError when there is no such configuration. */
export function ask<Command extends keyof ControlReplies>(
  values: { config?: string | undefined; sample?: boolean | undefined; control?: string | undefined },
  io: Io,
  command: Command,
  argument = '',
): Promise<ControlReplies[Command]> {
  const path = values.control ?? configuredSocket(configFile(values, io.env));
  return askDaemon(path.replace(/^unix:/, ''), command, argument);
}
