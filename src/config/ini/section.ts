/**
 * A `[service]`, `[alarms]`, `[policy NAME]`, `[domain NAME]` or `[rule NAME]` section as written: entries in order, text
 * decoded, nothing checked.
 */
import { escapeText } from '../../core/escape.ts';
import type { Position } from '../../core/position.ts';

export interface Entry {
  readonly key: string;
  readonly value: string;
  readonly line: number;
}

export interface Section extends Position {
  readonly kind: 'service' | 'alarms' | 'policy' | 'domain' | 'exception' | 'rule';
  /** Name of the policy or rule, canonical pattern of the domain or exception; '' for the service and the alarms. */
  readonly name: string;
  readonly entries: Entry[];
}

export const SECTION_FORMS = [
  '[service]',
  '[alarms]',
  '[domains]',
  '[policy NAME]',
  '[domain NAME]',
  '[exception PATTERN]',
  '[rule NAME]',
] as const;

/** What the name of a policy or a rule may be. */
export const SECTION_NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;

export function whereOf(section: Section, key = ''): string {
  const title = section.name === '' ? section.kind : `${section.kind} ${escapeText(section.name)}`;
  return key === '' ? `[${title}]` : `[${title}] ${escapeText(key)}`;
}

/** The position of an entry of the section. */
export function positionOf(section: Section, entry: Entry): Position {
  return { file: section.file, line: entry.line };
}
