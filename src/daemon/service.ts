/**
 * The running daemon: assembles, starts and stops all its parts.
 *
 * A reload replaces one reference (`verdicts.active`): table, trusted clients, mark. It also applies most
 * limits. Sockets and the settings of the decoders stay; if such a setting has changed, the reload reports
 * that it takes effect at the next start.
 */

import { formatNotice, type Problem } from '../config/ini/problem.ts';
import { dayOf } from '../config/keys/day.ts';
import type { Loaded } from '../config/load/load.ts';
import { startReload } from '../config/load/loadInWorker.ts';
import { count } from '../core/plural.ts';
import { PolicyTable } from '../core/table.ts';
import { DiscoveryService, type OpenDiscovery } from '../discovery/discoveryService.ts';
import type { Log } from '../log/log.ts';
import type { UsableKeys } from '../mark/keyFile.ts';
import { ConnectionBudget } from '../net/connectionBudget.ts';
import { canUseHandles } from '../net/directSocketTest.ts';
import { LoopWatch } from '../net/loopWatch.ts';
import { openFileCount, openFileLimit } from '../net/openFiles.ts';
import { activeOf, readMarkKeys } from './active.ts';
import { createCodes } from './codes.ts';
import { controlCommands } from './controlCommands.ts';
import type { ReloadReply, StatusReply } from './controlReplies.ts';
import { DayWatch } from './dayWatch.ts';
import { Evidence } from './evidence.ts';
import { FailedNextHops } from './failedNextHops.ts';
import { HttpListener } from './httpListener.ts';
import { type OpenListener, openListeners } from './listeners.ts';
import { MapListeners } from './mapListeners.ts';
import { Maps } from './mapService.ts';
import { Routing } from './messageRouting.ts';
import { PostfixWatch } from './postfixWatch.ts';
import { type Served, servedProtocols } from './protocols.ts';
import { RecentVerdicts } from './recentVerdicts.ts';
import { releaseMemory } from './releaseMemory.ts';
import { type LoadedConfig, Reloading } from './reloading.ts';
import { askItself } from './selfCheck.ts';
import { statusReport } from './statusReport.ts';
import { SystemWatch } from './systemWatch.ts';
import { TlsWatch } from './tlsWatch.ts';
import { VerdictListeners } from './verdictListeners.ts';
import { VerdictService } from './verdictService.ts';
import { packageVersion } from './version.ts';

/** The configuration has mistakes: all of them. */
export class ConfigRejected extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(`${count(problems.length, 'mistake')} in the configuration`);
    this.problems = problems;
  }
}

interface ServiceOptions {
  /** Path of the configuration. */
  readonly config: string;
  readonly log: Log;
  /** The environment, in which systemd may pass sockets. */
  readonly env: NodeJS.ProcessEnv;
  /** Gives, once, a configuration that is already being read. Default: it is read now. */
  readonly loading?: () => Promise<Loaded>;
  /** Reads configurations. Default: in a worker, so that mail does not wait for it. */
  readonly startReload?: typeof startReload | undefined;
  /** The current time. Default: the system clock. */
  readonly clock?: () => Date;
  /** Opens the finder of published policies. Default: by DNS and HTTPS. */
  readonly discovery?: OpenDiscovery | undefined;
}

/** What is read and opened before the service exists. */
interface Start {
  readonly config: string;
  readonly log: Log;
  readonly clock: () => Date;
  readonly loaded: LoadedConfig;
  readonly marks: UsableKeys;
  readonly discovery: DiscoveryService;
  readonly read: typeof startReload;
  /** Can connections be DirectSockets? */
  readonly direct: boolean;
  /** When the start began (performance.now). */
  readonly begun: number;
}

export class Service {
  readonly listeners: OpenListener[] = [];
  readonly #config: string;
  readonly #log: Log;
  readonly #verdicts: VerdictService;
  readonly #recent: RecentVerdicts;
  readonly #verdictListeners: VerdictListeners;
  readonly #mapListeners: MapListeners;
  readonly #protocols: readonly Served[];
  readonly #live: HttpListener;
  /** Shared by all connections of the MTAs' protocols. */
  readonly #budget: ConnectionBudget;
  readonly #systemWatch: SystemWatch;
  readonly #startedAt = new Date();
  readonly #reloading: Reloading;
  readonly #sweep: NodeJS.Timeout;
  readonly #clock: () => Date;
  readonly #days: DayWatch;
  readonly #discovery: DiscoveryService;
  readonly #watch: LoopWatch;
  readonly #postfix: PostfixWatch;
  readonly #tls: TlsWatch;
  readonly #evidence: Evidence;

  /**
   * Reads the configuration and opens every listener. Rejects with ConfigRejected, KeyFileError or
   * ListenError.
   */
  static async start(options: ServiceOptions): Promise<Service> {
    const begun = performance.now();
    const { config, log, env, clock = () => new Date(), startReload: read = startReload } = options;
    // it answers while files are read
    const usable = canUseHandles();
    // a large table in a worker, as for every reload: its memory is freed with it
    const loaded = await (options.loading?.() ?? read(config, null).loaded);
    if (!loaded.ok) throw new ConfigRejected(loaded.problems);
    const marks = await readMarkKeys(loaded.service, 'start');
    const discovery = await DiscoveryService.open(loaded.service, log, options.discovery);
    const direct = await usable;
    if (!direct) log.handlesUnusable(process.versions.node);
    const service = new Service({ config, log, clock, loaded, marks, discovery, read, direct, begun });
    await service.#evidence.opened();
    service.#evidence.start(packageVersion(), config, loaded.exceptions);
    try {
      await openListeners(service.#protocols, loaded.service, env, log, (listener) => {
        service.listeners.push(listener);
        if (listener.socket !== null) service.#systemWatch.sockets.push(listener.socket);
      });
    } catch (error) {
      await service.stop(0);
      throw error;
    }
    service.#postfix.start();
    return service;
  }

  private constructor(start: Start) {
    const { config, log, clock, loaded, marks, discovery, direct, begun } = start;
    const { service } = loaded;
    this.#config = config;
    this.#log = log;
    this.#clock = clock;
    this.#discovery = discovery;
    this.#watch = new LoopWatch((ms, served, leftOut) => log.loopDelay(ms, served, leftOut));
    this.#budget = new ConnectionBudget(service.maxMemoryBytes);
    this.#systemWatch = new SystemWatch(this.#budget, log);
    this.#systemWatch.fit(service.maxConnections);
    this.#recent = new RecentVerdicts(service.recentVerdicts, service.recentVerdictsBytes);
    const evidence = new Evidence(service, log, () => this.#verdicts.active.table);
    this.#evidence = evidence;
    this.#live = new HttpListener(service, {
      config,
      log,
      watch: this.#watch,
      recent: this.#recent,
      settings: () => this.#reloading.loaded.service,
      alarmState: () => this.#reloading.loaded.alarms.state,
      status: () => this.#status(),
      more: () => ({
        nowMs: Date.now(),
        today: dayOf(clock()),
        byMode: this.#verdictListeners.byMode,
        reloads: this.#reloading.counters,
        exceptions: this.#reloading.loaded.exceptions,
        policies: discovery.policies(100),
      }),
    });
    this.#verdictListeners = new VerdictListeners(log, this.#recent, evidence, this.#live.live);
    this.#mapListeners = new MapListeners(log, evidence);
    const table = new PolicyTable(loaded.packed, 1, loaded.hash);
    const known = new FailedNextHops();
    const verdicts = new VerdictService(
      activeOf(service, table, marks.keys, loaded.rules),
      createCodes(Math.random()),
      log,
      this.#verdictListeners,
      new Routing(known),
    );
    this.#verdicts = verdicts;
    const maps = new Maps(() => verdicts.active, this.#mapListeners, known, discovery);
    const control = controlCommands({
      status: () => this.#status(),
      reload: (hash) => this.reload(hash),
      tryReload: () => this.#reloading.tryReload(),
      recent: this.#recent,
      discovery,
    });
    this.#protocols = [
      ...servedProtocols(
        service,
        { verdicts, maps, control },
        { log, watch: this.#watch, budget: this.#budget, direct },
      ),
      ...this.#live.served,
    ];
    log.setLevel(service.logLevel);
    log.setFormat(service.logFormat);
    this.#announce(loaded, table, begun);
    this.#days = new DayWatch(clock, log);
    this.#postfix = new PostfixWatch(loaded, log);
    this.#tls = new TlsWatch(log, this.#verdictListeners.byTls);
    verdicts.sawMta = (mta) => this.#postfix.saw(mta);
    for (const notice of marks.notices) log.configNotice(notice);
    this.#reloading = new Reloading(loaded, {
      config,
      log,
      clock,
      startReload: start.read,
      apply: (read, keys, since) => this.#apply(read, keys, since),
      reloaded: (before, after, changes) => evidence.reloaded(changes, before.exceptions, after.exceptions),
      refused: (problems) => evidence.refused(problems),
      release: () => releaseMemory(() => this.#messages()),
    });
    this.#sweep = setInterval(() => {
      verdicts.sweep();
      this.#postfix.sweep(Date.now());
      this.#tls.sweep(verdicts.active.table.strictest.tls);
      this.checkDay();
    }, 30_000);
    this.#sweep.unref();
  }

  #announce(loaded: LoadedConfig, table: PolicyTable, begun: number): void {
    this.#log.configLoaded({
      config: this.#config,
      generation: table.generation,
      hash: table.hash,
      rows: table.rows,
      ms: Math.round(performance.now() - begun),
    });
    for (const notice of loaded.notices) this.#log.configNotice(formatNotice(notice));
    this.#discovery.announce(table);
  }

  /**
   * Reads the configuration again and puts it in force; if it has mistakes, the old one stays. One at a time.
   */
  reload(hash = ''): Promise<ReloadReply> {
    return this.#reloading.reload(hash);
  }

  async #apply(loaded: LoadedConfig, marks: UsableKeys, begun: number): Promise<PolicyTable> {
    const { service } = loaded;
    const table = new PolicyTable(loaded.packed, this.#verdicts.active.table.generation + 1, loaded.hash);
    await this.#discovery.reload(service);
    this.#verdicts.active = activeOf(service, table, marks.keys, loaded.rules);
    for (const protocol of this.#protocols) protocol.reload(service);
    this.#budget.limitBytes = service.maxMemoryBytes;
    this.#evidence.settings = service;
    this.#systemWatch.fit(service.maxConnections);
    this.#log.setLevel(service.logLevel);
    this.#log.setFormat(service.logFormat);
    this.#announce(loaded, table, begun);
    this.#postfix.reload(loaded);
    for (const notice of marks.notices) this.#log.configNotice(notice);
    return table;
  }

  async #status(): Promise<StatusReply> {
    return statusReport({
      config: this.#config,
      startedAt: this.#startedAt,
      loadedAt: this.#reloading.loadedAt,
      lastReload: this.#reloading.lastReload,
      restartNeeded: this.#reloading.restartNeeded,
      dated: this.#reloading.loaded.dated,
      today: dayOf(this.#clock()),
      table: this.#verdicts.active.table,
      listeners: this.listeners,
      drivers: new Map(this.#protocols.map(({ name, driver }) => [name, driver])),
      verdicts: this.#verdictListeners.counters,
      verdictsByTls: this.#verdictListeners.byTls.counters,
      loopDelay: this.#watch.report(),
      maps: this.#mapListeners.counters,
      published: this.#discovery.status(),
      routes: this.#verdicts.routing.counters,
      postfix: this.#postfix.status(),
      evidence: this.#evidence.status,
      memory: [
        this.#budget.memory,
        this.#recent.memory,
        ...this.#verdicts.memory,
        ...this.#discovery.memory,
        ...this.#evidence.memory,
        ...this.#live.memory,
        ...this.#log.output.memory,
      ],
      openFiles: {
        limit: openFileLimit(),
        used: await openFileCount(),
        connections: Math.min(this.#budget.maxByFiles, this.#reloading.loaded.service.maxConnections),
        maxConnections: this.#reloading.loaded.service.maxConnections,
      },
      log: { dropped: this.#log.output.dropped, failure: this.#log.output.failure },
    });
  }

  /** Warns of overdue rows if a day has begun since the last call; called by a timer. */
  checkDay(): void {
    this.#days.check(this.#reloading.loaded.dated);
  }

  /**
   * Stops accepting, waits for transactions in progress, and closes. Resolves to the number of connections
   * cut off.
   */
  async stop(limitSeconds = this.#reloading.loaded.service.shutdownTimeoutMs / 1000): Promise<number> {
    clearInterval(this.#sweep);
    this.#watch.stop();
    this.#systemWatch.close();
    this.#live.close();
    const cutOff = await Promise.all(this.#protocols.map(({ driver }) => driver.drain(limitSeconds)));
    await Promise.all([this.#discovery.close(), this.#evidence.stop()]);
    return cutOff.reduce((sum, count) => sum + count, 0);
  }

  #messages(): number {
    let sum = 0;
    for (const { driver } of this.#protocols) sum += driver.counters.messages;
    return sum;
  }

  /** '' when each listener of the MTAs answers; else which does not, and why. */
  async selfCheck(timeoutMs: number): Promise<string> {
    const asked = this.listeners.map(async ({ name, address, target, refused }) => {
      const why = await askItself(name, target, refused, timeoutMs);
      return why === '' ? '' : `${name} ${address}: ${why}`;
    });
    return (await Promise.all(asked)).filter((why) => why !== '').join('; ');
  }

  /** One line for the service manager. */
  get statusLine(): string {
    const { table } = this.#verdicts.active;
    return `${count(table.rows, 'row')}, ${count(this.open, 'connection')}, ${this.#messages()} questions`;
  }

  /** Open connections of all protocols. */
  get open(): number {
    let sum = 0;
    for (const { driver } of this.#protocols) sum += driver.open;
    return sum;
  }
}
