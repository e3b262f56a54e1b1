/**
 * What an import collects: rows with the policies they share, the lines that could not be mapped with the
 * reason, remarks about those that could; and the text of a table out of it.
 *
 *   [policy imported-1]
 *   deliver = encrypt
 *
 *   [domains]
 *   bank.example = imported-1
 *
 * Rows that ask for the same share one policy, numbered as they come. Nothing is guessed: a line that the
 * table cannot say as strictly as it was said gets no row.
 */

import { MAX_LINE_BYTES } from '../config/ini/limits.ts';
import { formatHalf } from '../config/load/exceptionsFile.ts';
import { escapeText } from '../core/escape.ts';
import { formatPosition } from '../core/position.ts';
import { type AnsweredLevel, mandatory } from '../deliver/level.ts';

/** One logical line of a source. */
export interface SourceLine {
  readonly file: string;
  /** Where it begins, from 1. */
  readonly line: number;
  readonly text: string;
}

/** Keys of a policy, in the order in which they are written. */
export type Requirement = readonly (readonly [key: string, value: string])[];

export interface Remark extends SourceLine {
  readonly why: string;
}

/** Of a line that is no row: why. */
export class Unmapped {
  readonly why: string;

  constructor(why: string) {
    this.why = why;
  }
}

export class Imported {
  readonly unmapped: Remark[] = [];
  readonly notes: Remark[] = [];
  /** Lines that are about something else. */
  foreign = 0;
  mapped = 0;
  readonly #prefix: string;
  readonly #policies = new Map<string, { readonly name: string; readonly requirement: Requirement }>();
  readonly #rows = new Map<
    string,
    { readonly policy: string; readonly from: SourceLine; readonly deliver: AnsweredLevel }
  >();
  /** Lines that are no rows although their pattern is known. */
  readonly #missing: { readonly pattern: string; readonly remark: number }[] = [];

  /** `prefix`: what the policies are called, `imported` for `imported-1`. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** One line that is rows for these canonical patterns; returns whether they were taken. */
  add(from: SourceLine, patterns: readonly string[], requirement: Requirement): boolean {
    const text = written(requirement);
    const known = this.#policies.get(text);
    const name = known?.name ?? `${this.#prefix}-${this.#policies.size + 1}`;
    const fault = this.#fault(name, patterns, requirement);
    if (fault !== null) {
      this.refuse(from, fault, patterns[0] ?? null);
      return false;
    }
    if (known === undefined) this.#policies.set(text, { name, requirement });
    const deliver = levelOf(requirement);
    for (const pattern of patterns)
      if (!this.#rows.has(pattern)) this.#rows.set(pattern, { policy: name, from, deliver });
    this.mapped++;
    return true;
  }

  #fault(name: string, patterns: readonly string[], requirement: Requirement): string | null {
    if (requirement.some(([, value]) => value.length > MAX_LINE_BYTES - 100))
      return `a list longer than a line of the table, ${MAX_LINE_BYTES} bytes`;
    for (const pattern of patterns) {
      const first = this.#rows.get(pattern);
      if (first !== undefined && first.policy !== name)
        return `${pattern} is already mapped to another requirement: ${formatPosition(first.from)}`;
    }
    return null;
  }

  /** `pattern`: what the line is for, where that is known. */
  refuse(from: SourceLine, why: string, pattern: string | null = null): void {
    if (pattern !== null) this.#missing.push({ pattern, remark: this.unmapped.length });
    this.unmapped.push({ ...from, why });
  }

  /** Each row with its line and level. */
  sources(): { readonly pattern: string; readonly from: SourceLine; readonly deliver: AnsweredLevel }[] {
    return [...this.#rows].map(([pattern, { from, deliver }]) => ({ pattern, from, deliver }));
  }

  /**
   * Adds to each line without a row which row without mandatory TLS applies in its place. Call it once, at
   * the end.
   */
  noteCovered(): void {
    for (const { pattern, remark } of this.#missing) {
      const { why, ...line } = this.unmapped[remark]!;
      for (let dot = pattern.indexOf('.', 1); dot >= 0 && !pattern.startsWith('['); ) {
        const suffix = pattern.slice(dot);
        const row = this.#rows.get(suffix);
        if (row !== undefined) {
          const instead = `until you write a row, ${suffix} applies to it: deliver = ${row.deliver}`;
          if (!mandatory(row.deliver)) this.unmapped[remark] = { ...line, why: `${why}; ${instead}` };
          break;
        }
        dot = pattern.indexOf('.', dot + 1);
      }
    }
  }

  note(from: SourceLine, why: string): void {
    this.notes.push({ ...from, why });
  }

  /** Pattern and policy, in the order in which they came. */
  rows(): { readonly pattern: string; readonly policy: string }[] {
    return [...this.#rows].map(([pattern, { policy }]) => ({ pattern, policy }));
  }

  policies(): { readonly name: string; readonly requirement: Requirement }[] {
    return [...this.#policies.values()];
  }

  /** The table; `comment` comes on top. */
  ini(comment: string): string {
    const policies = this.policies().map(
      ({ name, requirement }) => `[policy ${name}]\n${written(requirement)}`,
    );
    const lines: string[] = [];
    const sections: string[] = [];
    for (const { pattern, policy } of this.rows()) {
      const half = /^\[[a-z0-9.:-]+\](?::[a-z0-9-]+)?$/i.test(pattern) ? pattern : formatHalf(pattern);
      // the first "=" of a line ends the pattern, also between quotes
      if (half === null || pattern.includes('='))
        sections.push(`[${formatHalf(`domain ${pattern}`) ?? ''}]\npolicy = ${policy}\n`);
      else lines.push(`${half} = ${policy}\n`);
    }
    const rows = lines.length === 0 ? [] : [`[domains]\n${lines.join('')}`];
    return [`; ${escapeText(comment, 400)}\n`, ...policies, ...rows, ...sections].join('\n');
  }
}

function levelOf(requirement: Requirement): AnsweredLevel {
  const said = requirement.find(([key]) => key === 'deliver')?.[1];
  if (said === undefined) throw new Error('a requirement without deliver');
  return said as AnsweredLevel;
}

function written(requirement: Requirement): string {
  return requirement.map(([key, value]) => `${key} = ${formatHalf(value) ?? ''}\n`).join('');
}
