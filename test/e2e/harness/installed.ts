/**
 * tlsward as it is when installed: the program as `npm run build` bundles it, its package.json, contrib/ and the packages it
 * needs at run time, copied to a folder of their own, as README's installation leaves them in /usr/lib/tlsward.
 *
 * A program that only works in its checkout (with development packages, with files beside the sources, readable by root
 * alone) fails here. What is copied is readable by everyone.
 */
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BUNDLE, root } from '../../root.ts';

const MODULES = fileURLToPath(new URL('node_modules/', root));

/** Run-time packages by name, with what they need in turn; all of them lie flat in node_modules. */
function runtimePackages(): Set<string> {
  const found = new Set<string>();
  const needs = (file: string): void => {
    const { dependencies = {} } = JSON.parse(readFileSync(file, 'utf8')) as { dependencies?: object };
    for (const name of Object.keys(dependencies)) {
      if (found.has(name)) continue;
      found.add(name);
      needs(join(MODULES, name, 'package.json'));
    }
  };
  needs(fileURLToPath(new URL('package.json', root)));
  return found;
}

/** Copies the program below `dir`; returns the path of main.js there. */
export function installProgram(dir: string): string {
  cpSync(BUNDLE, join(dir, 'build/bundle'), { recursive: true });
  for (const name of ['package.json', 'contrib']) {
    cpSync(fileURLToPath(new URL(name, root)), join(dir, name), { recursive: true });
  }
  mkdirSync(join(dir, 'node_modules'));
  for (const name of runtimePackages()) {
    cpSync(join(MODULES, name), join(dir, 'node_modules', name), { recursive: true });
  }
  return join(dir, 'build/bundle/main.js');
}
