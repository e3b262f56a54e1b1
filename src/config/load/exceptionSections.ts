/**
 * `[exception PATTERN]`: settings that override those of a row for a limited time.
 *
 *   [exception bank.example]
 *   until   = 2026-12-31             ; required, as is reason: an exception without an end would become the rule
 *   reason  = their certificate ran out, ticket 4711
 *   receive = may                    ; any key of a row; the other keys stay as they are
 *
 * An exception starts from the row that would otherwise apply to its pattern. This is the row with the same
 * pattern, whose place in the table the exception takes; else the most specific row that matches (which may
 * be an exception itself); else the built-in `may`. For this reason exceptions are placed from the widest
 * pattern to the narrowest. After `until` an exception stays in force and is reported as expired: mail must
 * not stop because a date passed on a Sunday.
 */

import { Buffer } from 'node:buffer';
import { parseNextHop } from '../../core/nextHop.ts';
import { formatPosition, type Position } from '../../core/position.ts';
import { Invalid, quote, type Report } from '../ini/problem.ts';
import { type Section, whereOf } from '../ini/section.ts';
import type { Pattern } from '../keys/pattern.ts';
import type { Document } from './document.ts';

/** An exception as `tlsward exceptions` shows it. */
export interface ExceptionRow extends Position {
  readonly pattern: string;
  readonly until: string;
  readonly reason: string;
  readonly contact: string | null;
  /** `receive encrypt → may`; empty when the exception changes nothing. */
  readonly changes: readonly string[];
}

/** Gives each exception its row. `replaced`: called with the tag of each row that an exception replaces. */
export function placeExceptions(document: Document, report: Report, replaced: (tag: number) => void): void {
  const { builder, files, targets } = document;
  const first = new Map<string, Section>();
  const sorted = [...document.exceptions].sort((a, b) => rank(a.pattern) - rank(b.pattern));
  for (const { section, pattern, file } of sorted) {
    const earlier = first.get(pattern.text);
    if (earlier !== undefined) {
      const hint = `first defined at ${formatPosition(earlier)}`;
      const again = new Invalid(
        `a duplicate exception for ${quote(pattern.text)}`,
        'one for each pattern',
        hint,
      );
      report.problem(section, whereOf(section), again);
    }
    first.set(pattern.text, earlier ?? section);
    const own = earlier === undefined ? builder.find(pattern.text) : -1;
    const from = own >= 0 ? pattern.text : coveredBy(pattern).find((text) => builder.find(text) >= 0);
    const base = from === undefined ? null : { tag: builder.tagOf(builder.find(from)), pattern: from };
    const tag = targets.push({ exception: { section, base } }) - 1;
    if (earlier !== undefined) continue; // read only to report the mistakes in it; it gets no row
    if (own >= 0) {
      builder.replace(own, tag, file, section.line);
      if (base !== null) replaced(base.tag);
    } else {
      const bytes = Buffer.from(pattern.text, 'latin1');
      builder.add(bytes, 0, bytes.length, tag, file, section.line);
    }
    if (namesNoDomain(pattern))
      document.domainless.push({
        file: files[file] ?? '',
        line: section.line,
        tag,
        where: whereOf(section),
      });
  }
}

function namesNoDomain({ kind, text }: Pattern): boolean {
  return (
    kind === 'anyone' || kind === 'null' || kind === 'literal' || (kind === 'address' && text.endsWith(']'))
  );
}

/** Wider patterns first; patterns of one rank never cover each other. */
function rank({ kind, text }: Pattern): number {
  switch (kind) {
    case 'anyone':
      return 0;
    case 'suffix':
      return text.length; // at most 254, and a longer suffix is never wider
    case 'domain':
    case 'literal':
    case 'null':
      return 300;
    case 'nextHop':
      return text.endsWith(']') ? 301 : 302;
    case 'address':
      return 303;
  }
}

/** The patterns that match the mail of this one if it has no row of its own, most specific first. */
export function coveredBy({ kind, text }: Pattern): readonly string[] {
  switch (kind) {
    case 'anyone':
    case 'null':
      return [];
    case 'literal':
      return ['*'];
    case 'domain':
      return parents(text);
    case 'suffix':
      return parents(text.slice(1));
    case 'address': {
      const domain = text.slice(text.lastIndexOf('@') + 1);
      return [domain, ...parents(domain)];
    }
    case 'nextHop': {
      const hop = parseNextHop(text);
      if (hop.kind !== 'hop') return ['*'];
      return [...hop.exact.filter((exact) => exact !== text), hop.name, ...parents(hop.name)];
    }
  }
}

/** `.b.c`, `.c`, `*` for `a.b.c`. */
function parents(name: string): readonly string[] {
  if (name.startsWith('[')) return ['*'];
  const found: string[] = [];
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) found.push(name.slice(dot));
  return [...found, '*'];
}
