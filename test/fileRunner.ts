/**
 * A process that runs test files, one after another, as its parent names them: starting Node and loading tap takes longer
 * than most of the tests themselves. What it prints is TAP in which each file is a subtest; see testProcess.ts.
 */
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';

/** What the parent sends: a compiled test file, and for how long it may run. */
export interface Job {
  readonly file: string;
  readonly ms: number;
}

/** The subtest of the file that runs now, under which its tests belong. */
let running: Test | null = null;
// what a test file calls of tap itself belongs to the file, not to the process; `sub` is what `test` calls
const { sub, teardown, testdir } = t;
Object.assign(t, {
  sub: (...args: Parameters<typeof sub>) => (running === null ? sub.apply(t, args) : running.sub(...args)),
  teardown: (done: () => unknown) => (running === null ? teardown.call(t, done) : running.teardown(done)),
  testdir: (files?: Parameters<typeof testdir>[0]) =>
    running === null ? testdir.call(t, files) : running.testdir(files),
});
t.setTimeout(0);

async function run({ file, ms }: Job): Promise<void> {
  // as in a process of its own: a test that waits for what nothing will do ends the process
  process.channel?.unref();
  const ended = t.test(file, { timeout: ms, at: null, stack: '' }, async (fileTest) => {
    running = fileTest;
    fileTest.testdirName = `.tap/fixtures/${file.replace(/[^\w.]+/g, '-')}`; // short: sockets lie in there
    await import(pathToFileURL(file).href);
  });
  await ended.catch(() => {}); // it has failed and says why
  running = null;
  process.channel?.ref();
}

let queue: Promise<unknown> = Promise.resolve();
process.on('message', (job: Job) => {
  queue = queue.then(() => run(job));
});
// when the parent closes the channel the process ends, unless a test has left something open
process.channel?.ref();
