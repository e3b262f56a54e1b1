/**
 * Counts the sessions of a day from evidence directories. Each directory has one source: the handshakes that Postfix
 * reported, if there is one of that day, else deliveries; so no session is counted twice. Hosts are not told apart: the
 * records of handshakes have the name of the configuration, those of deliveries the one that stands in the log.
 *
 * A record counts by its own time, wherever it stands: after a clock was set, or while the collector was behind, records
 * of a day are in the file of the next one.
 */
import { addDays } from '../../../archive/day.ts';
import { linesFile } from '../../../archive/layout.ts';
import { canonicalDomain } from '../../../core/domain.ts';
import type { DeliveryRecord, EvidenceRecord, RecordType } from '../../../evidence/record.ts';
import { readTold, toldFiles } from '../../../tally/readTold.ts';
import { recordsOfTypes } from '../../../tally/typeScan.ts';
import type { Place } from '../../../trace/places.ts';
import { domainOf } from '../../../trace/recordKeys.ts';
import { DayAccount, type DomainCounts } from '../dayAccount.ts';
import { sessionsOfDatagram } from '../fromDatagrams.ts';
import { DeliverySessions, type Demand, namesOf } from '../fromDeliveries.ts';
import { isOwnReport, OwnSessions } from '../ownMail.ts';

export interface HostSource {
  readonly host: string;
  readonly source: 'handshakes' | 'deliveries';
}

interface CountedDay {
  readonly counts: readonly DomainCounts[];
  readonly sources: readonly HostSource[];
  /** Sessions that found no room, and those whose policy is not known. */
  readonly left: number;
  readonly unknown: number;
  /** Sessions of mail that carried reports of ours. */
  readonly own: number;
}

const MAY: Demand = { level: 'may', names: [] };

/** `submitter`: the domain that sends reports. Throws the error of open(2) or read(2). */
export function readDay(places: readonly Place[], day: string, submitter: string): CountedDay {
  const account = new DayAccount();
  const sources = new Map<string, HostSource>();
  let unknown = 0;
  let own = 0;
  for (const place of places) {
    let handshakes = false;
    for (const { host } of recordsIn(place, day, ['tlsrpt'], 0)) {
      handshakes = true;
      sources.set(`handshakes ${host}`, { host, source: 'handshakes' });
    }
    const found = readDeliveries(place, day, submitter, handshakes ? null : account);
    for (const host of found.hosts) sources.set(`deliveries ${host}`, { host, source: 'deliveries' });
    unknown += found.unknown;
    own += found.ownCount;
    for (const record of recordsIn(place, day, ['tlsrpt'], 0)) {
      if (record.type !== 'tlsrpt') continue;
      if (found.own.takes(canonicalDomain(record.domain) ?? '', Date.parse(record.time))) continue;
      for (const session of sessionsOfDatagram(record)) account.add(session);
    }
  }
  return { counts: account.finish(), sources: [...sources.values()], left: account.left, unknown, own };
}

interface Deliveries {
  /** Sessions of mail that carried reports of ours. */
  readonly own: OwnSessions;
  readonly ownCount: number;
  readonly unknown: number;
  /** Whose deliveries were counted, as the log names them. */
  readonly hosts: ReadonlySet<string>;
}

/** Counts the deliveries into `account`; null: they are not counted, only those of our reports are looked for. */
function readDeliveries(
  place: Place,
  day: string,
  submitter: string,
  account: DayAccount | null,
): Deliveries {
  const demandOf = account === null ? null : demandsOf(place, day);
  const sessions = new DeliverySessions();
  const ownSessions = new DeliverySessions();
  const own = new OwnSessions();
  const hosts = new Set<string>();
  const queueIds = new Set<string>();
  let ownCount = 0;
  for (const record of recordsIn(place, day, ['message', 'delivery'], 1)) {
    if (record.type === 'message') {
      const key = `${record.host}\n${record.queueId}`;
      // a queue id may come again
      if (isOwnReport(record, submitter)) queueIds.add(key);
      else queueIds.delete(key);
    } else if (record.type === 'delivery' && record.time.startsWith(day)) {
      if (queueIds.has(`${record.host}\n${record.queueId}`)) {
        const session = ownSessions.add(record, MAY);
        if (session === null) continue;
        ownCount++;
        own.add(session.domain, Date.parse(record.time), (record.delay ?? 0) * 1000);
      } else if (account !== null && demandOf !== null) {
        hosts.add(record.host);
        const session = sessions.add(record, demandOf(record));
        if (session !== null) account.add(session);
      }
    }
  }
  return { own, ownCount, unknown: sessions.unknown, hosts };
}

/** Records of the collector of the day, and of so many days before it. */
function* recordsIn(
  { streams }: Place,
  day: string,
  types: readonly RecordType[],
  before: number,
): Generator<EvidenceRecord> {
  const first = addDays(day, -before);
  for (const { name, folder, days } of streams) {
    if (name !== 'collector') continue;
    for (const one of days) {
      if (one < first || one > addDays(day, 1)) continue;
      for (const record of recordsOfTypes(linesFile(folder, one), types))
        if (record.time.slice(0, 10) <= day && record.time.slice(0, 10) >= first) yield record;
    }
  }
}

/** What the MTA was told to demand of the session of a delivery. */
function demandsOf({ directory }: Place, day: string): (delivery: DeliveryRecord) => Demand {
  const files = toldFiles(directory, day);
  const told = readTold(files);
  const names = new Map<string, readonly string[]>();
  for (const file of files)
    for (const record of recordsOfTypes(file, ['map'])) {
      if (record.type !== 'map' || record.status !== 'OK' || !record.map.startsWith('deliver')) continue;
      const found = namesOf(record.reply);
      if (found.length === 0) continue;
      const domain = domainOf(`@${record.key}`);
      const known = names.get(domain);
      // another list on the same day: which one a session was held to is not known
      names.set(domain, known === undefined || known.join() === found.join() ? found : []);
    }
  return (delivery) => {
    const domain = delivery.recipientDomain ?? domainOf(delivery.recipient);
    const level = delivery.demanded?.level ?? told.of(delivery, domain)?.level ?? '';
    return { level, names: level === 'secure' ? (names.get(domain) ?? []) : [] };
  };
}
