/**
 * Lists in main.cf and master.cf: which of their elements are ours, under any name, and the list with one
 * more element. Elements keep their text; only the blanks and commas between them become one kind.
 */

import { parseEndpoint, parseSocketmap } from '../mta/endpoint.ts';
import { listOf } from '../mta/listValue.ts';
import { expandText, type MasterEntry, type PostfixConfig } from '../mta/postfixConfig.ts';
import { classesFor, type Restriction, restrictionsOf } from '../mta/restrictions.ts';
import { isSocketOf } from './sockets.ts';
import type { Wanted } from './wanted.ts';

/** One element as it is written, and what is in force because of it. */
export interface Element<Parsed> {
  readonly text: string;
  readonly parsed: readonly Parsed[];
}

/** The elements of a restriction list, each with its argument and a preceding `warn_if_reject`. */
export function restrictionElements(
  config: PostfixConfig,
  value: string,
  entry?: MasterEntry,
): Element<Restriction>[] {
  const classes = classesFor(config, entry);
  const tokens = listOf(value);
  const elements: Element<Restriction>[] = [];
  let at = 0;
  for (const { text, warnOnly } of restrictionsOf(value)) {
    const start = at;
    if (warnOnly) while (tokens[at]?.toLowerCase() === 'warn_if_reject') at++;
    at += listOf(text).length;
    const written = tokens.slice(start, at).join(' ');
    elements.push({ text: written, parsed: restrictionsOf(expandText(config, written, entry), classes) });
  }
  // what stands behind a last warn_if_reject, or is beyond what is looked at, stays as it is
  for (const text of tokens.slice(at)) elements.push({ text, parsed: [] });
  return elements;
}

/** The elements of a list of filters or tables, with the words that each stands for. */
export function plainElements(config: PostfixConfig, value: string, entry?: MasterEntry): Element<string>[] {
  return listOf(value).map((text) => ({ text, parsed: listOf(expandText(config, text, entry)) }));
}

/** Does this restriction ask our policy service? */
export function asksUs(
  config: PostfixConfig,
  { listen }: Wanted,
  { name, argument = '' }: Restriction,
): boolean {
  if (name !== 'check_policy_service') return false;
  const endpoint = parseEndpoint(argument);
  return !('invalid' in endpoint) && isSocketOf(config, endpoint.socket, listen.policy);
}

/** Is this our filter? */
export function isOurFilter(config: PostfixConfig, { listen }: Wanted, text: string): boolean {
  const endpoint = parseEndpoint(text);
  return !('invalid' in endpoint) && isSocketOf(config, endpoint.socket, listen.milter);
}

/** The name of the map of ours that a table asks; null: it is none of ours. */
export function ourMap(config: PostfixConfig, { listen }: Wanted, table: string): string | null {
  const found = parseSocketmap(table);
  if (found === null || 'invalid' in found) return null;
  return isSocketOf(config, found.socket, listen.socketmap) ? found.map : null;
}

/** The list with `text` at this place. */
export function withElement<P>(elements: readonly Element<P>[], at: number, text: string): string {
  const texts = elements.map((element) => element.text);
  return [...texts.slice(0, at), text, ...texts.slice(at)].join(', ');
}

/** The list with `text` in the place of the element there. */
export function withElementReplaced<P>(elements: readonly Element<P>[], at: number, text: string): string {
  return elements.map((element, i) => (i === at ? text : element.text)).join(', ');
}
