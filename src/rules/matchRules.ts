/**
 * Which rules match a message, and what each of its recipients then needs. Pure and total.
 *
 *   needsOf(rules, facts) -> Work<(Need | null)[]>    one element a recipient of `facts`, in their order; null: nothing more
 *
 * A rule applies to a recipient when every condition that it gives holds; a list holds when one of its
 * elements does. Subject, header fields, REQUIRETLS, tokens, sender and login are the message's, so the rule
 * then applies to all recipients; `recipient` picks among them. A reply to a marked message counts for every
 * recipient, not only for those in the domain the token was made for, because all of them get the quoted
 * text.
 *
 * Rules can only raise the requirements. So an address that can be read in more than one way matches a
 * pattern if one of its readings does, as in the table of rows. `*` matches any address except the null
 * sender, which only `<>` matches.
 */
import type { EnvelopeAddress } from '../core/address.ts';
import { type MessageFacts, type Need, RULE_LEVELS, type Rule, type RuleConditions } from '../core/rule.ts';
import type { Work } from '../core/work.ts';

/**
 * What each recipient needs beyond its row; see the file comment. Several rules: the strictest first, then
 * file order.
 */
export function* needsOf(rules: readonly Rule[], facts: MessageFacts): Work<readonly (Need | null)[]> {
  const apply: { readonly rule: Rule; readonly because: readonly string[] }[] = [];
  const headers = headersOf(facts);
  for (const rule of rules) {
    const because = messageReasons(rule.when, facts, headers);
    if (because !== null) apply.push({ rule, because });
  }
  apply.sort((a, b) => RULE_LEVELS.indexOf(b.rule.level) - RULE_LEVELS.indexOf(a.rule.level));
  yield;
  const needs: (Need | null)[] = [];
  let compared = 0;
  for (const recipient of facts.recipients) {
    const chosen: Rule[] = [];
    const because: string[] = [];
    for (const { rule, because: reasons } of apply) {
      // one recipient with many readings, compared with a thousand rules, is as much as many recipients
      compared += 1 + recipient.readings.length;
      if (compared > COMPARED_AT_ONCE) {
        compared = 0;
        yield;
      }
      const { recipients } = rule.when;
      const pattern = recipients.length === 0 ? '' : matching(recipients, recipient);
      if (pattern === null) continue;
      chosen.push(rule);
      because.push([...reasons, ...(pattern === '' ? [] : [`the recipient is in ${pattern}`])].join(', '));
    }
    const [first] = chosen;
    needs.push(first === undefined ? null : { level: first.level, rules: chosen, because });
  }
  return needs;
}

/** Readings of addresses that are looked up in the patterns of a rule between two interruptions. */
const COMPARED_AT_ONCE = 256;

/** Values of the message's header fields by name, as they are compared. */
type Headers = ReadonlyMap<string, ReadonlySet<string>>;

/** Computed once for all rules, because a field may be large, and a thousand rules may compare it. */
function headersOf({ headers }: MessageFacts): Headers {
  const byName = new Map<string, Set<string>>();
  for (const { name, value } of headers) {
    const values = byName.get(name) ?? new Set();
    byName.set(name, values.add(comparable(value)));
  }
  return byName;
}

/** Why the conditions on the message hold, one phrase each; null when one does not. */
function messageReasons(when: RuleConditions, facts: MessageFacts, headers: Headers): string[] | null {
  const reasons: string[] = [];
  if (when.subjectTags.length > 0) {
    const tag = when.subjectTags.find(({ folded }) =>
      facts.subjects.some((subject) => subject.includes(folded)),
    );
    if (tag === undefined) return null;
    reasons.push(`the subject has ${tag.text}`);
  }
  if (when.headers.length > 0) {
    const field = when.headers.find(({ name, value }) => {
      const values = headers.get(name);
      return values !== undefined && (value === null || values.has(comparable(value)));
    });
    if (field === undefined) return null;
    reasons.push(`there is a header ${field.name}${field.value === null ? '' : `: ${field.value}`}`);
  }
  if (when.requireTls) {
    if (!facts.requireTls) return null;
    reasons.push('the author asked for REQUIRETLS');
  }
  if (when.replyToMarked) {
    const [domain] = facts.repliesTo;
    if (domain === undefined) return null;
    reasons.push(`it is a reply to mail of ${domain} that arrived protected`);
  }
  if (when.senders.length > 0) {
    const pattern = matching(when.senders, facts.sender);
    if (pattern === null) return null;
    reasons.push(`the sender is ${pattern === '*' || pattern === '<>' ? pattern : `in ${pattern}`}`);
  }
  if (when.users.length > 0) {
    const login = facts.user.toLowerCase();
    const user = login === '' ? undefined : when.users.find((one) => one === '*' || one === login);
    if (user === undefined) return null;
    reasons.push(user === '*' ? 'the author logged in' : `the author logged in as ${user}`);
  }
  return reasons;
}

/** Of a value, how many characters without repeated blanks are compared: no rule has a longer one (ruleKeys.ts). */
const MAX_COMPARED = 1024;

/**
 * A field's value without folds, blanks at its ends and repeated ones, and case. Not read to its end when it is
 * longer than anything that a rule compares it with.
 */
function comparable(value: string): string {
  let text = '';
  for (const [word] of value.matchAll(/\S+/g)) {
    text += text === '' ? word : ` ${word}`;
    if (text.length > MAX_COMPARED) break;
  }
  return text.toLowerCase();
}

/** The first of the patterns that the address, or one of its readings, is in; null for none. */
function matching(patterns: readonly string[], address: EnvelopeAddress): string | null {
  const places = placesOf(patterns);
  let first = Number.POSITIVE_INFINITY;
  const look = (pattern: string): void => {
    first = Math.min(first, places.get(pattern) ?? first);
  };
  if (address.kind === 'null') look('<>');
  else {
    look('*');
    if (address.kind === 'mailbox') lookUp(address.mailbox, look);
    for (const reading of address.readings) lookUp(reading, look);
  }
  return patterns[first] ?? null;
}

/** Every pattern that the reading, a mailbox or a domain, may be in: itself, its domain, and the suffixes of that. */
function lookUp(reading: string, look: (pattern: string) => void): void {
  look(reading);
  const domain = reading.slice(reading.lastIndexOf('@') + 1);
  look(domain);
  for (let dot = domain.indexOf('.', 1); dot > 0; dot = domain.indexOf('.', dot + 1)) look(domain.slice(dot));
}

/** By the list, which a reload replaces: a rule may name thousands of domains, and a message have thousands of readings. */
const PLACES = new WeakMap<readonly string[], ReadonlyMap<string, number>>();

/** Where each pattern stands in the list. */
function placesOf(patterns: readonly string[]): ReadonlyMap<string, number> {
  let places = PLACES.get(patterns);
  if (places === undefined) {
    // of equal ones the first counts
    places = new Map(patterns.map((pattern, i) => [pattern, i] as const).reverse());
    PLACES.set(patterns, places);
  }
  return places;
}
