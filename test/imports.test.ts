/**
 * Who may import whom. Dependencies point one way, so that what decides can be read, tested and trusted without what
 * talks: a folder imports those in its entry and nothing else, and a folder without an entry is a mistake.
 *
 * Folders that decide have neither clock nor chance nor environment either: the same input always gives the same step.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { test } from 'tap';
import { root } from './root.ts';

/** Folder to what it may import: folders of src, packages, `node:` modules; `node:*` stands for all of those. */
const MAY: Readonly<Record<string, readonly string[]>> = {
  core: [],
  wire: ['core', 'node:buffer'],
  files: ['node:*'],
  mta: ['core', 'node:child_process', 'node:net'],
  receive: ['core'],
  deliver: ['core'],
  mail: ['core'],
  mark: ['core', 'files', 'node:crypto', 'node:fs', 'node:fs/promises', 'node:path'],
  evidence: ['core', 'node:crypto'],
  archive: ['core', 'files', 'evidence', 'node:crypto', 'node:fs', 'node:path'],
  recorder: ['core', 'files', 'evidence', 'archive', 'node:*'],
  collect: ['core', 'evidence'],
  'collect/sources': ['collect', 'node:child_process', 'node:crypto', 'node:fs', 'node:path'],
  'collect/run': ['files', 'evidence', 'archive', 'collect', 'collect/sources', 'node:fs', 'node:path'],
  trace: ['core', 'files', 'evidence', 'archive', 'node:crypto', 'node:fs', 'node:os', 'node:path'],
  tally: [
    'core',
    'files',
    'evidence',
    'archive',
    'trace',
    'node:crypto',
    'node:fs',
    'node:os',
    'node:path',
    'node:worker_threads',
  ],
  tlsrpt: [
    'core',
    'files',
    'evidence',
    'archive',
    'mail',
    'trace',
    'node:crypto',
    'node:fs',
    'node:path',
    'node:zlib',
  ],
  report: ['core', 'deliver', 'mail', 'trace', 'tally', 'tlsrpt'],
  ship: ['core', 'files', 'evidence', 'archive', 'node:*'],
  replay: ['core', 'receive', 'deliver', 'evidence', 'archive', 'trace'],
  hops: ['core', 'receive'],
  mailfile: ['core', 'node:fs', 'node:fs/promises', 'node:path'],
  edits: ['core', 'wire', 'receive', 'mail', 'mark'],
  rules: ['core', 'wire', 'receive', 'deliver', 'mail', 'mark', 'node:crypto'],
  queue: ['core', 'deliver', 'evidence', 'rules', 'tally'],
  notices: ['core', 'evidence', 'mail', 'queue'],
  'notices/run': ['files', 'mta', 'queue', 'notices', 'node:fs', 'node:path', 'node:timers/promises'],
  session: ['core', 'wire', 'receive', 'rules'],
  maps: ['core', 'wire', 'deliver', 'rules'],
  'config/ini': ['core', 'ini', 'node:*'],
  'config/keys': ['core', 'mail', 'config/ini', 'ajv', 'node:*'],
  'config/load': ['core', 'files', 'receive', 'config/ini', 'config/keys', 'node:*'],
  'report/page': ['core', 'report', 'mail', 'config/ini', 'node:crypto', 'node:url'],
  log: ['core', 'wire', 'receive', 'pino', 'node:fs', 'node:path', 'node:url'],
  dns: ['core', 'wire', 'node:*'],
  sts: ['core', 'files', 'deliver', 'dns', 'node:*'],
  'tlsrpt/send': ['core', 'evidence', 'mail', 'tally', 'tlsrpt', 'trace', 'node:crypto'],
  'tlsrpt/send/run': [
    'core',
    'files',
    'evidence',
    'archive',
    'recorder',
    'deliver',
    'dns',
    'sts',
    'mta',
    'trace',
    'tally',
    'tlsrpt/send',
    'node:*',
  ],
  discovery: ['core', 'wire', 'deliver', 'dns', 'sts', 'config/keys', 'log', 'node:*'],
  probe: ['core', 'files', 'dns', 'mta', 'node:*'],
  net: ['core', 'wire', 'session', 'config/keys', 'log', 'node:*'],
  simulate: ['core', 'wire', 'mark', 'rules', 'config/keys', 'node:*'],
  setup: ['core', 'rules', 'config/keys', 'mta'],
  'setup/apply': ['core', 'wire', 'files', 'config/keys', 'simulate', 'mta', 'setup', 'node:*'],
  http: ['core', 'config/keys', 'log', 'evidence', 'net', 'report/page', 'node:*'],
  daemon: [
    'core',
    'files',
    'wire',
    'receive',
    'deliver',
    'rules',
    'session',
    'maps',
    'mark',
    'edits',
    'discovery',
    'config/ini',
    'config/keys',
    'config/load',
    'log',
    'evidence',
    'recorder',
    'collect',
    'tally',
    'net',
    'mta',
    'http',
    'node:*',
  ],
  alarms: ['core', 'evidence', 'mail', 'tally', 'tlsrpt', 'daemon'],
  'alarms/run': ['files', 'evidence', 'archive', 'trace', 'config/keys', 'mta', 'alarms', 'node:*'],
  doctor: ['core', 'maps', 'rules', 'config/keys', 'daemon', 'dns', 'mta'],
  'doctor/gather': ['core', 'files', 'sts', 'dns', 'daemon', 'net', 'mta', 'doctor', 'node:*'],
  cli: [
    'core',
    'files',
    'wire',
    'receive',
    'deliver',
    'rules',
    'maps',
    'mail',
    'mark',
    'hops',
    'edits',
    'mailfile',
    'tlsrpt',
    'tlsrpt/send',
    'tlsrpt/send/run',
    'queue',
    'notices',
    'notices/run',
    'sts',
    'discovery',
    'config/ini',
    'config/keys',
    'config/load',
    'log',
    'net',
    'daemon',
    'http',
    'simulate',
    'mta',
    'evidence',
    'archive',
    'recorder',
    'collect',
    'collect/sources',
    'collect/run',
    'ship',
    'trace',
    'tally',
    'report',
    'report/page',
    'replay',
    'alarms',
    'alarms/run',
    'doctor',
    'doctor/gather',
    'dns',
    'probe',
    'setup',
    'setup/apply',
    'node:*',
  ],
  // the executable itself: dispatches to cli
  '.': ['core', 'cli', 'daemon', 'config/ini'],
};

const sources = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.ts'))
  .sort();

const folderOf = (name: string): string => posix.dirname(name);

/** The code without its comments. */
function codeOf(name: string): string {
  const text = readFileSync(new URL(`src/${name}`, root), 'utf8');
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}

/** What the code imports, statically or not, for types or values. */
function importsOf(code: string): string[] {
  const found = [
    ...code.matchAll(/^(?:import|export)\b[^;'"]*?\bfrom\s*['"]([^'"]+)['"]/gm),
    ...code.matchAll(/^import\s*['"]([^'"]+)['"]/gm),
    ...code.matchAll(/\b(?:import|require)\s*\(\s*['"]([^'"]+)['"]/g),
  ];
  return found.map((match) => match[1]!);
}

/** The same input always gives the same output here. */
const PURE = ['core', 'wire', 'receive', 'deliver', 'session', 'maps'];

test('imports are found in every form', async (t) => {
  const code = [
    "import { a } from './a.ts';",
    "import type {\n  B,\n} from '../b/b.ts';",
    "import c, { type D } from 'node:c';",
    "export { e } from './e.ts';",
    "export * from 'f';",
    "import 'g';",
    "const h = () => import('./h.ts');",
  ].join('\n');
  t.same(importsOf(code), ['./a.ts', '../b/b.ts', 'node:c', './e.ts', 'f', 'g', './h.ts']);
});

test('imports go one way', async (t) => {
  let seen = 0;
  for (const name of sources) {
    const folder = folderOf(name);
    const may = MAY[folder];
    if (may === undefined) {
      t.fail(`src/${folder} has no entry in the table of test/imports.test.ts`);
      continue;
    }
    for (const target of importsOf(codeOf(name))) {
      seen++;
      if (target.startsWith('.')) {
        const path = posix.join(posix.dirname(name), target);
        if (!sources.includes(path)) t.fail(`src/${name} imports ${target}, which is no file of src`);
        const other = folderOf(path);
        if (other !== folder && !may.includes(other)) t.fail(`src/${name} must not import from src/${other}`);
      } else if (!may.includes(target) && !(target.startsWith('node:') && may.includes('node:*'))) {
        t.fail(`src/${name} must not import ${target}`);
      }
    }
  }
  t.ok(seen > sources.length, `${seen} imports in ${sources.length} files`);
});

test('the table itself has no circle and no idle entry', async (t) => {
  const folders = Object.keys(MAY);
  const reach = (from: string, path: readonly string[]): void => {
    if (path.includes(from)) t.fail(`a circle: ${[...path, from].join(' imports ')}`);
    else for (const next of MAY[from] ?? []) if (folders.includes(next)) reach(next, [...path, from]);
  };
  for (const folder of folders) reach(folder, []);
  t.same(
    folders.filter((folder) => !sources.some((name) => folderOf(name) === folder)),
    [],
    'every entry is a folder',
  );
});

test('what decides has no clock, no chance, no environment', async (t) => {
  const impure =
    /\b(?:Date\.now|new Date|Math\.random|performance\.|process\.|console\.|setTimeout|setInterval|fetch\()/;
  const files = sources.filter((name) => PURE.includes(folderOf(name)));
  t.same(
    files.filter((name) => impure.test(codeOf(name))),
    [],
  );
  t.ok(files.length > 20);
});

test('contrib/doc/architecture.md has the same table', async (t) => {
  const page = readFileSync(new URL('contrib/doc/architecture.md', root), 'utf8');
  const rows = [...page.matchAll(/^\| `([^`]+)` \| ([^|]+) \| ([^|]*)\|$/gm)];
  const shown = rows.map(([, folder, , imports]) => [
    folder,
    [...imports!.matchAll(/`([^`]+)`/g)].map((match) => match[1]),
  ]);
  const folders = Object.keys(MAY).filter((folder) => folder !== '.');
  t.same(
    shown,
    folders.map((folder) => [folder, MAY[folder]!.filter((name) => folders.includes(name))]),
  );
  for (const [i, folder] of folders.entries())
    for (const name of MAY[folder]!.filter((other) => folders.includes(other)))
      t.ok(folders.indexOf(name) < i, `${name} stands above ${folder}`);
});

test('what is exported is imported somewhere', async (t) => {
  const tests = readdirSync(new URL('test/', root), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => posix.join('..', 'test', name.replaceAll('\\', '/')));
  // by file: the names that others import from it; '*' stands for all of them
  const wanted = new Map<string, Set<string>>();
  for (const name of [...sources, ...tests]) {
    const code = codeOf(name);
    for (const [, what = '*', from = ''] of [
      ...code.matchAll(/^(?:import|export)\b([^;'"]*?)\bfrom\s*['"](\.[^'"]+)['"]/gm),
      ...code.matchAll(/\bimport\(()['"](\.[^'"]+)['"]/g),
    ]) {
      const file = posix.join(folderOf(name), from).replace(/^\.\.\/src\//, '');
      const names = /\{([^}]*)\}/.exec(what)?.[1]?.split(',') ?? ['*'];
      const set = wanted.get(file) ?? new Set();
      for (const one of names)
        set.add(
          one
            .trim()
            .replace(/^type /, '')
            .replace(/ as .*/, ''),
        );
      wanted.set(file, set);
    }
  }
  let seen = 0;
  for (const name of sources) {
    const names = wanted.get(name);
    for (const [, exported = ''] of codeOf(name).matchAll(
      /^export (?:async )?(?:abstract )?\w+\*? (\w+)/gm,
    )) {
      seen++;
      if (names?.has('*') || names?.has(exported)) continue;
      t.fail(`src/${name} exports ${exported}, which no other file imports`);
    }
  }
  t.ok(seen > 500, `${seen} exports`);
});
