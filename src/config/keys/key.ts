/**
 * A key of the configuration: one entry with everything that the program and its manual say about it.
 *
 * The schema, the defaults, the values, the report of a reload and the checks of the documents are all made
 * from it. `allowed` is the part of the check that needs no context, as JSON Schema; `expected` is the text
 * for people.
 */
import { escapeText } from '../../core/escape.ts';
import type { Invalid } from '../ini/problem.ts';
import { parseListOf } from './values.ts';

/** The texts that are allowed, and the value of each. `C`: context on which the value depends. */
export interface Check<T, C extends readonly unknown[] = []> {
  readonly expected: string;
  readonly allowed: { readonly enum?: readonly string[]; readonly pattern?: string };
  /** Gets only texts that match `allowed`. */
  readonly parse: (text: string, ...context: C) => T | Invalid;
}

/** An entry as the schema and the documents need it. */
export interface Key extends Pick<Check<unknown>, 'expected' | 'allowed'> {
  readonly key: string;
  /** As written in a file; '' for an empty default. */
  readonly default: string;
  /** The text in the reference, in Markdown. */
  readonly meaning: string;
}

/** What only some entries say. */
interface Extras<T> {
  /** The value as shown in a report of differences, '' for nothing; absent: the value itself. */
  readonly show?: (value: T) => string;
  /** True: a reload does not apply a change, only a restart does. */
  readonly atStart?: boolean;
}

export interface TypedKey<T, C extends readonly unknown[] = []> extends Key, Check<T, C>, Extras<T> {}

export const AT_START = { atStart: true } as const;

export function key<T, C extends readonly unknown[] = []>(
  name: string,
  standard: string,
  meaning: string,
  check: Check<T, C>,
  extras: Extras<T> = {},
): TypedKey<T, C> {
  return { key: name, default: standard, meaning, ...check, ...extras };
}

/** A value as `tlsward reload` reports it: `nothing`, `yes`, `cbc, 3des`. */
export function showValue<T>({ show }: Pick<Extras<T>, 'show'>, value: T): string {
  const text = show === undefined ? plain(value) : show(value);
  return text === '' ? 'nothing' : escapeText(text);
}

function plain(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return Array.isArray(value) ? value.join(', ') : String(value ?? '');
}

/** One of some words. */
export function words<T extends string>(list: readonly T[]): Check<T> {
  return { expected: `one of ${list.join(', ')}`, allowed: { enum: list }, parse: (text) => text as T };
}

/** One of some words; no text gives `empty`. */
export function wordsOr<T extends string, E>(list: readonly T[], empty: E): Check<T | E> {
  const { expected } = words(list);
  return {
    expected,
    allowed: { enum: [...list, ''] },
    parse: (text) => (text === '' ? empty : (text as T)),
  };
}

/** Any text that `parse` accepts. */
export function anything<T, C extends readonly unknown[] = []>(
  expected: string,
  parse: Check<T, C>['parse'],
): Check<T, C> {
  return { expected, allowed: {}, parse };
}

/** A comma-separated list, each element read by `parse`. */
export function listOf<T>(expected: string, parse: (element: string) => T | Invalid): Check<readonly T[]> {
  return anything(expected, (text) => parseListOf(text, parse));
}

export const YES_NO: Check<boolean> = { ...words(['yes', 'no']), parse: (text) => text === 'yes' };

/** A value for each entry. */
export function readAll<V extends object>(
  entries: { readonly [K in keyof V]: object },
  read: <K extends keyof V>(field: K) => V[K],
): V {
  const fields = Object.keys(entries) as (keyof V)[];
  return Object.fromEntries(fields.map((field) => [field, read(field)])) as V;
}
