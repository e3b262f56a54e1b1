/**
 * One `[policy]`, `[domain]` or `[exception]` section: parses each key, and compares what the section says
 * with the settings that result.
 */
import type { Settings } from '../../core/settings.ts';
import { Invalid, type Report } from '../ini/problem.ts';
import { type Entry, positionOf, type Section, whereOf } from '../ini/section.ts';
import type { Dated } from '../keys/day.ts';
import { type Own, parseRowKey } from '../keys/rowKeys.ts';
import { checkSection } from '../keys/schema.ts';
import type { ServiceSettings } from '../keys/serviceSettings.ts';

export interface RowSection {
  readonly section: Section;
  readonly entries: ReadonlyMap<string, Entry>;
  readonly own: Own;
}

/** The settings of the service that decide whether `deliver` has an effect, and which. */
type DeliverContext = Pick<ServiceSettings, 'socketmapListen' | 'resolver' | 'published'>;

export class RowSections {
  readonly #report: Report;
  readonly #today: string;
  readonly #socketmap: boolean;
  /** With `deliver = auto`, Postfix looks up TLSA records itself. */
  readonly #danePostfix: boolean;
  /** Every section with `until`, in the order of reading. */
  readonly dated: Dated[] = [];

  /** `today` as `YYYY-MM-DD`, for what has expired. */
  constructor(report: Report, today: string, service: DeliverContext) {
    this.#report = report;
    this.#socketmap = service.socketmapListen.length > 0;
    this.#danePostfix = service.resolver.length === 0 && service.published === null;
    this.#today = today;
  }

  /** The section's own settings. Every mistake is reported, and its key left out. */
  read(section: Section): RowSection {
    const entries = new Map(checkSection(section, this.#report));
    const own: Own = {};
    for (const [key, entry] of entries) {
      const value = parseRowKey(key, entry.value);
      if (value instanceof Invalid)
        this.#report.problem(positionOf(section, entry), whereOf(section, key), value);
      else Object.assign(own, value);
    }
    const until = entries.get('until');
    if (until !== undefined && own.until != null) {
      const at = positionOf(section, until);
      this.dated.push({ ...at, where: whereOf(section), until: own.until, reason: own.reason ?? null });
      const text = `expired on ${own.until} (still in force)`;
      if (own.until < this.#today) this.#report.notice('overdue', at, whereOf(section, 'until'), text);
    }
    const deliver = entries.get('deliver');
    // an exception is written for inbound and outbound mail, whichever are served
    if (deliver !== undefined && deliver.value !== '' && section.kind !== 'exception') {
      const text = 'has no effect, because there is no socketmap-listen';
      if (!this.#socketmap)
        this.#report.notice('no-effect', positionOf(section, deliver), whereOf(section, 'deliver'), text);
    }
    return { section, entries, own };
  }

  /** Reports `deliver = fingerprint` without a digest: no mail could leave. */
  checkPins(node: RowSection, settings: Settings): void {
    const domain = node.section.kind !== 'policy';
    const entry = node.entries.get('deliver') ?? (domain ? node.entries.get('fingerprint') : undefined);
    if (entry === undefined || settings.deliver !== 'fingerprint' || settings.fingerprints.length > 0) return;
    const wrong = new Invalid('no digest to compare with', 'a fingerprint key');
    this.#report.problem(positionOf(node.section, entry), whereOf(node.section, entry.key), wrong);
  }

  /** Notices a floor that has no effect, or that makes mail wait. */
  checkFloor(node: RowSection, settings: Settings): void {
    const entry = node.entries.get('deliver-floor');
    if (entry === undefined || settings.deliverFloor === 'none') return;
    const at = positionOf(node.section, entry);
    const where = whereOf(node.section, entry.key);
    if (settings.deliver !== 'auto') {
      const text = `has no effect, because deliver is ${settings.deliver ?? 'empty'} and not auto`;
      this.#report.notice('no-effect', at, where, text);
    } else if (this.#socketmap && this.#danePostfix) {
      const text =
        'mail to domains with neither TLSA records nor MTA-STS waits, because without a resolver this is ' +
        'dane-only';
      this.#report.notice('suspect', at, where, text);
    }
  }

  /**
   * Notices that mail from a partner must arrive encrypted while mail to it may leave in plaintext: perhaps
   * an oversight.
   */
  checkOneSided(node: RowSection, settings: Settings): void {
    const entry = node.entries.get('receive');
    if (!this.#socketmap || entry === undefined || settings.deliver !== null) return;
    if (settings.receive !== 'encrypt' && settings.receive !== 'verify') return;
    const text = `outbound mail is not protected: there is no deliver beside receive = ${settings.receive}`;
    this.#report.notice('suspect', positionOf(node.section, entry), whereOf(node.section, 'receive'), text);
  }
}
