/**
 * The program as it is installed: build/bundle, made from the compiled build/src, since to read some hundreds of small
 * modules takes longer than to run them. CommonJS, which Node.js starts sooner than modules.
 *
 *   node build/test/bundle.js
 *
 * - `main.js` is src/main.ts alone, so that an old Node.js reads no more than that.
 * - `lib/serve.js` is the daemon with all that it may ever need, and `lib/loadWorker.js`, `lib/worker.js` and
 *   `lib/tallyWorker.js` are its threads: a daemon that runs depends on no file of a version that may have been replaced.
 * - `lib/makeCache.js` makes the code cache of the daemon for this Node.js (src/cli/codeCache.ts), which no package contains.
 * - `lib/run.js` has what every command needs, the commands have files of their own, and `lib/shared-*.js` is what several
 *   of them use.
 *
 * The validators of the configuration are compiled here, so that no start waits for Ajv.
 *
 * All of lib/ lies as deep as the folders of build/src, so that paths beside a module and to the root are the same. Nothing
 * is renamed or squeezed, and maps lead to the lines of src/. The tests go on with build/src.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';
import { type OutputOptions, type Plugin, type RolldownOptions, rolldown } from 'rolldown';
import { KINDS, schemaOf } from '../src/config/keys/schema.ts';
import { OPTIONS as AJV } from '../src/config/keys/validators.ts';
import { BUNDLE, root } from './root.ts';

const SOURCES = fileURLToPath(new URL('build/src/', root));

const source = (name: string): string => `${SOURCES}${name}`;
const SERVE = 'lib/serve';
/** Programs that hold all they need. */
const WHOLE = {
  [SERVE]: 'cli/serve.js',
  'lib/loadWorker': 'config/load/loadWorker.js',
  'lib/worker': 'recorder/worker.js',
  'lib/tallyWorker': 'tally/tallyWorker.js',
};
/** What every command needs, and the command that is asked for most. */
const SHORT = ['cli/runProcess.js', 'cli/status.js'];
/** Code that several commands use is put together up to so many bytes: fewer files against code that one does not need. */
const SHARED_BYTES = 6000;

/** The maps of tsc, so that those of the bundle lead to the sources. */
const maps: Plugin = {
  name: 'maps',
  load: (id) =>
    id.startsWith(SOURCES)
      ? { code: readFileSync(id, 'utf8'), map: readFileSync(`${id}.map`, 'utf8') }
      : undefined,
};

/** What Ajv makes of the schemas, in place of config/keys/validators.ts. */
const validators: Plugin = {
  name: 'validators',
  load(id) {
    if (id !== source('config/keys/validators.js')) return undefined;
    const ajv = new Ajv({ ...AJV, code: { source: true, esm: true, lines: true } });
    for (const kind of KINDS) ajv.addSchema(schemaOf(kind), kind);
    const code = standalone.default(ajv, Object.fromEntries(KINDS.map((kind) => [kind, kind])));
    return `${code}\nconst made = { ${KINDS.join(', ')} };\nexport const validatorOf = (kind) => made[kind];\n`;
  },
};

/** Of Node.js, and loaded when they are used: to load them takes time and memory, and most daemons never do. */
const SELDOM: Readonly<Record<string, readonly string[]>> = {
  'node:child_process': ['spawn', 'execFile'],
  'node:http': ['createServer'],
  'node:https': ['request'],
};

const seldom: Plugin = {
  name: 'seldom',
  resolveId: (id, from) =>
    id in SELDOM && from?.startsWith('seldom ') !== true ? `seldom ${id}` : undefined,
  load(id) {
    const name = id.replace(/^seldom /, '');
    if (name === id) return undefined;
    const functions = SELDOM[name]!.map(
      (one) => `export function ${one}(...given) { return require('${name}').${one}(...given); }`,
    );
    return functions.join('\n');
  },
};

const OPTIONS: RolldownOptions = {
  platform: 'node',
  tsconfig: false,
  // shared helpers of commands are loaded by others, too
  checks: { ineffectiveDynamicImport: false },
};

const OUTPUT: OutputOptions = {
  format: 'cjs',
  dynamicImportInCjs: false,
  comments: { legal: true, annotation: false, jsdoc: false },
  sourcemap: true,
  sourcemapExcludeSources: true,
  entryFileNames: '[name].js',
};

async function whole(dir: string, name: string, file: string): Promise<void> {
  const made = await rolldown({
    ...OPTIONS,
    input: { [name]: source(file) },
    plugins: [seldom, validators, maps],
  });
  await made.write({ ...OUTPUT, dir, codeSplitting: false });
}

/** The modules `from` and all that they import at once. */
function closure(from: readonly string[], importsOf: (id: string) => readonly string[]): Set<string> {
  const found = new Set<string>();
  const todo = [...from];
  for (let id = todo.pop(); id !== undefined; id = todo.pop()) {
    if (found.has(id)) continue;
    found.add(id);
    todo.push(...importsOf(id));
  }
  return found;
}

/** The daemon as others load it, and what makes its code cache; `program`: its text. */
function cached(program: string): Plugin {
  const id = createHash('sha256').update(program).digest('hex').slice(0, 16);
  const beside = (name: string) => `fileURLToPath(new URL('./${name}', import.meta.url))`;
  const files = `${beside('serve.js')}, ${beside(`serve-${id}.cache`)}`;
  const head = (name: string) =>
    `import { fileURLToPath } from 'node:url'; import { ${name} } from '${source('cli/codeCache.js')}';`;
  const modules: Record<string, string> = {
    'load-serve': `${head('loadCached')} export const { run } = loadCached(${files});`,
    'make-cache': `${head('makeCache')} void makeCache(${files}).then(() => process.exit());`,
  };
  return {
    name: 'cached',
    resolveId: (id, from) =>
      id in modules
        ? id
        : id === './serve.js' && from === source('cli/commandFiles.js')
          ? 'load-serve'
          : undefined,
    load: (id) => modules[id],
  };
}

/** Everything but the daemon. */
async function commands(dir: string): Promise<void> {
  const serve = cached(readFileSync(join(dir, `${SERVE}.js`), 'utf8'));
  const made = await rolldown({
    ...OPTIONS,
    input: { main: source('main.js'), 'lib/makeCache': 'make-cache' },
    plugins: [serve, validators, maps],
  });
  let reached: Set<string> | undefined;
  await made.write({
    ...OUTPUT,
    dir,
    chunkFileNames: ({ name, isDynamicEntry }) =>
      isDynamicEntry || name === 'run' || name === 'codeCache'
        ? `lib/${name.replace(/^(shared~)?(lib\/)?/, '')}.js`
        : 'lib/shared-[hash].js',
    codeSplitting: {
      groups: [
        { name: 'codeCache', priority: 3, test: source('cli/codeCache.js') },
        {
          debugName: 'run',
          priority: 2,
          name: (id, context) => {
            reached ??= closure(SHORT.map(source), (one) => context.getModuleInfo(one)?.importedIds ?? []);
            return reached.has(id) ? 'run' : null;
          },
        },
        {
          name: 'shared',
          test: (id) => ![source('main.js'), 'make-cache', 'load-serve'].includes(id),
          entriesAware: true,
          entriesAwareMergeThreshold: SHARED_BYTES,
        },
      ],
    },
  });
}

/** Makes it anew in `dir`, a folder of build/. */
export async function bundle(dir: string): Promise<void> {
  rmSync(dir, { recursive: true, force: true });
  await Promise.all(Object.entries(WHOLE).map(([name, file]) => whole(dir, name, file)));
  await commands(dir);
  writeFileSync(join(dir, 'package.json'), '{"type":"commonjs"}\n');
  // with the flags of the daemon (package.json, systemd/tlsward.service); the lines of the log are nobody's
  execFileSync(process.execPath, ['--max-semi-space-size=4', join(dir, 'lib/makeCache.js')], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle(BUNDLE);
