/**
 * `tlsward ship`: sends evidence to a ClickHouse server, and compares what is there.
 *
 *   tlsward ship --server URL [--evidence DIRECTORY]... [--credentials FILE] [--database NAME] [--table NAME] [--plain]
 *                [--interval SECONDS | --once | --again DAY | --verify DAY | --status] [--json]
 *
 * Without one of the last it goes on until SIGTERM or SIGINT. Exit status: 0 sent, the same, or stopped; 1 `--verify`:
 * a stream differs, `--status`: something keeps records from being sent; 65 evidence does not hold or cannot be read;
 * 75 the server is away, or `--verify`: not all is sent yet; 78 server or table are not as they must be.
 */
import { isDay } from '../archive/layout.ts';
import { quote } from '../config/ini/problem.ts';
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { codeOf, fileError } from '../files/systemError.ts';
import { AwayError, RefusedError } from '../ship/clickhouse.ts';
import { UnsoundError } from '../ship/head.ts';
import { openServer } from '../ship/server.ts';
import { type ShipEvent, type Shipping, type ShipResult, ship, streamsIn } from '../ship/ship.ts';
import { shipStatus } from '../ship/shipStatus.ts';
import { readState, stateFile } from '../ship/state.ts';
import { readCredentials, type Target, TargetError, targetOf, targetText } from '../ship/target.ts';
import { type Comparison, verifyDay } from '../ship/verifyDay.ts';
import { asciiJson } from './asciiJson.ts';
import { ConfigError, EXIT, type Io, parseCommand, reportError, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { evidenceDirectories } from './evidencePlaces.ts';
import { stopSignal } from './stopSignal.ts';

const STATUS: Readonly<Record<ShipResult, number>> = {
  sent: EXIT.yes,
  stopped: EXIT.yes,
  away: EXIT.cannotTell,
  refused: EXIT.config,
  unsound: EXIT.data,
};
const MAX_TEXT = 2000;

/** `tlsward ship`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values } = parseCommand(argv, COMMANDS.ship);
  const { server, json } = values;
  if (server === undefined) throw new UsageError('--server URL is missing');
  const evidence = evidenceDirectories(values, io.env);
  const ways = ['once', 'again', 'verify', 'status'].filter((name) => Object.hasOwn(values, name));
  if (ways.length > 1) throw new UsageError(`--${ways.join(' and --')} exclude each other`);
  const target = await targetFrom(values, server);
  try {
    if (values.status) return tellStatus(io, json, target, evidence);
    if (values.verify !== undefined)
      return await verify(io, json, target, evidence, dayOf('--verify', values.verify));
    return await send(io, json, {
      target,
      directories: evidence,
      once: values.once ?? false,
      only: values.again === undefined ? undefined : dayOf('--again', values.again),
      intervalMs: intervalOf(values.interval) * 1000,
    });
  } catch (error) {
    const known = error instanceof UnsoundError || codeOf(error) !== '';
    if (!known) throw error;
    const text = error instanceof UnsoundError ? error.message : `cannot be read (${fileError(error)})`;
    reportError(io, json, `tlsward ship: ${escapeText(text, MAX_TEXT)}`);
    return EXIT.data;
  }
}

async function targetFrom(
  values: { database: string; table: string; credentials?: string | undefined; plain?: boolean | undefined },
  server: string,
): Promise<Target> {
  const { database, table, credentials: file, plain = false } = values;
  try {
    const credentials = file === undefined ? null : readCredentials(file);
    return targetOf(server, { database, table }, credentials, plain);
  } catch (error) {
    if (error instanceof TargetError) throw new ConfigError(escapeText(error.message, MAX_TEXT));
    throw error;
  }
}

function dayOf(option: string, text: string): string {
  if (isDay(text)) return text;
  throw new UsageError(`${option}: found ${quote(text)}, expected a day such as 2026-11-30`);
}

function intervalOf(text: string): number {
  const seconds = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (seconds >= 1 && seconds <= 86_400) return seconds;
  throw new UsageError(`--interval: found ${quote(text)}, expected seconds from 1 to 86400`);
}

async function send(io: Io, json: boolean | undefined, shipping: Shipping): Promise<number> {
  const stop = stopSignal();
  try {
    const result = await ship({ ...shipping, signal: stop.signal }, (event) => {
      if (json) io.out(`${asciiJson(event)}\n`);
      else if (event.event === 'sent') io.out(`${wordsOf(event)}\n`);
      else io.err(`tlsward ship: ${wordsOf(event)}\n`);
    });
    return STATUS[result];
  } finally {
    stop.release();
  }
}

function wordsOf(event: ShipEvent): string {
  switch (event.event) {
    case 'sent':
      return `${count(event.records, 'record')} sent`;
    case 'away':
      return `${event.target} is away, so records wait in their files: ${escapeText(event.why, MAX_TEXT)}`;
    case 'back':
      return `${event.target} is back, and what waited is sent`;
    case 'refused':
      return `${event.target} does not take records: ${escapeText(event.why, MAX_TEXT)}`;
    case 'unsound':
      return `not sent: ${escapeText(event.why, MAX_TEXT)}; tlsward evidence verify says which records`;
  }
}

function tellStatus(
  io: Io,
  json: boolean | undefined,
  target: Target,
  directories: readonly string[],
): number {
  const streams = shipStatus(target, directories);
  const wrong = streams.some(({ problem }) => problem !== null);
  if (json) io.out(`${asciiJson({ ok: !wrong, target: targetText(target), streams })}\n`);
  else {
    io.out(`${targetText(target)}\n`);
    for (const { directory, stream, day, sent, waiting, acknowledged, problem } of streams) {
      const done =
        day === null
          ? 'nothing sent'
          : `${count(sent, 'record')} of ${day} sent, the last at ${acknowledged ?? '?'}`;
      io.out(`  ${escapeText(directory, MAX_TEXT)}/${stream}: ${done}; ${waiting} waiting\n`);
      if (problem !== null)
        io.out(`    since ${escapeText(problem.since)}: ${escapeText(problem.text, MAX_TEXT)}\n`);
    }
  }
  return wrong ? EXIT.no : EXIT.yes;
}

async function verify(
  io: Io,
  json: boolean | undefined,
  target: Target,
  directories: readonly string[],
  day: string,
): Promise<number> {
  const compared: { stream: string; host: string; result: Comparison; text: string }[] = [];
  try {
    const server = await openServer(target);
    for (const { directory, stream } of streamsIn(directories)) {
      const { position } = readState(stateFile(directory, stream.name, target));
      compared.push({ stream: stream.name, ...(await verifyDay(stream, server, day, position)) });
    }
  } catch (error) {
    if (!(error instanceof AwayError || error instanceof RefusedError)) throw error;
    const refused = error instanceof RefusedError;
    const text = refused ? 'does not answer such a question' : 'is away';
    reportError(
      io,
      json,
      `tlsward ship: ${targetText(target)} ${text}: ${escapeText(error.message, MAX_TEXT)}`,
    );
    return refused ? EXIT.config : EXIT.cannotTell;
  }
  const has = (result: Comparison): boolean => compared.some((one) => one.result === result);
  if (json) io.out(`${asciiJson({ ok: !has('differs') && !has('behind') && has('same'), day, compared })}\n`);
  else
    for (const { stream, host, result, text } of compared)
      io.out(`${day} ${escapeText(host)} ${stream}: ${result}: ${escapeText(text, MAX_TEXT)}\n`);
  if (has('differs')) return EXIT.no;
  return has('behind') || !has('same') ? EXIT.cannotTell : EXIT.yes;
}
