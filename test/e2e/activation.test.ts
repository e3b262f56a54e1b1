/**
 * Sockets held by somebody else, as systemd's .socket units do it: systemd-socket-activate opens them, names them, and
 * becomes the daemon at the first connection. And the daemon as the unit runs it: installed, without any privilege.
 *
 * The units themselves are started by a real systemd in systemd-boot.test.ts, where the machine allows that.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { askDaemon } from '../../src/net/controlClient.ts';
import { policyRequest } from '../daemon/startDaemon.ts';
import { until, within } from './harness/deadline.ts';
import { installProgram } from './harness/installed.ts';
import { exited, guardProcess, sessionMembers, signal } from './harness/processes.ts';
import { mainFile } from './harness/program.ts';
import { command, findCommand, skipReason } from './harness/requirements.ts';

const WAIT_MS = 15_000;
const NOBODY = 65_534;

const missing = ['systemd-socket-activate', 'setpriv'].flatMap((name) =>
  findCommand(name) === null ? [`no command ${name}`] : [],
);
const skip = skipReason(missing, process.env.TLSWARD_E2E === 'required');

const TABLE = `[service]
policy-listen = unix:policy.sock
milter-listen = unix:milter.sock
control-listen = unix:control.sock
trusted-clients =

[domains]
bank.example = encrypt
`;

/** A folder with a configuration; socket paths in it are relative to it. */
function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-sd-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, 'tlsward.ini'), TABLE);
  return dir;
}

/**
 * A process of the test with what it prints; ended with the test. Its environment is as bare as a service's: without
 * NODE_OPTIONS above all, by which the test runner gets into every Node it starts.
 */
function start(t: Test, argv: readonly string[]): { child: ChildProcess; output: () => string } {
  // env(1) and not the options of spawn: on a current Node the test runner adds NODE_OPTIONS to those
  const bare = ['-i', `PATH=${process.env.PATH ?? ''}`, ...argv];
  const child = spawn(command('env'), bare, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  }
  const guard = guardProcess(child.pid!);
  t.teardown(async () => {
    guard.release();
    // a daemon that a shell of this session has started as well: it would keep our pipes open
    for (const { pid } of sessionMembers(child.pid!)) signal(pid, 'SIGKILL');
    await exited(child);
  });
  return { child, output: () => text };
}

/** What opens both sockets in `dir` and then runs `argv` with them. */
function activate(dir: string, argv: readonly string[]): string[] {
  const sockets = ['-l', join(dir, 'policy.sock'), '-l', join(dir, 'milter.sock')];
  return [command('systemd-socket-activate'), ...sockets, '--fdname=policy:milter', ...argv];
}

/** Sends bytes on a new connection; resolves to what came back as soon as `enough` says so. */
async function ask(
  path: string,
  bytes: string | Buffer,
  enough: (answer: Buffer) => boolean,
): Promise<Buffer> {
  const socket: Socket = connect(path);
  let answer = Buffer.alloc(0);
  const answered = new Promise<Buffer>((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk]);
      if (enough(answer)) resolve(answer);
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed after "${answer.toString()}"`)));
  });
  socket.write(bytes);
  try {
    return await within(WAIT_MS, `answer from ${path}`, answered);
  } finally {
    socket.destroy();
  }
}

/** The policy service's answer to a plain session from bank.example. */
async function verdict(dir: string): Promise<string> {
  const answer = await ask(join(dir, 'policy.sock'), policyRequest(), (bytes) => bytes.includes('\n\n'));
  return answer.toString();
}

/**
 * As Postfix asks: a second time when the connection breaks before the answer (try_limit=2), because a daemon that is told
 * to stop may close a connection in the same moment in which the request is sent. A refused connection is not excused.
 */
async function persistentVerdict(dir: string): Promise<string> {
  try {
    return await verdict(dir);
  } catch (error) {
    const broken =
      (error as NodeJS.ErrnoException).code === 'ECONNRESET' || /closed after|EPIPE/.test(String(error));
    if (!broken) throw error;
    return verdict(dir);
  }
}

const REFUSED = /^action=530 5\.7\.0 bank\.example requires TLS/;

/** SMFIC_OPTNEG: version 6, every action, every step. */
const NEGOTIATE = Buffer.from('0000000d4f00000006000001ff001fffff', 'hex');

t.test('the first connection starts the daemon, which leaves the sockets alone', { skip }, async (t) => {
  const dir = folder(t);
  const config = join(dir, 'tlsward.ini');
  const { child, output } = start(
    t,
    activate(dir, [process.execPath, mainFile(), 'serve', '--config', config]),
  );
  await until(WAIT_MS, 'sockets', () => existsSync(join(dir, 'milter.sock')), output);
  t.notMatch(output(), /service\.start/, 'nothing runs yet');

  t.match(await verdict(dir), REFUSED, 'the connection that woke it is served');
  const reply = await ask(join(dir, 'milter.sock'), NEGOTIATE, (bytes) => bytes.length >= 17);
  t.equal(reply.toString('latin1', 4, 5), 'O', 'and the milter descriptor speaks milter');
  await until(WAIT_MS, 'control socket, which opens last', () => /control listening/.test(output()), output);
  t.match(output(), /policy listening on inherited descriptor 3/);
  t.match(output(), /milter listening on inherited descriptor 4/);
  t.match(output(), /control listening on unix:/, 'the control socket is its own');
  t.equal((await askDaemon(join(dir, 'control.sock'), 'status')).pid, child.pid);

  child.kill('SIGTERM');
  await within(WAIT_MS, 'end after SIGTERM', exited(child));
  t.equal(child.exitCode, 0);
  t.notOk(existsSync(join(dir, 'control.sock')), 'its own socket is removed');
  for (const name of ['policy', 'milter']) {
    t.ok(statSync(join(dir, `${name}.sock`)).isSocket(), `${name}.sock stays: it belongs to systemd`);
  }
});

/** Stands in for systemd after the start: keeps the descriptors and starts the daemon again when it ends. */
const KEEPER = `
while [ -e "$0/again" ]; do
  sh -c 'LISTEN_PID=$$ exec "$@"' start "$@"
done
`;

t.test('a restart refuses no connection', { skip }, async (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, 'again'), '');
  const argv = [process.execPath, mainFile(), 'serve', '--config', join(dir, 'tlsward.ini')];
  const { child, output } = start(t, activate(dir, ['/bin/sh', '-c', KEEPER, dir, ...argv]));
  await until(WAIT_MS, 'sockets', () => existsSync(join(dir, 'milter.sock')), output);
  t.match(await verdict(dir), REFUSED);

  const control = join(dir, 'control.sock');
  const status = () => askDaemon(control, 'status');
  await until(WAIT_MS, 'its control socket, which opens last', () => existsSync(control), output);
  const first = Number((await status()).pid);
  const guard = guardProcess(first);
  const answers: string[] = [];
  let asking = true;
  const clients = Array.from({ length: 4 }, async () => {
    while (asking) answers.push(await persistentVerdict(dir));
  });
  process.kill(first, 'SIGTERM');
  const second = await until(WAIT_MS, 'second daemon', async () => {
    const pid = Number((await status().catch(() => ({ pid: first }))).pid);
    return pid !== first && pid;
  });
  guard.release();
  const guard2 = guardProcess(second);
  asking = false;
  await Promise.all(clients);
  t.ok(answers.length >= 4, `${answers.length} requests while it restarted`);
  t.strictSame(
    answers.filter((answer) => !REFUSED.test(answer)),
    [],
    'every one was answered',
  );

  rmSync(join(dir, 'again'));
  process.kill(second, 'SIGTERM');
  await within(WAIT_MS, 'end of both', exited(child));
  guard2.release();
  t.equal(child.exitCode, 0, output());
});

const root = process.getuid?.() === 0;
const rootless = root ? false : skipReason(['not running as root'], process.env.TLSWARD_E2E === 'required');
t.test('installed, as nobody, with no capability', { skip: skip || rootless }, async (t) => {
  const dir = folder(t);
  const program = join(dir, 'lib');
  const main = installProgram(program);
  // as the shipped tmpfiles.d makes it: the daemon owns the folder, the group is the MTA's and comes with the folder
  const group = 1;
  chownSync(dir, NOBODY, group);
  chmodSync(dir, 0o2750);
  chownSync(join(dir, 'tlsward.ini'), 0, NOBODY);
  chmodSync(join(dir, 'tlsward.ini'), 0o640);
  const drop = [
    ...[command('setpriv'), `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'],
    ...['--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'],
  ];
  const { child, output } = start(t, [
    ...drop,
    ...[process.execPath, '--max-semi-space-size=4', main, 'serve', '--config', join(dir, 'tlsward.ini')],
  ]);
  await until(
    WAIT_MS,
    'start',
    () => /control listening on/.test(output()) || child.exitCode !== null,
    output,
  );
  t.equal(child.exitCode, null, output());

  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  t.match(status, /^Uid:\t65534\t65534\t65534\t65534$/m);
  t.match(status, /^CapEff:\t0+$/m);
  t.match(status, /^CapBnd:\t0+$/m);
  t.match(status, /^NoNewPrivs:\t1$/m);
  const { mode, uid, gid } = statSync(join(dir, 'policy.sock'));
  t.strictSame([mode & 0o777, uid, gid], [0o660, NOBODY, group], 'sockets for the group of the folder');
  t.equal(statSync(join(dir, 'control.sock')).mode & 0o777, 0o600);
  t.match(await verdict(dir), REFUSED);

  writeFileSync(join(dir, 'tlsward.ini'), `${TABLE}clinic.example = encrypt\n`);
  const reload = await askDaemon(join(dir, 'control.sock'), 'reload');
  t.match(reload, { ok: true, rows: 2 }, 'the reload worker needs no more');
  child.kill('SIGTERM');
  await within(WAIT_MS, 'end after SIGTERM', exited(child));
  t.equal(child.exitCode, 0);
  t.notOk(existsSync(join(dir, 'policy.sock')));
});
