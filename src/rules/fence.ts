/**
 * The fence: what keeps copies of a message that rules speak of, made where no filter looks, from leaving in plain text.
 *
 * Postfix expands aliases and adds copies (`virtual_alias_maps`, `canonical_maps`, `always_bcc`, `sender_bcc_maps`,
 * `recipient_bcc_maps`) after its filters have seen the recipients, and local(8) sends on what `alias_maps`, `:include:` and
 * `.forward` say. So the message carries a header field wherever it goes:
 *
 *   X-TLS-Ward-Route: again; level=encrypt; rule=secure
 *
 * and `smtp_header_checks` of every smtp(8) that is not one of our clones fails on that field before the content is sent. Our
 * clones take it off. The table must be the first of smtp_header_checks, and needs no daemon:
 *
 *   pipemap:{regexp:{{/^X-TLS-Ward-Route[[:space:]]*:/ x}}, fail:tlsward}
 *
 * `again` sends the message once more through a listener that expands nothing (milter_header_checks: FILTER tlsward-again:),
 * where every recipient that came of an expansion is shown and goes the way of its own. `kept` is for a message that a content
 * filter takes first, and for `message-route = header`; the fence alone holds then.
 *
 * That the fence stands is not taken on trust: main.cf has Postfix tell its own smtp_header_checks as the macro
 * `{tlsward_fence}`, and content_filter as `{tlsward_filter}` (milter_macro_defaults).
 *
 * Sources: Postfix DATABASE_README (pipemap, fail), postconf(5) smtp_header_checks and milter_macro_defaults, FILTER_README.
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

/** Do these smtp_header_checks stop every message with our field? How a value is folded in main.cf does not matter. */
export function fenceStands(headerChecks: string, header: string): boolean {
  const bare = (text: string): string => text.replace(/[ \t\r\n]+/g, ' ').replace(/ ?([{},]) ?/g, '$1');
  const told = bare(headerChecks).trim();
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
 * What the fields that a message came with ask for every recipient; null: it has none. One that cannot be read asks for
 * the most. A rule that is gone is one that refuses.
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

/** Both in one: the stricter level, the rules of both, those of the stricter first. */
export function bothNeeds(one: Need | null, other: Need | null): Need | null {
  if (one === null || other === null) return one ?? other;
  const [first, second] = isStricter(other, one) ? [other, one] : [one, other];
  const more = second.rules.filter(({ name }) => !first.rules.some((rule) => rule.name === name));
  const because = more.map((rule) => second.because[second.rules.indexOf(rule)] ?? '');
  return { level: first.level, rules: [...first.rules, ...more], because: [...first.because, ...because] };
}
