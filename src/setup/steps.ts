/**
 * In which order a plan is written, and by which arguments of postconf(1).
 *
 * Daemons of Postfix that start meanwhile read what is there. So names of ours are defined before anything
 * uses them, entries of master.cf exist before main.cf sends mail to them, and going back runs the other way
 * round.
 */
import type { Change } from './plan.ts';

/** Arguments of one call of postconf, without `-c DIR`. */
export type Step = readonly string[];

/** What is written before what. */
function rank({ target, name, after }: Change): number {
  if (target === 'main' && name.startsWith('tlsward_')) return after === null ? 5 : 0;
  if (target === 'entry') return after === null ? 4 : 1;
  return target === 'main' ? 2 : 3;
}

/** The changes in the order in which they are written. */
export function inOrder(changes: readonly Change[]): Change[] {
  return changes
    .map((change, i) => ({ change, i }))
    .sort((a, b) => rank(a.change) - rank(b.change) || a.i - b.i)
    .map(({ change }) => change);
}

/** Every call, in order; parameters that may be written together are, because each call replaces the file. */
export function stepsOf(changes: readonly Change[]): Step[] {
  const steps: string[][] = [];
  let last = '';
  for (const change of inOrder(changes)) {
    const [option, argument] = stepOf(change);
    const kind = `${option}${rank(change)}`;
    // -M takes several, too, but then a mistake in one is hard to find
    if (kind === last && option !== '-M') steps.at(-1)!.push(argument);
    else steps.push([option, argument]);
    last = kind;
  }
  return steps;
}

/** Option and argument for one change. */
export function stepOf({ target, service, name, after }: Change): readonly [string, string] {
  if (target === 'entry') return after === null ? ['-MX', service] : ['-M', `${service}=${after}`];
  if (target === 'main') return after === null ? ['-X', name] : ['-e', `${name} = ${after}`];
  return after === null ? ['-PX', `${service}/${name}`] : ['-P', `${service}/${name} = ${after}`];
}

/** The changes that take these back. */
export function reversed(changes: readonly Change[]): Change[] {
  return changes.map((change) => ({ ...change, before: change.after, after: change.before })).reverse();
}
