/** The lock of a stream: a process that has ended does not keep it, also while its parent has not noticed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { takeLock } from '../../src/recorder/lock.ts';
import { SYSTEM } from '../../src/recorder/system.ts';

const fieldsOf = (pid: number): string[] => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
};

t.test('who keeps it', { skip: process.platform !== 'linux' && 'no /proc' }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-lock-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  // the shell becomes sleep(1), which does not wait for the child that the shell had
  const parent = spawn('/bin/sh', ['-c', 'true & exec sleep 300'], { stdio: 'ignore' });
  t.teardown(() => parent.kill('SIGKILL'));
  await once(parent, 'spawn');
  const children = (): number[] =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => {
        try {
          return fieldsOf(pid)[1] === String(parent.pid);
        } catch {
          return false; // it ended meanwhile
        }
      });
  let dead: number | undefined;
  for (let i = 0; i < 3000 && dead === undefined; i++) {
    dead = children().find((pid) => fieldsOf(pid)[0] === 'Z');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  if (dead === undefined) throw new Error('no process has ended without being noticed');
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const lockOf = (pid: number): string => `${pid} ${fieldsOf(pid)[19]} ${boot} abcd\n`;
  const file = join(folder, 'lock');
  writeFileSync(file, lockOf(parent.pid!));
  t.throws(() => takeLock(SYSTEM, folder, 'beef'), { code: 'ELOCKED' }, 'one that runs');
  writeFileSync(file, lockOf(dead));
  const release = takeLock(SYSTEM, folder, 'beef');
  t.match(readFileSync(file, 'utf8'), new RegExp(`^${process.pid} `), 'not one that has ended');
  release();
  t.same(readdirSync(folder), []);
});
