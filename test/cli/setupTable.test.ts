/** The first tlsward.ini: it loads, every row observes, domains and rows come from what Postfix has. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { firstTable, writeFirstTable } from '../../src/cli/setupTable.ts';
import { formatProblem } from '../../src/config/ini/problem.ts';
import { loadConfig } from '../../src/config/load/load.ts';
import { PolicyTable } from '../../src/core/table.ts';
import { answerMap } from '../../src/maps/mapAnswer.ts';
import { replyOf } from '../maps/replyOf.ts';
import { postfixOf } from '../mta/postfixOf.ts';
import { usualWanted } from '../setup/planCases.ts';

const NOW = new Date('2026-11-29T12:00:00Z');

test('what Postfix has becomes rows that observe', async (t) => {
  const dir = t.testdir({
    tls_policy: 'bank.example encrypt\n.clinic.example verify\nodd.example secure tafile=x\n',
    domains: 'virtual.example x\n# comment\nuser@no.example x\n',
    relay: 'relay.example\n',
  });
  const config = postfixOf(`mydestination = $myhostname, example.org, localhost, localhost.$mydomain
myhostname = mx.example.org
relay_domains = ${dir}/relay
virtual_mailbox_domains = hash:${dir}/domains, mysql:/etc/postfix/domains.cf
relayhost = [relay.example]:587
smtp_tls_policy_maps = hash:${dir}/tls_policy, hash:${dir}/missing, socketmap:inet:127.0.0.1:8461:postfix`);
  const table = firstTable(config, usualWanted(config, {}), NOW);
  t.same(table.domains, ['mx.example.org', 'example.org', 'relay.example', 'virtual.example']);
  t.equal(table.imported, 2);
  t.match(table.notes.join('\n'), /mysql:.* cannot be read here/);
  t.match(table.notes.join('\n'), /missing cannot be read: no such file/);
  t.match(table.notes.join('\n'), /tls_policy:3 is not in the table: odd\.example/);
  t.match(table.notes.join('\n'), /8461:postfix is no file/);
  const file = join(dir, 'tlsward.ini');
  writeFileSync(file, table.text);
  const loaded = loadConfig(file, '2026-11-29');
  if (!loaded.ok) throw new Error(`${loaded.problems.map(formatProblem).join('\n')}\n${table.text}`);
  const used = new PolicyTable(loaded.packed, 1, loaded.hash);
  t.equal(loaded.service.relayhost, '[relay.example]:587');
  t.equal(loaded.service.postfixVersion, '3.7');
  for (const key of ['bank.example', 'a.clinic.example', 'other.example'])
    t.match(replyOf(answerMap('deliver', key, used, { major: 3, minor: 7 })), { status: 'NOTFOUND' }, key);
  const active = loaded.packed.settings.filter(({ lineage }) => !lineage[0]?.startsWith('built-in'));
  t.same([...new Set(active.map(({ mode }) => mode))], ['observe']);
});

test('with nothing to take over it loads, too, and is never written over', async (t) => {
  const dir = t.testdir({});
  const config = postfixOf('mydestination =', { release: '3.10.13' });
  const { text } = firstTable(config, usualWanted(config, {}), NOW);
  const file = join(dir, 'new', 'tlsward.ini');
  await writeFirstTable(file, text);
  t.equal(statSync(file).mode & 0o777, 0o640);
  t.ok(loadConfig(file, '2026-11-29').ok, text);
  t.match(text, /^postfix-version = 3\.10$/m);
  await t.rejects(writeFirstTable(file, 'other'), { code: 'EEXIST' });
  t.equal(readFileSync(file, 'utf8'), text);
  t.notOk(existsSync(`${file}.new`));
});
