/**
 * Every module of src can be imported by itself, and importing it does nothing else: no server, worker or watch is started. It also
 * brings each into the coverage report, where a file that no test imports would be missing instead of uncovered.
 */
import { readdirSync } from 'node:fs';
import { test } from 'tap';
import { root } from './root.ts';

/** Programs, not modules: to import them is to run them. */
const PROGRAMS = ['main.ts', 'config/load/loadWorker.ts'];

const sources = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.ts'))
  .sort();
/** The tests run compiled or as they are; what they import is of the same kind. */
const extension = import.meta.url.endsWith('.js') ? '.js' : '.ts';

test('every module loads', async (t) => {
  t.same(
    PROGRAMS.filter((name) => !sources.includes(name)),
    [],
    'the programs exist',
  );
  const running = () =>
    process.getActiveResourcesInfo().filter((kind) => /Server|TCP|FSEvent|Message|Worker/.test(kind));
  const before = running();
  for (const name of sources.filter((one) => !PROGRAMS.includes(one))) {
    const module: unknown = await import(
      new URL(`../src/${name.replace(/\.ts$/, extension)}`, import.meta.url).href
    );
    t.type(module, 'object', name);
  }
  t.same(running(), before, 'and leaves nothing running');
});
