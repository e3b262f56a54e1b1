/**
 * No foreign text costs more than n log n: every function that reads some is run on what hostile text is made of, up to the
 * largest that its limits allow (half of them here, the others in growthRest.test.ts). And every function of those folders is in the table, or in the list of those that read
 * none, with the reason.
 */
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { root } from '../root.ts';
import { COUNTED } from './counted.ts';
import { COVERED } from './covered.ts';
import { EXCEPTED } from './excepted.ts';
import { tooSteep } from './measure.ts';
import { measureReaders } from './measureReaders.ts';

t.setTimeout(1_800_000);

t.test('what is measured is told apart', async (t) => {
  const busy = (steps: number): void => {
    let sum = 0;
    for (let i = 0; i < steps; i++) sum = (sum * 31 + i) | 0;
    if (sum === 1) throw new Error('never');
  };
  t.equal(
    tooSteep((size) => () => busy(size * 1000), 65_536),
    null,
    'linear',
  );
  t.equal(
    tooSteep((size) => () => busy(size * 100 * Math.log2(size)), 65_536),
    null,
    'n log n',
  );
  t.match(
    tooSteep((size) => () => busy(size * size), 65_536),
    /ms for/,
    'quadratic',
  );
  t.equal(
    tooSteep((size) => () => busy(size * size), 2048),
    null,
    'quadratic, but there is never much of it',
  );
});

measureReaders(t, 0);

for (const [name, { largest, call }] of Object.entries(COUNTED)) {
  t.test(name, async (t) => {
    t.equal(tooSteep(call, largest), null);
  });
}

/** Folders of src whose functions meet what a stranger wrote. */
const FOLDERS = [
  'wire',
  'mail',
  'mark',
  'edits',
  'hops',
  'sts',
  'dns',
  'rules',
  'mailfile',
  'collect',
  'tlsrpt',
  'queue',
  'notices',
  'http',
];

/** From the bracket at `at` to the one that closes it. */
function inBrackets(code: string, at: number): string {
  let depth = 0;
  for (let i = at; i < code.length; i++) {
    if (code[i] === '(') depth++;
    else if (code[i] === ')' && --depth === 0) return code.slice(at + 1, i);
  }
  throw new Error('a bracket stays open');
}

/** What the code exports that takes more than numbers: functions, and classes with such a method. */
function readersOf(code: string): string[] {
  const found: string[] = [];
  const takes = (parameters: string): boolean =>
    parameters.replace(/\w+\??: (?:number|boolean)(?: \| null)?(?: =[^,]*)?,?/g, '').trim() !== '';
  for (const match of code.matchAll(
    /^export (?:async )?(?:function\*?|const) (\w+)(?:<[^>]*>)?(?: = (?:async )?)?\(/gm,
  ))
    if (takes(inBrackets(code, match.index + match[0].length - 1))) found.push(match[1]!);
  for (const match of code.matchAll(/^export (?:abstract )?class (\w+)[^\n]*\{\n([\s\S]*?)^\}/gm)) {
    const methods = [...match[2]!.matchAll(/^ {2}(?:static |async |override )*(\w+)(?=\()/gm)];
    const foreign = methods.some((method) => takes(inBrackets(match[2]!, method.index + method[0].length)));
    if (foreign) found.push(match[1]!);
  }
  return found;
}

t.test('readers are found in every form', async (t) => {
  const code = [
    'export function one(text: string): void {}',
    'export async function two<T>(\n  list: readonly T[],\n): void {}',
    'export const three = (text: string): string => text;',
    'export function four(size: number, wide: number | null): void {}',
    'export function five(): void {}',
    'function six(text: string): void {}',
    'export class Seven {\n  push(chunk: Uint8Array): void {}\n}',
    'export class Eight {\n  next(): void {}\n}',
    'export function* ten(text: string): Work<void> {}',
    "export const nine = ['(a: string)'];",
  ].join('\n');
  t.same(readersOf(code), ['one', 'two', 'three', 'ten', 'Seven']);
});

t.test('every reader is in the table, or excepted with a reason', async (t) => {
  const known = new Set([
    ...[COVERED, COUNTED].flatMap((table) => Object.keys(table).map((name) => name.split(' ')[0])),
    ...Object.keys(EXCEPTED),
  ]);
  const seen = new Set<string>();
  for (const folder of FOLDERS) {
    for (const file of readdirSync(new URL(`src/${folder}/`, root))) {
      if (!file.endsWith('.ts')) continue;
      const code = readFileSync(new URL(`src/${folder}/${file}`, root), 'utf8');
      for (const name of readersOf(code)) seen.add(`${file.replace(/\.ts$/, '')}.${name}`);
    }
  }
  t.same([...seen].filter((name) => !known.has(name)).sort(), [], 'add it to test/growth/covered.ts');
  const gone = Object.keys(EXCEPTED).filter((name) => !seen.has(name));
  t.same(gone, [], 'no exception for what is not there');
  t.same(
    Object.entries(EXCEPTED).filter(([, reason]) => reason.length < 10),
    [],
    'each with a reason',
  );
  t.ok(seen.size > 100, `${seen.size} readers`);
});
