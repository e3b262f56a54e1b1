/** Recorded mail by a configuration that was loaded: for `tlsward replay`, and for `reload` before it reloads. */
import { PolicyTable } from '../core/table.ts';
import { fileError } from '../files/systemError.ts';
import { candidateOf } from '../replay/candidate.ts';
import { type Replayed, replay } from '../replay/replay.ts';
import type { Range } from '../trace/places.ts';
import { EXIT, type Io, reportError } from './command.ts';
import { evidenceDirectories, openPlaces } from './evidencePlaces.ts';
import type { LoadedTable } from './loadOrReport.ts';
import { Progress } from './progress.ts';

/** A replay, and what of what was replayed. */
export interface TriedTable {
  readonly file: string;
  readonly hash: string;
  readonly rows: number;
  readonly rules: number;
  readonly range: Range;
  readonly partner: string | null;
  readonly result: Replayed;
}

interface Asked {
  readonly config?: string | undefined;
  readonly sample?: boolean | undefined;
  readonly evidence?: readonly string[] | undefined;
  readonly json?: boolean | undefined;
}

/** The replay; an exit status when the records cannot be read, which is then reported. */
export function replayLoaded(
  loaded: LoadedTable,
  file: string,
  range: Range,
  partner: string | null,
  values: Asked,
  io: Io,
): TriedTable | number {
  const { packed, hash, rules, service } = loaded;
  const { json } = values;
  // a table to try may leave out where the records are
  const own = values.evidence ?? (service.evidence === null ? undefined : [service.evidence]);
  const places = openPlaces(own ?? evidenceDirectories(values, io.env));
  if (typeof places === 'string') {
    reportError(io, json, places);
    return EXIT.cannotTell;
  }
  const facts = { trustedClients: service.trustedClients };
  const candidate = candidateOf(new PolicyTable(packed, 1, hash), facts, rules.length);
  const progress = new Progress(io, 'steps of 10,000 records');
  try {
    const work = replay(places, range, candidate, partner);
    for (;;) {
      const next = work.next();
      if (next.done === true) {
        const { rows } = packed;
        return { file, hash, rows, rules: rules.length, range, partner, result: next.value };
      }
      progress.step(next.value);
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    reportError(io, json, `the records cannot be read (${fileError(error)})`);
    return EXIT.cannotTell;
  } finally {
    progress.end();
  }
}

/** Messages of which something can be told. */
export function judgedIn({ result }: TriedTable): number {
  const { in: came, out: left } = result.totals;
  return came.unchanged + came.changed + left.unchanged + left.changed;
}
