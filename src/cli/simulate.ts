/**
 * `tlsward simulate milter|policy|socketmap`: plays an MTA against the running daemon and shows each reply.
 *
 *   tlsward simulate milter --from A --to B [--to C] [--tls ...] [--cert ...] [--client ADDRESS] [--auth LOGIN]
 *                           [--mta postfix|sendmail] [--header "Name: value"]... [--message FILE] [--output FILE]
 *                           [--parameter REQUIRETLS]... (of MAIL) [--local DOMAIN]... (has its mailboxes here)
 *   tlsward simulate policy --from A --to B [--tls ...] [--state RCPT]
 *   tlsward simulate socketmap [--map deliver] KEY [KEY ...]
 *
 * The daemon is found through the configuration file (`milter-listen`, `policy-listen`, `socketmap-listen`),
 * or `--connect unix:/path`. The file's `route-header` is the field that the played Postfix stops.
 * `--output` writes the message as it would be delivered; with `-` it has standard output for itself, and
 * what was said goes to standard error.
 * Exit status: 0 accepted, 1 refused or held, 75 deferred, 69 the daemon cannot be asked.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Invalid, quote } from '../config/ini/problem.ts';
import { type ListenAddress, parseListen } from '../config/keys/listenAddress.ts';
import type { HeaderField } from '../core/messageEdit.ts';
import { readMessages } from '../mailfile/readMessages.ts';
import { ControlError } from '../net/controlClient.ts';
import { fenceTable } from '../rules/fence.ts';
import type { PlainMessage } from '../simulate/applyReplies.ts';
import { PlayError } from '../simulate/daemonSocket.ts';
import { type Played, playMilter } from '../simulate/milterPlayer.ts';
import { askPolicy } from '../simulate/policyPlayer.ts';
import { askSocketmap } from '../simulate/socketmapPlayer.ts';
import { formatSocketmapReply, type SocketmapReply } from '../wire/socketmapEncode.ts';
import { configFile, EXIT, type Io, label, paint, parseCommand, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { mustExist, peekKey } from './peekKey.ts';
import { headerOption, sessionFacts } from './sessionOptions.ts';

const SAMPLE_TEXT = 'This is a test.\r\n';

/** The first address that a listener key of the main configuration file names. */
function listener(file: string, key: string): ListenAddress {
  mustExist(file);
  const found = peekKey(file, key);
  if (found === null) throw new UsageError(`no ${key} found in ${file}; name a socket with --connect`);
  return address(found, dirname(file));
}

function address(text: string, folder: string): ListenAddress {
  const parsed = parseListen(text, resolve(folder));
  if (parsed instanceof Invalid)
    throw new UsageError(`--connect: found ${parsed.found}, expected ${parsed.expected}`);
  return parsed;
}

interface Where {
  readonly connect?: string | undefined;
  readonly config?: string | undefined;
  readonly sample?: boolean | undefined;
}

/** The daemon's socket for a protocol. */
function daemonAddress(values: Where, what: string, io: Io): ListenAddress {
  if (values.connect !== undefined) return address(values.connect, '.');
  return listener(configFile(values, io.env), `${what}-listen`);
}

/**
 * The smtp_header_checks of an MTA whose fragments name this configuration's header field, if it names one.
 */
function fenceOf(file: string): { readonly headerChecks?: string } {
  const header = peekKey(file, 'route-header');
  return header === null ? {} : { headerChecks: fenceTable(header) };
}

/** Asks each key; prints each reply as it came. */
async function simulateSocketmap(
  values: Where & { readonly map: string; readonly json?: boolean | undefined },
  keys: readonly string[],
  io: Io,
): Promise<number> {
  const { map } = values;
  if (keys.length === 0) throw new UsageError('simulate socketmap [--map deliver] KEY [KEY ...]');
  if (/[^!-~]/.test(map) || map === '') throw new UsageError(`--map: found ${quote(map)}, expected a word`);
  try {
    const replies = await askSocketmap(daemonAddress(values, 'socketmap', io), map, keys);
    for (const [i, reply] of replies.entries()) {
      if (values.json) io.out(`${JSON.stringify({ map, key: keys[i], ...reply })}\n`);
      else io.out(`${paint(io, waits(reply) ? 'red' : 'green', formatSocketmapReply(reply))}\n`);
    }
    return replies.some(waits) ? EXIT.cannotTell : EXIT.yes;
  } catch (error) {
    if (error instanceof PlayError) throw new ControlError(error.message);
    throw error;
  }
}

function waits(reply: SocketmapReply): boolean {
  return reply.status === 'TEMP' || reply.status === 'PERM';
}

/** Header and body of the message: a file's, or a short one of our own, with `--header` fields on top. */
async function messageOf(file: string | undefined, extra: readonly HeaderField[]): Promise<PlainMessage> {
  if (file === undefined) {
    const headers = [...extra, { name: 'Subject', value: 'test' }, { name: 'From', value: 'test' }];
    return { headers, body: Buffer.from(SAMPLE_TEXT) };
  }
  for await (const { headers, bodyOffset } of readMessages(file)) {
    const body = readFileSync(file).subarray(bodyOffset).toString('latin1').replace(/\r?\n/g, '\r\n');
    return { headers: [...extra, ...headers], body: Buffer.from(body, 'latin1') };
  }
  throw new UsageError(`--message: ${file} holds no message`);
}

/** The message as text with LF line ends, as it would lie in a mailbox. */
function render({ headers, body }: PlainMessage): Buffer {
  const top = headers.map(({ name, value }) => `${name}: ${value.replace(/^ /, '')}\n`).join('');
  return Buffer.from(`${top}\n${Buffer.from(body).toString('latin1').replace(/\r\n/g, '\n')}`, 'latin1');
}

/** `tlsward simulate`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS.simulate);
  const [what, ...more] = positionals;
  if (what === 'socketmap') return await simulateSocketmap(values, more, io);
  if ((what !== 'milter' && what !== 'policy') || more.length > 0)
    throw new UsageError('simulate milter, simulate policy or simulate socketmap');
  if (values.mta !== 'postfix' && values.mta !== 'sendmail')
    throw new UsageError('--mta is postfix or sendmail');
  const { from, to: recipients, tls } = sessionFacts(values);
  const to = daemonAddress(values, what, io);
  try {
    if (what === 'policy') {
      const session = {
        clientAddress: values.client,
        heloName: values.helo,
        sender: from === '<>' ? '' : from,
        saslUsername: values.auth,
        tls,
      };
      let worst: number = EXIT.yes;
      for (const recipient of recipients) {
        const { request, answer } = await askPolicy(to, { ...session, recipient, state: values.state });
        if (values.json) io.out(`${JSON.stringify({ request, answer })}\n`);
        else io.out(`${paint(io, answer.verb === 'DUNNO' ? 'green' : 'red', `action=${answer.action}`)}\n`);
        worst = Math.max(worst, policyExit(answer.verb));
      }
      return worst;
    }
    const extra = (values.header ?? []).map(headerOption);
    const bracket = (path: string): string => (path.startsWith('<') ? path : `<${path}>`);
    const played = await playMilter(to, {
      ...(await messageOf(values.message, extra)),
      mta: values.mta,
      clientAddress: values.client,
      clientPort: 40_000,
      heloName: values.helo,
      saslUsername: values.auth,
      tls,
      sender: bracket(from),
      recipients: recipients.map(bracket),
      mailParameters: values.parameter ?? [],
      localDomains: (values.local ?? []).map((domain) => domain.toLowerCase()),
      queueId: 'SIMULATED',
      ...fenceOf(configFile(values, io.env)),
    });
    print(values.output === '-' ? { ...io, out: io.err } : io, played, values.json ?? false);
    if (values.output !== undefined && played.message !== null) {
      if (values.output === '-') io.out(render(played.message).toString('latin1'));
      else writeFileSync(values.output, render(played.message));
    }
    return { accepted: EXIT.yes, held: EXIT.no, refused: EXIT.no, deferred: EXIT.cannotTell }[played.outcome];
  } catch (error) {
    if (error instanceof PlayError) throw new ControlError(error.message);
    throw error;
  }
}

function policyExit(verb: string): number {
  if (verb === 'DUNNO') return EXIT.yes;
  return verb.startsWith('4') ? EXIT.cannotTell : EXIT.no;
}

function print(io: Io, played: Played, json: boolean): void {
  const { events, outcome, message, recipients } = played;
  if (json) {
    io.out(`${JSON.stringify({ outcome, events, headers: message?.headers ?? null, recipients })}\n`);
    return;
  }
  io.out(`${paint(io, outcome === 'accepted' ? 'green' : 'red', outcome)}\n\n`);
  for (const { event, replies } of events) {
    if (replies.length === 0) io.out(`${event}\n`);
    for (const [i, reply] of replies.entries())
      io.out(`${label(i === 0 ? `${event}  ` : '')}-> ${reply.replace(/\n/g, '\n             ')}\n`);
  }
}
