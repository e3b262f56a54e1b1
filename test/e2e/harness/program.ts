/**
 * The program that the end-to-end tests run: the compiled modules, whose errors name lines of the sources, or with
 * TLSWARD_PROGRAM=bundle the one that is installed (test/bundle.ts), which starts in less than half the time. `.ci/run`
 * runs them with the bundle.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BUNDLE, root } from '../../root.ts';

const PLACES: Readonly<Record<string, string>> = {
  modules: fileURLToPath(new URL('build/src/main.js', root)),
  bundle: join(BUNDLE, 'main.js'),
};

/** The path of its entry point. */
export function mainFile(): string {
  const name = process.env.TLSWARD_PROGRAM ?? 'modules';
  const file = PLACES[name];
  if (file === undefined || !existsSync(file))
    throw new Error(`TLSWARD_PROGRAM=${name}: it is not there: npm run build`);
  return file;
}
