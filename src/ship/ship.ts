/**
 * Sends the streams of evidence directories to a server, again and again, and waits while the server is away: the
 * evidence files are the spool, so nothing needs to be kept meanwhile.
 *
 * What happens is told once: when the server goes away and when it is back, when a stream does not hold, and when the server
 * refuses, which ends it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { streamsOf } from '../archive/layout.ts';
import { codeOf, fileError } from '../files/systemError.ts';
import { AwayError, RefusedError } from './clickhouse.ts';
import { UnsoundError } from './head.ts';
import { openServer, type Server } from './server.ts';
import { type Stream, shipStream } from './shipStream.ts';
import { readState, type State, stateFile, writeState } from './state.ts';
import { type Target, targetText } from './target.ts';

export interface Shipping {
  readonly target: Target;
  readonly directories: readonly string[];
  /** One pass, and no second try. */
  readonly once: boolean;
  /** Only this day, from its beginning, whatever was sent before; in one pass. */
  readonly only?: string | undefined;
  /** Between two passes. */
  readonly intervalMs: number;
  /** Of the first wait for a server; the next ones are twice as long each. */
  readonly backOffMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export type ShipEvent =
  | { readonly event: 'sent'; readonly records: number }
  | { readonly event: 'away'; readonly target: string; readonly why: string }
  | { readonly event: 'back'; readonly target: string }
  | { readonly event: 'refused'; readonly target: string; readonly why: string }
  /** A day, or the folder of a stream, of which nothing is sent. */
  | { readonly event: 'unsound'; readonly why: string };

/** `sent`: all there was; `stopped`: by the signal. */
export type ShipResult = 'sent' | 'stopped' | 'away' | 'refused' | 'unsound';

const BACK_OFF_MS = 1000;
const MAX_BACK_OFF_MS = 60_000;
/** Messages that are not told twice. */
const MAX_TOLD = 1000;

export async function ship(shipping: Shipping, tell: (event: ShipEvent) => void): Promise<ShipResult> {
  const { target, signal, backOffMs = BACK_OFF_MS } = shipping;
  const once = shipping.once || shipping.only !== undefined;
  const told = new Set<string>();
  let server: Server | null = null;
  let tries = 0;
  for (;;) {
    try {
      server ??= await openServer(target, signal);
      const { records, unsound } = await passOver(shipping, server, told, tell);
      if (tries > 0) tell({ event: 'back', target: targetText(target) });
      tries = 0;
      if (once) {
        tell({ event: 'sent', records });
        return unsound ? 'unsound' : 'sent';
      }
    } catch (error) {
      if (signal?.aborted === true) return 'stopped';
      if (error instanceof RefusedError) {
        await remember(shipping, error.message);
        tell({ event: 'refused', target: targetText(target), why: error.message });
        return 'refused';
      }
      if (!(error instanceof AwayError)) throw error;
      // a server that comes back may be another version
      server = null;
      if (tries++ === 0) {
        await remember(shipping, error.message);
        tell({ event: 'away', target: targetText(target), why: error.message });
      }
      if (once) return 'away';
    }
    const wait = tries === 0 ? shipping.intervalMs : Math.min(backOffMs * 2 ** (tries - 1), MAX_BACK_OFF_MS);
    try {
      // not all hosts at the same moment
      await sleep(wait * (0.75 + Math.random() / 4), undefined, { signal });
    } catch {
      return 'stopped';
    }
  }
}

interface Passed {
  readonly records: number;
  readonly unsound: boolean;
}

/** `told`: what is wrong and has been told. */
async function passOver(
  shipping: Shipping,
  server: Server,
  told: Set<string>,
  tell: (event: ShipEvent) => void,
): Promise<Passed> {
  let records = 0;
  let unsound = false;
  const leaveOut = (why: string): void => {
    unsound = true;
    if (told.has(why)) return;
    if (told.size >= MAX_TOLD) told.clear();
    told.add(why);
    tell({ event: 'unsound', why });
  };
  for (const { directory, stream } of streamsIn(shipping.directories)) {
    try {
      records += await passOne(shipping, server, directory, stream, leaveOut);
    } catch (error) {
      if (!(error instanceof UnsoundError)) throw error;
      if (!told.has(error.message)) await rememberOne(shipping, directory, stream, error.message);
      leaveOut(error.message);
    }
  }
  return { records, unsound };
}

async function passOne(
  { target, only, signal }: Shipping,
  server: Server,
  directory: string,
  stream: Stream,
  leaveOut: (why: string) => void,
): Promise<number> {
  const file = stateFile(directory, stream.name, target);
  const state = stateOf(file);
  let saved: State = state;
  const save = async (position: State['position']): Promise<void> => {
    if (only !== undefined) return;
    saved = { position, acknowledged: new Date().toISOString(), problem: null };
    await saveState(file, target, saved);
  };
  const position = only === undefined ? state.position : null;
  const records = await shipStream(stream, server, { position, save, leaveOut, only, signal });
  // nothing was new, and what kept it from being sent is over
  if (saved.problem !== null) await saveState(file, target, { ...saved, problem: null });
  return records;
}

function stateOf(file: string): State {
  try {
    return readState(file);
  } catch (error) {
    throw new UnsoundError(`${file}: cannot be read (${fileError(error)})`);
  }
}

async function saveState(file: string, target: Target, state: State): Promise<void> {
  try {
    await writeState(file, target, state);
  } catch (error) {
    if (codeOf(error) === '') throw error;
    throw new UnsoundError(`${file}: cannot be written (${fileError(error)})`);
  }
}

/** Throws the error of readdir(3) with the folder in its message. */
export function streamsIn(
  directories: readonly string[],
): { readonly directory: string; readonly stream: Stream }[] {
  return directories.flatMap((directory) => {
    try {
      return streamsOf(directory).map((stream) => ({ directory, stream }));
    } catch (error) {
      if (codeOf(error) === '') throw error;
      throw new UnsoundError(`${directory}: cannot be read (${fileError(error)})`);
    }
  });
}

async function remember(shipping: Shipping, why: string): Promise<void> {
  for (const { directory, stream } of streamsIn(shipping.directories))
    await rememberOne(shipping, directory, stream, why);
}

/** For `--status`; where it cannot be written it is only told. */
async function rememberOne(
  { target, only }: Shipping,
  directory: string,
  stream: Stream,
  why: string,
): Promise<void> {
  if (only !== undefined) return;
  const file = stateFile(directory, stream.name, target);
  const problem = { text: why, since: new Date().toISOString() };
  try {
    await writeState(file, target, { ...readState(file), problem });
  } catch (error) {
    if (codeOf(error) === '') throw error;
  }
}
