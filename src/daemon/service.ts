/**
 * The running daemon: listeners, one driver per protocol, the judge, reload, status and shutdown, put together.
 *
 * What a reload changes at once is one reference (`judge.active`): table, trusted clients, mark. Limits change with it.
 * Sockets do not: settings about them take effect at the next start, and a reload that finds them changed says so.
 */
import type { Server } from 'node:net';
import { formatNotice, formatProblem, type Problem } from '../config/ini/problem.ts';
import { dayOf } from '../config/keys/day.ts';
import { formatListen, type ListenAddress } from '../config/keys/listenAddress.ts';
import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import type { Loaded } from '../config/load/load.ts';
import { loadInWorker, startReload } from '../config/load/loadInWorker.ts';
import type { Difference } from '../config/load/tableDiff.ts';
import { PolicyTable } from '../core/table.ts';
import { DiscoveryService, type OpenDiscovery } from '../discovery/discoveryService.ts';
import type { Log } from '../log/log.ts';
import { KeyFileError, type UsableKeys } from '../mark/keyFile.ts';
import type { MarkKey } from '../mark/signMark.ts';
import { Driver, type DriverLimits } from '../net/driver.ts';
import { inheritedSockets, listenOn, listenOnInherited, type UnixOptions } from '../net/listen.ts';
import { LoopWatch } from '../net/loopWatch.ts';
import { openFileCount, openFileLimit } from '../net/openFiles.ts';
import { Room } from '../net/room.ts';
import { canShareReads } from '../net/sharedRead.ts';
import { SocketFile } from '../net/socketFile.ts';
import { controlProtocol } from '../session/control.ts';
import { milterProtocol } from '../session/milter.ts';
import { policyProtocol } from '../session/policy.ts';
import { socketmapProtocol } from '../session/socketmap.ts';
import type { ControlRequest } from '../wire/controlLines.ts';
import { activeOf, readMarkKeys } from './active.ts';
import { createCodes } from './codes.ts';
import { DayWatch } from './dayWatch.ts';
import { FailedNextHops } from './failedNextHops.ts';
import { Maps } from './mapService.ts';
import { Routing } from './messageRouting.ts';
import { PostfixWatch } from './postfixWatch.ts';
import { RecentVerdicts } from './recentVerdicts.ts';
import { releaseMemory } from './releaseMemory.ts';
import { type OpenListener, statusReport } from './statusReport.ts';
import { SystemWatch } from './systemWatch.ts';
import { VerdictService } from './verdictService.ts';

/** The configuration has mistakes; they are all here. */
export class ConfigRejected extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(`${problems.length} mistakes in the configuration`);
    this.problems = problems;
  }
}

type Good = Extract<Loaded, { ok: true }>;
type AnyDriver = Pick<
  Driver<unknown, unknown, unknown, unknown, unknown>,
  'server' | 'drain' | 'open' | 'counters' | 'limits'
>;

/** Mistakes that an answer to `reload` holds. */
const MAX_PROBLEMS = 1000;
/** Connections of the control socket; they do not count among the others, so `status` answers when those are too many. */
const MAX_CONTROL = 64;

/** Settings that only a restart applies. */
const SOCKET_KEYS = [
  'policyListen',
  'milterListen',
  'socketmapListen',
  'controlListen',
  'socketMode',
  'socketGroup',
  'recentVerdicts',
  'recentVerdictsBytes',
] as const;

export class Service {
  readonly listeners: OpenListener[] = [];
  readonly #config: string;
  readonly #log: Log;
  readonly #judge: VerdictService;
  readonly #maps: Maps;
  readonly #recent: RecentVerdicts;
  readonly #drivers = new Map<string, AnyDriver>();
  /** What connections of the MTA's protocols share. */
  readonly #room: Room;
  readonly #surroundings: SystemWatch;
  readonly #startedAt = new Date();
  #loaded: Good;
  #loadedAt = new Date();
  #lastReload = '';
  #reloading: Promise<object> | null = null;
  readonly #sweep: NodeJS.Timeout;
  readonly #clock: () => Date;
  readonly #days: DayWatch;
  readonly #discovery: DiscoveryService;
  readonly #watch: LoopWatch;
  readonly #postfix: PostfixWatch;

  /** Reads the configuration and opens every listener. `clock`: what day it is; `open`: finder of published policies. Rejects with ConfigRejected or ListenError. */
  static async start(
    config: string,
    log: Log,
    env: NodeJS.ProcessEnv,
    loading: Promise<Loaded> = loadInWorker(config),
    clock: () => Date = () => new Date(),
    open?: OpenDiscovery,
  ): Promise<Service> {
    const begun = performance.now();
    // in a worker as every reload: what reading leaves behind goes with it, and a table of a million rows rests small
    const [loaded, shared] = await Promise.all([loading, canShareReads()]);
    if (!loaded.ok) throw new ConfigRejected(loaded.problems);
    const marks = await readMarkKeys(loaded.service, 'start');
    const discovery = await DiscoveryService.open(loaded.service, log, open);
    const ms = performance.now() - begun;
    const service = new Service(config, log, loaded, marks.keys, shared, ms, clock, discovery);
    for (const notice of marks.notices) log.configNotice(notice);
    try {
      await service.#listen(env);
    } catch (error) {
      await service.stop(0);
      throw error;
    }
    return service;
  }

  private constructor(
    config: string,
    log: Log,
    loaded: Good,
    keys: readonly MarkKey[],
    shared: boolean,
    ms: number,
    clock: () => Date,
    discovery: DiscoveryService,
  ) {
    const { service } = loaded;
    this.#discovery = discovery;
    this.#config = config;
    this.#log = log;
    const watch = new LoopWatch((ms, served, leftOut) => log.loopDelay(ms, served, leftOut));
    this.#watch = watch;
    this.#loaded = loaded;
    this.#recent = new RecentVerdicts(service.recentVerdicts, service.recentVerdictsBytes);
    const table = new PolicyTable(loaded.packed, 1, loaded.hash);
    const known = new FailedNextHops();
    const judge = new VerdictService(
      activeOf(service, table, keys, loaded.rules),
      createCodes(Math.random()),
      log,
      this.#recent,
      new Routing(known),
    );
    this.#judge = judge;
    const maps = new Maps(() => judge.active, log, known, discovery);
    this.#maps = maps;
    const limits = limitsOf(service);
    const room = new Room(service.maxMemoryBytes);
    this.#room = room;
    this.#surroundings = new SystemWatch(room, log);
    this.#surroundings.fit(service.maxConnections);
    const policy = policyProtocol({
      requestBytes: service.maxRequestBytes,
      attributes: service.maxAttributes,
    });
    const milter = milterProtocol({
      maxPacketBytes: service.maxPacketBytes,
      maxRecipients: service.maxRecipients,
    });
    this.#drivers.set(
      'policy',
      new Driver(policy, (query, peer) => judge.policy(query, peer), limits, log, shared, watch, room),
    );
    this.#drivers.set(
      'milter',
      new Driver(
        milter,
        (query, peer) => {
          if (query.kind === 'events') return judge.events(query, peer);
          return query.kind === 'judge' ? judge.recipient(query, peer) : judge.message(query, peer);
        },
        limits,
        log,
        shared,
        watch,
        room,
      ),
    );
    this.#drivers.set(
      'socketmap',
      new Driver(
        socketmapProtocol,
        (request, peer) => maps.answer(request, peer),
        limits,
        log,
        shared,
        watch,
        room,
      ),
    );
    this.#drivers.set(
      'control',
      new Driver(
        controlProtocol,
        (request) => this.#control(request),
        controlLimits(limits),
        log,
        false,
        watch,
      ),
    );
    log.setLevel(service.logLevel);
    this.#announce(loaded, table, ms);
    this.#clock = clock;
    this.#days = new DayWatch(clock, log);
    this.#postfix = new PostfixWatch(loaded, log);
    judge.sawMta = (mta) => this.#postfix.saw(mta);
    this.#sweep = setInterval(() => {
      judge.sweep();
      this.#postfix.sweep(Date.now());
      this.checkDay();
    }, 30_000);
    this.#sweep.unref();
  }

  async #listen(env: NodeJS.ProcessEnv): Promise<void> {
    const { service } = this.#loaded;
    const inherited = inheritedSockets(env, process.pid);
    const wanted: [string, readonly ListenAddress[]][] = [
      ['policy', service.policyListen],
      ['milter', service.milterListen],
      ['socketmap', service.socketmapListen],
      ['control', service.controlListen],
    ];
    for (const [name, addresses] of wanted) {
      const driver = this.#drivers.get(name);
      if (driver === undefined) continue;
      const handedOver = inherited.get(name) ?? [];
      for (const fd of handedOver) {
        const server = driver.server();
        await listenOnInherited(server, fd);
        const bound = server.address();
        const file = typeof bound === 'string' && bound.startsWith('/') ? bound : null;
        await this.#opened(name, server, `inherited descriptor ${fd}`, file, null);
      }
      if (handedOver.length > 0) continue;
      for (const address of addresses) {
        const server = driver.server();
        const control = name === 'control';
        const unix: UnixOptions = {
          mode: control ? 0o600 : service.socketMode,
          group: control ? null : service.socketGroup,
        };
        await listenOn(server, address, unix);
        const file = address.kind === 'unix' ? address.path : null;
        await this.#opened(name, server, formatListen(address), file, { make: () => driver.server(), unix });
      }
    }
  }

  /** `file`: the path of a unix socket; `again`: how it is made, null when systemd made it. */
  async #opened(
    name: string,
    server: Server,
    address: string,
    file: string | null,
    again: { readonly make: () => Server; readonly unix: UnixOptions } | null,
  ): Promise<void> {
    const watched = (one: Server): Server =>
      one.on('error', (error) => this.#log.bug(`${name} listener`, error));
    watched(server);
    const bound = server.address();
    const real =
      typeof bound === 'object' && bound !== null && address.startsWith('inet:')
        ? address.replace(/[0-9]+$/, String(bound.port))
        : address;
    let socket: SocketFile | null = null;
    if (file !== null) {
      const make = again === null ? null : () => watched(again.make());
      const unix = again?.unix ?? { mode: 0, group: null };
      socket = new SocketFile({ name, path: file, make, unix, log: this.#log }, server);
      await socket.learn();
      this.#surroundings.sockets.push(socket);
    }
    this.listeners.push({ name, address: real, socket });
    this.#log.listenerOpen(name, real);
  }

  #announce(loaded: Good, table: PolicyTable, ms: number): void {
    this.#log.configLoaded({
      config: this.#config,
      generation: table.generation,
      hash: table.hash,
      rows: table.rows,
      ms: Math.round(ms),
    });
    for (const notice of loaded.notices) this.#log.configNotice(formatNotice(notice));
    this.#discovery.announce(table);
  }

  /** Reads the configuration again in a worker and swaps it in; with mistakes the old one stays. One at a time. */
  async reload(): Promise<object> {
    while (this.#reloading !== null) await this.#reloading;
    this.#reloading = this.#reload();
    try {
      return await this.#reloading;
    } finally {
      this.#reloading = null;
    }
  }

  async #reload(): Promise<object> {
    const begun = performance.now();
    const old = this.#loaded;
    const { loaded: pending, difference } = startReload(
      this.#config,
      old.packed,
      dayOf(this.#clock()),
      old.rules,
    );
    const loaded = await pending;
    if (!loaded.ok) {
      return this.#refused(loaded.problems.map(formatProblem));
    }
    const { service } = loaded;
    let marks: UsableKeys;
    try {
      marks = await readMarkKeys(service, 'reload');
    } catch (error) {
      if (!(error instanceof KeyFileError)) throw error;
      return this.#refused([error.message]);
    }
    const table = new PolicyTable(loaded.packed, this.#judge.active.table.generation + 1, loaded.hash);
    await this.#discovery.reload(service);
    this.#judge.active = activeOf(service, table, marks.keys, loaded.rules);
    const limits = limitsOf(service);
    for (const [name, driver] of this.#drivers)
      driver.limits = name === 'control' ? controlLimits(limits) : limits;
    this.#room.limitBytes = service.maxMemoryBytes;
    this.#surroundings.fit(service.maxConnections);
    this.#log.setLevel(service.logLevel);
    this.#loaded = loaded;
    this.#loadedAt = new Date();
    this.#lastReload = '';
    this.#announce(loaded, table, performance.now() - begun);
    this.#postfix.reload(loaded);
    for (const notice of marks.notices) this.#log.configNotice(notice);
    const restartNeeded = SOCKET_KEYS.filter(
      (key) => JSON.stringify(service[key]) !== JSON.stringify(old.service[key]),
    );
    if (restartNeeded.length > 0) this.#log.listenersUnchanged(restartNeeded);
    const changes: Difference = await difference;
    releaseMemory(() => this.#messages());
    this.#log.configChanged(changes.added, changes.removed, changes.changed, changes.lines);
    const notices = [...loaded.notices.map(formatNotice), ...marks.notices];
    return {
      ok: true,
      generation: table.generation,
      rows: table.rows,
      hash: table.hash,
      changes,
      notices,
      restartNeeded,
    };
  }

  #refused(problems: readonly string[]): object {
    this.#lastReload = `refused ${new Date().toISOString()}: ${problems.length} mistake${problems.length === 1 ? '' : 's'}, first: ${problems[0] ?? ''}`;
    this.#log.configRejected(this.#config, problems);
    // `check` prints all of them
    return { ok: false, problems: problems.slice(0, MAX_PROBLEMS), count: problems.length };
  }

  async #status(): Promise<object> {
    return statusReport({
      config: this.#config,
      startedAt: this.#startedAt,
      loadedAt: this.#loadedAt,
      lastReload: this.#lastReload,
      dated: this.#loaded.dated,
      today: dayOf(this.#clock()),
      table: this.#judge.active.table,
      listeners: this.listeners,
      drivers: this.#drivers,
      verdicts: this.#judge.counters,
      verdictsByTls: this.#judge.byTls.counters,
      loopDelay: this.#watch.report(),
      maps: this.#maps.counters,
      published: this.#discovery.status(),
      routes: this.#judge.routing.counters,
      postfix: this.#postfix.status(),
      memory: [
        this.#room.memory,
        ...this.#judge.memory,
        ...this.#discovery.memory,
        ...this.#log.output.memory,
      ],
      openFiles: {
        limit: openFileLimit(),
        used: await openFileCount(),
        connections: Math.min(this.#room.mostByFiles, this.#loaded.service.maxConnections),
        maxConnections: this.#loaded.service.maxConnections,
      },
      log: { dropped: this.#log.output.dropped, failure: this.#log.output.failure },
    });
  }

  /** Warns of overdue rows if a day has begun since the last call; called by a timer. */
  checkDay(): void {
    this.#days.check(this.#loaded.dated);
  }

  #control({ command, argument }: ControlRequest): object | Promise<object> {
    switch (command) {
      case 'status':
        return this.#status();
      case 'reload':
        return this.reload();
      case 'lookup': {
        const verdict = this.#recent.find(argument);
        return verdict === undefined ? { ok: false } : { ok: true, verdict };
      }
      case 'published':
        return this.#discovery.control('show', argument);
      case 'published-refresh':
        return this.#discovery.control('refresh', argument);
      case 'published-forget':
        return this.#discovery.control('forget', argument);
      default:
        return { ok: false, error: `no control command "${command}"` };
    }
  }

  /** Stops accepting, lets transactions in flight end, closes; resolves to the number of connections cut off. */
  async stop(limitSeconds = this.#loaded.service.shutdownTimeoutMs / 1000): Promise<number> {
    clearInterval(this.#sweep);
    this.#watch.stop();
    this.#surroundings.close();
    const cutOff = await Promise.all([...this.#drivers.values()].map((driver) => driver.drain(limitSeconds)));
    await this.#discovery.close();
    return cutOff.reduce((sum, count) => sum + count, 0);
  }

  #messages(): number {
    let sum = 0;
    for (const driver of this.#drivers.values()) sum += driver.counters.messages;
    return sum;
  }

  /** Connections open now, all protocols. */
  get open(): number {
    let sum = 0;
    for (const driver of this.#drivers.values()) sum += driver.open;
    return sum;
  }
}

function controlLimits(limits: DriverLimits): DriverLimits {
  return { ...limits, maxConnections: MAX_CONTROL };
}

function limitsOf(service: ServiceSettings): DriverLimits {
  return {
    maxConnections: service.maxConnections,
    maxConnectionsPerClient: service.maxConnectionsPerClient,
    idleTimeoutSeconds: service.idleTimeoutMs / 1000,
    requestTimeoutSeconds: service.requestTimeoutMs / 1000,
  };
}
