/**
 * The manual: README.md, the pages of contrib/doc and those of .github, for the tests that hold it to its word.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { root } from './root.ts';

const NAMES = [
  'README.md',
  ...readdirSync(new URL('contrib/doc/', root))
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `contrib/doc/${name}`),
  '.github/CONTRIBUTING.md',
  '.github/SECURITY.md',
];

/** Path from the top of the repository to the text of the page. */
export const MANUAL: ReadonlyMap<string, string> = new Map(
  NAMES.map((name) => [name, readFileSync(new URL(name, root), 'utf8')]),
);

/** Text of one page. */
export function page(name: string): string {
  const text = MANUAL.get(name);
  if (text === undefined) throw new Error(`the manual has no page ${name}`);
  return text;
}

/** Fenced blocks of one kind in all pages, without their fences. */
export function blocks(kind: string): string[] {
  const fenced = new RegExp(`^\`\`\`${kind}\\n([\\s\\S]*?)^\`\`\`$`, 'gm');
  return [...MANUAL.values()].flatMap((text) => [...text.matchAll(fenced)].map((match) => match[1]!));
}
