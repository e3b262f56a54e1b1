/**
 * Runs test files in a few processes, end-to-end tests and slow ones each in a process of its own, and prints a line for
 * each file, and what failed; with TAP_REPORTER=tap, everything.
 *
 *   node build/test/run.js             what `npm test` runs: all but the end-to-end tests, benchmarks and LONG
 *   node build/test/run.js SET         a set of files by its name: long, e2e, e2e-package, e2e-postfix, e2e-matrices, e2e-node
 *   node build/test/run.js FILE...     these, as a path of src/ or test/ (`src/wire/dns.ts`, `test/wire/dnsFuzz.test.ts`)
 *
 * The tap command would do the same, but with a process a file, and it loads its hooks for coverage into each and into
 * every Node that those start, which takes longer than most of the tests themselves.
 */
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { PassThrough, Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import t, { TapFile } from 'tap';
import { dayLasts } from './e2e/harness/deadline.ts';
import { root } from './root.ts';
import { TestProcess, testEnvironment } from './testProcess.ts';

/** Fuzzers, hostile input, and what measures CPU time and memory: too slow for every run; .ci/run runs them each time. */
const LONG = [
  ...['daemon/discoveryHostile', 'daemon/heap', 'daemon/held', 'daemon/heldMemory', 'daemon/underneath'],
  ...[
    'archive/everyBit',
    'edits/editFuzz',
    'evidence/verifierMutations',
    'growth/growth',
    'growth/growthRest',
    'growth/tally',
  ],
  ...['mail/hostileMessages', 'session/milterRandom', 'tlsrpt/bombs'],
  ...['wire/dnsFuzz', 'wire/milterFuzz'],
];
/** Of the others: what takes longest, and so begins first. */
const SLOWEST = ['readme', 'cli/commands', 'daemon/socketFiles', 'dns/stubResolver', 'cli/except'];
/** Every case file, the matrices of both directions, and a message each way: what every release of Postfix must pass. */
const MATRICES = [
  'both',
  'cases',
  'deliver',
  'deliver-auto',
  'message',
  'milter',
  'paths',
  'policy',
  'probe',
];
/** What may differ from one release of Postfix to another. */
const POSTFIX = [
  ...['contrib', 'deliver-dns', 'deliver-kept', 'deliver-published', 'export', 'harness'],
  ...[
    'message-header',
    'message-odd',
    'message-paths',
    'message-trouble',
    'probe-receivers',
    'queue',
    'setup',
    'tlsrpt-send',
  ],
];
/** How the program is installed and runs there: whole machines are booted, and packages built. */
const PACKAGE = ['collect-unit', 'install', 'mail-units', 'notices-sendmail-unit', 'package', 'probe-unit'];
/** What may differ from one release of Node to another: sockets, processes, timers, DNS. */
const NODE = [
  ...['activation', 'both', 'deliver', 'deliver-dns', 'dns', 'export', 'message', 'milter', 'policy'],
  ...['readme', 'ship', 'systemd'],
];

/** In the last part of a day (UTC) no file begins. */
const LAST_MS = 90_000;

/** Lines that say nothing but that something passed; what is skipped is shown. */
const PASSED =
  /^ *$|^ +ok (?!.*# (?:SKIP|TODO))|^ *# Subtest: |^ *\d+\.\.\d+$|^ +# (?:time=|\{ total)|^TAP version/;

/** Compiled test files, as paths from the root: the end-to-end tests, or all others. */
function everyFile(e2e: boolean): string[] {
  return readdirSync(new URL('build/test/', root), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.js') && name.startsWith('e2e/') === e2e)
    .map((name) => `build/test/${name}`)
    .sort();
}

/** The compiled test of a file of src/ or test/. */
function compiled(file: string): string {
  const name = file.replace(/^\.?\/?(?:build\/)?(?:src|test)\//, '').replace(/(?:\.test)?\.[jt]s$/, '');
  return `build/test/${name}.test.js`;
}

function chosen(args: readonly string[]): string[] {
  const e2e = (names: readonly string[]) => names.map((name) => compiled(`e2e/${name}`)).sort();
  const long = LONG.map(compiled);
  switch (args[0]) {
    case undefined:
      return everyFile(false).filter((file) => !long.includes(file));
    case 'long':
      return long;
    case 'e2e':
      return everyFile(true).filter((file) => !PACKAGE.map((name) => compiled(`e2e/${name}`)).includes(file));
    case 'e2e-package':
      return e2e(PACKAGE);
    case 'e2e-postfix':
      return e2e([...MATRICES, ...POSTFIX]);
    case 'e2e-matrices':
      return e2e(MATRICES);
    case 'e2e-node':
      return e2e(NODE);
    default:
      return args.map(compiled);
  }
}

const args = process.argv.slice(2);
const files = chosen(args);
const missing = files.filter((file) => !existsSync(new URL(file, root)));
if (missing.length > 0) {
  process.stderr.write(`no such test: ${missing.join(', ')}\n`);
  process.exit(2);
}

const isE2e = (file: string): boolean => file.startsWith('build/test/e2e/');
/** A process of its own for each file: an MTA is many processes, and LONG measures. */
const apart = args[0] === 'long' || files.some(isE2e);

t.setTimeout(0);
if (process.env.TAP_REPORTER === 'tap') {
  t.pipe(process.stdout);
} else {
  const lines = createInterface({ input: t.pipe(new PassThrough()) });
  lines.on('line', (line) => {
    if (!PASSED.test(line)) process.stdout.write(`${line}\n`);
  });
}
t.register();

/** Runs a file in a process of its own. */
function spawn(file: string): void {
  const seconds = 900;
  // tap keeps its state in the options: each file needs its own
  const options = {
    cwd: fileURLToPath(root),
    env: testEnvironment(seconds),
    // a file that is longer than most sets its own limit
    timeout: 2 * seconds * 1000,
    buffered: true,
    at: null,
    stack: '',
  };
  void t.spawn(process.execPath, ['--enable-source-maps', file], options, file);
}

// one that takes long and comes last would keep one processor busy alone
const first = SLOWEST.map(compiled).filter((file) => files.includes(file));
const waiting = [...first, ...files.filter((file) => !first.includes(file))];

/** Runs files in one process, one after another, until none is left. */
async function work(): Promise<void> {
  const seconds = 600;
  let child: TestProcess | null = null;
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    if (child?.alive === false) child = await end(child);
    // what a test takes for today is looked for until its end
    await dayLasts(LAST_MS);
    child ??= new TestProcess(seconds);
    const tap = await child.run(file, seconds * 1000);
    const options = { name: file, tapStream: Readable.from([tap]), buffered: true, at: null, stack: '' };
    void t.sub(TapFile, options);
  }
  if (child !== null) await end(child);
}

async function end(child: TestProcess): Promise<null> {
  const wrong = await child.end();
  if (wrong !== '') t.fail(wrong, { at: null, stack: '' });
  return null;
}

if (apart) {
  // end-to-end tests wait for MTAs much of the time; what measures wants a processor of its own
  t.jobs = args[0] === 'long' ? 2 : availableParallelism() + 1;
  for (const file of files) spawn(file);
} else {
  // one more than there are processors, since some files mostly wait
  await Promise.all(Array.from({ length: availableParallelism() + 1 }, work));
}
t.end();
