/** All checks of `tlsward doctor`, and what comes of them. */
import { ASKING } from './asking.ts';
import { type Check, type Finding, type Group, SEVERITIES, type Severity } from './check.ts';
import type { DoctorFacts, HostFacts, SendmailFacts } from './facts.ts';
import { FAILING } from './failing.ts';
import { HELPERS } from './helpers.ts';
import { IDENTITY } from './identity.ts';
import { JUDGING } from './judging.ts';
import { splitEntry } from './mend.ts';
import { noTlsSeen, OFFERING } from './offering.ts';
import { PROVING } from './proving.ts';
import { dropped, RECORDING } from './recording.ts';
import { ROUTING } from './routing.ts';
import { SENDING } from './sending.ts';
import { SENDMAIL } from './sendmail.ts';
import { SERVING, SERVING_ANY } from './serving.ts';

/** In the order in which findings of the same severity are shown. */
export const CHECKS: readonly Check[] = [
  ...SERVING,
  ...HELPERS,
  ...JUDGING,
  ...ASKING,
  ...FAILING,
  ...OFFERING,
  ...SENDING,
  ...PROVING,
  ...ROUTING,
  ...IDENTITY,
  ...RECORDING,
];

/** Those of a host with Sendmail. */
export const SENDMAIL_CHECKS: readonly Check<SendmailFacts>[] = [
  ...SERVING_ANY,
  ...HELPERS,
  ...SENDMAIL,
  noTlsSeen,
  dropped,
];

/** A finding with the words of its check. */
export interface Found extends Finding {
  readonly id: string;
  readonly group: Group;
  readonly why: string;
}

export interface Examination {
  /** The worst first. */
  readonly findings: readonly Found[];
  /** Checks that found nothing. */
  readonly passed: readonly string[];
  /** Checks that do not concern this host. */
  readonly notConcerned: readonly string[];
  /** 0 fine, 1 warnings, 2 mail can pass unjudged, leave unprotected or be lost. */
  readonly exit: 0 | 1 | 2;
}

/** A host with Postfix. */
export function examine(facts: DoctorFacts): Examination {
  return examineBy(CHECKS, facts);
}

/** A host with Sendmail. */
export function examineSendmail(facts: SendmailFacts): Examination {
  return examineBy(SENDMAIL_CHECKS, facts);
}

function examineBy<Facts extends HostFacts>(checks: readonly Check<Facts>[], facts: Facts): Examination {
  const findings: Found[] = [];
  const passed: string[] = [];
  const notConcerned: string[] = [];
  let exit: 0 | 1 | 2 = 0;
  for (const check of checks) {
    const { id, group, why } = check;
    const found = check.find(facts);
    if (found === null) notConcerned.push(id);
    else if (found.length === 0) passed.push(id);
    else for (const one of merged(found)) findings.push({ ...one, id, group, why });
    for (const { severity } of found ?? []) exit = worse(exit, weight(severity, check));
  }
  const rank = ({ severity }: Found): number => SEVERITIES.indexOf(severity);
  return { findings: findings.sort((a, b) => rank(a) - rank(b)), passed, notConcerned, exit };
}

/**
 * What a check found of several entries that one command mends is one finding, and so are several things that
 * it could not find out: they mostly have one cause.
 */
function merged(found: readonly Finding[]): readonly Finding[] {
  const groups = new Map<string, Finding[]>();
  for (const one of found) {
    const rest = splitEntry(one.seen)?.[1] ?? one.seen;
    const key = one.severity === 'unknown' ? 'unknown' : JSON.stringify([one.severity, rest, one.mend]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].map((group) => {
    const [first, ...more] = group;
    if (first === undefined || more.length === 0) return first!;
    if (first.severity === 'unknown') return { ...first, seen: `${first.seen} (and ${more.length} more)` };
    const entries = group.map(({ seen }) => splitEntry(seen)?.[0] ?? '');
    return { ...first, seen: `${entries.join(', ')}${splitEntry(first.seen)?.[1] ?? ''}` };
  });
}

/**
 * What could be dangerous and is not known is a warning. What only DNS could tell is not: a host that cannot
 * look itself up judges its mail all the same.
 */
function weight(severity: Severity, { gravest, group }: Pick<Check, 'gravest' | 'group'>): 0 | 1 | 2 {
  if (severity === 'danger') return 2;
  const grave = severity === 'unknown' && gravest === 'danger' && group !== 'identity';
  return severity === 'warning' || grave ? 1 : 0;
}

function worse(a: 0 | 1 | 2, b: 0 | 1 | 2): 0 | 1 | 2 {
  return a > b ? a : b;
}
