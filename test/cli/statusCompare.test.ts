/** `tlsward status --compare`: hosts whose tables differ. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Io } from '../../src/cli/command.ts';
import { run } from '../../src/cli/status.ts';

async function compare(files: Readonly<Record<string, unknown>>, ...options: string[]) {
  const folder = t.testdir();
  const names = Object.keys(files).map((name) => join(folder, name));
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  let out = '';
  let err = '';
  const io: Io = { out: (text) => (out += text), err: (text) => (err += text), env: {}, colour: false };
  const status = await run(['--compare', ...names, ...options], io);
  return { status, out: out.replaceAll(`${folder}/`, ''), err };
}

const host = (hash: string): object => ({
  ok: true,
  version: '0.1.0',
  table: { generation: 3, hash: hash.repeat(32), rows: 12, loadedAt: '2026-11-29T10:00:00.000Z' },
});

t.test('the same, and others', async (t) => {
  const same = await compare({ 'a.json': host('ab'), 'b.json': host('ab') });
  t.equal(same.status, 0);
  t.match(same.out, /^the same table on 2 hosts\n/);
  const differ = await compare({ 'a.json': host('cd'), 'b.json': host('ab'), 'c.json': host('ab') });
  t.equal(differ.status, 1);
  t.match(differ.out, /^the tables differ: a\.json has another than most\n/);
  t.match(differ.out, 'hash cdcdcdcdcdcdcdcd, 12 rows');
  const json = await compare({ 'a.json': host('cd'), 'b.json': host('ab'), 'c.json': host('ab') }, '--json');
  t.match(JSON.parse(json.out), { ok: false, differ: [/a\.json$/] });
});

t.test('files that are no answers', async (t) => {
  for (const content of [
    '',
    '[]',
    'null',
    '{"ok":false,"error":"x"}',
    '{"table":null}',
    { table: { hash: 'short' } },
    '{',
  ])
    t.equal((await compare({ 'a.json': host('ab'), 'b.json': content })).status, 65);
  t.equal((await compare({ 'a.json': host('ab') }, join(t.testdir(), 'absent'))).status, 65);
  await t.rejects(compare({ 'a.json': host('ab') }), /two files or more/);
  const io: Io = { out: () => {}, err: () => {}, env: {}, colour: false };
  await t.rejects(run(['a.json'], io), /expected options only/);
});
