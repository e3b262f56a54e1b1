/**
 * Names the modules in stacks of the bundled program (test/bundle.ts), whose files hold hundreds of them: a frame
 * `at step (.../lib/serve.js:812:10)` is followed by ` in src/net/connection.ts`. The bundle has a line
 * `// build/src/net/connection.js` above each module.
 *
 * Only files of the program's own folder are read, since a message may contain what looks like a frame.
 */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where a module begins, in lines from 1. */
interface Beginning {
  readonly line: number;
  readonly module: string;
}

const OWN = fileURLToPath(new URL('.', import.meta.url)).replace(/\/$/, '');
const FRAME =
  /^ {4}at (?:async )?(?:[^()\n]* \()?(?:file:\/\/)?(\/[^\s():]+\.js):([0-9]{1,9}):[0-9]{1,9}\)?$/gm;

const known = new Map<string, readonly Beginning[]>();

function beginningsOf(file: string): readonly Beginning[] {
  const found = known.get(file) ?? read(file);
  // names that are no files of ours are not kept
  if (found.length > 0) known.set(file, found);
  return found;
}

function read(file: string): readonly Beginning[] {
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines.flatMap((text, i) => {
      const name = /^\/\/ build\/(src\/.+)\.js$/.exec(text)?.[1];
      return name === undefined ? [] : [{ line: i + 1, module: `${name}.ts` }];
    });
  } catch {
    return []; // the stack is told as it is
  }
}

/** `stack` with the modules of its frames; `folder`: where the files of the program are. */
export function withModules(stack: string, folder = OWN): string {
  return stack.replace(FRAME, (frame, file: string, line: string) => {
    if (dirname(file) !== folder) return frame;
    const module = beginningsOf(file).findLast((one) => one.line < Number(line))?.module;
    return module === undefined ? frame : `${frame} in ${module}`;
  });
}
