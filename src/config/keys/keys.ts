/**
 * Every key of the configuration, with the sections in which it is allowed.
 *
 * A key is one entry, in serviceKeys.ts (and limitKeys.ts), alarmKeys.ts, rowKeys.ts or ruleKeys.ts: its name, default and
 * meaning, the allowed texts, and the parser. The schema that checks files, the defaults of the loader and
 * the report of a reload are made from the entries. test/reference.test.ts compares them with the tables of
 * the reference in every cell, test/contrib.test.ts with contrib/tables/tlsward.ini.
 */
import { ALARM_KEYS } from './alarmKeys.ts';
import type { Key } from './key.ts';
import { ROW_KEYS } from './rowKeys.ts';
import { RULE_KEYS } from './ruleKeys.ts';
import { SERVICE_KEYS } from './serviceKeys.ts';

interface SectionKey extends Key {
  /** `policy, domain`: allowed in both, and in exceptions. */
  readonly section: 'service' | 'alarms' | 'policy' | 'domain' | 'rule' | 'policy, domain';
}

function inSection(section: SectionKey['section'], entries: { readonly [field: string]: Key }): SectionKey[] {
  return Object.values(entries).map((entry) => ({ section, ...entry }));
}

/** What a policy or a domain starts from; policySettings.ts follows the names. */
const START = {
  default: 'may',
  meaning: 'policy to start from',
  expected: 'the name of a policy',
  allowed: {},
};

const ROW = inSection('policy, domain', ROW_KEYS);

/** In the order of the reference. */
export const KEYS: readonly SectionKey[] = [
  ...inSection('service', SERVICE_KEYS),
  ...inSection('alarms', ALARM_KEYS),
  { section: 'policy', key: 'based-on', ...START },
  { section: 'domain', key: 'policy', ...START },
  ...ROW,
  ...inSection('rule', RULE_KEYS),
];

/** The keys of one kind of section. */
export function keysOf(
  kind: 'service' | 'alarms' | 'policy' | 'domain' | 'exception' | 'rule',
): SectionKey[] {
  if (kind === 'exception') return [...ROW];
  return KEYS.filter((key) => key.section.split(', ').includes(kind));
}

/** The default of a key, as text; of a key in several kinds of sections, that of the first, or of `kind`. */
export function defaultOf(name: string, kind?: Parameters<typeof keysOf>[0]): string {
  const key = (kind === undefined ? KEYS : keysOf(kind)).find((candidate) => candidate.key === name);
  if (key === undefined) throw new Error(`no such key: ${name}`);
  return key.default;
}
