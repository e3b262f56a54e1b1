/** `tlsward collect` as a process of its own: a file, standard input, what keeps it from starting, and how it stops. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { line } from '../collect/collected.ts';
import { checkRecord } from '../evidence/lines.ts';
import { page } from '../manual.ts';
import { without } from '../tools.ts';
import { until } from '../until.ts';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));

interface Place {
  readonly folder: string;
  readonly log: string;
  /** Arguments that name the configuration. */
  readonly config: readonly string[];
}

function place(t: Test, service = 'evidence = evidence\nhost-name = mx.example.org\n'): Place {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-collect-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const config = join(folder, 'tlsward.ini');
  const text = service.replace('= evidence', `= ${folder}/evidence`);
  writeFileSync(
    config,
    `[service]\npolicy-listen = unix:${folder}/p.sock\n${text}[domains]\na.example = may\n`,
  );
  return { folder, log: join(folder, 'mail.log'), config: ['--config', config] };
}

function start(args: readonly string[]) {
  return watched(spawn(process.execPath, [MAIN, 'collect', ...args], { stdio: 'pipe' }));
}

function watched(child: ChildProcessWithoutNullStreams) {
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    said.out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said.err += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, said, ended };
}

async function run(args: readonly string[], input = '') {
  const { child, said, ended } = start(args);
  child.stdin.end(input);
  return { status: await ended, ...said };
}

function records(t: Test, { folder }: Place): Record<string, unknown>[] {
  const stream = join(folder, 'evidence/collector');
  if (!existsSync(stream)) return [];
  return (
    readdirSync(stream)
      .filter((name) => name.endsWith('.jsonl'))
      // the last line may be on its way
      .flatMap((name) => readFileSync(join(stream, name), 'utf8').split('\n').slice(0, -1))
      .map((text) => {
        const record = JSON.parse(text) as Record<string, unknown>;
        checkRecord(t, record);
        return record;
      })
  );
}

t.test('a file that is taken away ends it, with a gap, before more is confirmed', async (t) => {
  const where = place(t);
  const { child, said, ended } = start(['--stdin', ...where.config]);
  t.teardown(() => child.kill());
  const confirmed = () => said.out.split('\n').filter((one) => one === 'OK').length;
  await until(() => confirmed() === 1);
  child.stdin.write(`${line.active('AAAAA1')}\n`);
  await until(() => confirmed() === 2);
  const stream = join(where.folder, 'evidence/collector');
  for (const name of readdirSync(stream)) if (name.endsWith('.jsonl')) rmSync(join(stream, name));
  child.stdin.write(`${line.active('AAAAA2')}\n`);
  await until(() => child.exitCode !== null);
  t.equal(await ended, 73);
  t.match(said.err, /the file of the day was removed or replaced/);
  t.equal(confirmed(), 2);
  t.match(
    records(t, where).filter(({ type }) => type === 'gap'),
    [{ why: 'the file of the day was removed or replaced' }],
  );
  t.notOk(existsSync(join(stream, 'lock')));
});

t.test('a file, once, and on from there', async (t) => {
  const at = place(t);
  writeFileSync(at.log, `${line.active('AAAAA1')}\n${line.delivery('AAAAA1')}\n`);
  const args = [...at.config, '--file', at.log, '--once'];
  t.same(await run(args), { status: 0, out: '2 lines, 2 records\n', err: '' });
  appendFileSync(at.log, `${line.delivery('AAAAA1', { to: 'v@good.example' })}\n`);
  t.same(await run(args), { status: 0, out: '1 lines, 1 records\n', err: '' });
  const made = records(t, at);
  t.same(
    made.map(({ type }) => type),
    ['day', 'start', 'message', 'delivery', 'stop', 'start', 'delivery', 'stop'],
  );
  t.match(made[6], {
    recipient: /^h:.*@good\.example$/,
    sender: /^h:.*@bank\.example$/,
    source: { kind: 'file' },
  });
});

t.test('until it is stopped, or killed', async (t) => {
  const at = place(t);
  writeFileSync(at.log, '');
  for (const [signal, id] of [
    ['SIGTERM', 'AAAAA1'],
    ['SIGKILL', 'BBBBB2'],
    ['SIGTERM', 'CCCCC3'],
  ] as const) {
    const { child, ended, said } = start([...at.config, '--file', at.log]);
    appendFileSync(at.log, `${line.delivery(id)}\n`);
    await until(() => records(t, at).some(({ queueId }) => queueId === id));
    child.kill(signal);
    t.equal(await ended, signal === 'SIGTERM' ? 0 : null, said.err);
  }
  const made = records(t, at).filter(({ type }) => type === 'delivery');
  t.same(
    made.map(({ queueId }) => queueId),
    ['AAAAA1', 'BBBBB2', 'CCCCC3'],
  );
});

t.test('one process writes', async (t) => {
  const at = place(t);
  writeFileSync(at.log, `${line.delivery('AAAAA1')}\n`);
  const { child, ended } = start([...at.config, '--file', at.log]);
  await until(() => records(t, at).length > 0);
  const second = await run([...at.config, '--file', at.log, '--once']);
  t.match(second, { status: 73, err: /^tlsward collect: .*\n$/ });
  child.kill();
  t.equal(await ended, 0);
});

t.test('as rsyslog runs it', async (t) => {
  const manual = page('contrib/doc/collect.md');
  const [, binary = ''] = /binary="([^"]+)"/.exec(manual) ?? [];
  t.equal(binary, '/usr/bin/tlsward collect --stdin');
  t.match(manual, /confirmMessages="on"/);
  const at = place(t);
  const { child, said, ended } = start([...at.config, '--stdin']);
  await until(() => said.out === 'OK\n');
  for (const id of ['AAAAA1', 'BBBBB2']) {
    child.stdin.write(`${line.delivery(id)}\n`);
    const before = said.out.length;
    await until(() => said.out.length > before);
    t.match(records(t, at).at(-1), { queueId: id }, 'confirmed when it is there');
  }
  child.stdin.end();
  t.equal(await ended, 0);
  t.equal(said.out, 'OK\nOK\nOK\n');
});

/** As systemd hands the socket over: bound, not blocking, descriptor 3, with what has come in the meantime. */
const ACTIVATE = `
import os, socket, sys
path, node, blocking, datagrams = sys.argv[1], sys.argv[4:], sys.argv[2] == "blocking", sys.argv[3].split("|")
held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
held.bind(path)
held.setblocking(blocking)
sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for text in datagrams:
    sender.sendto(text.encode(), path)
os.dup2(held.fileno(), 3)
os.set_inheritable(3, True)
env = dict(os.environ, LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="tlsrpt")
os.execve(node[0], node, env)
`;

t.test('handshakes that Postfix reports', { skip: without('python3', 'python3') }, async (t) => {
  const at = place(t);
  writeFileSync(at.log, '');
  const report = (d: string) =>
    `{"dpv":"1","d":"${d}","pr":"v=TLSRPTv1","policies":[{"policy-type":9,"t":0,"f":0}]}`;
  const activated = (how: string, datagrams: readonly string[]) => {
    const args = ['-c', ACTIVATE, join(at.folder, `${how}.sock`), how, datagrams.join('|')];
    const command = [...args, process.execPath, MAIN, 'collect', ...at.config, '--file', at.log];
    return watched(spawn('python3', command, { stdio: 'pipe' }));
  };
  const { child, said, ended } = activated('free', [report('a.example'), 'no report', report('b.example')]);
  await until(() => records(t, at).some(({ domain }) => domain === 'b.example'));
  child.kill();
  t.equal(await ended, 0);
  t.match(said.err, /tlsrpt: 1 datagram cannot be read/);
  t.match(
    records(t, at).filter(({ type }) => type === 'tlsrpt'),
    [{ domain: 'a.example', policies: [{ policy: 'no-policy-found', ok: true }] }, { domain: 'b.example' }],
  );
  const blocking = activated('blocking', [report('c.example')]);
  await until(() => blocking.said.err.includes('NonBlocking=yes is missing'));
  blocking.child.kill();
  t.equal(await blocking.ended, 0, 'and it stops all the same');
});

t.test('what keeps it from starting', async (t) => {
  const at = place(t);
  writeFileSync(at.log, '');
  t.match(await run([...at.config, '--file', join(at.folder, 'none'), '--once']), {
    status: 65,
    err: /none: cannot be read \(no such file or directory\)\n$/,
  });
  t.match(await run([...at.config, '--file', at.log, '--stdin']), { status: 64, err: /exclude each other/ });
  const without = place(t, '');
  t.match(await run([...without.config, '--file', at.log]), {
    status: 78,
    err: /evidence = DIRECTORY is missing/,
  });
  writeFileSync(join(at.folder, 'evidence'), 'a file');
  t.match(await run([...at.config, '--file', at.log, '--once']), { status: 73, err: /evidence: / });
});
