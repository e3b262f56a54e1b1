/**
 * Asks the running daemon one question over its control socket and waits for the one line of the answer.
 */
import { connect } from 'node:net';
import { encodeControlRequest } from '../wire/controlLines.ts';

/** Longest answer accepted, in characters; real ones are far shorter. */
const MAX_ANSWER = 64 * 1024 * 1024;

/** The daemon could not be asked; the message says why and what to try. */
export class ControlError extends Error {}

/**
 * Sends the command; resolves to the parsed reply, whose type the caller names. Rejects with ControlError
 * after `timeoutMs`.
 */
export function askDaemon<Reply extends object = Record<string, unknown>>(
  path: string,
  command: string,
  argument = '',
  timeoutMs = 60_000,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = '';
    const fail = (message: string): void => {
      socket.destroy();
      reject(new ControlError(message));
    };
    socket.setTimeout(timeoutMs, () => fail(`no answer from unix:${path} within ${timeoutMs / 1000} s`));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const hint =
        error.code === 'EACCES'
          ? "run this as root or as the daemon's user"
          : 'is the daemon running? (systemctl status tlsward)';
      fail(`cannot reach the daemon at unix:${path}: ${error.code ?? error.message}; ${hint}`);
    });
    socket.on('connect', () => socket.write(encodeControlRequest({ command, argument })));
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > MAX_ANSWER) {
        fail(`the answer from unix:${path} is too long`);
        return;
      }
      if (!text.endsWith('\n')) return;
      socket.end();
      resolve(JSON.parse(text) as Reply);
    });
    socket.on('end', () => {
      if (!text.endsWith('\n')) fail(`the daemon at unix:${path} closed without an answer`);
    });
  });
}
