/**
 * The lexical check of whole sections: JSON Schema over the text as written, made from the entries of the keys, compiled
 * by ajv in strict mode, with all errors, no coercion and no additional properties.
 *
 * What needs context or structure (lists, dates, addresses) is checked by the parser of the key, and only for keys that
 * passed here.
 */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { reserved } from '../ini/iniText.ts';
import { Invalid, quote, type Report } from '../ini/problem.ts';
import { type Entry, positionOf, type Section, whereOf } from '../ini/section.ts';
import { didYouMean } from '../ini/suggest.ts';
import type { Key } from './key.ts';
import { keysOf } from './keys.ts';

type Kind = Section['kind'];

interface Checker {
  readonly validate: ValidateFunction;
  readonly keys: ReadonlyMap<string, Key>;
}

/** The schemas are ours and a test checks them: compiling the schema of schemas would be half of a start. */
const OPTIONS = {
  strict: true,
  allErrors: true,
  coerceTypes: false,
  useDefaults: false,
  meta: false,
  validateSchema: false,
};
const ajv = new Ajv(OPTIONS);

/** The schema of one kind of section. */
export function schemaOf(kind: Kind): object {
  const properties = keysOf(kind).map((key) => [key.key, { type: 'string', ...key.allowed }]);
  return { type: 'object', additionalProperties: false, properties: Object.fromEntries(properties) };
}

function checkerOf(kind: Kind): Checker {
  const keys = new Map(keysOf(kind).map((key) => [key.key, key]));
  return { validate: ajv.compile(schemaOf(kind)), keys };
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

/** Keys that are spelled differently in another section. */
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
 * Checks one section, reports every mistake, and returns the entries that passed: each key once, known, and lexically
 * right. Duplicate keys keep their first entry.
 */
export function checkSection(section: Section, report: Report): ReadonlyMap<string, Entry> {
  const { validate, keys } = checker(section.kind);
  const entries = new Map<string, Entry>();
  // no prototype, and no reserved name gets in: a file's text never meets inherited properties
  const record: Record<string, string> = Object.create(null);
  for (const entry of section.entries) {
    const first = entries.get(entry.key);
    if (reserved(entry.key)) {
      const wrong = new Invalid(`key ${quote(entry.key)}`, 'a known key', 'a reserved name');
      report.problem(positionOf(section, entry), whereOf(section), wrong);
    } else if (first !== undefined) {
      const wrong = new Invalid(`${quote(entry.key)} again`, 'each key once', `first in line ${first.line}`);
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
      // one problem a key is enough
      if (entry === undefined) continue;
      entries.delete(key);
      const known = error.keyword !== 'additionalProperties';
      report.problem(positionOf(section, entry), known ? whereOf(section, key) : whereOf(section), wrong);
    }
  }
  return entries;
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
    const hint = other === undefined ? didYouMean(key, keys.keys()) : `did you mean ${other}?`;
    return { key, wrong: new Invalid(`key ${quote(key)}`, 'a known key', hint) };
  }
  const key = error.instancePath.slice(1).replaceAll('~1', '/').replaceAll('~0', '~');
  const known = keys.get(key);
  const value = record[key] ?? '';
  const hint = didYouMean(value, known?.allowed.enum ?? []);
  return { key, wrong: new Invalid(quote(value), known?.expected ?? 'text', hint) };
}
