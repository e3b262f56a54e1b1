/**
 * The collector behind a real rsyslogd, with the action that the manual gives: each delivery is recorded once, whatever
 * is killed and when, because a line is confirmed only when its record is on disk.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { EvidenceRecord } from '../../src/evidence/record.ts';
import { blocks } from '../manual.ts';
import { pause, until, within } from './harness/deadline.ts';
import { exited, freePorts, guardProcess, portOpen, sessionMembers, signal } from './harness/processes.ts';
import { mainFile } from './harness/program.ts';
import { command, e2eSkip } from './harness/requirements.ts';

const DELIVERIES = 400;
const WAIT_MS = 60_000;

/** rsyslogd as leader of a session, in which the collector is, too. */
class Rsyslog {
  readonly #folder: string;
  readonly #port: number;
  #child: ChildProcess | null = null;
  #release: () => void = () => {};
  said = '';

  constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#port = port;
    const collector = join(folder, 'collector');
    writeFileSync(
      collector,
      `#!/bin/sh\nunset NODE_OPTIONS\nexec ${process.execPath} ${mainFile()} collect --config ${folder}/tlsward.ini --stdin 2>>${folder}/said\n`,
    );
    chmodSync(collector, 0o755);
    writeFileSync(
      join(folder, 'tlsward.ini'),
      `[service]\npolicy-listen = inet:127.0.0.1:1\nevidence = ${folder}/evidence\n[domains]\n* = may\n`,
    );
    const [shown = ''] = blocks('rsyslog').filter((text) => text.includes('omprog'));
    const action = shown.replace('/usr/bin/tlsward collect --stdin', collector);
    if (action === shown) throw new Error('the manual runs another program');
    writeFileSync(
      join(folder, 'rsyslog.conf'),
      `global(workDirectory="${folder}")\nmodule(load="imptcp")\ninput(type="imptcp" address="127.0.0.1" port="${port}")\n${action}`,
    );
  }

  async start(): Promise<void> {
    const args = ['-n', '-f', join(this.#folder, 'rsyslog.conf'), '-i', join(this.#folder, 'pid')];
    const child = spawn(command('rsyslogd'), args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.#child = child;
    this.#release = guardProcess(child.pid!).release;
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.said += text));
    await until(
      WAIT_MS,
      'rsyslogd',
      () => portOpen(this.#port),
      () => this.said,
    );
  }

  /** Stops it in order: what is not confirmed is saved. */
  async stop(): Promise<void> {
    const child = this.#child!;
    child.kill('SIGTERM');
    await within(WAIT_MS, 'end of rsyslogd', exited(child));
    this.end();
  }

  /** Stops it while the collector does not answer for longer than rsyslog waits unless it is told to. */
  async stopOverSlowCollector(): Promise<void> {
    const running = sessionMembers(this.#child!.pid!).filter(({ pid }) => pid !== this.#child!.pid);
    for (const { pid } of running) signal(pid, 'SIGSTOP');
    const stopped = this.stop();
    await pause(2500);
    for (const { pid } of running) signal(pid, 'SIGCONT');
    await stopped;
  }

  /** Ends everything that it has started; how many processes of the collector there were. */
  killCollector(): number {
    const running = sessionMembers(this.#child!.pid!).filter(({ pid }) => pid !== this.#child!.pid);
    for (const { pid } of running) signal(pid, 'SIGKILL');
    return running.length;
  }

  end(): void {
    if (this.#child?.pid !== undefined)
      for (const { pid } of sessionMembers(this.#child.pid)) signal(pid, 'SIGKILL');
    this.#release();
  }

  send(lines: readonly string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#port, '127.0.0.1');
      socket.on('error', reject);
      socket.on('close', () => resolve());
      socket.end(lines.map((line) => `<22>${line}\n`).join(''));
    });
  }
}

function recordsIn(folder: string): EvidenceRecord[] {
  const stream = join(folder, 'evidence', 'collector');
  const names = (): string[] => {
    try {
      return readdirSync(stream).filter((name) => name.endsWith('.jsonl'));
    } catch {
      return [];
    }
  };
  const whole = names().flatMap((name) => readFileSync(join(stream, name), 'utf8').split('\n').slice(0, -1));
  return whole.map((line) => JSON.parse(line) as EvidenceRecord);
}

/** Two lines of smtp(8): every other delivery under TLS. */
function linesOf(i: number): string[] {
  const at = new Date(Date.now())
    .toString()
    .slice(4, 24)
    .replace(/ \d{4} /, ' ')
    .replace(/ 0(\d) /, '  $1 ');
  const smtp = `${at} mx postfix/smtp[${1000 + i}]: `;
  const relay = `mx.good.example[192.0.2.24]:25`;
  const tls = `${smtp}Verified TLS connection established to ${relay}: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)`;
  const sent = `${smtp}${(0xa0000 + i).toString(16).toUpperCase()}: to=<u${i}@good.example>, relay=${relay}, delay=0.09, delays=0.01/0.02/0.04/0.02, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as ${i})`;
  return i % 2 === 0 ? [tls, sent] : [sent];
}

t.test('each delivery once, whatever is killed', { skip: e2eSkip(['rsyslog']) }, async (t: Test) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-omprog-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const [port = 0] = await freePorts(1);
  const rsyslog = new Rsyslog(folder, port);
  t.teardown(() => rsyslog.end());
  await rsyslog.start();
  const deliveries = () => recordsIn(folder).flatMap((one) => (one.type === 'delivery' ? [one] : []));
  let killed = 0;
  for (let from = 0; from < DELIVERIES; from += DELIVERIES / 4) {
    const seen = deliveries().length;
    const part = Array.from({ length: DELIVERIES / 4 }, (_, i) => linesOf(from + i)).flat();
    await rsyslog.send(part);
    await until(
      WAIT_MS,
      'some of the records',
      () => deliveries().length > seen + 10,
      () => rsyslog.said,
    );
    if (from === DELIVERIES / 4) {
      await rsyslog.stopOverSlowCollector();
      await rsyslog.start();
    } else {
      killed += rsyslog.killCollector();
      await pause(200);
    }
  }
  t.ok(killed >= 3, `${killed} processes were killed`);
  await until(
    WAIT_MS,
    'all records',
    () => deliveries().length >= DELIVERIES,
    () => `${deliveries().length}; ${rsyslog.said} ${readFileSync(join(folder, 'said'), 'utf8')}`,
  );
  await rsyslog.stop();
  const found = deliveries();
  t.strictSame(
    found.map(({ reply }) => Number(/queued as (\d+)/.exec(reply ?? '')?.[1])).sort((a, b) => a - b),
    Array.from({ length: DELIVERIES }, (_, i) => i),
    'each is recorded, and none twice',
  );
  const wrong = found.filter(({ reply, tls }) => {
    const i = Number(/queued as (\d+)/.exec(reply ?? '')?.[1]);
    // a line that was read before the kill may not be known after it
    return tls.state !== 'unknown' && tls.state !== (i % 2 === 0 ? 'tls' : 'plain');
  });
  t.strictSame(wrong, [], 'no TLS state is claimed that was not logged');
  t.ok(found.filter(({ tls }) => tls.state === 'tls').length > DELIVERIES / 3, 'most are known');
  const argv = [mainFile(), 'evidence', 'verify', '--evidence', join(folder, 'evidence')];
  const verified = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  t.equal(verified.status, 0, verified.stdout);
});
