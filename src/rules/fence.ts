/**
 * The fence: stops copies of a message that matches a rule from leaving in plaintext if they are made where
 * no filter sees them.
 *
 * Postfix expands aliases and adds copies (`virtual_alias_maps`, `canonical_maps`, `always_bcc`,
 * `sender_bcc_maps`, `recipient_bcc_maps`) after its filters have seen the recipients, and local(8) forwards
 * mail according to `alias_maps`, `:include:` and `.forward`. So the message gets a header field that stays
 * with all its copies:
 *
 *   X-TLS-Ward-Route: again; level=encrypt; rule=secure
 *
 * and `smtp_header_checks` of every smtp(8) except our clones fail on that field before the content is sent.
 * Our clones remove it. The table must be the first of smtp_header_checks, and needs no daemon:
 *
 *   pipemap:{regexp:{{/^X-TLS-Ward-Route[[:space:]]*:/ x}}, fail:tlsward}
 *
 * `again` sends the message once more through a listener that expands nothing (milter_header_checks: FILTER
 * tlsward-again:), where the milter sees every recipient that an expansion produced and routes it on its own.
 * `kept` is for a message that goes to a content filter first, and for `message-route = header`; then there
 * is only the fence.
 *
 * The presence of the fence is checked: milter_macro_defaults in main.cf makes Postfix send the value of
 * smtp_header_checks as the macro `{tlsward_fence}`, and content_filter as `{tlsward_filter}`.
 *
 * Sources: Postfix DATABASE_README (pipemap, fail), postconf(5) smtp_header_checks and milter_macro_defaults,
 * FILTER_README.
 */
import type { HeaderField } from '../core/messageEdit.ts';
import { type Need, RULE_LEVELS, type Rule, type RuleLevel } from '../core/rule.ts';
import { fieldNameKey } from '../mark/stripMarks.ts';

/** Whether the message is sent through the second listener next. */
export type FenceWord = 'again' | 'kept';

/** Longest value of a field that is read; ours are shorter. */
const MAX_VALUE = 200;
const VALUE = /^(?:again|kept); level=(encrypt|verify)(?:; rule=([a-z0-9_-]{1,64}))?$/;

/** The table that smtp_header_checks must begin with. */
export function fenceTable(header: string): string {
  return `pipemap:{regexp:{{/^${header}[[:space:]]*:/ x}}, fail:tlsward}`;
}

/** Of smtp_header_checks, how much is read to find our table at its beginning, in characters. */
const MAX_CHECKS = 16_384;

/**
 * Do these smtp_header_checks stop every message with our field? How a value is folded in main.cf does not
 * matter.
 */
export function fenceStands(headerChecks: string, header: string): boolean {
  const bare = (text: string): string => text.replace(/[ \t\r\n]+/g, ' ').replace(/ ?([{},]) ?/g, '$1');
  const told = bare(headerChecks.slice(0, MAX_CHECKS)).trim();
  const table = bare(fenceTable(header));
  return told === table || told.startsWith(`${table},`);
}

/** The value of the field for the strictest of these needs. */
export function fenceValue(word: FenceWord, needs: readonly (Need | null)[]): string {
  let strictest: Need | null = null;
  for (const need of needs) if (need !== null && isStricter(need, strictest)) strictest = need;
  if (strictest === null) throw new Error('fence: no recipient needs anything');
  const rule = strictest.rules[0]?.name ?? '';
  return `${word}; level=${strictest.level}${rule === '' ? '' : `; rule=${rule}`}`;
}

function isStricter(need: Need, than: Need | null): boolean {
  return than === null || RULE_LEVELS.indexOf(need.level) > RULE_LEVELS.indexOf(than.level);
}

/**
 * What the route fields of a received message require for every recipient; null: it has none. A field that
 * cannot be parsed requires the strictest level. A rule that no longer exists counts as one that refuses.
 */
export function carriedNeed(
  headers: readonly HeaderField[],
  header: string,
  rules: readonly Rule[],
): Need | null {
  const key = fieldNameKey(header);
  let found: Need | null = null;
  for (const { name, value } of headers) {
    if (fieldNameKey(name) !== key) continue;
    const read = readValue(value);
    const rule = rules.find((one) => one.name === read.rule) ?? formerRule(read.rule, read.level);
    const need: Need = {
      level: read.level,
      rules: [rule],
      because: ['it was routed so when it was first seen'],
    };
    if (isStricter(need, found)) found = need;
  }
  return found;
}

function readValue(value: string): { readonly level: RuleLevel; readonly rule: string } {
  const text = value.length > MAX_VALUE ? '' : value.trim();
  // what `message-route = header` writes
  if (text === 'encrypt' || text === 'fallback') return { level: 'encrypt', rule: '' };
  const [, level, rule = ''] = VALUE.exec(text) ?? [];
  return { level: level === 'encrypt' ? 'encrypt' : 'verify', rule };
}

function formerRule(name: string, level: RuleLevel): Rule {
  return {
    name: name === '' ? 'earlier' : name,
    at: { file: '', line: 0 },
    when: {
      subjectTags: [],
      headers: [],
      requireTls: false,
      replyToMarked: false,
      senders: [],
      recipients: [],
      users: [],
    },
    level,
    cannot: 'reject',
    fallback: null,
    requestRequireTls: false,
    help: null,
  };
}

/** Combines two needs: the stricter level, and the rules of both, those of the stricter one first. */
export function bothNeeds(one: Need | null, other: Need | null): Need | null {
  if (one === null || other === null) return one ?? other;
  const [first, second] = isStricter(other, one) ? [other, one] : [one, other];
  const more = second.rules.filter(({ name }) => !first.rules.some((rule) => rule.name === name));
  const because = more.map((rule) => second.because[second.rules.indexOf(rule)] ?? '');
  return { level: first.level, rules: [...first.rules, ...more], because: [...first.because, ...because] };
}
