/**
 * Everything that alarms go by, in one place: records go in one at a time, the daemon's answer and what was found out
 * about this host's certificate with each look, and a look comes out. No clock and no file.
 */
import type { EvidenceRecord } from '../evidence/record.ts';
import { Certificates, type KnownCertificate, type KnownFailing } from './certificates.ts';
import { type Look, together } from './condition.ts';
import { type Answer, DaemonFacts, type KnownDrops } from './daemonFacts.ts';
import { deliveryCause } from './deliveryCause.ts';
import { Hosts, type KnownHost } from './hosts.ts';
import { Partners, type Thresholds } from './partners.ts';
import { Stripped } from './stripped.ts';

/** What records of the last window do not tell, and a restart must not forget. */
export interface Memory {
  readonly certificates: readonly KnownCertificate[];
  /** Domains of which TLS was seen. */
  readonly hadTls: readonly string[];
  readonly failing: readonly KnownFailing[];
  readonly hosts: readonly KnownHost[];
  readonly drops: KnownDrops | null;
}

export const NO_MEMORY: Memory = { certificates: [], hadTls: [], failing: [], hosts: [], drops: null };

interface WatchSettings extends Thresholds {
  readonly destinations: number;
}

export class Watch {
  readonly #partners: Partners;
  readonly #stripped: Stripped;
  readonly #certificates: Certificates;
  readonly #hosts: Hosts;
  readonly #daemon: DaemonFacts;

  constructor(settings: WatchSettings, memory: Memory) {
    this.#partners = new Partners(settings);
    this.#stripped = new Stripped(settings, memory.hadTls);
    this.#certificates = new Certificates(settings.windowMs, memory.certificates, memory.failing);
    this.#hosts = new Hosts(settings, memory.hosts);
    this.#daemon = new DaemonFacts(settings.windowMs, memory.drops);
  }

  /** `own`: of this host; of others only the table is looked at. */
  take(record: EvidenceRecord, own: boolean): void {
    this.#hosts.take(record);
    if (!own) return;
    if (record.type === 'delivery') {
      const cause = deliveryCause(record);
      this.#partners.delivery(record, cause);
      this.#stripped.delivery(record, cause);
      this.#certificates.delivery(record, cause);
    } else if (record.type === 'verdict') {
      this.#partners.verdict(record);
      this.#certificates.verdict(record);
    }
  }

  /** `identity`: what was found out about this host's own certificate last. */
  look(answer: Answer, identity: Look, nowMs: number): Look {
    return together([
      this.#daemon.look(answer, nowMs),
      this.#stripped.look(nowMs),
      this.#partners.look(nowMs),
      this.#certificates.look(nowMs),
      identity,
      this.#hosts.look(nowMs),
    ]);
  }

  /** Messages in the window of now that failed, or were refused, for want of TLS. */
  failing(nowMs: number): { readonly in: number; readonly out: number } {
    return this.#partners.failing(nowMs);
  }

  get memory(): Memory {
    return {
      certificates: this.#certificates.known,
      hadTls: this.#stripped.hadTls,
      failing: this.#certificates.failing,
      hosts: this.#hosts.known,
      drops: this.#daemon.drops,
    };
  }
}
