/**
 * Progress of long work: on a terminal only, not more often than it can be read, and gone at the end.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import type { Io } from '../../src/cli/command.ts';
import { run as hops } from '../../src/cli/hops.ts';
import { Progress } from '../../src/cli/progress.ts';
import { run as verifyMark } from '../../src/cli/verifyMark.ts';

function terminal(progress: boolean) {
  const said: string[] = [];
  const io: Io = { out: () => {}, err: (text) => said.push(text), env: {}, colour: false, progress };
  return { io, said };
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('a line that is written over, and taken away', async (t) => {
  const { io, said } = terminal(true);
  const progress = new Progress(io, 'messages');
  progress.step('a');
  t.same(said, [], 'short work shows nothing');
  await wait(250);
  progress.step('b\u001b[2J');
  progress.step('c');
  progress.end();
  progress.end();
  t.same(said, ['\r2 messages, b\\u{1b}[2J\u001b[K', '\r\u001b[K']);
  const late: string[] = [];
  const io2: Io = { out: () => {}, err: (text) => late.push(text), env: {}, colour: true, errorsShown: true };
  for (const before of [false, true]) {
    const one = new Progress(io2, 'days', before);
    await wait(250);
    one.step('a');
    one.end();
  }
  t.same(late, ['\r1 days, a\u001b[K', '\r\u001b[K'], 'on one terminal, while nothing else is printed');
  const other = terminal(false);
  const silent = new Progress(other.io, 'messages');
  await wait(250);
  silent.step('a');
  silent.end();
  t.same(other.said, [], 'where there is no terminal');
});

test('verify-mark and hops show it on a folder', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const key = join(folder, '.key');
  writeFileSync(key, `${'ab'.repeat(32)}\n`, { mode: 0o600 });
  for (let i = 0; i < 300; i++) writeFileSync(join(folder, String(i)), 'Received: from a by b; x\n\n');
  for (const [run, argv] of [
    [verifyMark, [folder, '--key', key]],
    [hops, [folder, '--host', 'mx.example']],
  ] as const) {
    const said: string[] = [];
    let printed = 0;
    const out = (): void => {
      // as slow as a terminal that is busy
      const end = performance.now() + (printed++ < 300 ? 2 : 0);
      while (performance.now() < end);
    };
    await run([...argv], { out, err: (text) => said.push(text), env: {}, colour: false, progress: true });
    t.match(said[0], /^\r\d+ messages, .*\u001b\[K$/);
    t.equal(said.at(-1), '\r\u001b[K');
  }
});
