/**
 * What all files together say: the rows, and the sections that still need each other (policies are often defined in a
 * file that is read later than the rows that use them).
 *
 * Rows go straight into a `TableBuilder` under a tag. A tag stands for a word (the policy named by any number of
 * `[domains]` lines) or for one `[domain]` section, and gets its settings when every file has been read.
 */
import { Buffer } from 'node:buffer';
import { TableBuilder } from '../core/packing.ts';
import type { Position } from '../core/settings.ts';
import { decodeHalf, reserved } from './half.ts';
import { estimateRows, type LineHandler, walkLines } from './lines.ts';
import { looksPublic, mixedScripts } from './lookalike.ts';
import { hasDomain, type Pattern, parsePattern } from './pattern.ts';
import type { PlainRow } from './plainRow.ts';
import { escapeText, quote, type Report, Wrong } from './problem.ts';
import { SECTION_FORMS, type Section, whereOf } from './section.ts';
import { didYouMean, nearest } from './suggest.ts';

/** A policy named by rows, with the first of them: enough to report, however many rows there are. */
export interface Word {
  readonly text: string;
  readonly uses: (Position & { readonly pattern: string })[];
  count: number;
}

export type Target = { readonly word: Word } | { readonly section: Section };

/** A row whose pattern names no domain, which `receive = verify` must be told names for. */
export interface Domainless extends Position {
  readonly tag: number;
  readonly where: string;
}

/** Uses of a word that are remembered one by one. */
const MAX_USES = 20;

export class Document {
  readonly files: string[] = [];
  readonly policies: Section[] = [];
  /** One for each file that has it, the main file's first. */
  readonly services: Section[] = [];
  readonly targets: Target[] = [];
  readonly domainless: Domainless[] = [];
  readonly report: Report;
  #builder: TableBuilder | null = null;
  readonly #tagOfText = new Map<string, number>();
  /** Tag by hash of the word's bytes; a second word of the same hash is looked up as text. */
  readonly #tagOfHash = new Map<number, { readonly bytes: Uint8Array; readonly tag: number }>();

  constructor(report: Report) {
    this.report = report;
  }

  /** Takes in one file; returns its `[service]` section, if it has one. */
  read(file: string, bytes: Uint8Array): Section | null {
    this.files.push(file);
    this.#builder ??= new TableBuilder(estimateRows(bytes), bytes.length);
    const reader = new FileReader(this, file, this.files.length - 1);
    walkLines(bytes, reader);
    return reader.service;
  }

  get builder(): TableBuilder {
    this.#builder ??= new TableBuilder();
    return this.#builder;
  }

  /** The tag for a policy named in a row. */
  tagOfWord(text: string): number {
    let tag = this.#tagOfText.get(text);
    if (tag === undefined) {
      tag = this.targets.push({ word: { text, uses: [], count: 0 } }) - 1;
      this.#tagOfText.set(text, tag);
    }
    return tag;
  }

  /** The same from bytes, without a string for a word that was seen before. */
  tagOfPlain(bytes: Uint8Array, plain: PlainRow): number {
    const known = this.#tagOfHash.get(plain.wordHash);
    if (known !== undefined && same(known.bytes, bytes, plain.wordStart, plain.wordEnd)) return known.tag;
    const text = Buffer.from(bytes.subarray(plain.wordStart, plain.wordEnd)).toString('latin1');
    const tag = this.tagOfWord(text);
    if (known === undefined) this.#tagOfHash.set(plain.wordHash, { bytes: Buffer.from(text, 'latin1'), tag });
    return tag;
  }
}

function same(word: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (word.length !== end - start) return false;
  for (let i = 0; i < word.length; i++) if (word[i] !== bytes[start + i]) return false;
  return true;
}

type Current = Section | 'rows' | 'ignored' | null;

class FileReader implements LineHandler {
  service: Section | null = null;
  readonly #document: Document;
  readonly #file: string;
  readonly #fileIndex: number;
  #current: Current = null;

  constructor(document: Document, file: string, fileIndex: number) {
    this.#document = document;
    this.#file = file;
    this.#fileIndex = fileIndex;
  }

  header(raw: string, line: number): boolean {
    this.#current = this.#open(raw, line);
    return this.#current === 'rows';
  }

  #open(raw: string, line: number): Current {
    const at = { file: this.#file, line };
    const where = `[${escapeText(raw.trim())}]`;
    const name = decodeHalf(raw);
    if (name instanceof Wrong) {
      this.#document.report.problem(at, where, name);
      return 'ignored';
    }
    const [kind = '', argument = ''] = name.split(/\s+(.*)/su);
    const wrong = this.#headerFault(kind, argument.trim());
    if (wrong !== null) this.#document.report.problem(at, where, wrong);
    // a misspelt section is read as what it was meant to be, so that its own mistakes are found too
    switch (reserved(kind) ? '' : nearest(kind, ['service', 'domains', 'domain', 'policy'])) {
      case 'service': {
        const section: Section = { ...at, kind: 'service', name: '', entries: [] };
        if (this.service !== null) {
          const again = new Wrong(
            '[service] again',
            'one in each file',
            `first in line ${this.service.line}`,
          );
          this.#document.report.problem(at, where, again);
        } else {
          this.service = section;
          this.#document.services.push(section);
        }
        return section;
      }
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
      default:
        return 'ignored';
    }
  }

  #headerFault(kind: string, argument: string): Wrong | null {
    const expected = SECTION_FORMS.join(', ');
    if (kind === 'service' || kind === 'domains') {
      if (argument === '') return null;
      const hint = kind === 'domains' ? `did you mean [domain ${escapeText(argument)}]?` : '';
      return new Wrong(quote(`[${kind} ${argument}]`), expected, hint);
    }
    if (kind === 'policy' || kind === 'domain') {
      return argument === '' ? new Wrong(`[${kind}] without a name`, expected) : null;
    }
    const pattern = kind.includes('.') && argument === '' ? parsePattern(kind) : null;
    const isPattern = pattern !== null && !(pattern instanceof Wrong);
    const hint = isPattern
      ? `did you mean [domain ${escapeText(kind)}]?`
      : didYouMean(kind, ['service', 'domains', 'domain', 'policy']);
    return new Wrong(quote(`[${`${kind} ${argument}`.trim()}]`), expected, hint);
  }

  #domain(name: string, at: Position, where: string): Section {
    const document = this.#document;
    const pattern = parsePattern(name);
    if (pattern instanceof Wrong) {
      document.report.problem(at, where, pattern);
      // read for its own mistakes; it has no row
      const section: Section = { ...at, kind: 'domain', name, entries: [] };
      document.targets.push({ section });
      return section;
    }
    const section: Section = { ...at, kind: 'domain', name: pattern.text, entries: [] };
    const tag = document.targets.push({ section }) - 1;
    this.#add(pattern, name, tag, at, whereOf(section));
    return section;
  }

  entry(key: string, value: string, line: number): void {
    const current = this.#current;
    const at = { file: this.#file, line };
    if (current === 'ignored') return;
    if (current === null) {
      const wrong = new Wrong(`${quote(key)} before any section`, SECTION_FORMS.join(', '));
      this.#document.report.problem(at, '', wrong);
    } else if (current === 'rows') this.#row(key, value, at);
    else current.entries.push({ key, value, line });
  }

  #row(key: string, value: string, at: Position): void {
    const { report } = this.#document;
    const where = `[domains] ${escapeText(key)}`;
    const pattern = parsePattern(key);
    if (pattern instanceof Wrong) report.problem(at, '[domains]', pattern);
    if (value === '') report.problem(at, where, new Wrong('nothing', 'the name of a policy'));
    if (value === '' || pattern instanceof Wrong) return;
    const tag = this.#document.tagOfWord(value);
    this.#use(tag, key, at);
    this.#add(pattern, key, tag, at, where);
  }

  row(bytes: Uint8Array, plain: PlainRow, line: number): void {
    const document = this.#document;
    const { nameStart, nameEnd } = plain;
    const tag = document.tagOfPlain(bytes, plain);
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
      document.report.notice('suspect', at, where, 'anyone can register a name under this suffix');
    }
    const mixed = mixedScripts(name);
    if (mixed !== null) {
      document.report.notice(
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
    const hint = `first at ${escapeText(document.files[before.file] ?? '')}:${before.line}${as}`;
    document.report.problem(at, where, new Wrong(`${quote(written)} again`, 'each pattern once', hint));
  }

  wrong(line: number, wrong: Wrong): void {
    if (this.#current === 'ignored' && wrong.expected === 'name = value') return;
    this.#document.report.problem({ file: this.#file, line }, '', wrong);
  }

  notice(line: number, text: string): void {
    if (this.#current !== 'ignored')
      this.#document.report.notice('suspect', { file: this.#file, line }, '', text);
  }
}
