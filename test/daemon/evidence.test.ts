/** A whole daemon that keeps evidence: what it answered, read back from the files; and what it does when it cannot. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { run as status } from '../../src/cli/status.ts';
import { PLAIN } from '../../src/core/tls.ts';
import type { StatusReply } from '../../src/daemon/controlReplies.ts';
import { deliverHead } from '../../src/daemon/headDelivery.ts';
import type { EvidenceRecord } from '../../src/evidence/record.ts';
import { encodeSocketmapRequest } from '../../src/wire/socketmapClient.ts';
import { say } from '../cli/runCommand.ts';
import { checkStream } from '../recorder/streamCheck.ts';
import { root } from '../root.ts';
import { without } from '../tools.ts';
import { until } from '../until.ts';
import { playMail } from './playMail.ts';
import { daemonProcess } from './process.ts';
import { policyAnswers, policyRequest, startDaemon, type TestDaemon, TLS } from './startDaemon.ts';

const TABLE = `
[domains]
bank.example = encrypt
boss@law.example = encrypt
* = may
`;

const evidenceOf = async (on: Pick<TestDaemon, 'ask'>): Promise<NonNullable<StatusReply['evidence']>> => {
  const { evidence } = (await on.ask('status')) as unknown as StatusReply;
  if (evidence === null) throw new Error('no evidence');
  return evidence;
};

/** Stops it when all that it answered is on disk: a stop waits five seconds for that, and a start as long for the writer. */
async function stopped(on: TestDaemon): Promise<void> {
  await until(async () => {
    const { writer, handedBytes, waitingBytes } = await evidenceOf(on);
    return writer === 'open' && handedBytes === 0 && waitingBytes === 0;
  });
  await on.service.stop(0);
}

const events = (on: TestDaemon, name: string): Record<string, unknown>[] =>
  on.log().filter(({ event }) => event === name);

function recordsIn(t: Test, folder: string): readonly EvidenceRecord[] {
  const { records, unsigned, rest } = checkStream(t, join(folder, 'evidence', 'daemon'));
  t.equal(unsigned + rest, 0, 'all is signed');
  return records;
}

test('what the daemon answered is in its evidence', async (t) => {
  const daemon = await startDaemon(
    t,
    `evidence = evidence\nevidence-sync = 20ms\nhost-name = mx.example.org\n${TABLE}`,
  );
  const policy = await daemon.open('policy');
  const actions = await policyAnswers(policy, [
    policyRequest({ ...TLS, sender: 'alice@bank.example' }),
    policyRequest({ sender: 'alice@bank.example', instance: '2' }),
  ]);
  t.match(actions, [/DUNNO/, /^530 5\.7\.0/]);
  await playMail(daemon, {});
  await playMail(daemon, {
    tls: PLAIN,
    sender: '<a@any.example>',
    recipients: ['<boss@law.example>', '<b@our.example>'],
  });
  policy.end();
  daemon.write(
    `evidence = evidence\nevidence-sync = 20ms\nhost-name = mx.example.org\n${TABLE}\n[exception .bank.example]\nreceive = may\nuntil = 2099-01-01\nreason = ask boss@law.example\n`,
  );
  t.match(await daemon.ask('reload'), { ok: true });
  daemon.write('nonsense\n');
  t.match(await daemon.ask('reload'), { ok: false });
  const { table } = (await daemon.ask('status')) as unknown as StatusReply;
  await stopped(daemon);
  const records = recordsIn(t, daemon.folder);
  const verdicts = records.flatMap((record) => (record.type === 'verdict' ? [record] : []));
  t.match(
    records.filter(({ type }) => type !== 'verdict').map(({ type }) => type),
    ['day', 'start', 'reload', 'exception', 'reload', 'stop'],
  );
  t.ok(records.every(({ host }) => host === 'mx.example.org'));
  const logged = daemon.log().filter(({ event }) => event === 'tx.verdict');
  t.ok(verdicts.length >= 4);
  t.strictSame(
    verdicts.map(({ code, action, client }) => ({ code, action, client })),
    logged.map(({ code, action, client }) => ({ code, action, client })),
  );
  t.match(verdicts[1], {
    sender: /^h:[0-9]{4}-[0-9]{2}:[A-Za-z0-9_-]{16}@bank\.example$/,
    tls: { state: 'plain' },
    action: 'reject',
    breach: 'plain',
    table: { generation: 1 },
  });
  t.ok(
    verdicts.some(({ mark }) => mark === 'unsigned'),
    'the mark of the milter',
  );
  t.match(
    records.find(({ type }) => type === 'exception'),
    {
      change: 'set',
      pattern: '.bank.example',
      reason: 'ask @law.example',
    },
  );
  t.match(
    records.find(({ type }) => type === 'reload'),
    { ok: true, table: { hash: table.hash, generation: 2 } },
  );
  const text = readFileSync(
    join(daemon.folder, 'evidence', 'daemon', `${records[0]!.time.slice(0, 10)}.jsonl`),
    'utf8',
  );
  t.notMatch(text, /alice|boss|bob/i, 'no local part anywhere');
});

test('what it demands of a next hop, once, and each answer that makes mail wait', async (t) => {
  const daemon = await startDaemon(
    t,
    `evidence = evidence\nsocketmap-listen = unix:socketmap.sock\n${TABLE}`,
  );
  const socket = await daemon.open('socketmap');
  const ask = async (key: string, map = 'deliver'): Promise<void> => {
    const answered = once(socket, 'data');
    socket.write(encodeSocketmapRequest(map, key));
    await answered;
  };
  for (const key of ['bank.example', 'bank.example', 'BANK.example', 'any.example', 'law.example'])
    await ask(key);
  for (let i = 0; i < 2; i++) await ask('boss@law.example', 'nomap');
  socket.destroy();
  await stopped(daemon);
  const told = recordsIn(t, daemon.folder).flatMap((record) => (record.type === 'map' ? [record] : []));
  const waits = {
    leg: 'outbound',
    map: 'nomap',
    key: /^h:.*@law\.example$/,
    status: 'TEMP',
    reply: /no map of this name/,
    table: { generation: 1 },
  };
  t.equal(told.length, 3);
  t.match(told, [
    {
      map: 'deliver',
      key: 'bank.example',
      status: 'OK',
      reply: /^OK encrypt/,
      row: { pattern: 'bank.example', at: /tlsward\.ini:\d+$/ },
    },
    waits,
    waits,
  ]);
});

test('status tells, and --check finds', async (t) => {
  const daemon = await startDaemon(t, `evidence = evidence\n${TABLE}`);
  await until(async () => (await evidenceOf(daemon)).records === 2);
  t.match(await evidenceOf(daemon), {
    directory: join(daemon.folder, 'evidence'),
    stream: 'daemon',
    writer: 'open',
    day: /^\d{4}-\d\d-\d\d$/,
    failure: '',
    gaps: 0,
    lost: 0,
    onFailure: 'continue',
    held: 0,
  });
  const { out } = await say(status, ['--control', join(daemon.folder, 'control.sock')]);
  t.match(
    out,
    /^evidence +\S+\/evidence\/daemon\n +\d{4}-\d\d-\d\d: 2 records, synced \S+Z; 0 of 81920 KiB wait\n/m,
  );
  const { memory } = (await daemon.ask('status')) as unknown as StatusReply;
  t.match(
    memory.filter(({ name }) => name === 'evidence'),
    [{ limit: 80 * 1024 * 1024 }],
  );
});

for (const onFailure of ['defer', 'continue'] as const)
  test(`evidence that cannot be written: ${onFailure}`, async (t) => {
    const blocked = mkdtempSync(join(tmpdir(), 'tlsward-'));
    t.teardown(() => rmSync(blocked, { recursive: true, force: true }));
    const directory = join(blocked, 'evidence');
    writeFileSync(directory, 'in the way');
    const daemon = await startDaemon(t, `evidence = ${directory}\nevidence-failure = ${onFailure}\n${TABLE}`);
    const ask = async (): Promise<string> =>
      (
        await policyAnswers(await daemon.open('policy'), [
          policyRequest({ ...TLS, instance: `${Math.random()}` }),
        ])
      )[0]!;
    await until(() => events(daemon, 'evidence.trouble').length > 0);
    t.match(events(daemon, 'evidence.trouble'), [{ directory, onFailure, why: /EEXIST|ENOTDIR/ }]);
    t.match(await ask(), onFailure === 'defer' ? /^451 4\.3\.0 .*keep its records/ : /DUNNO/);
    const played = await playMail(daemon, {});
    t.equal(played.outcome, onFailure === 'defer' ? 'deferred' : 'accepted');
    t.equal(events(daemon, 'bug').length, 0);
    t.equal(events(daemon, 'tx.verdict').length, onFailure === 'defer' ? 0 : 2);
    t.equal((await evidenceOf(daemon)).held, onFailure === 'defer' ? 2 : 0);
    const says = await say(status, ['--control', join(daemon.folder, 'control.sock'), '--check']);
    const mail = onFailure === 'defer' ? 'waits' : 'goes on';
    t.match(
      says.out,
      new RegExp(`^evidence-failed: evidence cannot be written \\(.*\\): mail ${mail}$`, 'm'),
    );
    rmSync(directory);
    mkdirSync(directory);
    await until(async () => (await evidenceOf(daemon)).failure === '');
    await until(async () => /DUNNO/.test(await ask()));
    t.equal(events(daemon, 'evidence.well').length, 1);
    await stopped(daemon);
    const { records } = checkStream(t, join(directory, 'daemon'));
    t.equal(
      records.filter(({ type }) => type === 'verdict').length,
      events(daemon, 'tx.verdict').length,
      'what was answered meanwhile is recorded, too',
    );
  });

test('kill -9: nothing that status called synced is missing', async (t) => {
  const config = `evidence = evidence\nevidence-sync = 10ms\npostconf =\n${TABLE}`;
  const daemon = await daemonProcess(t, config, { read: false });
  daemon.child.stdout?.resume();
  let synced = 0;
  let stop = false;
  const asking = (async () => {
    const { opened } = await import('./process.ts');
    const socket = await opened(join(daemon.folder, 'p'));
    for (let i = 0; !stop; i++) {
      const [answer] = await policyAnswers(socket, [policyRequest({ ...TLS, instance: `${i}` })]);
      if (answer === 'closed') return;
    }
  })();
  const looking = (async () => {
    while (!stop) {
      try {
        synced = Math.max(synced, (await evidenceOf(daemon)).records);
      } catch {
        return;
      }
    }
  })();
  await until(() => synced > 200);
  daemon.child.kill('SIGKILL');
  await daemon.ended;
  stop = true;
  await Promise.all([asking, looking]);
  const again = await startDaemonAgain(t, daemon.folder);
  await until(async () => (await evidenceOf(again)).records > synced);
  const { records } = checkStream(t, join(daemon.folder, 'evidence', 'daemon'));
  const before = records.findIndex(({ type }) => type === 'gap');
  t.ok(before >= synced, `${synced} were synced, ${before} are there`);
  t.match(records[before], { count: null, why: /did not stop in order/ });
  t.match(records[before + 1], { type: 'start' });
});

/** The same folder, a second time. */
async function startDaemonAgain(t: Test, folder: string): Promise<Pick<TestDaemon, 'ask'>> {
  const { spawn } = await import('node:child_process');
  const { askDaemon } = await import('../../src/net/controlClient.ts');
  const { MAIN } = await import('./process.ts');
  const child = spawn(
    '/bin/sh',
    [
      '-c',
      'unset NODE_OPTIONS; exec "$0" "$@"',
      process.execPath,
      MAIN,
      'serve',
      '--config',
      join(folder, 'tlsward.ini'),
    ],
    { stdio: 'ignore' },
  );
  t.teardown(() => child.kill('SIGKILL'));
  const ask = (command: string, argument?: string): Promise<Record<string, unknown>> =>
    askDaemon(join(folder, 'c'), command, argument);
  await until(() =>
    ask('status').then(
      () => true,
      () => false,
    ),
  );
  return { ask };
}

test('a head is taken to a program and a mailbox', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const program = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\n${text}\n`);
    chmodSync(path, 0o755);
    return path;
  };
  const kept: unknown[] = [];
  const log = { evidenceHeadKept: (...what: unknown[]) => void kept.push(what) };
  const keep = program('keep', `printf '%s\\n' "$@" >${folder}/args; cat >${folder}/head`);
  const sendmail = program('sendmail', `printf '%s\\n' "$@" >${folder}/options; cat >${folder}/mail`);
  const smtp = { host: '127.0.0.1', port: 1 };
  const settings = { checkpointCommand: [keep, '--to', '$(x)'], checkpointMail: 'auditor@example.org' };
  await deliverHead('2026-11-30', 'a note\n', settings, 'mx.example.org\nBcc: x', log, { sendmail, smtp });
  t.equal(readFileSync(join(folder, 'head'), 'utf8'), 'a note\n');
  t.equal(readFileSync(join(folder, 'args'), 'utf8'), '--to\n$(x)\n', 'no shell');
  t.equal(readFileSync(join(folder, 'options'), 'utf8'), '-i\n-f\n<>\n--\nauditor@example.org\n');
  const mail = readFileSync(join(folder, 'mail'), 'utf8');
  t.match(mail, /^To: <auditor@example\.org>\nSubject: [^\n]*, 2026-11-30: signed head\n/);
  t.notMatch(mail, /^Bcc/m);
  t.ok(mail.endsWith('\n\na note\n'));
  t.strictSame(kept, []);
  const bad = program('bad', 'echo no >&2; exit 1');
  const nowhere = { sendmail: '/nonexistent', smtp };
  await deliverHead('2026-11-30', 'n\n', { ...settings, checkpointCommand: [bad] }, 'h', log, nowhere);
  t.match(kept, [
    ['2026-11-30', bad, /failed: no/],
    ['2026-11-30', 'auditor@example.org', /^sendmail: absent; SMTP: connect ECONNREFUSED/],
  ]);
});

test('a unit that may not run postdrop hands the head over by SMTP', async (t) => {
  const replies = [
    '220 mx',
    '250-mx\r\n250 8BITMIME',
    '250 ok',
    '250 ok',
    '354 go on',
    '250 queued',
    '221 bye',
  ];
  const said: string[] = [];
  const server = createServer((socket) => {
    let at = 0;
    const reply = (): void => void socket.write(`${replies[at++]}\r\n`);
    reply();
    socket.on('error', () => {});
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
      const end = at === 5 ? '\r\n.\r\n' : '\r\n';
      if (!text.endsWith(end)) return;
      said.push(text.slice(0, -end.length));
      text = '';
      reply();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const kept: unknown[] = [];
  const log = { evidenceHeadKept: (...what: unknown[]) => void kept.push(what) };
  const settings = { checkpointCommand: null, checkpointMail: 'auditor@example.org' };
  const by = { sendmail: '/nonexistent', smtp: { host: '127.0.0.1', port } };
  await deliverHead('2026-11-30', 'a note\n.\n\u2014 mx AAAA\n', settings, 'mx.example.org', log, by);
  t.strictSame(kept, []);
  t.strictSame(said.slice(0, 4), [
    'EHLO mx.example.org',
    'MAIL FROM:<> BODY=8BITMIME',
    'RCPT TO:<auditor@example.org>',
    'DATA',
  ]);
  t.ok(said[4]?.endsWith('\r\n\r\na note\r\n..\r\n\u2014 mx AAAA'));
  t.notMatch(said[4], /[^\r]\n/);
  replies[3] = '550 no such user';
  await deliverHead('2026-11-30', 'n\n', settings, 'mx.example.org', log, by);
  t.match(kept, [['2026-11-30', 'auditor@example.org', /SMTP: 550 no such user$/]]);
});

test('the program of the manual asks for a time stamp', {
  skip: without('openssl', 'openssl'),
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const page = readFileSync(new URL('contrib/doc/evidence-fields.md', root), 'utf8');
  const [, script = ''] = /^```sh\n(#!\/bin\/sh\n[\s\S]*?)^```$/m.exec(page) ?? [];
  // no server is asked: a curl of ours keeps what would be sent
  const curl = join(folder, 'curl');
  writeFileSync(curl, '#!/bin/sh\ncat head.tsq\n');
  const program = join(folder, 'keep-head');
  writeFileSync(program, `PATH=${folder}:$PATH\n${script.replace('/var/lib/tlsward', folder)}`);
  for (const path of [curl, program]) chmodSync(path, 0o755);
  writeFileSync(program, `#!/bin/sh\n${readFileSync(program, 'utf8')}`);
  const kept: unknown[] = [];
  const log = { evidenceHeadKept: (...what: unknown[]) => void kept.push(what) };
  const settings = { checkpointCommand: [program], checkpointMail: null };
  await deliverHead('2026-11-30', 'a note\n', settings, 'mx.example.org', log);
  t.strictSame(kept, []);
  const query = readFileSync(join(folder, 'head.tsr'));
  // the digest of what came on standard input
  t.ok(query.includes(createHash('sha256').update('a note\n').digest()));
});
