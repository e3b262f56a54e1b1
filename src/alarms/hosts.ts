/**
 * What records say of the hosts themselves: the table that each uses, refusals before and after a reload, and lines of a
 * log that a rate limit has swallowed. Bounded: `MAX_HOSTS` hosts of some 500 bytes.
 */
import type { EvidenceRecord } from '../evidence/record.ts';
import type { Condition, Level, Look } from './condition.ts';
import { levelOf, type Thresholds } from './partners.ts';
import { RecentMap, SLOTS, SlotCounts, slotMs, slotOf } from './slots.ts';

const MAX_HOSTS = 100;
/** A host that has recorded nothing for so long is no part of the comparison. */
const SILENT_MS = 86_400_000;
/** So many times the share of before is a rise. */
const RISE = 3;

/** What is kept of a host through a restart. */
export interface KnownHost {
  readonly host: string;
  readonly hash: string;
  /** When the table was seen last; milliseconds. */
  readonly tableAt: number;
  /** The last reload, with the share that was refused in the window before it. */
  readonly reload: { readonly at: number; readonly share: number } | null;
}

interface Host {
  hash: string;
  tableAt: number;
  readonly all: SlotCounts;
  readonly refused: SlotCounts;
  reload: Reload | null;
  lossAt: number;
  lost: string;
}

interface Reload {
  readonly at: number;
  readonly slot: number;
  /** Of the window before. */
  readonly share: number;
  /** Since, in the slot of the reload, which began before it. */
  all: number;
  refused: number;
}

export class Hosts {
  readonly #limits: Thresholds;
  readonly #hosts = new RecentMap<Host>(MAX_HOSTS);

  constructor(limits: Thresholds, known: readonly KnownHost[]) {
    this.#limits = limits;
    for (const { host: name, hash, tableAt, reload } of known.slice(0, MAX_HOSTS)) {
      const host = this.#hosts.use(name, newHost);
      Object.assign(host, { hash, tableAt, reload: reload === null ? null : this.#since(reload) });
    }
  }

  /** To be kept through a restart. */
  get known(): KnownHost[] {
    return [...this.#hosts].map(([host, { hash, tableAt, reload }]) => ({
      host,
      hash,
      tableAt,
      reload: reload === null ? null : { at: reload.at, share: reload.share },
    }));
  }

  #since({ at, share }: { readonly at: number; readonly share: number }): Reload {
    return { at, share, slot: slotOf(at, this.#limits.windowMs), all: 0, refused: 0 };
  }

  take(record: EvidenceRecord): void {
    const at = Date.parse(record.time);
    const host = this.#hosts.use(record.host, newHost);
    switch (record.type) {
      case 'start':
        if (record.table !== undefined) tableOf(host, record.table.hash, at);
        break;
      case 'map':
        tableOf(host, record.table.hash, at);
        break;
      case 'reload':
        tableOf(host, record.table.hash, at);
        if (record.ok) this.#reloaded(host, at);
        break;
      case 'verdict': {
        tableOf(host, record.table.hash, at);
        if (record.notJudged !== undefined) break;
        const refused = record.action === 'reject' || record.action === 'defer' ? 1 : 0;
        const slot = slotOf(at, this.#limits.windowMs);
        host.all.add(slot, 1);
        host.refused.add(slot, refused);
        if (host.reload?.slot === slot && at >= host.reload.at) {
          host.reload.all++;
          host.reload.refused += refused;
        }
        break;
      }
      case 'gap':
        if (!isRateLimit(record.why)) break;
        host.lossAt = Math.max(host.lossAt, Date.parse(record.to));
        host.lost = record.why.slice(0, 200);
        break;
    }
  }

  #reloaded(host: Host, at: number): void {
    // read again after a restart: the window before it was longer than what is read
    if (host.reload !== null && at <= host.reload.at) return;
    const slot = slotOf(at, this.#limits.windowMs);
    const all = host.all.sum(slot);
    host.reload = this.#since({ at, share: all === 0 ? 0 : host.refused.sum(slot) / all });
  }

  look(nowMs: number): Look {
    const conditions: Condition[] = [];
    for (const [name, host] of this.#hosts) {
      const rise = this.#rise(name, host, nowMs);
      if (rise !== null) conditions.push(rise);
      if (nowMs - host.lossAt < this.#limits.windowMs) conditions.push(this.#lost(name, host));
    }
    const tables = this.#tables(nowMs);
    if (tables !== null) conditions.push(tables);
    // a host that is left alone, by silence or by a restart, proves no agreement
    return {
      conditions,
      unjudged: tables === null ? ['refusals-after-reload', 'table-differs'] : ['refusals-after-reload'],
    };
  }

  #rise(name: string, { all, refused, reload }: Host, nowMs: number): Condition | null {
    if (reload === null) return null;
    const now = slotOf(nowMs, this.#limits.windowMs);
    const sinceSlot = now - SLOTS < reload.slot;
    // of the slot of the reload itself only what came behind it
    const count = (counts: SlotCounts, behind: number): number =>
      sinceSlot ? countFrom(counts, reload.slot + 1, now) + behind : counts.sum(now);
    const refusedNow = count(refused, reload.refused);
    const allNow = count(all, reload.all);
    const share = allNow === 0 ? 0 : refusedNow / allNow;
    const found = levelOf(refusedNow, allNow, this.#limits);
    let level: Level = found;
    if (found === 'bad' && share < RISE * reload.share) level = 'between';
    if (found !== 'unknown' && share <= reload.share) level = 'good';
    const time = clock(reload.at);
    return {
      kind: 'refusals-after-reload',
      subject: name,
      severity: 'warning',
      level,
      since: reload.at,
      clearMs: slotMs(this.#limits.windowMs),
      summary: `since the reload of ${time} more mail is refused on ${name}: ${percent(share)} of ${allNow} answers, before it ${percent(reload.share)}`,
      count: refusedNow,
      domains: [],
      advice: ['tlsward report --since 2d', 'put the table of before back, then: tlsward reload'],
    };
  }

  #lost(name: string, { lost, lossAt }: Host): Condition {
    return {
      kind: 'log-lost',
      subject: name,
      severity: 'warning',
      level: 'bad',
      since: lossAt,
      clearMs: 0,
      summary: `lines of the mail log on ${name} were dropped: ${lost}`,
      count: 0,
      domains: [],
      advice: [
        'systemctl edit postfix@-.service    (LogRateLimitIntervalSec=0 under [Service]), then restart it',
        'tlsward doctor    (journal-rate-limit)',
      ],
    };
  }

  #tables(nowMs: number): Condition | null {
    const hosts = [...this.#hosts].filter(
      ([, { hash, tableAt }]) => hash !== '' && nowMs - tableAt < SILENT_MS,
    );
    const hashes = new Set(hosts.map(([, { hash }]) => hash));
    if (hosts.length < 2) return null;
    const shown = hosts.map(([name, { hash }]) => `${name} ${hash.slice(0, 12)}`).sort();
    return {
      kind: 'table-differs',
      subject: '',
      severity: 'warning',
      level: hashes.size > 1 ? 'bad' : 'good',
      clearMs: 0,
      summary: `hosts do not use the same table: ${shown.slice(0, 10).join(', ')}`,
      count: hashes.size,
      domains: hosts
        .map(([name]) => name)
        .sort()
        .slice(0, 10),
      advice: [
        'tlsward status --compare FILE    (with "tlsward status --json" of the other host)',
        'tlsward reload    (on the host that is behind)',
      ],
    };
  }
}

function newHost(): Host {
  const [all, refused] = [new SlotCounts(), new SlotCounts()];
  return { hash: '', tableAt: 0, all, refused, reload: null, lossAt: Number.NEGATIVE_INFINITY, lost: '' };
}

function tableOf(host: Host, hash: string, at: number): void {
  if (at < host.tableAt) return;
  host.hash = hash;
  host.tableAt = at;
}

/** journald's, rsyslog's (collect/lossLine.ts). */
function isRateLimit(why: string): boolean {
  return (
    why.startsWith('systemd-journald: Suppressed') ||
    (why.startsWith('rsyslogd: ') && why.includes('rate-limit'))
  );
}

/** Of the slots from one to another, both included. */
function countFrom(counts: SlotCounts, from: number, to: number): number {
  return from > to ? 0 : counts.sum(to, to - from + 1);
}

/** `14:02`, in local time: the reader was there. */
function clock(ms: number): string {
  const date = new Date(ms);
  return `${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
