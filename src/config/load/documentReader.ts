/**
 * Reads the main file, all it includes and the file of exceptions into one document.
 *
 * Order of reading, which is also the order of `files`, of problems and of the hash: the main file, then each
 * included file right after the one that names it, at its place in the list, names of a pattern sorted. A
 * file that is reached twice is read once. A file that includes one of the files by which it was included is
 * a mistake. The file of `exceptions` comes last, if it exists, and may contain `[exception]` sections only.
 * Never throws because of a file or its contents: mistakes go to the report.
 */
import { createHash } from 'node:crypto';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { TableBuilder } from '../../core/tableBuilder.ts';
import { MAX_FILES, MAX_INCLUDE } from '../ini/limits.ts';
import { estimateRows, walkLines } from '../ini/lines.ts';
import { Invalid, quote, type Report } from '../ini/problem.ts';
import { positionOf, type Section, whereOf } from '../ini/section.ts';
import { defaultOf } from '../keys/keys.ts';
import { parseList } from '../keys/values.ts';
import type { Document } from './document.ts';
import { FileReader } from './fileReader.ts';
import {
  findIncluded,
  type Included,
  isAbsent,
  pathFault,
  readSource,
  type Source,
  sizeOf,
} from './files.ts';
import { PolicyTags } from './policyTags.ts';

interface ReadDocument {
  readonly document: Document;
  /** SHA-256 over the contents of all files in the order read, hex. */
  readonly hash: string;
  /** False when the main file could not be read at all. */
  readonly complete: boolean;
}

/** The files are larger than the caller wants to read. */
class TooLarge extends Error {}

/**
 * `trial`: path of a file that is read in place of the file of exceptions; null: none. Throws TooLarge before it
 * reads more than `mostBytes` of all files together.
 */
export function readDocument(
  main: Included,
  trial: string | null,
  report: Report,
  mostBytes = Number.POSITIVE_INFINITY,
): ReadDocument {
  return new DocumentReader(main, trial, report, mostBytes).run();
}

/** The files above an included one, the main file first. */
type Chain = readonly { readonly identity: string; readonly name: string }[];

class DocumentReader {
  readonly #report: Report;
  readonly #hash = createHash('sha256');
  readonly #document: { -readonly [K in keyof Document]: Document[K] } = {
    files: [],
    policies: [],
    rules: [],
    exceptions: [],
    services: [],
    alarms: [],
    targets: [],
    domainless: [],
    builder: new TableBuilder(),
  };
  readonly #tags = new PolicyTags(this.#document.targets);
  readonly #main: Included;
  readonly #root: string;
  readonly #trial: string | null;
  readonly #seen = new Set<string>();
  #bytesLeft: number;

  constructor(main: Included, trial: string | null, report: Report, mostBytes: number) {
    this.#bytesLeft = mostBytes;
    this.#main = main;
    this.#root = dirname(main.path);
    this.#trial = trial;
    this.#report = report;
  }

  run(): ReadDocument {
    const wrong = this.#read(this.#main, []);
    if (wrong !== null) this.#report.problem({ file: this.#main.name, line: 0 }, '', wrong);
    else this.#readExceptions();
    return { document: this.#document, hash: this.#hash.digest('hex'), complete: wrong === null };
  }

  #source({ path, name }: Included): Source | Invalid {
    this.#bytesLeft -= sizeOf(path);
    if (this.#bytesLeft < 0) throw new TooLarge();
    return readSource(path, name);
  }

  /** Adds one file to the document and returns its `[service]` section, if any. */
  #takeIn({ name }: Included, { bytes, notice }: Source, onlyExceptions: boolean): Section | null {
    const document = this.#document;
    this.#hash.update(bytes);
    // the size of the main file gives a first estimate of the space needed
    if (document.files.length === 0) document.builder = new TableBuilder(estimateRows(bytes), bytes.length);
    document.files.push(name);
    const reader = new FileReader(document, this.#tags, this.#report, onlyExceptions);
    walkLines(bytes, reader);
    if (notice !== '') this.#report.notice('file', { file: name, line: 0 }, '', notice);
    return reader.service;
  }

  /** One file, then what it includes. */
  #take(file: Included, source: Source, chain: Chain): void {
    this.#seen.add(source.identity);
    const service = this.#takeIn(file, source, false);
    if (service === null) return;
    const include = service.entries.find((entry) => entry.key === 'include');
    if (include === undefined) return;
    const at = positionOf(service, include);
    const where = whereOf(service, 'include');
    const elements = parseList(include.value);
    if (elements instanceof Invalid) {
      this.#report.problem(at, where, elements);
      return;
    }
    const below = [...chain, { identity: source.identity, name: file.name }];
    for (const element of elements) {
      const found = findIncluded(element, file, this.#root);
      if (found instanceof Invalid) this.#report.problem(at, where, found);
      else if (found.length === 0)
        this.#report.notice('file', at, where, `nothing matches ${quote(element)}`);
      else {
        for (const each of found) {
          const wrong = this.#read(each, below);
          if (wrong !== null) this.#report.problem(at, where, wrong);
        }
      }
    }
  }

  /** Reads a file and what it includes, unless it was read before; `chain` holds the files above it. */
  #read(file: Included, chain: Chain): Invalid | null {
    const source = this.#source(file);
    if (source instanceof Invalid) return source;
    const loop = chain.findIndex(({ identity }) => identity === source.identity);
    if (loop >= 0) {
      const names = [...chain.slice(loop).map(({ name }) => name), file.name];
      return new Invalid(`a cycle of includes: ${names.join(' → ')}`, 'files that do not include each other');
    }
    if (this.#seen.has(source.identity)) return null;
    if (chain.length > MAX_INCLUDE) {
      return new Invalid('includes nested too deeply', `at most ${MAX_INCLUDE} levels`);
    }
    if (this.#seen.size >= MAX_FILES) return new Invalid('too many files', `at most ${MAX_FILES}`);
    this.#take(file, source, chain);
    return null;
  }

  #readExceptions(): void {
    const { services } = this.#document;
    const service = services.find(({ file }) => file === this.#main.name);
    const entry = service?.entries.find(({ key }) => key === 'exceptions');
    const text = entry?.value ?? defaultOf('exceptions');
    if (text === '') return;
    const at =
      service === undefined || entry === undefined
        ? { file: this.#main.name, line: 0 }
        : positionOf(service, entry);
    const fail = (wrong: Invalid): void => this.#report.problem(at, '[service] exceptions', wrong);
    const fault = /[*?]/.test(text)
      ? new Invalid(quote(text), 'the name of one file')
      : pathFault(text, this.#main, this.#root);
    if (fault !== null) {
      fail(fault);
      return;
    }
    if (this.#trial === null && isAbsent(resolve(this.#root, text))) return;
    const name = isAbsolute(text) ? text : join(dirname(this.#main.name), text);
    const found =
      this.#trial === null ? findIncluded(text, this.#main, this.#root) : [{ path: this.#trial, name }];
    if (found instanceof Invalid) {
      fail(found);
      return;
    }
    for (const file of found) {
      const source = this.#source(file);
      if (source instanceof Invalid) fail(source);
      else if (this.#seen.has(source.identity))
        fail(new Invalid(`${quote(text)}, which has already been read`, 'a file of its own'));
      else this.#takeIn(file, source, true);
    }
  }
}
