/**
 * contrib/doc/architecture.md tells the truth: every file that it names exists, no walk names a file twice except the
 * connection and the session, and each file of a walk imports another file of the walk or is imported by one.
 */
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { test } from 'tap';
import { root } from './root.ts';

const PAGE = readFileSync(new URL('contrib/doc/architecture.md', root), 'utf8');

/** Heading of a walk to its files in order. */
function walks(): Map<string, string[]> {
  const sections = PAGE.split(/^### (?=Walk )/m).slice(1);
  return new Map(
    sections.map((section) => {
      const [heading = ''] = section.split('\n', 1);
      const own = section.split(/^##/m, 1)[0]!;
      return [heading, [...own.matchAll(/^[0-9]+\. `(src\/[^`]+)`/gm)].map((match) => match[1]!)];
    }),
  );
}

/** Files of src that a file imports, by their paths from the top of the repository. */
function importsOf(name: string): string[] {
  const code = readFileSync(new URL(name, root), 'utf8');
  return [...code.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map((match) =>
    posix.join(posix.dirname(name), match[1]!),
  );
}

test('every file and folder that the page names exists', async (t) => {
  const named = [...PAGE.matchAll(/`((?:src|test|contrib|systemd)\/[^`\s]*)`/g)].map((match) => match[1]!);
  t.ok(named.length > 60, `${named.length} names`);
  t.same(
    named.filter((name) => !existsSync(new URL(name, root))),
    [],
  );
});

test('no file stands in a walk twice except connection and session', async (t) => {
  const found = walks();
  t.equal(found.size, 3);
  for (const [heading, files] of found) {
    t.ok(files.length >= 15, heading);
    const twice = files.filter((name, i) => files.indexOf(name) !== i);
    const allowed = (name: string): boolean =>
      name === 'src/net/connection.ts' || name.startsWith('src/session/');
    t.same(
      twice.filter((name) => !allowed(name)),
      [],
      heading,
    );
    for (const name of twice)
      t.equal(files.filter((other) => other === name).length, 2, `${name}: not thrice`);
  }
});

test('the files of a walk import each other', async (t) => {
  for (const [heading, listed] of walks()) {
    const files = new Set(listed);
    const linked = new Set<string>();
    for (const name of files)
      for (const other of importsOf(name)) if (files.has(other)) linked.add(name).add(other);
    t.same(
      [...files].filter((name) => !linked.has(name)),
      [],
      heading,
    );
  }
});

test('the lists are numbered without a gap', async (t) => {
  for (const section of PAGE.split(/^### /m).slice(1)) {
    const [heading = ''] = section.split('\n', 1);
    const own = section.split(/^##/m, 1)[0]!;
    const numbers = [...own.matchAll(/^([0-9]+)\. /gm)].map((match) => Number(match[1]));
    t.ok(numbers.length > 0, heading);
    t.same(
      numbers,
      numbers.map((_, i) => i + 1),
      heading,
    );
  }
});
