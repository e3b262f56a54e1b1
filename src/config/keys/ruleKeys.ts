/**
 * The keys of `[rule]` sections, one entry for each field of `Rule` and its conditions, in the order of the
 * reference.
 */
import { CANNOT, RULE_LEVELS, type Rule, type RuleConditions } from '../../core/rule.ts';
import { skeleton } from '../../mail/confusables.ts';
import { MAX_CONTACT } from '../ini/limits.ts';
import { Invalid, quote } from '../ini/problem.ts';
import { parseTag } from './bannerValues.ts';
import { anything, type Check, key, listOf, showValue, type TypedKey, words, YES_NO } from './key.ts';
import { parsePattern } from './pattern.ts';
import { parseRelay } from './routingKeys.ts';
import { parseListOf, parsePlainText } from './values.ts';

export type RuleValues = RuleConditions & Omit<Rule, 'name' | 'at' | 'when'>;

/** A key that says when a rule applies. */
interface Condition<T> extends TypedKey<T> {
  /** The policy protocol cannot show it: only a milter sees headers and the parameters of MAIL. */
  readonly milterOnly: boolean;
}

const message = <T>(entry: TypedKey<T>): Condition<T> => ({ ...entry, milterOnly: true });
const envelope = <T>(entry: TypedKey<T>): Condition<T> => ({ ...entry, milterOnly: false });

const CONDITIONS: { readonly [K in keyof RuleConditions]: Condition<RuleConditions[K]> } = {
  subjectTags: message(
    key(
      'subject-tag',
      '',
      'the subject contains one of these tags',
      listOfMany('tags such as [secure]', parseTag, (text) => ({ text, folded: skeleton(text) })),
      { show: (tags) => tags.map(({ text }) => text).join(', ') },
    ),
  ),
  headers: message(
    key(
      'header',
      '',
      'the message has one of these header fields: `Name: value`, or `Name` for any value; case does not ' +
        'matter',
      listOfMany('header fields, Name: value', parseField, fieldOf),
      {
        show: (fields) =>
          fields.map(({ name, value }) => (value === null ? name : `${name}: ${value}`)).join(', '),
      },
    ),
  ),
  requireTls: message(key('requiretls', 'no', 'the sender asked for `REQUIRETLS` in `MAIL FROM`', YES_NO)),
  replyToMarked: message(
    key(
      'reply-to-marked',
      'no',
      'the message is a reply to mail that arrived protected (`reply-token`); needs `mark-key`',
      YES_NO,
    ),
  ),
  senders: envelope(
    key(
      'sender',
      '',
      'the sender is one of these: address, domain, `.suffix`, `*`, `<>`',
      listOf('patterns of senders', (text) => parseParty(text, true)),
    ),
  ),
  recipients: envelope(
    key(
      'recipient',
      '',
      'the recipient is one of these: address, domain, `.suffix`, `*`',
      listOf('patterns of recipients', (text) => parseParty(text, false)),
    ),
  ),
  users: envelope(
    key(
      'user',
      '',
      'the sender is authenticated (SASL) as one of these logins; `*` for any login',
      listOf('logins', parseLogin),
    ),
  ),
};

export const RULE_KEYS: { readonly [K in keyof RuleValues]: TypedKey<RuleValues[K]> } = {
  ...CONDITIONS,
  level: key('deliver', 'encrypt', 'how the message must leave to these recipients', words(RULE_LEVELS)),
  cannot: key(
    'cannot',
    'reject',
    'what happens to the message where this level is not possible',
    words(CANNOT),
  ),
  fallback: key(
    'fallback',
    '',
    'next hop of the gateway for `cannot = fallback`',
    anything('a next hop such as [portal.example]:587', parseRelay),
  ),
  requestRequireTls: key(
    'request-requiretls',
    'no',
    'Postfix 3.11 and later: ask for `REQUIRETLS` when the message leaves',
    YES_NO,
  ),
  help: key(
    'help',
    '',
    'address or link where the author of a refused message finds help',
    anything('printable ASCII', (text) => parsePlainText(text, MAX_CONTACT)),
  ),
};

/** Names of the keys that say when a rule applies. */
export const CONDITION_KEYS: readonly string[] = Object.values(CONDITIONS).map((entry) => entry.key);

/** Those of them that the policy protocol cannot show. */
export const MILTER_KEYS: readonly string[] = Object.values(CONDITIONS)
  .filter(({ milterOnly }) => milterOnly)
  .map((entry) => entry.key);

/** `cannot reject → fallback`, one for each key in which two rules differ. */
export function changedRuleKeys(old: Rule, next: Rule): string[] {
  const show = <K extends keyof RuleValues>(field: K, rule: Rule): string =>
    showValue<RuleValues[K]>(RULE_KEYS[field], valuesOf(rule)[field]);
  return (Object.keys(RULE_KEYS) as (keyof RuleValues)[]).flatMap((field) => {
    const before = show(field, old);
    const after = show(field, next);
    return before === after ? [] : [`${RULE_KEYS[field].key} ${before} → ${after}`];
  });
}

function valuesOf({ when, ...rule }: Rule): RuleValues {
  return { ...when, ...rule };
}

/**
 * A list whose elements are compared as texts, so that duplicates fold into one, and only then become values.
 */
function listOfMany<T>(
  expected: string,
  parse: (element: string) => string | Invalid,
  make: (text: string) => T,
): Check<readonly T[]> {
  return anything(expected, (text) => {
    const list = parseListOf(text, parse);
    return list instanceof Invalid ? list : list.map(make);
  });
}

const FIELD_NAME = /^[!-9;-~]{1,200}$/;

/** `Name: value` or `Name`, in one spelling; an element of a list, so duplicates fold into one. */
/** Of a header field, in characters: what is compared of a message's field is bounded (rules/matchRules.ts). */
const MAX_VALUE = 1000;

function parseField(text: string): string | Invalid {
  const colon = text.indexOf(':');
  const name = (colon < 0 ? text : text.slice(0, colon)).trim();
  const value = colon < 0 ? null : text.slice(colon + 1).trim();
  if (!FIELD_NAME.test(name)) return new Invalid(quote(text), 'Name: value, or Name for any value');
  if (value === '')
    return new Invalid(quote(text), 'a value behind the colon', 'any value is the name alone');
  if (value !== null && !/^[ -~]+$/.test(value))
    return new Invalid(quote(value), 'printable ASCII', 'a value is compared with the field as it is sent');
  if (value !== null && value.length > MAX_VALUE)
    return new Invalid(`a value of ${value.length} characters`, `at most ${MAX_VALUE} characters`);
  return value === null ? name.toLowerCase() : `${name.toLowerCase()}: ${value}`;
}

function fieldOf(text: string): RuleConditions['headers'][number] {
  const colon = text.indexOf(': ');
  return colon < 0
    ? { name: text, value: null }
    : { name: text.slice(0, colon), value: text.slice(colon + 2) };
}

function parseParty(text: string, sender: boolean): string | Invalid {
  const expected = `an address, a domain, .suffix, *${sender ? ' or <>' : ''}`;
  const pattern = parsePattern(text);
  if (pattern instanceof Invalid) return new Invalid(pattern.found, expected, pattern.hint);
  if (pattern.kind === 'nextHop' || (pattern.kind === 'null' && !sender))
    return new Invalid(quote(text), expected);
  return pattern.text;
}

function parseLogin(text: string): string | Invalid {
  if (text.length <= 256 && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)) return text.toLowerCase();
  return new Invalid(quote(text), 'a login of at most 256 characters');
}
