/** A short SMTP dialogue with the mail server of this host, each line sent when the reply before it is whole (RFC 5321). */
import { connect } from 'node:net';

export interface SmtpPlace {
  /** Name or address; an address may stand in brackets. */
  readonly host: string;
  readonly port: number;
}

interface DialogueOptions {
  readonly timeoutMs: number;
  /** Does a reply of 4xx or 5xx end the dialogue as a failure? */
  readonly strict: boolean;
}

const MAX_REPLY = 65_536;

/**
 * Sends the lines, without their CR LF, in turn; `said` gets the last line of the greeting and of every reply. Rejects
 * with Error: no connection, no reply in time, closed too soon, or a refusal when `strict`.
 */
export function smtpDialogue(
  { host, port }: SmtpPlace,
  lines: readonly string[],
  said: string[],
  { timeoutMs, strict }: DialogueOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host.replace(/^\[(.*)\]$/, '$1'));
    const pending = [...lines];
    let text = '';
    let ended = false;
    const fail = (message: string): void => {
      socket.destroy();
      reject(new Error(message));
    };
    const timer = setTimeout(() => fail(`no reply within ${timeoutMs / 1000} s`), timeoutMs);
    socket.on('close', () => {
      clearTimeout(timer);
      if (ended) resolve();
      else reject(new Error('the server closed the connection'));
    });
    socket.on('error', (error) => fail(error.message));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (text.length > MAX_REPLY) fail('a reply without an end');
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        const line = text.slice(0, end).replace(/\r$/, '');
        text = text.slice(end + 1);
        if (line[3] === '-') continue;
        said.push(line);
        if (strict && !/^[23]/.test(line)) {
          fail(line);
          return;
        }
        const next = pending.shift();
        ended = next === undefined;
        if (next === undefined) socket.end();
        else socket.write(`${next}\r\n`);
      }
    });
  });
}

/**
 * Lines of a dialogue that hands a message over: `message` with LF as line ends, without a line end behind its last
 * line. The null sender, so that nothing comes back.
 */
export function submission(from: string, to: string, message: string): string[] {
  const body = message.replace(/^\./gm, '..').replaceAll('\n', '\r\n');
  return [`EHLO ${from}`, 'MAIL FROM:<> BODY=8BITMIME', `RCPT TO:<${to}>`, 'DATA', `${body}\r\n.`, 'QUIT'];
}
