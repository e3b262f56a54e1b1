/** How a program of the MTA ends: what it printed, or why it could not be asked, in the system's words. */
import { chmodSync, closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runProgram } from '../../src/mta/runProgram.ts';

const LIMITS = { timeoutMs: 20_000, maxBytes: 1_000 };

t.test('runProgram', async (t) => {
  const script = (text: string, name = 'program'): string => {
    const file = join(t.testdir(), name);
    writeFileSync(file, `#!/bin/sh\n${text}\n`);
    chmodSync(file, 0o755);
    return file;
  };
  t.strictSame(
    await runProgram(script('cat; echo $A >&2'), [], { ...LIMITS, input: 'in', env: { A: 'b' } }),
    {
      ok: true,
      stdout: 'in',
      stderr: 'b\n',
    },
  );
  t.strictSame(await runProgram(script('echo why >&2; exit 3'), [], LIMITS), {
    ok: false,
    why: 'failed',
    stderr: 'why\n',
  });
  t.match(await runProgram(script('kill -9 $$'), [], LIMITS), { ok: false, why: 'failed', stderr: '' });
  t.match(await runProgram('/nonexistent/program', [], LIMITS), { ok: false, why: 'absent' });
  t.match(await runProgram(script('yes'), [], LIMITS), { ok: false, why: 'tooMuch' });
  t.match(await runProgram(script('exec sleep 60'), [], { ...LIMITS, timeoutMs: 200 }), {
    ok: false,
    why: 'timeout',
  });
  const busy = script('exit 0');
  const held = openSync(busy, 'a');
  t.match(await runProgram(busy, [], LIMITS), { ok: false, why: 'failed', stderr: /ETXTBSY/ });
  closeSync(held);
  t.match(await runProgram(busy, [], LIMITS), { ok: true });
});
