/**
 * What a reload changes about rules, as lines beside those about rows (diff.ts):
 *
 *   + rule secure: encrypt
 *   - rule old: verify
 *   rule portal: deliver encrypt → verify, cannot reject → fallback
 *   rules now in the order portal, secure
 *
 * A rule is the same when its name and every key say the same; where it stands does not matter, its place among the others
 * does, because the first of two equally strict rules says what happens.
 */
import { escapeText } from '../../core/escape.ts';
import type { Rule } from '../../core/rule.ts';

/** One line a rule that was changed, added or removed, in this order; at most one more about their order. */
export function diffRules(old: readonly Rule[], next: readonly Rule[]): string[] {
  const before = new Map(old.map((rule) => [rule.name, rule]));
  const after = new Map(next.map((rule) => [rule.name, rule]));
  const changed: string[] = [];
  for (const rule of next) {
    const was = before.get(rule.name);
    if (was === undefined) continue;
    const from = keysOfRule(was);
    const fields = [...keysOfRule(rule)].filter(([key, value]) => from.get(key) !== value);
    const words = fields.map(([key, value]) => `${key} ${shown(from.get(key))} → ${shown(value)}`);
    if (words.length > 0) changed.push(`rule ${rule.name}: ${words.join(', ')}`);
  }
  const added = next.filter(({ name }) => !before.has(name));
  const removed = old.filter(({ name }) => !after.has(name));
  const kept = next.filter(({ name }) => before.has(name)).map(({ name }) => name);
  const keptBefore = old.filter(({ name }) => after.has(name)).map(({ name }) => name);
  const moved = kept.some((name, i) => keptBefore[i] !== name);
  return [
    ...changed,
    ...added.map((rule) => `+ rule ${rule.name}: ${rule.level}`),
    ...removed.map((rule) => `- rule ${rule.name}: ${rule.level}`),
    ...(moved ? [`rules now in the order ${next.map(({ name }) => name).join(', ')}`] : []),
  ];
}

function shown(text: string | undefined): string {
  return text === undefined || text === '' ? 'nothing' : escapeText(text);
}

/** The rule's keys as files have them. */
function keysOfRule(rule: Rule): ReadonlyMap<string, string> {
  const { when } = rule;
  const yes = (value: boolean): string => (value ? 'yes' : 'no');
  return new Map([
    ['subject-tag', when.subjectTags.map(({ text }) => text).join(', ')],
    [
      'header',
      when.headers.map(({ name, value }) => (value === null ? name : `${name}: ${value}`)).join(', '),
    ],
    ['requiretls', yes(when.requireTls)],
    ['reply-to-marked', yes(when.replyToMarked)],
    ['sender', when.senders.join(', ')],
    ['recipient', when.recipients.join(', ')],
    ['user', when.users.join(', ')],
    ['deliver', rule.level],
    ['cannot', rule.cannot],
    ['fallback', rule.fallback ?? ''],
    ['request-requiretls', yes(rule.requestRequireTls)],
    ['help', rule.help ?? ''],
  ]);
}
