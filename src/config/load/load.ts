/**
 * Loads a configuration: the main file and all files that it includes. Everything is checked before anything
 * is used.
 *
 * Only the main file has `[service]` keys; `[service]` of an included file may contain `include` and nothing
 * else. Never throws because of a file or its contents.
 */

import { dirname, resolve } from 'node:path';
import { count } from '../../core/plural.ts';
import type { Rule } from '../../core/rule.ts';
import { DEFAULTS, type Settings } from '../../core/settings.ts';
import type { PackedTable } from '../../core/table.ts';
import { Invalid, type Notice, type Problem, Report } from '../ini/problem.ts';
import { positionOf, type Section, whereOf } from '../ini/section.ts';
import type { AlarmSettings } from '../keys/alarmSettings.ts';
import { type Dated, dayOf, sortDated } from '../keys/day.ts';
import { readAlarms } from '../keys/readAlarms.ts';
import { readService } from '../keys/readService.ts';
import { changedKeys } from '../keys/rowKeys.ts';
import { readRules } from '../keys/ruleSections.ts';
import { checkSection } from '../keys/schema.ts';
import type { ServiceSettings } from '../keys/serviceSettings.ts';
import type { Document, PlacedException, Target } from './document.ts';
import { readDocument } from './documentReader.ts';
import { type ExceptionRow, placeExceptions } from './exceptionSections.ts';
import type { Included } from './files.ts';
import { Policies } from './policySettings.ts';
import { RowSections } from './rowSections.ts';
import { noteSocketFolders } from './socketFolders.ts';

export type Loaded =
  | {
      readonly ok: true;
      readonly service: ServiceSettings;
      readonly alarms: AlarmSettings;
      readonly packed: PackedTable;
      /** In the order of the files. */
      readonly rules: readonly Rule[];
      /** Sections with `until`, the earliest date first. */
      readonly dated: readonly Dated[];
      readonly exceptions: readonly ExceptionRow[];
      /** SHA-256 over the contents of all files in the order read, hex. */
      readonly hash: string;
      readonly notices: readonly Notice[];
      readonly files: readonly string[];
    }
  | {
      readonly ok: false;
      /** At least one. */
      readonly problems: readonly Problem[];
      readonly notices: readonly Notice[];
      readonly files: readonly string[];
    };

/**
 * Loads `file`; `today` (`YYYY-MM-DD`) is what `until` is compared with. Synchronous; a running daemon uses
 * loadInWorker.ts. `trial`: path of a file that is read in place of the file of `exceptions`, and reported
 * under its name, to try a change. `mostBytes`: throws TooLarge where all files together are larger.
 */
export function loadConfig(
  file: string,
  today: string = dayOf(new Date()),
  trial: string | null = null,
  mostBytes = Number.POSITIVE_INFINITY,
): Loaded {
  const report = new Report();
  const main = { path: resolve(file), name: file };
  const { document, hash, complete } = readDocument(main, trial, report, mostBytes);
  const { files } = document;
  const good = complete ? new Loading(document, main, today, report).finish() : null;
  const notices = report.notices(files);
  if (good === null || report.failed) return { ok: false, problems: report.problems(files), notices, files };
  return { ok: true, ...good, hash, notices, files };
}

type Good = Extract<Loaded, { ok: true }>;

/** Makes the table, the rules and the settings from the document. */
class Loading {
  readonly #document: Document;
  readonly #main: Included;
  readonly #root: string;
  readonly #today: string;
  readonly #report: Report;

  constructor(document: Document, main: Included, today: string, report: Report) {
    this.#document = document;
    this.#main = main;
    this.#root = dirname(main.path);
    this.#today = today;
    this.#report = report;
  }

  /** The parts that need all files: service, policies, settings for every row, and rules. */
  finish(): Pick<Good, 'service' | 'alarms' | 'packed' | 'rules' | 'dated' | 'exceptions'> | null {
    const document = this.#document;
    const report = this.#report;
    const service = this.#service();
    const alarms = this.#alarms(service);
    const sections = new RowSections(report, this.#today, service);
    const policies = new Policies(report, sections);
    policies.define(document.policies);
    const rules = readRules(document.rules, service, report);
    const settings: Settings[] = [];
    const indexOf = new Map<Settings, number>();
    const replaced = new Map<number, number>();
    placeExceptions(document, report, (tag) => replaced.set(tag, (replaced.get(tag) ?? 0) + 1));
    const values: (Settings | null)[] = [];
    for (const target of document.targets) values.push(settingsOf(target, values, policies, report));
    const indexes = document.targets.map((target, tag) => {
      const value = values[tag] ?? null;
      const rows = 'word' in target ? target.word.count : 1;
      // a policy of which every row was replaced by an exception is not in use
      if (value === null || rows <= (replaced.get(tag) ?? 0)) return -1;
      let index = indexOf.get(value);
      if (index === undefined) {
        index = settings.push(value) - 1;
        indexOf.set(value, index);
      }
      return index;
    });
    this.#checkDomainless(values);
    const exceptions = this.#exceptions(values);
    if (report.failed) return null;
    policies.finish(settings);
    if (document.builder.rows === 0) {
      report.notice('file', { file: this.#main.name, line: 0 }, '', 'the table has no rows');
    }
    const packed = document.builder.finish(settings, document.files, (tag) => indexes[tag] ?? 0);
    this.#noteBlindDane(service, rules, settings);
    return { service, alarms, packed, rules, dated: sortDated(sections.dated), exceptions };
  }

  /**
   * Without a resolver, `dane` becomes `dane-only` for mail that matches a rule: no one proves that TLSA
   * records are absent.
   */
  #noteBlindDane(service: ServiceSettings, rules: readonly Rule[], settings: readonly Settings[]): void {
    const [first] = rules;
    const dane = settings.some(({ deliver }) => deliver === 'dane' || deliver === 'auto');
    if (first === undefined || !dane || service.resolver.length > 0) return;
    const text =
      'mail that matches a rule waits if its row has deliver = dane or auto and the domain has no TLSA ' +
      'records: set resolver';
    this.#report.notice('suspect', first.at, `[rule ${first.name}]`, text);
  }

  #service(): ServiceSettings {
    const { services } = this.#document;
    const report = this.#report;
    for (const section of services) {
      if (section.file === this.#main.name) continue;
      for (const entry of checkSection(section, report).values()) {
        if (entry.key === 'include') continue;
        const wrong = new Invalid(
          `${entry.key} in an included file`,
          'only include',
          'it belongs in the main file',
        );
        report.problem(positionOf(section, entry), whereOf(section), wrong);
      }
    }
    // if the beginning of the file could not be read, do not report missing sockets as well
    const own = services.find((section) => section.file === this.#main.name);
    const missing: Section = { kind: 'service', name: '', entries: [], file: this.#main.name, line: 0 };
    if (own === undefined && report.failed) return readService(missing, this.#root, new Report());
    const service = readService(own ?? missing, this.#root, report);
    noteSocketFolders(service, own ?? missing, report);
    return service;
  }

  /** Without the section all keys have their defaults. */
  #alarms({ evidence }: ServiceSettings): AlarmSettings {
    const none: Section = { kind: 'alarms', name: '', entries: [], file: this.#main.name, line: 0 };
    const section = this.#document.alarms[0] ?? none;
    return readAlarms(section, evidence !== null, this.#report);
  }

  /** What each exception changes, for `tlsward exceptions`. */
  #exceptions(values: readonly (Settings | null)[]): readonly ExceptionRow[] {
    return this.#document.targets.flatMap((target, tag): ExceptionRow[] => {
      const settings = values[tag];
      if (!('exception' in target) || settings == null) return [];
      const { section } = target.exception;
      const { file, line, name } = section;
      const changes = changedKeys(baseOf(target.exception, values), settings).filter(
        (change) => !/^(?:until|reason|contact) /.test(change),
      );
      // with mistakes in the files, "changes nothing" may just mean that a key could not be read
      if (changes.length === 0 && !this.#report.failed)
        this.#report.notice(
          'no-effect',
          section,
          whereOf(section),
          'changes nothing: the row has the same settings',
        );
      const { until, reason, contact } = settings;
      return [{ file, line, pattern: name, until: until ?? '', reason: reason ?? '', contact, changes }];
    });
  }

  /**
   * `receive = verify` compares a certificate with the row's domain, or with the names that the row lists
   * instead.
   */
  #checkDomainless(values: readonly (Settings | null)[]): void {
    for (const { tag, where, file, line } of this.#document.domainless) {
      const value = values[tag];
      if (value?.receive !== 'verify' || value.clientNames.length > 0 || value.fingerprints.length > 0)
        continue;
      const from = value.lineage[0] ?? '';
      const wrong = new Invalid(
        `receive = verify (${from})`,
        'client-names or fingerprint',
        'the pattern of the row contains no domain',
      );
      this.#report.problem({ file, line }, where, wrong);
    }
  }
}

/** `values`: the settings of the targets before this one; an exception starts from one of them. */
function settingsOf(
  target: Target,
  values: readonly (Settings | null)[],
  policies: Policies,
  report: Report,
): Settings | null {
  if ('section' in target) return policies.domain(target.section);
  if ('exception' in target) {
    const { section, base } = target.exception;
    return policies.exception(section, baseOf(target.exception, values), base?.pattern ?? null);
  }
  const { word } = target;
  const found = policies.find(word.text);
  if (found === null) {
    const wrong = policies.unknown(word.text);
    for (const { file, line, pattern } of word.uses)
      report.problem({ file, line }, `[domains] ${pattern}`, wrong);
    const last = word.uses.at(-1);
    const more = word.count - word.uses.length;
    if (last !== undefined && more > 0) {
      const others = new Invalid(`${wrong.found} in ${count(more, 'more row')}`, wrong.expected, wrong.hint);
      report.problem({ file: last.file, line: last.line }, '[domains]', others);
    }
  }
  return found;
}

function baseOf({ base }: PlacedException, values: readonly (Settings | null)[]): Settings {
  return (base === null ? null : values[base.tag]) ?? DEFAULTS;
}
