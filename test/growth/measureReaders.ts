/** Runs the readers of the table on what hostile text is made of; `TLSWARD_GROWTH=name` chooses some. */
import type { Test } from 'tap';
import { COVERED } from './covered.ts';
import { PIECES, repeated } from './inputs.ts';
import { tooSteep } from './measure.ts';

/** Every second reader of the table, from the one at `from`: each half takes minutes, so each has a process. */
export function measureReaders(t: Pick<Test, 'test'>, from: 0 | 1): void {
  const only = process.env.TLSWARD_GROWTH ?? '';
  for (const [i, [name, { largest, read, around = [], pieces = [] }]] of Object.entries(COVERED).entries()) {
    if (i % 2 !== from || !name.includes(only)) continue;
    t.test(name, async (t) => {
      const steep: string[] = [];
      for (const form of ['~', 'a~', ...around]) {
        for (const piece of [...PIECES, ...pieces]) {
          const call = (size: number) => {
            const text = form.replaceAll('~', () => repeated(piece, size));
            return () => read(text);
          };
          const found = tooSteep(call, largest);
          if (found !== null) steep.push(`${JSON.stringify(form)} of ${JSON.stringify(piece)}: ${found}`);
          // one is enough to know
          if (steep.length > 2) break;
        }
      }
      t.same(steep, []);
    });
  }
}
