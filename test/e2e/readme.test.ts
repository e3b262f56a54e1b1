/**
 * The README's way from clone to "530 ... requires TLS": its main.cf lines in a real Postfix, the sample table served as
 * `npm start` serves it, its swaks command, and `explain` saying beforehand what Postfix then shows. And
 * the cookbook's way out: while no daemon answers, tlsward leaves main.cf, and the fallback table stays in it.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { blocks } from '../manual.ts';
import { root } from '../root.ts';
import { within } from './harness/deadline.ts';
import { startPostfix } from './harness/mta/postfix.ts';
import { parseMain } from './harness/mta/postfix-config.ts';
import { createCa } from './harness/peers/ca.ts';
import { exited, freePorts } from './harness/processes.ts';
import { mainFile } from './harness/program.ts';
import { e2eSkip, findCommand } from './harness/requirements.ts';

const required = process.env.TLSWARD_E2E === 'required';
const skip =
  e2eSkip(['root', 'postfix', 'openssl']) || (findCommand('swaks') === null && !required && 'no swaks');

function block(kind: string, holding: string): string {
  const found = blocks(kind).find((text) => text.includes(holding));
  if (found === undefined) throw new Error(`the manual has no ${kind} block with ${holding}`);
  return found;
}

function run(
  file: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly text: string }> {
  return new Promise((resolve) => {
    execFile(file, args, { timeout: 90_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), text: stdout + stderr }),
    );
  });
}

/** The sample table with free ports, served; resolves when all its listeners are open. */
async function serveSample(
  t: Test,
): Promise<{ readonly config: string; readonly ports: ReadonlyMap<string, number> }> {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  let text = readFileSync(new URL('contrib/tables/sample.ini', root), 'utf8').replaceAll('../../build/', '');
  const written = [
    ...new Set(
      [...text.matchAll(/^[a-z-]+-listen\s*=\s*inet:127\.0\.0\.1:(\d+)/gm)].map((match) => match[1]!),
    ),
  ];
  const free = await freePorts(written.length);
  const ports = new Map(written.map((port, i) => [port, free[i]!]));
  for (const [port, other] of ports) text = text.replaceAll(`127.0.0.1:${port}`, `127.0.0.1:${other}`);
  const config = join(folder, 'sample.ini');
  writeFileSync(config, text);
  const child = spawn(process.execPath, [mainFile(), 'serve', '--config', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.teardown(async () => {
    child.kill();
    await exited(child);
    rmSync(folder, { recursive: true, force: true });
  });
  const open = new Promise<void>((resolve) => {
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('control listening')) resolve();
    });
  });
  await within(20_000, 'the sample daemon', open);
  return { config, ports };
}

t.test('from the README to 530 requires TLS', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const { config, ports } = await serveSample(t);
  let lines = block('main.cf', 'check_policy_service');
  for (const [port, other] of ports) lines = lines.replaceAll(`127.0.0.1:${port}`, `127.0.0.1:${other}`);
  const postfix = await startPostfix({ ca, main: parseMain(lines) });
  t.teardown(() => postfix.close());
  const [, ...args] = block('sh', 'swaks').trim().split(/\s+/);
  const to = 'root@local.example';
  const swaks = (...more: string[]) =>
    run('swaks', [
      ...args.map((arg) => (arg === 'root@localhost' ? to : arg)),
      '--port',
      String(postfix.port()),
      ...more,
    ]);

  const plain = await swaks();
  const shown = block('text', '<** 530').split('\n').at(-2)!;
  const expected = shown.replace('root@localhost', to).replace(/\[[0-9A-Z]{8}\]$/, '');
  t.ok(plain.text.includes(expected), plain.text);
  t.not(plain.code, 0);

  const explained = await run(process.execPath, [
    mainFile(),
    'explain',
    '--config',
    config,
    '--from',
    'alice@bank.example',
    '--to',
    to,
  ]);
  const predicted = /^policy {5}(.*) \[XXXXXXXX\]$/m.exec(explained.text)?.[1] ?? 'no prediction';
  t.ok(plain.text.includes(predicted), `explain said: ${predicted}`);

  const code = /\[([0-9A-Z]{8})\]/.exec(plain.text)?.[1] ?? '';
  const found = await run(process.execPath, [mainFile(), 'lookup', '--config', config, code]);
  t.match(found.text, new RegExp(`^${code}: reject`));

  const secure = await swaks('--tls');
  t.equal(secure.code, 0, secure.text);
  const [message] = await postfix.waitForDelivered(to);
  t.match(message?.first('X-TLS-Ward'), /state=protected; protocol=TLSv1\.3/);
});

// setup runs the commands of this machine's own Postfix
const elsewhere = process.env.TLSWARD_POSTFIX ? 'setup runs the commands of this machine' : false;

t.test('tlsward is down, and taken out as the cookbook says', { skip: skip || elsewhere }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const ours = 'socketmap:unix:tlsward/socketmap.sock:deliver';
  const main = { smtp_tls_policy_maps: ours, smtpd_milters: 'unix:tlsward/milter.sock' };
  const postfix = await startPostfix({ ca, main });
  t.teardown(() => postfix.close());
  const etc = join(postfix.dir, 'etc');
  const config = join(postfix.dir, 'tlsward.ini');
  const sockets = join(postfix.queueDirectory, 'tlsward');
  writeFileSync(
    config,
    `[service]\nmilter-listen = unix:${sockets}/milter.sock\nsocketmap-listen = unix:${sockets}/socketmap.sock\n` +
      `control-listen = unix:${postfix.dir}/control.sock\n[domains]\nbank.example = encrypt\n`,
  );
  const script = block('sh', 'setup postfix --remove')
    .replaceAll('/etc/postfix', etc)
    .replaceAll(/^(postconf|postqueue) /gm, `$1 -c ${etc} `)
    .replaceAll(/^tlsward setup postfix/gm, `$& --postfix-config ${etc} --state ${postfix.dir}`)
    .replaceAll(/^tlsward /gm, `TLSWARD_CONFIG=${config} ${process.execPath} ${mainFile()} `);
  const done = await run('sh', ['-ec', script]);
  t.equal(done.code, 0, done.text);
  const left = (await run('postconf', ['-c', etc, '-n'])).text;
  t.match(left, new RegExp(`^smtp_tls_policy_maps = texthash:${etc}/never_plain$`, 'm'));
  t.notMatch(left, /tlsward\/[a-z]+\.sock/);
  const asked = ['-c', etc, '-q', 'bank.example', `texthash:${etc}/never_plain`];
  t.match((await run('postmap', asked)).text, /^encrypt protocols=>=TLSv1\.2/);
});
