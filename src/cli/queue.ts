/**
 * `tlsward queue`: the mail that waits on this host, by where it goes, what it must satisfy and why it waits, with what
 * to do about it.
 *
 *   tlsward queue                     postqueue -j; where there is none, Sendmail's mailq -v
 *   tlsward queue --file queue.json   what one of them printed before
 *   tlsward queue --recorded          what the records of the collector say; nobody is asked
 *
 * The table says what a row demands, the records of the collector what the log said of a certificate; without either
 * there is less to tell. Nothing is changed and nothing is sent.
 *
 * Exit status: 0 nothing waits for want of TLS, 1 something does, 65 a file cannot be read, 69 the queue cannot be read,
 * or not all of it, and nothing was found.
 */
import { loadConfig } from '../config/load/load.ts';
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { PolicyTable } from '../core/table.ts';
import { fileError } from '../files/systemError.ts';
import { demandOf } from '../queue/demand.ts';
import { Groups, type Waiting } from '../queue/groups.ts';
import type { QueuedMessage } from '../queue/queued.ts';
import { groupLine, groupLines, recordedSummary, summary } from '../queue/queueText.ts';
import { whatToDo } from '../queue/whatToDo.ts';
import { asciiJson } from './asciiJson.ts';
import {
  type CommandValues,
  configFile,
  EXIT,
  type Io,
  label,
  paint,
  parseCommand,
  reportError,
  UsageError,
  unreadable,
} from './command.ts';
import { COMMANDS } from './commands.ts';
import { optionalPlaces } from './evidencePlaces.ts';
import { askQueue, readMessages } from './queueMessages.ts';
import { recordedWaiting } from './queueRecorded.ts';
import { withRecords } from './queueRecords.ts';
import { QueueError, savedLines } from './queueSource.ts';

type Values = CommandValues<(typeof COMMANDS)['queue']>;

interface ReadQueue extends Waiting {
  readonly sendmail: boolean;
  /** Lines that are no message. */
  readonly unreadable: number;
  /** By records, not by what the MTA has. */
  readonly recorded: boolean;
  /** What the figures cannot say; ''. */
  readonly note: string;
}

/** `tlsward queue`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values } = parseCommand(argv, COMMANDS.queue);
  const now = Date.now();
  if (values.recorded && values.file !== undefined)
    throw new UsageError('--recorded and --file exclude each other');
  const { table, without } = tableOf(values, io.env);
  let queue: ReadQueue;
  try {
    queue = values.recorded ? recordedQueue(values, io.env, table, now) : await readQueue(values, table, now);
  } catch (error) {
    if (!(error instanceof QueueError)) return unreadable(io, values.json, values.file ?? 'the queue', error);
    reportError(io, values.json, `tlsward queue: ${error.message}`);
    return EXIT.unavailable;
  }
  const { places, missing } = optionalPlaces(values, configFile(values, io.env));
  const notes = [without, missing, queue.note].filter((text) => text !== '');
  let { groups } = queue;
  try {
    if (!values.recorded) groups = withRecords(groups, places, queue.sendmail, now);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    notes.push(`the evidence cannot be read (${fileError(error)})`);
  }
  if (values.domain !== undefined) groups = groups.filter(({ domain }) => values.domain!.includes(domain));
  const shown = { ...queue, groups };
  if (values.json) io.out(`${asciiJson(jsonOf(shown, notes, now))}\n`);
  else print(shown, notes, now, io);
  if (groups.some(({ tls }) => tls)) return EXIT.no;
  return queue.unreadable > 0 ? EXIT.unavailable : EXIT.yes;
}

function print(queue: ReadQueue, notes: readonly string[], now: number, io: Io): void {
  for (const group of queue.groups) {
    io.out(`${paint(io, group.tls ? 'red' : 'yellow', groupLine(group, now))}\n`);
    for (const [name, text] of groupLines(group, queue.sendmail)) io.out(`  ${label(name)}${text}\n`);
  }
  io.out(`${queue.recorded ? recordedSummary(queue, now) : summary(queue)}\n`);
  if (queue.unreadable > 0) io.err(`${count(queue.unreadable, 'line')} of the queue cannot be read\n`);
  for (const note of notes) io.err(`${note}\n`);
}

function jsonOf(queue: ReadQueue, notes: readonly string[], now: number): object {
  const { messages, waiting, recipients, ungrouped, unreadable: lost, sendmail } = queue;
  return {
    ok: lost === 0,
    mta: sendmail ? 'sendmail' : 'postfix',
    time: new Date(now).toISOString(),
    recorded: queue.recorded,
    ...{ messages, waiting, recipients, ungrouped, unreadable: lost },
    groups: queue.groups.map((group) => ({
      domain: group.domain,
      cause: group.cause,
      tls: group.tls,
      held: group.held,
      messages: group.messages,
      recipients: group.recipients,
      oldest: new Date(group.oldest).toISOString(),
      ageSeconds: Math.max(0, Math.floor((now - group.oldest) / 1000)),
      level: group.demand.level,
      row: group.demand.pattern === '' ? null : { pattern: group.demand.pattern, at: group.demand.at },
      byRule: group.demand.byRule,
      reason: group.reason,
      queueIds: group.ids,
      do: whatToDo(group, sendmail),
    })),
    notes,
  };
}

/** The table, or why there is none. */
function tableOf(values: Values, env: NodeJS.ProcessEnv): { table: PolicyTable | null; without: string } {
  const file = configFile(values, env);
  const loaded = loadConfig(file);
  if (loaded.ok) return { table: new PolicyTable(loaded.packed, 1, loaded.hash), without: '' };
  return {
    table: null,
    without: `${escapeText(file, 300)} cannot be read as a table, so no row is shown; tlsward check says why`,
  };
}

/** Rejects with QueueError, or with the error of open(2) or read(2) for `--file`. */
async function readQueue(values: Values, table: PolicyTable | null, now: number): Promise<ReadQueue> {
  const demand = (domain: string, rule: string) => demandOf(domain, rule, table);
  let groups: Groups | null = null;
  let lost = 0;
  const take = (message: QueuedMessage | null, sendmail: boolean): void => {
    groups ??= new Groups(demand, sendmail);
    if (message === null) lost++;
    else groups.add(message);
  };
  const sendmail =
    values.file !== undefined
      ? await readMessages(savedLines(values.file), now, take)
      : await askQueue(
          { postqueue: values.postqueue, mailq: values.mailq, folder: values['postfix-config'] },
          now,
          take,
        );
  const grouped: Groups = groups ?? new Groups(demand, sendmail);
  return { ...grouped.result(), sendmail, unreadable: lost, recorded: false, note: '' };
}

/** Throws QueueError, or the error of open(2) or read(2). */
function recordedQueue(
  values: Values,
  env: NodeJS.ProcessEnv,
  table: PolicyTable | null,
  now: number,
): ReadQueue {
  const { places, missing } = optionalPlaces(values, configFile(values, env));
  const waiting = recordedWaiting(places, new Date(now).toISOString().slice(0, 10));
  if (waiting === null)
    throw new QueueError(`--recorded: ${missing || 'there are no records of tlsward collect'}`);
  const { messages, beyond, sendmail } = waiting.result();
  const groups = new Groups((domain, rule) => demandOf(domain, rule, table), sendmail);
  for (const message of messages) groups.add(message);
  const note = beyond ? 'more recipients were put off than are followed, so some are left out' : '';
  return { ...groups.result(), sendmail, unreadable: 0, recorded: true, note };
}
