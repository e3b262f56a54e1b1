/** `tlsward evidence merge`: one answer over several hosts. */
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Io } from '../../src/cli/command.ts';
import { run } from '../../src/cli/evidence.ts';
import { delivery, MadeEvidence, newFolder, verdict } from '../trace/madeDays.ts';

const RANGE = ['--from', '2026-11-01', '--to', '2026-11-03'];

async function merge(...argv: string[]) {
  let out = '';
  let err = '';
  const io: Io = { out: (text) => (out += text), err: (text) => (err += text), env: {}, colour: false };
  return { status: await run(['merge', ...argv], io), out, err };
}

function made(t: Test, host: string, hash: string, minute: number): MadeEvidence {
  const evidence = new MadeEvidence(join(newFolder(t), 'evidence'), host);
  const table = { hash: hash.repeat(32), generation: 1 };
  for (const day of ['2026-11-01', '2026-11-02']) {
    evidence.day('daemon', day, [
      verdict(`${day}T10:0${minute}:00.000Z`, { table }),
      verdict(`${day}T10:2${minute}:00.000Z`, {
        table,
        queueId: '4P',
        tls: { state: 'plain' },
        would: 'reject',
      }),
    ]);
    evidence.day('collector', day, [
      delivery(`${day}T10:0${minute}:01.000Z`, { host: host.split('.')[0] }),
      {
        time: `${day}T11:00:00.000Z`,
        type: 'gap',
        from: `${day}T10:50:00.000Z`,
        to: `${day}T10:51:00.000Z`,
        count: 2,
        why: 'a test',
      },
    ]);
  }
  return evidence;
}

t.test('an overview', async (t) => {
  const [one, other] = [made(t, 'mx1.example.org', 'ab', 1), made(t, 'mx2.example.org', 'ab', 2)];
  const { status, out } = await merge(one.directory, other.directory, ...RANGE);
  t.equal(status, 0);
  t.match(out, /^2 hosts, 2026-11-01 to 2026-11-03 \(UTC\)/);
  t.match(out, /^mx1\.example\.org +4 +0 +2 +2 +0 +0 +0 +2$/m);
  t.match(out, /^all +8 +0 +4 +4 +0 +0 +0 +4$/m);
  t.match(out, /^all +4 +4 +0 +0 +0 +0 +0 +0$/m, 'a short name in the log is the same host');
  t.match(out, 'the tables do not differ');
  t.equal(out.split('\ngap: ').length, 5);
});

t.test('tables that differ', async (t) => {
  const [one, other] = [made(t, 'mx1.example.org', 'ab', 1), made(t, 'mx2.example.org', 'cd', 2)];
  const third = made(t, 'mx3.example.org', 'cd', 3);
  const { status, out } = await merge(one.directory, other.directory, third.directory, ...RANGE);
  t.equal(status, 1);
  t.match(out, 'other tables than most: mx1.example.org');
  const json = JSON.parse(
    (await merge(one.directory, '--evidence', other.directory, ...RANGE, '--json')).out,
  );
  t.equal(json.ok, false);
  t.match(json.hosts[0], { host: 'mx1.example.org', records: 12, came: { messages: { tls: 2, plain: 2 } } });
});

t.test('lines in order of time, as they stand', async (t) => {
  const [one, other] = [made(t, 'mx1.example.org', 'ab', 2), made(t, 'mx2.example.org', 'ab', 1)];
  const { out } = await merge(one.directory, other.directory, ...RANGE, '--format', 'lines');
  const lines = out.trimEnd().split('\n');
  t.equal(lines.length, 24);
  const times = lines.map((line) => JSON.parse(line).time);
  t.same(times, [...times].sort());
  const file = readFileSync(join(one.directory, 'daemon', '2026-11-02.jsonl'), 'utf8');
  for (const line of file.trimEnd().split('\n')) t.ok(lines.includes(line));
  const only = await merge(one.directory, '--from', '2026-11-02', '--to', '2026-11-02', '--format', 'lines');
  t.equal(only.out.trimEnd().split('\n').length, 6);
});

t.test('what cannot be read', async (t) => {
  const one = made(t, 'mx1.example.org', 'ab', 1);
  appendFileSync(join(one.directory, 'daemon', '2026-11-02.jsonl'), '{"v":1,"n":3,"time":"x"}\nnot JSON\n');
  t.match((await merge(one.directory, ...RANGE)).out, '2 lines could not be read and are not counted');
  t.equal((await merge(join(one.directory, 'absent'), ...RANGE)).status, 75);
  t.equal((await merge(one.directory, ...RANGE, '--output', join(one.directory, 'no', 'x'))).status, 73);
  await t.rejects(merge(), /DIRECTORY is missing/);
  await t.rejects(merge(one.directory, '--format', 'html'), /expected text, json or lines/);
});
