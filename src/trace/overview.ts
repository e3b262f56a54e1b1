/**
 * What several hosts saw, host by host: every record of their days is read once. A message that passed two of them is
 * counted on both.
 */
import type { EvidenceRecord } from '../evidence/record.ts';
import { isSameHost } from './lives.ts';
import { LegCounts } from './partnerCounts.ts';
import type { Place } from './places.ts';
import { readRecord } from './readRecord.ts';

interface HostOverview {
  readonly host: string;
  readonly directory: string;
  records: number;
  /** Refusals by the MTA itself. */
  refusals: number;
  readonly counts: LegCounts;
  /** The last table that was in force, by time. */
  table: { readonly time: string; readonly hash: string } | null;
}

/** Hosts that are told apart: a central log may have many. */
const MAX_HOSTS = 10_000;

export class Overview {
  readonly hosts: HostOverview[] = [];
  /** Lines that are no records, and records of hosts beyond the limit. */
  unreadable = 0;

  /** A line without its LF. */
  add(place: Place, line: Uint8Array): void {
    const record = readRecord(line);
    const host = record === null ? null : this.#hostOf(place, record.host);
    if (record === null || host === null) {
      this.unreadable++;
      return;
    }
    host.records++;
    if (record.type === 'verdict') host.counts.verdict(record);
    else if (record.type === 'delivery') host.counts.delivery(record);
    else if (record.type === 'refusal') host.refusals++;
    const table = tableOf(record);
    if (table !== null && (host.table === null || host.table.time <= record.time))
      host.table = { time: record.time, hash: table };
  }

  #hostOf({ directory }: Place, name: string): HostOverview | null {
    const known = this.hosts.find((one) => one.directory === directory && isSameHost(one.host, name));
    if (known !== undefined) return known;
    if (this.hosts.length === MAX_HOSTS) return null;
    const counts = new LegCounts();
    const host: HostOverview = { host: name, directory, records: 0, refusals: 0, counts, table: null };
    this.hosts.push(host);
    return host;
  }
}

function tableOf(record: EvidenceRecord): string | null {
  return 'table' in record && record.table !== undefined ? record.table.hash : null;
}
