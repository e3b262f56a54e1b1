/**
 * The lexical check of whole sections: a JSON Schema made from the entries of the keys, applied to the text
 * as written. Ajv compiles it in strict mode, reports all errors, converts no types, and allows no other
 * keys.
 *
 * Values that need context or have a structure (lists, dates, addresses) are checked by the parser of the
 * key, which only gets values that passed this check.
 */
import type { ErrorObject, ValidateFunction } from 'ajv';
import { reserved } from '../ini/iniText.ts';
import { Invalid, quote, type Report } from '../ini/problem.ts';
import { type Entry, positionOf, type Section, whereOf } from '../ini/section.ts';
import { didYouMean } from '../ini/suggest.ts';
import type { Key } from './key.ts';
import { keysOf } from './keys.ts';
import { parsePattern } from './pattern.ts';
import { validatorOf } from './validators.ts';

type Kind = Section['kind'];

interface Checker {
  readonly validate: ValidateFunction;
  readonly keys: ReadonlyMap<string, Key>;
}

/** The kinds of sections that are checked. */
export const KINDS: readonly Kind[] = ['service', 'alarms', 'policy', 'domain', 'exception', 'rule'];

/** The schema of one kind of section. */
export function schemaOf(kind: Kind): object {
  const properties = keysOf(kind).map((key) => [key.key, { type: 'string', ...key.allowed }]);
  return { type: 'object', additionalProperties: false, properties: Object.fromEntries(properties) };
}

function checkerOf(kind: Kind): Checker {
  const keys = new Map(keysOf(kind).map((key) => [key.key, key]));
  return { validate: validatorOf(kind, schemaOf(kind)), keys };
}

const checkers = new Map<Kind, Checker>();

function checker(kind: Kind): Checker {
  let found = checkers.get(kind);
  if (found === undefined) {
    found = checkerOf(kind);
    checkers.set(kind, found);
  }
  return found;
}

/** Keys that have another name in this kind of section. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'rule subject': 'subject-tag',
  'rule from': 'sender',
  'rule to': 'recipient',
  'policy policy': 'based-on',
  'domain based-on': 'policy',
  'policy fingerprints': 'fingerprint',
  'exception fingerprints': 'fingerprint',
  'domain fingerprints': 'fingerprint',
};

/**
 * Checks one section, reports every mistake, and returns the entries that passed: each key once, known, and
 * lexically right. Duplicate keys keep their first entry.
 */
export function checkSection(section: Section, report: Report): ReadonlyMap<string, Entry> {
  const { validate, keys } = checker(section.kind);
  const entries = new Map<string, Entry>();
  // without a prototype and reserved names, text from a file can never refer to inherited properties
  const record: Record<string, string> = Object.create(null);
  for (const entry of section.entries) {
    const first = entries.get(entry.key);
    if (reserved(entry.key)) {
      const wrong = new Invalid(`key ${quote(entry.key)}`, 'a known key', 'a reserved name');
      report.problem(positionOf(section, entry), whereOf(section), wrong);
    } else if (first !== undefined) {
      const wrong = new Invalid(
        `duplicate ${quote(entry.key)}`,
        'each key once',
        `first defined in line ${first.line}`,
      );
      report.problem(positionOf(section, entry), whereOf(section, entry.key), wrong);
    } else {
      entries.set(entry.key, entry);
      record[entry.key] = entry.value;
    }
  }
  if (!validate(record)) {
    for (const error of validate.errors ?? []) {
      const { key, wrong } = explain(error, section, record, keys);
      const entry = entries.get(key);
      // one problem for each key is enough
      if (entry === undefined) continue;
      entries.delete(key);
      const known = error.keyword !== 'additionalProperties';
      report.problem(positionOf(section, entry), known ? whereOf(section, key) : whereOf(section), wrong);
    }
  }
  return entries;
}

/** Is the key a pattern, as rows begin with one? */
function isRow(key: string): boolean {
  return /^\*$|^<>$|[.@[]/.test(key) && !(parsePattern(key) instanceof Invalid);
}

function explain(
  error: ErrorObject,
  section: Section,
  record: Readonly<Record<string, string>>,
  keys: ReadonlyMap<string, Key>,
): { readonly key: string; readonly wrong: Invalid } {
  if (error.keyword === 'additionalProperties') {
    const key = String(error.params.additionalProperty);
    const other = ELSEWHERE[`${section.kind} ${key}`];
    const hint =
      other !== undefined
        ? `did you mean ${other}?`
        : isRow(key)
          ? 'a row: put it under [domains]'
          : didYouMean(key, keys.keys());
    return { key, wrong: new Invalid(`key ${quote(key)}`, 'a known key', hint) };
  }
  const key = error.instancePath.slice(1).replaceAll('~1', '/').replaceAll('~0', '~');
  const known = keys.get(key);
  const value = record[key] ?? '';
  const hint = didYouMean(value, known?.allowed.enum ?? []);
  return { key, wrong: new Invalid(quote(value), known?.expected ?? 'text', hint) };
}
