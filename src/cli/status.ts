/**
 * `tlsward status`: is the daemon there, which table does it use, where does it listen, what has it counted.
 * With --check only what needs attention (statusFindings.ts), and exit status 1 if there is anything.
 */

import { quote } from '../config/ini/problem.ts';
import { count } from '../core/plural.ts';
import type { PostfixStatus, StatusReply } from '../daemon/controlReplies.ts';
import { restartWords, statusFindings } from '../daemon/statusFindings.ts';
import type { DiscoveryStatus } from '../discovery/discoveryService.ts';
import { codeOf } from '../files/systemError.ts';
import { ControlError } from '../net/controlClient.ts';
import { configFile, EXIT, type Io, label, paint, parseCommand, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { ask, socketOf } from './daemon.ts';
import { isEmptyKey, mustExist } from './peekKey.ts';
import { compareStatus } from './statusCompare.ts';
import { evidenceLines } from './statusEvidence.ts';

/** Between two attempts of `--wait`. */
const RETRY_MS = 200;

/** The source of answers for `deliver = auto`. */
function publishedLines(io: Io, published: DiscoveryStatus): string[] {
  const asked = counters(published.counters);
  if (published.kind === 'other') return [`asks ${published.server}`, asked];
  const { resolver, daneOff, stsCache, testOpening, sts } = published;
  const lines = [
    daneOff === '' ? `DANE by ${resolver.join(', ')}` : paint(io, 'yellow', `DANE off: ${daneOff}`),
    `lookups: ${asked}`,
    `MTA-STS: ${counters(sts)}; ${stsCache === '' ? 'in memory only' : `kept in ${stsCache}`}`,
  ];
  if (testOpening !== '')
    lines.push(
      paint(io, 'red', `FOR TESTS ONLY: policies are fetched from ${testOpening} (sts-test-opening)`),
    );
  return lines;
}

/** What is known about the MTA, and which of its settings break a guarantee of the table. */
function postfixLines(io: Io, { version, tlsRequiredEnable, seen, warnings }: PostfixStatus): string[] {
  const known = version === '' ? [] : [`${version} by postconf`];
  if (seen.length > 0) known.push(`${seen.join(', ')} by the milter`);
  if (tlsRequiredEnable !== '') known.push(`tls_required_enable = ${tlsRequiredEnable}`);
  return [known.join('; ') || 'version unknown', ...warnings.map((text) => paint(io, 'red', text))];
}

/** `wouldRefuse` of the JSON is "would refuse" here. */
function counters(values: object): string {
  return Object.entries(values)
    .map(([name, value]) => `${name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)} ${value}`)
    .join(', ');
}

const TLS_WORDS: Readonly<Record<string, string>> = {
  otherTls: 'other TLS',
  notJudged: 'not judged',
};

/** The longest time for which the event loop was blocked. */
function delayText({ longestMs, at, serving, overThreshold, thresholdMs }: StatusReply['loopDelay']): string {
  const about = at === '' ? '' : ` at ${at}${serving === '' ? '' : ` (${serving})`}`;
  const over = overThreshold === 0 ? '' : `; ${overThreshold} of ${thresholdMs} ms or more`;
  return `longest ${longestMs} ms${about}${over}`;
}

function kibibytes(bytes: number): number {
  return Math.ceil(bytes / 1024);
}

function openFiles(io: Io, { limit, used, connections, maxConnections }: StatusReply['openFiles']): string {
  if (limit === null) return 'unknown';
  const room = `room for ${count(connections, 'connection')}`;
  const low = `${room}, and max-connections is ${maxConnections} (LimitNOFILE=)`;
  return `${used ?? '?'} of ${limit}, ${connections < maxConnections ? paint(io, 'yellow', low) : room}`;
}

/** What is wrong, and nothing else. */
function check(io: Io, reply: StatusReply, json: boolean): number {
  const findings = statusFindings(reply);
  const ok = findings.length === 0;
  if (json) io.out(`${JSON.stringify({ ok, findings })}\n`);
  else if (ok) io.out(`${paint(io, 'green', 'fine')}: nothing to look at\n`);
  else {
    io.out(`${paint(io, 'red', `${count(findings.length, 'finding')}`)}\n`);
    for (const { id, text } of findings) io.out(`${id}: ${text}\n`);
  }
  return ok ? EXIT.yes : EXIT.no;
}

/**
 * The answer, asked for again until the daemon answers or the time is over; or until it has ended, where
 * systemd tells its process id (ExecStartPost=, systemd.exec(5)).
 */
async function waitFor<T>(ask: () => Promise<T>, seconds: number, pid: string | undefined): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ControlError) || performance.now() + RETRY_MS > end) throw error;
      if (hasEnded(pid))
        throw new ControlError(`the daemon (process ${pid}) has ended; its last lines say why`);
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function hasEnded(pid: string | undefined): boolean {
  if (pid === undefined || !/^[1-9][0-9]{0,9}$/.test(pid)) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return codeOf(error) === 'ESRCH';
  }
}

/** Has the configuration no control socket? */
function noControl(file: string): boolean {
  mustExist(file);
  return isEmptyKey(file, 'control-listen');
}

function secondsOf(text: string): number {
  if (/^[0-9]{1,4}$/.test(text)) return Number(text);
  throw new UsageError(`--wait: found ${quote(text)}, expected a number of seconds`);
}

/** `tlsward status`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS.status);
  if (values.compare === true) return compareStatus(positionals, values.json ?? false, io);
  if (positionals.length > 0) throw new UsageError(`found ${quote(positionals[0]!)}, expected options only`);
  const seconds = secondsOf(values.wait);
  if (seconds > 0 && values.control === undefined && noControl(configFile(values, io.env))) {
    io.out('control-listen is empty: the daemon cannot be asked\n');
    return EXIT.yes;
  }
  // the file is read once, however often the daemon is asked
  const control = socketOf(values, io.env);
  const reply = await waitFor(() => ask({ control }, io, 'status'), seconds, io.env.MAINPID);
  if (values.check) return check(io, reply, values.json ?? false);
  if (values.json) {
    io.out(`${JSON.stringify(reply)}\n`);
    return EXIT.yes;
  }
  const { table } = reply;
  const line = (name: string, text: string): void => io.out(`${label(name)}${text}\n`);
  io.out(
    `${paint(io, 'green', 'running')}: tlsward ${reply.version} on node ${reply.node}, pid ${reply.pid}, since ${reply.startedAt}\n`,
  );
  if (seconds > 0) return EXIT.yes;
  line('config', reply.config);
  line(
    'table',
    `generation ${table.generation}, ${count(table.rows, 'row')}, hash ${table.hash.slice(0, 16)}, loaded ${table.loadedAt}`,
  );
  if (table.restartNeeded.length > 0) line('pending', paint(io, 'yellow', restartWords(table.restartNeeded)));
  if (table.lastReload !== '') line('reload', paint(io, 'red', table.lastReload));
  for (const overdue of table.overdue) line('expired', paint(io, 'yellow', overdue));
  for (const { name, address, trouble } of reply.listeners)
    line(name, trouble === undefined ? address : `${address}  ${paint(io, 'red', trouble)}`);
  line('verdicts', counters(reply.verdicts));
  for (const [protocol, byTls] of Object.entries(reply.verdictsByTls)) {
    const sorted = Object.entries(byTls).sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [i, [key, actions]] of sorted.entries())
      line(i === 0 ? `by ${protocol}` : '', `${TLS_WORDS[key] ?? key}: ${counters(actions)}`);
  }
  line('maps', counters(reply.maps));
  line('routes', counters(reply.routes));
  for (const [i, text] of publishedLines(io, reply.published).entries())
    line(i === 0 ? 'published' : '', text);
  for (const [i, text] of postfixLines(io, reply.postfix).entries()) line(i === 0 ? 'postfix' : '', text);
  for (const [name, values] of Object.entries(reply.connections)) line(`${name}:`, counters(values));
  for (const [i, text] of evidenceLines(io, reply.evidence).entries()) line(i === 0 ? 'evidence' : '', text);
  line('delay', delayText(reply.loopDelay));
  line('memory', `${reply.memoryMiB} MiB`);
  for (const { name, used, limit } of reply.memory)
    line('', `${name}: ${kibibytes(used)} of ${kibibytes(limit)} KiB`);
  line('open files', openFiles(io, reply.openFiles));
  const { dropped, failure } = reply.log;
  if (dropped > 0 || failure !== '')
    line(
      'log',
      paint(
        io,
        'red',
        `${count(dropped, 'line')} dropped${failure === '' ? '' : `; it cannot be written (${failure})`}`,
      ),
    );
  return EXIT.yes;
}
