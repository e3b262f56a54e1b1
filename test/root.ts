/**
 * Where the repository is, for tests that read its files (fixtures, contrib, package.json).
 *
 * `root` is the nearest folder above this file that holds package.json: one level up when the tests run uncompiled from
 * test/, two when they run from build/test/. A build directory outside the repository has none above it, so the
 * environment variable TLSWARD_ROOT (a path) overrides the walk.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

function findRoot(): URL {
  const named = process.env.TLSWARD_ROOT;
  if (named !== undefined && named !== '') return pathToFileURL(`${resolve(named)}/`);
  for (let dir = new URL('./cli/exp/', import.meta.url); ; dir = new URL('../', dir)) {
    if (existsSync(new URL('package.json', dir))) return dir;
    if (dir.pathname === '/') {
      throw new Error(`no package.json above ${import.meta.url}; set TLSWARD_ROOT to the repository`);
    }
  }
}

/** The repository root as a file URL that ends in a slash, so that `new URL('contrib/x', root)` works. */
export const root: URL = findRoot();

/** The folder of the program as it is installed (bundle.ts); `npm run build` makes it. */
export const BUNDLE: string = fileURLToPath(new URL('build/bundle/', root));
