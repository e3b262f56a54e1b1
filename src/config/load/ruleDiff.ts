/**
 * What a reload changes about rules, as lines beside those about rows (tableDiff.ts):
 *
 *   + rule secure: encrypt
 *   - rule old: verify
 *   rule portal: deliver encrypt → verify, cannot reject → fallback
 *   rules now in the order portal, secure
 *
 * A rule is unchanged if its name and all its keys are the same. Its file and line do not matter, but its
 * place among the other rules does: of two equally strict rules, the first one decides what happens.
 */

import type { Rule } from '../../core/rule.ts';
import { changedRuleKeys } from '../keys/ruleKeys.ts';

/** One line a rule that was changed, added or removed, in this order; at most one more about their order. */
export function diffRules(old: readonly Rule[], next: readonly Rule[]): string[] {
  const before = new Map(old.map((rule) => [rule.name, rule]));
  const after = new Map(next.map((rule) => [rule.name, rule]));
  const changed: string[] = [];
  for (const rule of next) {
    const was = before.get(rule.name);
    if (was === undefined) continue;
    const keys = changedRuleKeys(was, rule);
    if (keys.length > 0) changed.push(`rule ${rule.name}: ${keys.join(', ')}`);
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
