/**
 * From `[policy NAME]` and `[domain NAME]` sections to flat `Settings`: the keys of each section override
 * those of the policy it starts from.
 *
 * A policy starts from `based-on`, a domain from `policy`; without one both start from the built-in `may`.
 * Every mistake is reported, and its key then keeps the inherited value, so that one mistake does not hide
 * the next. A cycle is reported once, with its chain. Sections are resolved without recursion; inheritance
 * deeper than MAX_INHERITANCE is a mistake.
 */

import { formatPosition } from '../../core/position.ts';
import { BUILT_IN, DEFAULTS, type Settings } from '../../core/settings.ts';
import { certificateNames } from '../../receive/decide.ts';
import { reserved } from '../ini/iniText.ts';
import { MAX_INHERITANCE } from '../ini/limits.ts';
import { Invalid, quote, type Report } from '../ini/problem.ts';
import { positionOf, SECTION_NAME, type Section, whereOf } from '../ini/section.ts';
import { didYouMean } from '../ini/suggest.ts';
import type { RowSection, RowSections } from './rowSections.ts';

/** Hint for a row that was probably split at an "=" inside its pattern. */
export const EQUALS_HINT = 'a pattern that contains = needs a section of its own, [domain PATTERN]';

interface Node extends RowSection {
  /** Set once resolved. */
  settings: Settings | null;
}

export class Policies {
  readonly #report: Report;
  readonly #sections: RowSections;
  readonly #nodes = new Map<string, Node>();
  /** Policies that a section starts from or a row names. */
  readonly #used = new Set<string>();

  constructor(report: Report, sections: RowSections) {
    this.#report = report;
    this.#sections = sections;
  }

  /** Reads and resolves every `[policy]` section, used or not, so that all mistakes are found. */
  define(sections: readonly Section[]): void {
    for (const section of sections) {
      const wrong = this.#nameFault(section);
      if (wrong !== null) this.#report.problem(section, whereOf(section), wrong);
      // a second policy of the same name is read only to report the mistakes in it
      const node = this.#read(section);
      if (wrong === null) this.#nodes.set(section.name, node);
    }
    for (const name of this.#nodes.keys()) this.#resolve(name);
  }

  #nameFault(section: Section): Invalid | null {
    const { name } = section;
    const first = this.#nodes.get(name);
    if (first !== undefined) {
      return new Invalid(
        `duplicate policy ${quote(name)}`,
        'each policy once',
        `first defined at ${formatPosition(first.section)}`,
      );
    }
    if (BUILT_IN.has(name)) {
      return new Invalid(
        `policy ${quote(name)}, which is built in`,
        'another name',
        'use based-on to start from it',
      );
    }
    if (reserved(name)) return new Invalid(quote(name), 'a policy name', 'a reserved name');
    if (SECTION_NAME.test(name)) return null;
    const plain = name.replace(/^"(.*)"$/, '$1').toLowerCase();
    const hint = plain !== name && SECTION_NAME.test(plain) ? `did you mean [policy ${plain}]?` : '';
    return new Invalid(
      quote(name),
      'a policy name: at most 64 of a-z 0-9 - _, a letter or digit first',
      hint,
    );
  }

  /** Names that a row may use; if there are very many, the first ones. */
  #names(): string[] {
    return [...BUILT_IN.keys(), ...this.#nodes.keys()].slice(0, 2000);
  }

  /** Settings of the policy, or null when there is none of this name. */
  find(name: string): Settings | null {
    this.#used.add(name);
    return BUILT_IN.get(name) ?? this.#nodes.get(name)?.settings ?? null;
  }

  /** The problem for a name that is no policy. */
  unknown(name: string): Invalid {
    const hint = this.#report.full ? '' : this.#unknownHint(name);
    return new Invalid(`policy ${quote(name)}`, 'a known policy', hint);
  }

  #unknownHint(name: string): string {
    const near = didYouMean(name, this.#names());
    if (near !== '') return near;
    if (/^(?:dane|dane-only|fingerprint|secure|auto)$/.test(name)) {
      return `${name} is a level: write it as deliver = ${name} in a section of the policy or domain`;
    }
    const address = name.includes('=') && name.includes('@');
    if (address) return EQUALS_HINT;
    return SECTION_NAME.test(name) && !reserved(name) ? `add [policy ${name}]` : '';
  }

  /** Settings of a `[domain]` section. */
  domain(section: Section): Settings {
    const node = this.#read(section);
    const start = node.entries.get('policy');
    let base: Settings = DEFAULTS;
    if (start !== undefined) {
      const found = this.find(start.value);
      if (found === null) {
        this.#report.problem(
          positionOf(section, start),
          whereOf(section, 'policy'),
          this.unknown(start.value),
        );
      } else base = found;
    }
    const settings = lay(node, base);
    const names = node.entries.get('client-names') ?? node.entries.get('client-issuers');
    if (names !== undefined && settings.receive !== 'verify') {
      const text = `has no effect, because receive is ${settings.receive} and not verify`;
      this.#report.notice('no-effect', positionOf(section, names), whereOf(section, names.key), text);
    }
    this.#sections.checkPins(node, settings);
    this.#sections.checkOneSided(node, settings);
    this.#sections.checkFloor(node, settings);
    return settings;
  }

  /** Settings of an `[exception]`: its keys override those of the row `from`; null: of the built-in `may`. */
  exception(section: Section, base: Settings, from: string | null): Settings {
    const node = this.#read(section);
    for (const key of ['until', 'reason']) {
      const entry = node.entries.get(key);
      if (entry !== undefined && entry.value !== '') continue;
      // a key with a wrong value has already been reported
      if (entry === undefined && section.entries.some((written) => written.key === key)) continue;
      const wrong = new Invalid(`no ${key}`, key === 'until' ? 'until = YYYY-MM-DD' : 'reason = a sentence');
      this.#report.problem(
        entry === undefined ? section : positionOf(section, entry),
        whereOf(section),
        wrong,
      );
    }
    let settings = lay(node, base);
    const { clientNames, fingerprints } = settings;
    const verified =
      settings.receive === 'verify' && base.receive === 'verify' && node.own.receive === undefined;
    if (
      verified &&
      from !== null &&
      from !== section.name &&
      clientNames.length + fingerprints.length === 0
    ) {
      // the accepted names stay those of the row that the exception changes, not of the exception's pattern
      const row = { pattern: from, settings: base, at: section };
      settings = Object.freeze({ ...settings, clientNames: certificateNames(row) });
    }
    this.#sections.checkPins(node, settings);
    return settings;
  }

  /** Notices that need the whole table; `inUse`: the settings that at least one row has. */
  finish(inUse: readonly Settings[]): void {
    const verified = new Set(
      inUse.filter((settings) => settings.receive === 'verify').flatMap((one) => one.lineage),
    );
    for (const [name, node] of this.#nodes) {
      const { section, entries } = node;
      if (!this.#used.has(name))
        this.#report.notice('no-effect', section, whereOf(section), 'no row uses this policy');
      else if (node.settings !== null) {
        this.#sections.checkOneSided(node, node.settings);
        this.#sections.checkFloor(node, node.settings);
      }
      const names = entries.get('client-names') ?? entries.get('client-issuers');
      if (names === undefined || verified.has(`policy ${name}`)) continue;
      const text = 'has no effect, because no row with this policy has receive = verify';
      this.#report.notice('no-effect', positionOf(section, names), whereOf(section, names.key), text);
    }
  }

  #read(section: Section): Node {
    return { ...this.#sections.read(section), settings: null };
  }

  /**
   * Walks from the policy to the first resolved ancestor, then resolves the policies in between, deepest
   * first.
   */
  #resolve(name: string): void {
    const chain: string[] = [];
    let base: Settings = DEFAULTS;
    for (let next: string | null = name; next !== null; ) {
      const node = this.#nodes.get(next);
      if (node === undefined) {
        base = this.#base(chain.at(-1) ?? '', next);
        break;
      }
      if (node.settings !== null) {
        base = node.settings;
        break;
      }
      if (chain.includes(next)) {
        this.#cycle([...chain.slice(chain.indexOf(next)), next]);
        break;
      }
      chain.push(next);
      next = node.entries.get('based-on')?.value ?? null;
      if (next !== null) this.#used.add(next);
    }
    for (const each of chain.reverse()) {
      const node = this.#nodes.get(each);
      if (node === undefined) continue;
      if (base.lineage.length > MAX_INHERITANCE) {
        this.#tooDeep(node);
        base = DEFAULTS;
      }
      base = lay(node, base);
      node.settings = base;
      this.#sections.checkPins(node, base);
    }
  }

  #base(child: string, name: string): Settings {
    const builtIn = BUILT_IN.get(name);
    if (builtIn !== undefined) return builtIn;
    const node = this.#nodes.get(child);
    const entry = node?.entries.get('based-on');
    if (node !== undefined && entry !== undefined) {
      this.#report.problem(
        positionOf(node.section, entry),
        whereOf(node.section, 'based-on'),
        this.unknown(name),
      );
    }
    return DEFAULTS;
  }

  #cycle(chain: readonly string[]): void {
    const node = this.#nodes.get(chain[0] ?? '');
    const entry = node?.entries.get('based-on');
    if (node === undefined || entry === undefined) return;
    const wrong = new Invalid(`a cycle: ${chain.join(' → ')}`, 'a chain that ends in a built-in policy');
    this.#report.problem(positionOf(node.section, entry), whereOf(node.section, 'based-on'), wrong);
  }

  #tooDeep(node: Node): void {
    const wrong = new Invalid('inheritance nested too deeply', `at most ${MAX_INHERITANCE} policies`);
    this.#report.problem(node.section, whereOf(node.section), wrong);
  }
}

/** The settings of `base`, overridden by the node's own keys. */
function lay(node: Node, base: Settings): Settings {
  const { kind, name } = node.section;
  return Object.freeze({ ...base, ...node.own, lineage: [`${kind} ${name}`, ...base.lineage] });
}
