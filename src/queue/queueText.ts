/** The mail that waits as lines for a person. */
import { count } from '../core/plural.ts';
import type { Group, Waiting } from './groups.ts';
import { whatToDo } from './whatToDo.ts';

/** `bank.example: 12 messages, 3 h, secure, certificate expired`. */
export function groupLine({ domain, messages, oldest, demand, cause }: Group, now: number): string {
  const level = demand.level === '' ? '' : `${demand.level}${demand.byRule ? ' by a rule' : ''}, `;
  return `${domain === '' ? 'no domain' : domain}: ${count(messages, 'message')}, ${ageOf(now - oldest)}, ${level}${cause}`;
}

/** What stands below it: name and text. `sendmail`: the queue is Sendmail's. */
export function groupLines(group: Group, sendmail: boolean): (readonly [name: string, text: string])[] {
  const { demand, reason, ids, messages } = group;
  const more = messages > ids.length ? `, and ${messages - ids.length} more` : '';
  return [
    ...(demand.pattern === ''
      ? []
      : [['row', `${demand.pattern} (${demand.at})${demand.exception ? ', an exception' : ''}`] as const]),
    ...(reason === '' ? [] : [['reason', reason] as const]),
    ['messages', `${ids.join(' ')}${more}`],
    ...whatToDo(group, sendmail).map(
      ({ text, command }) => ['do', command === '' ? text : `${command}   # ${text}`] as const,
    ),
  ];
}

/** The last line. */
export function summary({ messages, waiting, recipients, ungrouped }: Waiting): string {
  const left = ungrouped === 0 ? '' : `; ${count(ungrouped, 'recipient')} in no group`;
  return waiting === 0
    ? `${count(messages, 'message')} in the queue, none waits`
    : `${count(messages, 'message')} in the queue, ${waiting} ${waiting === 1 ? 'waits' : 'wait'} for ${count(recipients, 'recipient')}${left}`;
}

/** The last line of what records say. */
export function recordedSummary({ waiting, recipients, ungrouped }: Waiting, now: number): string {
  const left = ungrouped === 0 ? '' : `; ${count(ungrouped, 'recipient')} in no group`;
  const time = new Date(now).toISOString();
  return `${count(recipients, 'recipient')} of ${count(waiting, 'message')} put off last, by the records at ${time.slice(0, 10)} ${time.slice(11, 16)} UTC${left}; tlsward queue asks the mail server itself`;
}

/** Rounded down: `40 s`, `12 min`, `3 h`, `2 d`. */
function ageOf(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}
