/**
 * The daemon's life: started with what was read, SIGHUP reloads, SIGTERM or SIGINT ends it. Separate from
 * `serve.ts`, so that the configuration is being read while this and all it needs is loaded.
 */

import { formatProblem } from '../config/ini/problem.ts';
import type { Loaded } from '../config/load/load.ts';
import { Heartbeat } from '../daemon/heartbeat.ts';
import { type Notifier, notifierOf } from '../daemon/notify.ts';
import { ConfigRejected, Service } from '../daemon/service.ts';
import { packageVersion } from '../daemon/version.ts';
import { isJournal } from '../log/lineShape.ts';
import { Log } from '../log/log.ts';
import { KeyFileError } from '../mark/keyFile.ts';
import { ListenError, mustExit } from '../net/listen.ts';
import { EXIT, type Io } from './command.ts';
import { peekKey } from './peekKey.ts';

/**
 * Runs until a signal; `loading` gives the configuration `config` as it is being read. Resolves to the exit
 * status.
 */
export async function runDaemon(
  config: string,
  loading: () => Promise<Loaded>,
  sample: boolean,
  io: Io,
): Promise<number> {
  const log = new Log('info');
  // a word for the first lines; the table's own reading follows
  log.setFormat(peekKey(config, 'log-format') === 'text' ? 'text' : 'json');
  // between the lines of the log there is nothing else
  const toJournal = isJournal(1, io.env) && isJournal(2, io.env);
  const stopped = nextSignal();
  // from the first: a reload that is asked for while the first table is read must not end the process
  const reloads = new Reloads(log);
  let service: Service;
  try {
    log.serviceStart(packageVersion(), process.versions.node, config);
    service = await Service.start({ config, log, env: io.env, loading });
  } catch (error) {
    if (!(error instanceof ConfigRejected || error instanceof ListenError || error instanceof KeyFileError)) {
      log.flush();
      throw error;
    }
    const problems = error instanceof ConfigRejected ? error.problems.map(formatProblem) : [];
    if (toJournal) log.serviceFailed(error.message, problems);
    log.flush();
    if (!toJournal) {
      for (const problem of problems) io.err(`${problem}\n`);
      io.err(`tlsward: ${error.message}${error instanceof ConfigRejected ? '; not started' : ''}\n`);
    }
    return error instanceof ListenError ? EXIT.unavailable : EXIT.config;
  }
  // an internal error outside any session: log it and continue, because an exit would defer all mail
  process.on('uncaughtException', (error) => log.bug('uncaught exception', error));
  process.on('unhandledRejection', (error) => log.bug('unhandled rejection', error));
  if (!toJournal)
    for (const { name, address, closed } of service.listeners)
      io.err(`tlsward: ${closed ?? `${name} listening on ${address}`}\n`);
  if (sample) io.err(sampleHint(config));
  const notifier = notifierOf(io.env, process.pid);
  const heartbeat = notifier === null ? null : heartbeatOf(service, notifier, log);
  await heartbeat?.start();
  reloads.serve(service);
  const signal = await stopped;
  log.serviceStop(signal, service.open);
  await heartbeat?.stop();
  log.serviceEnd(await service.stop());
  log.flush();
  if (mustExit()) process.exit(EXIT.yes);
  return EXIT.yes;
}

function heartbeatOf(service: Service, notifier: Notifier, log: Log): Heartbeat {
  const check = (timeoutMs: number): Promise<string> => service.selfCheck(timeoutMs);
  return new Heartbeat({ notifier, check, status: () => service.statusLine, log });
}

/** Reloads at SIGHUP; one that comes before there is a service waits for it. */
class Reloads {
  #service: Service | null = null;
  #asked = false;
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
    process.on('SIGHUP', () => {
      this.#asked = true;
      this.#go();
    });
  }

  serve(service: Service): void {
    this.#service = service;
    this.#go();
  }

  #go(): void {
    if (this.#service === null || !this.#asked) return;
    this.#asked = false;
    this.#service.reload().catch((error: unknown) => this.#log.bug('reload', error));
  }
}

/** The first SIGTERM or SIGINT; a second one ends the process at once. */
function nextSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
}

function sampleHint(config: string): string {
  return [
    '\nThis is the sample table; it also judges mail from this machine. Try next:\n',
    '  npx tlsward explain --sample --from alice@bank.example --to bob@example.org\n',
    '  npx tlsward status --sample\n',
    `The README has the lines that go into main.cf. The table: ${config}\n\n`,
  ].join('');
}
