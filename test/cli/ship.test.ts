/** `tlsward ship`: what it says and its exit statuses. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { run } from '../../src/cli/ship.ts';
import { EvidenceFolder } from '../ship/evidenceFolder.ts';
import { startFake } from '../ship/fakeClickhouse.ts';
import { say } from './runCommand.ts';

const DAY = '2026-11-29';

test('send, status, verify', async (t) => {
  const fake = await startFake(t);
  const directory = join(t.testdir({ 'ship.cred': '' }), 'evidence');
  const daemon = new EvidenceFolder(directory, 'daemon');
  const collector = new EvidenceFolder(directory, 'collector');
  daemon.fill(DAY, 12);
  collector.fill(DAY, 1);
  const server = `http://127.0.0.1:${fake.port}`;
  const base = ['--server', server, '--evidence', directory];
  const tell = (...argv: string[]) => say(run, [...base, ...argv]);
  t.match(await tell('--verify', DAY), {
    code: 75,
    out: `${DAY} mx.example.org daemon: behind: 0 of 12 records; the others are not sent yet
${DAY} mx.example.org collector: behind: 0 of 1 record; the others are not sent yet\n`,
  });
  t.match(await tell('--status'), {
    code: 0,
    out: `${server} tlsward.evidence
  ${directory}/daemon: nothing sent; 12 waiting
  ${directory}/collector: nothing sent; 1 waiting\n`,
  });
  t.same(await tell('--once'), { code: 0, out: '13 records sent\n', err: '' });
  t.match(await tell('--once', '--json'), { code: 0, out: '{"event":"sent","records":0}\n' });
  t.match(await tell('--again', DAY), { code: 0, out: '13 records sent\n' });
  t.match(
    (await tell('--status')).out,
    /daemon: 12 records of 2026-11-29 sent, the last at 20\S+Z; 0 waiting\n/,
  );
  t.match(await tell('--verify', DAY), {
    code: 0,
    out: /daemon: same: 12 records, with the root that is signed\n/,
  });
  t.match(await tell('--verify', '2026-11-28'), {
    code: 75,
    out: /daemon: nothing: no records of that day\n/,
  });
  fake.rows.clear();
  const { code, out } = await tell('--verify', DAY, '--json');
  t.equal(code, 1);
  t.match(JSON.parse(out), {
    ok: false,
    compared: [{ stream: 'daemon', host: 'mx.example.org', result: 'differs' }, { stream: 'collector' }],
  });

  fake.credentials = { user: 'ship', password: 'right' };
  const refused = await tell('--once');
  t.match(refused, {
    code: 78,
    out: '',
    err: /^tlsward ship: \S+ tlsward.evidence does not take records: 401: Code: 193/,
  });
  t.match(await tell('--status'), { code: 1, out: /\n {4}since 20\S+Z: 401: Code: 193/ });
  t.match(await tell('--verify', DAY), { code: 78, err: /does not answer such a question: 401/ });
  const file = join(directory, '..', 'ship.cred');
  writeFileSync(file, 'user = ship\npassword = right\n', { mode: 0o600 });
  chmodSync(file, 0o600);
  t.match(await tell('--once', '--credentials', file), { code: 0, out: '0 records sent\n' });
  await fake.close();
  t.match(await tell('--once'), {
    code: 75,
    err: `tlsward ship: ${server} tlsward.evidence is away, so records wait in their files: ECONNREFUSED: connection refused\n`,
  });
  t.match(await tell('--verify', DAY), { code: 75, err: /is away: ECONNREFUSED/ });
});

test('arguments', async (t) => {
  const directory = t.testdir({ 'no.ini': '[service]\npolicy-listen = inet:127.0.0.1:8451\n' });
  const base = ['--server', 'http://127.0.0.1:1', '--evidence', directory];
  for (const [argv, why] of [
    [[], /^UsageError: --server URL is missing$/],
    [
      ['--server', 'http://127.0.0.1:1', '--config', `${directory}/no.ini`],
      /^UsageError: --evidence is missing, and \S+no.ini has no key evidence$/,
    ],
    [[...base, '--once', '--status'], /^UsageError: --once and --status exclude each other$/],
    [[...base, '--verify', 'today'], /^UsageError: --verify: found "today", expected a day such as/],
    [[...base, '--again', '2026-13-01'], /^UsageError: --again: /],
    [[...base, '--interval', '0'], /^UsageError: --interval: found "0", expected seconds from 1 to 86400$/],
    [[...base, '--credentials', '/nowhere'], /^ConfigError: \/nowhere: cannot be read/],
    [[...base, '--table', 'a;b'], /^ConfigError: --table: /],
    [['--server', 'http://ch.example', '--evidence', directory], /^ConfigError: --server: http:/],
  ] as const)
    t.match((await say(run, [...argv])).code, why);
  const gone = await say(run, [
    '--server',
    'http://127.0.0.1:1',
    '--evidence',
    `${directory}/no`,
    '--status',
  ]);
  t.match(gone, { code: 65, err: /^tlsward ship: \S+\/no: cannot be read \(no such file or directory\)\n$/ });
});
