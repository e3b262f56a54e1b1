/** The answer of `tlsward doctor` as text and as JSON. Both have the same findings in the same order. */
import { count } from '../core/plural.ts';
import { GROUPS, SEVERITIES, type Severity } from './check.ts';
import type { Examination, Found } from './checks.ts';

/** Words before a finding. */
const SEVERITY_WORDS: Readonly<Record<Severity, string>> = {
  danger: 'DANGER',
  warning: 'warning',
  unknown: 'not known',
  note: 'note',
};

/** Puts a word in the colour of its severity. */
export type Paint = (severity: Severity | 'fine', text: string) => string;

interface Subject {
  readonly mta: 'Postfix' | 'Sendmail';
  /** `/etc/postfix (3.7.11)`, `/etc/mail/sendmail.cf` */
  readonly place: string;
  readonly config: string;
}

/** Findings by group, the worst first in each, the group with the worst first; then the numbers. */
export function reportText(examination: Examination, { mta, place, config }: Subject, paint: Paint): string {
  const { findings, passed, notConcerned, exit } = examination;
  const lines = [`${mta} in ${place}, tlsward by ${config}`, ''];
  const shown = together(findings);
  for (const group of new Set(shown.map((one) => one.group))) {
    lines.push(`${GROUPS[group]}:`);
    for (const found of shown) if (found.group === group) lines.push(...findingLines(found, paint), '');
  }
  const numbers = SEVERITIES.flatMap((severity) => {
    const number = findings.filter((found) => found.severity === severity).length;
    if (number === 0) return [];
    return [severity === 'unknown' ? `${number} not known` : count(number, severity)];
  });
  const summary = [
    ...numbers,
    `${count(passed.length, 'check')} passed`,
    `${notConcerned.length} do not concern this host`,
  ].join(', ');
  lines.push(paint(exit === 2 ? 'danger' : exit === 1 ? 'warning' : 'fine', summary));
  if (findings.length > 0) lines.push('each id: contrib/doc/doctor.md');
  return `${lines.join('\n')}\n`;
}

/** Checks that could not be made for the same reason are one entry. */
function together(findings: readonly Found[]): Found[] {
  const shown: Found[] = [];
  for (const found of findings) {
    const at = shown.findIndex(({ severity, seen }) => severity === 'unknown' && seen === found.seen);
    const same = shown[at];
    if (found.severity !== 'unknown' || same === undefined) shown.push(found);
    else shown[at] = { ...same, id: `${same.id}, ${found.id}`, why: 'These checks could not be made.' };
  }
  return shown;
}

function findingLines({ severity, id, seen, why, mend }: Found, paint: Paint): string[] {
  return [
    `  ${paint(severity, `${SEVERITY_WORDS[severity]}: ${id}`)}: ${seen}`,
    `    ${why}`,
    ...mend.map((line, i) => `    ${i === 0 ? 'mend:' : '     '} ${line}`),
  ];
}

/** The shape in contrib/doc/doctor.md. */
export function reportJson(examination: Examination, { mta, place, config }: Subject): object {
  const { findings, passed, notConcerned, exit } = examination;
  return {
    ok: exit === 0,
    [mta.toLowerCase()]: place,
    config,
    findings: findings.map(({ id, group, severity, seen, why, mend }) => ({
      id,
      group,
      severity,
      seen,
      why,
      mend,
    })),
    passed,
    notConcerned,
  };
}
