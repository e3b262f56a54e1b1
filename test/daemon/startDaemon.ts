/**
 * A whole daemon in this process for tests: real sockets in a temporary folder, the log as parsed lines.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Test } from 'tap';
import { dayOf } from '../../src/config/keys/day.ts';
import { loadConfig } from '../../src/config/load/load.ts';
import type { Reload, startReload } from '../../src/config/load/loadInWorker.ts';
import { diffTables, NO_DIFFERENCE } from '../../src/config/load/tableDiff.ts';
import { Service } from '../../src/daemon/service.ts';
import type { OpenDiscovery } from '../../src/discovery/discoveryService.ts';
import { Log } from '../../src/log/log.ts';
import { askDaemon } from '../../src/net/controlClient.ts';

export interface TestDaemon {
  readonly service: Service;
  readonly folder: string;
  readonly config: string;
  /** Log lines so far. */
  readonly log: () => Record<string, unknown>[];
  /** A connection to one of the daemon's sockets. */
  readonly open: (name: 'policy' | 'milter' | 'control' | 'socketmap') => Promise<Socket>;
  readonly ask: (command: string, argument?: string) => Promise<Record<string, unknown>>;
  /** Writes the configuration anew; `text` is what follows the sockets in [service]. */
  readonly write: (text: string) => void;
}

/** Like `startReload`, without the worker, whose start takes twenty times as long as reading a short configuration. */
export const reloadHere: typeof startReload = (
  file,
  old,
  today = dayOf(new Date()),
  oldRules = [],
): Reload => {
  const loaded = loadConfig(file, today);
  const difference =
    loaded.ok && old !== null ? diffTables(old, loaded.packed, oldRules, loaded.rules) : NO_DIFFERENCE;
  return { loaded: Promise.resolve(loaded), difference: Promise.resolve(difference) };
};

/**
 * Starts a daemon whose configuration ends in `text`, which begins inside `[service]`; `finder` makes what finds published
 * policies, `read` reads the configuration.
 */
export async function startDaemon(
  t: Test,
  text: string,
  finder?: OpenDiscovery,
  read = reloadHere,
): Promise<TestDaemon> {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  const config = join(folder, 'tlsward.ini');
  const write = (rest: string): void => {
    const lines = ['policy', 'milter', 'control'].map((name) => `${name}-listen = unix:${name}.sock`);
    // this machine's Postfix is not asked, unless that is what the test is about
    if (!/^postconf *=/m.test(rest)) lines.push('postconf =');
    writeFileSync(config, `[service]\n${lines.join('\n')}\n${rest}`);
  };
  write(text);
  const sink = new PassThrough();
  let logged = '';
  sink.on('data', (chunk: Buffer) => {
    logged += chunk.toString();
  });
  const log = new Log('debug', sink);
  const service = await Service.start({ config, log, env: {}, discovery: finder, startReload: read });
  t.teardown(async () => {
    await service.stop(0);
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    service,
    folder,
    config,
    write,
    log: () =>
      logged
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    open: (name) =>
      new Promise((resolve, reject) => {
        const socket = connect({ path: join(folder, `${name}.sock`), allowHalfOpen: true }, () =>
          resolve(socket),
        );
        socket.once('error', reject);
      }),
    ask: (command, argument) => askDaemon(join(folder, 'control.sock'), command, argument),
  };
}

/** All the daemon says until it closes the connection; what cannot be sent any more is not an error here. */
export function untilClosed(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve(text));
  });
}

/** One policy request, RCPT unless said otherwise; `undefined` leaves an attribute out. */
export function policyRequest(attributes: Readonly<Record<string, string | undefined>> = {}): string {
  const all: Record<string, string | undefined> = {
    request: 'smtpd_access_policy',
    protocol_state: 'RCPT',
    client_address: '192.0.2.1',
    client_port: '4711',
    helo_name: 'client.example',
    sender: 'alice@bank.example',
    recipient: 'bob@our.example',
    recipient_count: '0',
    instance: '1.2.3',
    encryption_protocol: '',
    encryption_cipher: '',
    encryption_keysize: '0',
    ccert_subject: '',
    ccert_issuer: '',
    ccert_fingerprint: '',
    ...attributes,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}\n`],
  );
  return `${lines.join('')}\n`;
}

export const TLS = {
  encryption_protocol: 'TLSv1.3',
  encryption_cipher: 'TLS_AES_256_GCM_SHA384',
  encryption_keysize: '256',
};

/** Sends requests on one connection, one at a time; resolves to the `action=` values. */
export async function policyAnswers(socket: Socket, requests: readonly string[]): Promise<string[]> {
  const answers: string[] = [];
  for (const request of requests) {
    const answer = new Promise<string>((resolve) => {
      let text = '';
      const onData = (chunk: Buffer): void => {
        text += chunk.toString();
        if (!text.endsWith('\n\n')) return;
        socket.removeListener('data', onData);
        socket.removeListener('close', onClose);
        resolve(text);
      };
      const onClose = (): void => resolve('closed');
      socket.on('data', onData);
      socket.once('close', onClose);
    });
    socket.write(request);
    answers.push((await answer).replace(/^action=/, '').trimEnd());
  }
  return answers;
}

/** Sends all requests in one write, so that they are answered at one time; resolves to the `action=` values. */
export async function policyAnswersAtOnce(socket: Socket, requests: readonly string[]): Promise<string[]> {
  let text = '';
  const answered = new Promise<void>((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      text += chunk.toString();
      if (text.split('\n\n').length <= requests.length) return;
      socket.removeListener('data', onData);
      socket.removeListener('close', onClose);
      resolve();
    };
    const onClose = (): void => reject(new Error('closed'));
    socket.on('data', onData);
    socket.once('close', onClose);
  });
  socket.write(requests.join(''));
  await answered;
  return text
    .split('\n\n')
    .slice(0, -1)
    .map((answer) => answer.replace(/^action=/, ''));
}
