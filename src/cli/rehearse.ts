/** `tlsward reload --refuse-if-newly-rejects N`: recorded mail by the configuration on disk, before it is put in force. */
import { quote } from '../config/ini/problem.ts';
import { count } from '../core/plural.ts';
import { asciiJson } from './asciiJson.ts';
import { configFile, EXIT, type Io, paint, UsageError } from './command.ts';
import { loadOrReport } from './loadOrReport.ts';
import { mustExist } from './peekKey.ts';
import { judgedIn, replayLoaded, type TriedTable } from './replayLoaded.ts';
import { replayJson, replayLines } from './replayText.ts';
import { firstDay } from './sinceDay.ts';

interface Asked {
  readonly config?: string | undefined;
  readonly sample?: boolean | undefined;
  readonly json?: boolean | undefined;
  readonly evidence?: readonly string[] | undefined;
  readonly since: string;
}

/** The number of `--refuse-if-newly-rejects`; throws UsageError. */
export function limitOf(text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`--refuse-if-newly-rejects: found ${quote(text)}, expected a number of messages`);
}

/** What the configuration on disk would have said to recorded mail; an exit status when it must not be put in force. */
export function rehearse(limit: number, values: Asked, io: Io): TriedTable | number {
  const file = configFile(values, io.env);
  const today = new Date().toISOString().slice(0, 10);
  const range = { from: firstDay(values.since, today), to: today };
  mustExist(file);
  const loaded = loadOrReport(file, values.json, io);
  if (loaded === null) return EXIT.config;
  const tried = replayLoaded(loaded, file, range, null, values, io);
  if (typeof tried === 'number') return tried;
  const { stopped } = tried.result;
  const known = judgedIn(tried) > 0;
  if (known && stopped <= limit) return tried;
  const error = known
    ? `not reloaded: ${count(stopped, 'recorded message')} would not have passed, and ${limit} may; the old table stays in force, and what is on disk is not`
    : 'not reloaded: no record can be judged; the old table stays in force, and what is on disk is not';
  if (values.json) io.out(`${asciiJson({ ok: false, error, replay: replayJson(tried) })}\n`);
  else {
    for (const line of replayLines(tried, io)) io.err(`${line}\n`);
    io.err(`${paint(io, 'red', error)}\n`);
  }
  return known ? EXIT.no : EXIT.cannotTell;
}
