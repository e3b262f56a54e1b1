/**
 * `[exception PATTERN]`: settings that are laid over a row for a while.
 *
 *   [exception bank.example]
 *   until   = 2026-12-31             ; required, as is reason: an exception that nobody ends is a new rule
 *   reason  = their certificate ran out, ticket 4711
 *   receive = may                    ; any key of a row; what is not written stays as it was
 *
 * It starts from the row that would apply to the pattern otherwise: the one with the same pattern, whose place in the table
 * it takes, else the most specific one that covers it (which may be an exception itself), else the built-in `may`. So the
 * exceptions are placed from the widest pattern to the narrowest. After `until` it stays in force and is reported: what
 * ends an exception is somebody who removes it, not a date that passes on a Sunday.
 */

import { Buffer } from 'node:buffer';
import { parseNextHop } from '../../core/nextHop.ts';
import { formatPosition, type Position } from '../../core/position.ts';
import { Invalid, quote, type Report } from '../ini/problem.ts';
import { type Section, whereOf } from '../ini/section.ts';
import type { Pattern } from '../keys/pattern.ts';
import type { Document } from './document.ts';

/** What `tlsward exceptions` tells of one. */
export interface ExceptionRow extends Position {
  readonly pattern: string;
  readonly until: string;
  readonly reason: string;
  readonly contact: string | null;
  /** `receive encrypt → may`; empty when the row says the same. */
  readonly changes: readonly string[];
}

/** Gives each exception its row. `replaced`: called with the tag of each row that gave way to an exception. */
export function placeExceptions(document: Document, report: Report, replaced: (tag: number) => void): void {
  const { builder, files, targets } = document;
  const first = new Map<string, Section>();
  const sorted = [...document.exceptions].sort((a, b) => rank(a.pattern) - rank(b.pattern));
  for (const { section, pattern, file } of sorted) {
    const earlier = first.get(pattern.text);
    if (earlier !== undefined) {
      const hint = `first at ${formatPosition(earlier)}`;
      const again = new Invalid(
        `an exception for ${quote(pattern.text)} again`,
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
    if (earlier !== undefined) continue; // read for its own mistakes; it has no row
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
      return text.length; // at most 254, and a longer one is never the wider
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

/** The patterns that speak of this one's mail when it has no row of its own, most specific first. */
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
