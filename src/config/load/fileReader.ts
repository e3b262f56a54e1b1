/**
 * Turns the lines of one file into rows and sections of the document.
 *
 * A misspelt section name is reported, and the section is read as the one that was probably meant, so that
 * the mistakes in it are found, too. A section whose name resembles none is skipped with all its lines.
 */

import { Buffer } from 'node:buffer';
import { escapeText } from '../../core/escape.ts';
import { formatPosition, type Position } from '../../core/position.ts';
import { decodeIniText, reserved } from '../ini/iniText.ts';
import type { LineHandler } from '../ini/lines.ts';
import { looksPublic, mixedScripts } from '../ini/lookalike.ts';
import { Invalid, quote, type Report } from '../ini/problem.ts';
import type { RowScanner } from '../ini/rowScanner.ts';
import { SECTION_FORMS, type Section, whereOf } from '../ini/section.ts';
import { didYouMean, nearest } from '../ini/suggest.ts';
import { hasDomain, type Pattern, parsePattern } from '../keys/pattern.ts';
import type { Document } from './document.ts';
import { EQUALS_HINT } from './policySettings.ts';
import type { PolicyTags } from './policyTags.ts';

const KINDS = ['service', 'alarms', 'domains', 'domain', 'policy', 'exception', 'rule'] as const;

/** Number of rows remembered for each policy that rows name. */
const MAX_USES = 20;

type Current = Section | 'rows' | 'ignored' | null;

export class FileReader implements LineHandler {
  service: Section | null = null;
  readonly #document: Document;
  readonly #file: string;
  readonly #fileIndex: number;
  readonly #onlyExceptions: boolean;
  readonly #tags: PolicyTags;
  readonly #report: Report;
  #current: Current = null;

  /**
   * Adds to the document, whose last file this is. `onlyExceptions`: the file may contain no other sections.
   */
  constructor(document: Document, tags: PolicyTags, report: Report, onlyExceptions: boolean) {
    this.#document = document;
    this.#tags = tags;
    this.#report = report;
    this.#fileIndex = document.files.length - 1;
    this.#file = document.files[this.#fileIndex] ?? '';
    this.#onlyExceptions = onlyExceptions;
  }

  header(raw: string, line: number): boolean {
    this.#current = this.#open(raw, line);
    return this.#current === 'rows';
  }

  #open(raw: string, line: number): Current {
    const at = { file: this.#file, line };
    const where = `[${escapeText(raw.trim())}]`;
    const name = decodeIniText(raw);
    if (name instanceof Invalid) {
      this.#report.problem(at, where, name);
      return 'ignored';
    }
    const [kind = '', argument = ''] = name.split(/\s+(.*)/su);
    const wrong = this.#headerFault(kind, argument.trim());
    if (wrong !== null) this.#report.problem(at, where, wrong);
    const meant = meantKind(kind);
    if (this.#onlyExceptions && meant !== null && meant !== 'exception') {
      const other = new Invalid(quote(`[${kind}]`), 'only [exception PATTERN]', 'it belongs in another file');
      this.#report.problem(at, where, other);
      return 'ignored';
    }
    switch (meant) {
      case 'service': {
        const section: Section = { ...at, kind: 'service', name: '', entries: [] };
        if (this.service !== null) {
          const again = new Invalid(
            'a second [service]',
            'one in each file',
            `first defined in line ${this.service.line}`,
          );
          this.#report.problem(at, where, again);
        } else {
          this.service = section;
          this.#document.services.push(section);
        }
        return section;
      }
      case 'alarms':
        return this.#alarms(at, where);
      case 'domains':
        return 'rows';
      case 'domain':
        return argument === '' ? 'ignored' : this.#domain(argument.trim(), at, where);
      case 'policy': {
        if (argument === '') return 'ignored';
        const section: Section = { ...at, kind: 'policy', name: argument.trim(), entries: [] };
        this.#document.policies.push(section);
        return section;
      }
      case 'exception':
        return argument === '' ? 'ignored' : this.#exception(argument.trim(), at, where);
      case 'rule': {
        if (argument === '') return 'ignored';
        const section: Section = { ...at, kind: 'rule', name: argument.trim(), entries: [] };
        this.#document.rules.push(section);
        return section;
      }
      default:
        return 'ignored';
    }
  }

  #alarms(at: Position, where: string): Section {
    const section: Section = { ...at, kind: 'alarms', name: '', entries: [] };
    const { alarms } = this.#document;
    const [first] = alarms;
    if (this.#fileIndex > 0)
      this.#report.problem(at, where, new Invalid('[alarms] in an included file', 'one in the main file'));
    else if (first === undefined) alarms.push(section);
    else {
      const place = `first defined in ${formatPosition(first)}`;
      this.#report.problem(at, where, new Invalid('a second [alarms]', 'one', place));
    }
    return section;
  }

  #headerFault(kind: string, argument: string): Invalid | null {
    const expected = SECTION_FORMS.join(', ');
    if (kind === 'service' || kind === 'alarms' || kind === 'domains') {
      if (argument === '') return null;
      const hint = kind === 'domains' ? `did you mean [domain ${escapeText(argument)}]?` : '';
      return new Invalid(quote(`[${kind} ${argument}]`), expected, hint);
    }
    if (kind === 'policy' || kind === 'domain' || kind === 'exception' || kind === 'rule') {
      return argument === '' ? new Invalid(`[${kind}] without a name`, expected) : null;
    }
    const pattern = kind.includes('.') && argument === '' ? parsePattern(kind) : null;
    const isPattern = pattern !== null && !(pattern instanceof Invalid);
    const hint = isPattern ? `did you mean [domain ${escapeText(kind)}]?` : didYouMean(kind, KINDS);
    return new Invalid(quote(`[${`${kind} ${argument}`.trim()}]`), expected, hint);
  }

  #domain(name: string, at: Position, where: string): Section {
    const document = this.#document;
    const pattern = parsePattern(name);
    if (pattern instanceof Invalid) {
      this.#report.problem(at, where, pattern);
      // read only to report the mistakes in it; it gets no row
      const section: Section = { ...at, kind: 'domain', name, entries: [] };
      document.targets.push({ section });
      return section;
    }
    const section: Section = { ...at, kind: 'domain', name: pattern.text, entries: [] };
    const tag = document.targets.push({ section }) - 1;
    this.#add(pattern, name, tag, at, whereOf(section));
    return section;
  }

  /**
   * The exception gets its row after all files have been read: only then is it known which row it changes.
   */
  #exception(name: string, at: Position, where: string): Section {
    const document = this.#document;
    const pattern = parsePattern(name);
    const wrong = pattern instanceof Invalid;
    const section: Section = { ...at, kind: 'exception', name: wrong ? name : pattern.text, entries: [] };
    if (!wrong) document.exceptions.push({ section, pattern, file: this.#fileIndex });
    else {
      this.#report.problem(at, where, pattern);
      document.targets.push({ exception: { section, base: null } });
    }
    return section;
  }

  entry(key: string, value: string, line: number): void {
    const current = this.#current;
    const at = { file: this.#file, line };
    if (current === 'ignored') return;
    if (current === null) {
      const wrong = new Invalid(`${quote(key)} before any section`, SECTION_FORMS.join(', '));
      this.#report.problem(at, '', wrong);
    } else if (current === 'rows') this.#row(key, value, at);
    else current.entries.push({ key, value, line });
  }

  #row(key: string, value: string, at: Position): void {
    const report = this.#report;
    const where = `[domains] ${escapeText(key)}`;
    const pattern = parsePattern(key);
    if (pattern instanceof Invalid) {
      const cut = value.includes('@') && !key.includes('@');
      report.problem(
        at,
        '[domains]',
        cut ? new Invalid(pattern.found, pattern.expected, EQUALS_HINT) : pattern,
      );
    }
    if (value === '') report.problem(at, where, new Invalid('nothing', 'the name of a policy'));
    if (value === '' || pattern instanceof Invalid) return;
    const tag = this.#tags.ofWord(value);
    this.#use(tag, key, at);
    this.#add(pattern, key, tag, at, where);
  }

  row(bytes: Uint8Array, plain: RowScanner, line: number): void {
    const document = this.#document;
    const { nameStart, nameEnd } = plain;
    const tag = this.#tags.ofRow(bytes, plain);
    const target = document.targets[tag];
    if (target !== undefined && 'word' in target && ++target.word.count <= MAX_USES) {
      const pattern = Buffer.from(bytes.subarray(nameStart, nameEnd)).toString('latin1');
      target.word.uses.push({ file: this.#file, line, pattern });
    }
    const first = document.builder.add(bytes, nameStart, nameEnd, tag, this.#fileIndex, line);
    if (first < 0) return;
    const name = Buffer.from(bytes.subarray(nameStart, nameEnd)).toString('latin1');
    this.#again(name, name, first, { file: this.#file, line }, `[domains] ${name}`);
  }

  #use(tag: number, pattern: string, at: Position): void {
    const target = this.#document.targets[tag];
    if (target !== undefined && 'word' in target && ++target.word.count <= MAX_USES) {
      target.word.uses.push({ ...at, pattern });
    }
  }

  #add(pattern: Pattern, written: string, tag: number, at: Position, where: string): void {
    const document = this.#document;
    const bytes = Buffer.from(pattern.text, 'latin1');
    const first = document.builder.add(bytes, 0, bytes.length, tag, this.#fileIndex, at.line);
    if (first >= 0) {
      this.#again(written, pattern.text, first, at, where);
      return;
    }
    if (!hasDomain(pattern)) {
      if (pattern.kind !== 'nextHop') document.domainless.push({ ...at, tag, where });
      return;
    }
    const name = pattern.text.slice(pattern.text.lastIndexOf('@') + 1).replace(/^\./, '');
    if (pattern.kind === 'suffix' && looksPublic(name)) {
      this.#report.notice('suspect', at, where, 'anyone can register a name under this suffix');
    }
    const mixed = mixedScripts(name);
    if (mixed !== null) {
      this.#report.notice(
        'suspect',
        at,
        where,
        `a label that mixes scripts: ${escapeText(mixed)}, in full ${name}`,
      );
    }
  }

  #again(written: string, canonical: string, first: number, at: Position, where: string): void {
    const document = this.#document;
    const before = document.builder.position(first);
    const as = written === canonical ? '' : ` as ${escapeText(canonical)}`;
    const position = formatPosition({ file: document.files[before.file] ?? '', line: before.line });
    const hint = `first defined at ${position}${as}`;
    this.#report.problem(at, where, new Invalid(`duplicate ${quote(written)}`, 'each pattern once', hint));
  }

  wrong(line: number, wrong: Invalid): void {
    if (this.#current === 'ignored' && wrong.expected === 'name = value') return;
    this.#report.problem({ file: this.#file, line }, '', wrong);
  }

  notice(line: number, text: string): void {
    if (this.#current !== 'ignored') this.#report.notice('suspect', { file: this.#file, line }, '', text);
  }
}

/** The kind of section as written or, if that is unknown, the kind that was probably meant. */
function meantKind(kind: string): string | null {
  if ((KINDS as readonly string[]).includes(kind)) return kind;
  return reserved(kind) ? null : nearest(kind, KINDS);
}
