/**
 * A plan as text: grouped by wish, each change with old and new value and the reason, then what else to know.
 */
import { escapeLine } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { type Change, changeName, type Plan, WISH_WORDS, WISHES, type Wish } from './plan.ts';

/** Characters of one value: restriction lists are long, and all of it must be seen. */
const MAX_VALUE = 16_384;

/** Paints a heading or a warning; plain text where nothing is painted. */
type Paint = (colour: 'bold' | 'yellow' | 'red', text: string) => string;

/** Every line with its line end. */
export function planText({ heading, changes, remarks, obstacles }: Plan, paint: Paint): string {
  const parts = WISHES.flatMap((wish) => {
    const own = <T extends { readonly wish: Wish }>(list: readonly T[]): T[] =>
      list.filter((one) => one.wish === wish);
    const blocks = [
      ...own(obstacles).map(({ text }) => `  ${paint('red', 'cannot')}   ${shown(text)}\n`),
      ...own(changes).map((change) => changeText(change, paint)),
      ...own(remarks).map(({ severity, text }) =>
        severity === 'warning'
          ? `  ${paint('yellow', 'warning')}  ${shown(text)}\n`
          : `  note     ${shown(text)}\n`,
      ),
    ];
    if (blocks.length === 0) return [];
    return [`${paint('bold', heading ?? `${wish}: ${WISH_WORDS[wish]}`)}\n${blocks.join('')}`];
  });
  return parts.join('\n');
}

function changeText(change: Change, paint: Paint): string {
  const { before, standard, after, why, target } = change;
  const where = target === 'main' ? 'main.cf' : 'master.cf';
  const was =
    before !== null
      ? value(before)
      : standard === null
        ? 'not there'
        : `not set, by default ${standard === '' ? 'empty' : shown(standard)}`;
  const now = after === null ? 'taken out' : value(after);
  return [
    `  ${paint('bold', shown(changeName(change)))} (${where})`,
    `    old  ${was}`,
    `    new  ${now}`,
    `    why  ${shown(why)}`,
    '',
  ].join('\n');
}

function value(text: string): string {
  return text === '' ? 'empty' : shown(text);
}

function shown(text: string): string {
  return escapeLine(text.replace(/\s+/g, ' '), MAX_VALUE);
}

/** `5 changes in main.cf, 2 in master.cf`; what the plan comes to in one line. */
export function planSummary({ changes, obstacles, remarks }: Plan): string {
  const inMain = changes.filter(({ target }) => target === 'main').length;
  const inMaster = changes.length - inMain;
  const warnings = remarks.filter(({ severity }) => severity === 'warning').length;
  const parts = [
    changes.length === 0 ? 'nothing to change' : '',
    inMain > 0 ? `${count(inMain, 'parameter')} of main.cf` : '',
    inMaster > 0 ? `${count(inMaster, 'change')} in master.cf` : '',
    warnings > 0 ? count(warnings, 'warning') : '',
    obstacles.length > 0 ? `${count(obstacles.length, 'thing')} in the way` : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}
