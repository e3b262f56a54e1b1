/**
 * What we know of the hours of a report: our own records of the addresses whose sessions are said to have failed, and the
 * certificates that we present. Asked only for reports with failures, and only once where it is the same for all.
 */
import { loadConfig } from '../config/load/load.ts';
import { fileError } from '../files/systemError.ts';
import type { KeptReport } from '../tlsrpt/keptReport.ts';
import { type Joined, ourRecords } from '../tlsrpt/ourRecords.ts';
import { certificateEvents, type OwnCertificate, ownCertificate } from '../tlsrpt/ownCertificates.ts';
import type { Place } from '../trace/places.ts';
import { type CommandValues, configFile, type Io, UsageError } from './command.ts';
import type { COMMANDS } from './commands.ts';
import { optionalPlaces } from './evidencePlaces.ts';
import { presentedCertificates } from './othersReports.ts';

type Values = CommandValues<(typeof COMMANDS)['tlsrpt']>;

interface Compared {
  /** null: there is nothing to compare, or nothing failed. */
  readonly joined: Joined | null;
  /** What happened to certificates of ours in those hours, in words. */
  readonly events: readonly string[];
}

export class Comparison {
  readonly #file: string;
  readonly #io: Io;
  readonly #places: readonly Place[];
  #certificates: readonly OwnCertificate[] | null = null;

  /** Throws UsageError for a directory or a certificate that was named and cannot be read. */
  constructor(values: Values, io: Io) {
    this.#file = configFile(values, io.env);
    this.#io = io;
    const { places, missing } = optionalPlaces(values, this.#file);
    this.#places = places;
    if (missing !== '') io.err(`${missing}; so the reports are not compared with our own records\n`);
    const named = (values.certificate ?? []).map(certificateOf);
    if (named.length > 0) this.#certificates = named;
  }

  async of(report: KeptReport): Promise<Compared> {
    if (report.failed === 0) return { joined: null, events: [] };
    this.#certificates ??= await presentedByConfig(this.#file);
    const events = this.#certificates.flatMap((one) => certificateEvents(one, report.start, report.end));
    return { joined: this.#places.length === 0 ? null : this.#join(report), events };
  }

  #join(report: KeptReport): Joined | null {
    try {
      return ourRecords(report, this.#places);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      this.#io.err(`the evidence cannot be read (${fileError(error)})\n`);
      return null;
    }
  }
}

async function presentedByConfig(file: string): Promise<readonly OwnCertificate[]> {
  const loaded = loadConfig(file);
  return loaded.ok ? await presentedCertificates(loaded.service.postconf) : [];
}

function certificateOf(file: string): OwnCertificate {
  const found = ownCertificate(file);
  if (typeof found === 'string') throw new UsageError(`--certificate: ${found}`);
  return found;
}
