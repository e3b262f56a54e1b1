/**
 * `[rule NAME]` sections to `Rule` values, in the order of the files.
 *
 * Every mistake is reported, and its key then counts as absent. Apart from single values, these are checked:
 * each name occurs once; there is at least one condition; `fallback` goes together with `cannot = fallback`,
 * and the name of such a rule must be a DNS label, because it becomes part of a domain; `reply-to-marked`
 * needs keys to verify tokens; and `message-route = recipient` needs a socketmap, because only a socketmap
 * tells the MTA how to route the renamed recipients. A key that has no effect because of other keys gets a
 * notice.
 */

import { formatPosition } from '../../core/position.ts';
import { answeredVersion, REQUIRETLS_SINCE, since } from '../../core/postfixVersion.ts';
import type { Rule } from '../../core/rule.ts';
import { reserved } from '../ini/iniText.ts';
import { MAX_RULES } from '../ini/limits.ts';
import { Invalid, quote, type Report } from '../ini/problem.ts';
import { type Entry, positionOf, SECTION_NAME, type Section, whereOf } from '../ini/section.ts';
import { readAll, type TypedKey } from './key.ts';
import { CONDITION_KEYS, MILTER_KEYS, RULE_KEYS, type RuleValues } from './ruleKeys.ts';
import { checkSection } from './schema.ts';
import type { ServiceSettings } from './serviceSettings.ts';

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** The settings of the service on which rules depend. */
type RuleContext = Pick<
  ServiceSettings,
  'policyListen' | 'milterListen' | 'socketmapListen' | 'markKey' | 'messageRoute' | 'postfixVersion'
>;

/** All rules that could be read; `sections` in the order of the files. */
export function readRules(sections: readonly Section[], service: RuleContext, report: Report): Rule[] {
  const rules = new Map<string, Rule>();
  for (const [i, section] of sections.entries()) {
    if (i === MAX_RULES) {
      const wrong = new Invalid(`${sections.length} rules`, `at most ${MAX_RULES}`);
      report.problem(section, whereOf(section), wrong);
    }
    if (i >= MAX_RULES) break;
    const rule = readRule(section, service, report);
    const wrong = nameFault(rule, rules.get(rule.name));
    // a second rule of the same name is read only to report the mistakes in it
    if (wrong !== null) report.problem(section, whereOf(section), wrong);
    else rules.set(rule.name, rule);
  }
  const [first] = sections;
  const renames = service.milterListen.length > 0 && service.messageRoute === 'recipient';
  if (first !== undefined && renames && service.socketmapListen.length === 0) {
    const wrong = new Invalid(
      'message-route = recipient without socketmap-listen',
      'a socketmap-listen, where the MTA asks how to route such recipients',
      'message-route = header needs none',
    );
    report.problem(first, whereOf(first), wrong);
  }
  return [...rules.values()];
}

function nameFault({ name, cannot }: Rule, first: Rule | undefined): Invalid | null {
  if (first !== undefined)
    return new Invalid(
      `duplicate rule ${quote(name)}`,
      'each rule once',
      `first defined at ${formatPosition(first.at)}`,
    );
  if (reserved(name)) return new Invalid(quote(name), 'the name of a rule', 'a reserved name');
  if (!SECTION_NAME.test(name))
    return new Invalid(quote(name), 'the name of a rule: at most 64 of a-z 0-9 - _, a letter or digit first');
  if (cannot !== 'fallback' || LABEL.test(name)) return null;
  return new Invalid(
    `${quote(name)} with cannot = fallback`,
    'at most 63 of a-z 0-9 -, with no hyphen at the end',
    'the name becomes part of the recipient domain on the way to the gateway',
  );
}

function readRule(section: Section, service: RuleContext, report: Report): Rule {
  const entries = checkSection(section, report);
  const failed = new Set(section.entries.map(({ key }) => key).filter((key) => !entries.has(key)));
  const read = <K extends keyof RuleValues>(field: K): RuleValues[K] => {
    const { key, default: standard, parse }: TypedKey<RuleValues[K]> = RULE_KEYS[field];
    const entry = entries.get(key);
    const value = parse(entry?.value ?? standard);
    if (!(value instanceof Invalid)) return value;
    if (entry !== undefined) report.problem(positionOf(section, entry), whereOf(section, key), value);
    failed.add(key);
    return parse(standard) as RuleValues[K];
  };
  const {
    level,
    cannot,
    fallback: gateway,
    requestRequireTls,
    help,
    ...when
  } = readAll<RuleValues>(RULE_KEYS, read);
  const rule: Rule = {
    name: section.name,
    at: { file: section.file, line: section.line },
    when,
    level,
    cannot,
    fallback: gateway,
    requestRequireTls,
    help,
  };
  const conditional = Object.values(when).some(
    (value) => value === true || (value !== false && value.length > 0),
  );
  if (!conditional && !CONDITION_KEYS.some((key) => failed.has(key))) {
    const wrong = new Invalid(
      'no condition',
      `one of ${CONDITION_KEYS.join(', ')}`,
      'sender = * matches every message',
    );
    report.problem(section, whereOf(section), wrong);
  }
  if (rule.cannot === 'fallback' && rule.fallback === null && !failed.has('fallback')) {
    const at = entries.get('cannot');
    const wrong = new Invalid('cannot = fallback alone', 'a fallback, the next hop of the gateway');
    report.problem(at === undefined ? section : positionOf(section, at), whereOf(section, 'cannot'), wrong);
  }
  const fallback = entries.get('fallback');
  if (
    fallback !== undefined &&
    rule.fallback !== null &&
    rule.cannot !== 'fallback' &&
    !failed.has('cannot')
  ) {
    const wrong = new Invalid(`fallback with cannot = ${rule.cannot}`, 'cannot = fallback');
    report.problem(positionOf(section, fallback), whereOf(section, 'fallback'), wrong);
  }
  const marked = entries.get('reply-to-marked');
  if (marked !== undefined && when.replyToMarked && service.markKey === null) {
    const wrong = new Invalid(
      'reply-to-marked without mark-key',
      'a mark-key, which signs and verifies tokens',
    );
    report.problem(positionOf(section, marked), whereOf(section, 'reply-to-marked'), wrong);
  }
  noticeIdle(section, entries, rule, service, report);
  return rule;
}

/** Adds a notice for each key that has no effect. */
function noticeIdle(
  section: Section,
  entries: ReadonlyMap<string, Entry>,
  rule: Rule,
  service: RuleContext,
  report: Report,
): void {
  const idle = (key: string, why: string): void => {
    const entry = entries.get(key);
    const at = entry === undefined ? section : positionOf(section, entry);
    report.notice('no-effect', at, whereOf(section, key), `has no effect, because ${why}`);
  };
  const unseen = MILTER_KEYS.filter((key) => {
    const value = entries.get(key)?.value ?? '';
    return value !== '' && value !== 'no';
  });
  const blind = service.milterListen.length === 0;
  if (blind) for (const key of unseen) idle(key, 'there is no milter-listen');
  if (blind && unseen.length === 0 && !rule.requestRequireTls) idle('', 'there is no milter-listen');
  if (!rule.requestRequireTls) return;
  if (!since(answeredVersion(service.postfixVersion), ...REQUIRETLS_SINCE))
    idle('request-requiretls', `postfix-version is below ${REQUIRETLS_SINCE.join('.')}`);
  else if (service.policyListen.length === 0) idle('request-requiretls', 'there is no policy-listen');
  else if (unseen.length > 0)
    idle('request-requiretls', `the policy service, which asks for it, does not see ${unseen.join(', ')}`);
}
