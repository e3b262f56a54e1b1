/**
 * The list of the protocols that the daemon serves. A new protocol is one more entry.
 *
 * The name of an entry is the name of its listeners in the log and in `status`, and of the descriptors that
 * systemd passes (sd_listen_fds_with_names(3)).
 */
import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import type { Log } from '../log/log.ts';
import type { Handler, Peer } from '../net/connection.ts';
import type { ConnectionBudget } from '../net/connectionBudget.ts';
import { Driver, type DriverLimits } from '../net/driver.ts';
import type { UnixOptions } from '../net/listen.ts';
import type { LoopWatch } from '../net/loopWatch.ts';
import { controlProtocol } from '../session/control.ts';
import { milterProtocol } from '../session/milter.ts';
import { policyProtocol } from '../session/policy.ts';
import type { Protocol } from '../session/protocol.ts';
import { handlerOf } from '../session/queries.ts';
import { socketmapProtocol } from '../session/socketmap.ts';
import type { ControlRequest } from '../wire/controlLines.ts';
import type { Maps } from './mapService.ts';
import type { VerdictService } from './verdictService.ts';

type AnyDriver = Pick<
  Driver<unknown, unknown, unknown, unknown, unknown>,
  'server' | 'drain' | 'open' | 'counters'
>;

/** Something that has listeners: a protocol with its driver, or the live page. */
export interface Served {
  readonly name: string;
  readonly listen: Interface['listen'];
  /** Does mail need it? Else the daemon serves without it. */
  readonly needed: boolean;
  readonly driver: AnyDriver;
  /** Applies the limits of these settings. */
  reload(service: ServiceSettings): void;
  /** How its unix sockets are created. */
  unixOptions(service: ServiceSettings): UnixOptions;
}

interface Interface {
  readonly name: string;
  /** The setting that says where it listens. */
  readonly listen: 'policyListen' | 'milterListen' | 'socketmapListen' | 'controlListen' | 'httpListen';
  /**
   * Permission bits of its unix sockets, owned by the process's own group; null: `socket-mode` and
   * `socket-group`.
   */
  readonly socketMode: number | null;
  /** A separate limit, which others cannot use up; null: its connections count towards `max-connections`. */
  readonly maxConnections: number | null;
}

interface Entry<State, In, Out, Query, Answer> extends Interface {
  readonly protocol: Protocol<State, In, Out, Query, Answer>;
  readonly handler: Handler<Query, Answer>;
  /** Called when a connection is closed. */
  readonly closed?: (peer: Peer) => void;
}

/** The services that answer the questions of the sessions. */
interface Services {
  readonly verdicts: VerdictService;
  readonly maps: Maps;
  readonly control: (request: ControlRequest) => object | Promise<object>;
}

/** Shared by the drivers of the MTAs' protocols. */
interface Shared {
  readonly log: Log;
  readonly watch: LoopWatch;
  readonly budget: ConnectionBudget;
  /** Can connections be DirectSockets (directSocket.ts)? */
  readonly direct: boolean;
}

/**
 * Limit for the control socket. It is separate, so that `status` answers even when there are too many other
 * connections.
 */
const MAX_CONTROL = 64;

/** One protocol with the driver that serves it. */
class ServedProtocol implements Served {
  readonly name: string;
  readonly listen: Interface['listen'];
  readonly needed = true;
  readonly driver: AnyDriver & Pick<Driver<unknown, unknown, unknown, unknown, unknown>, 'limits'>;
  readonly #socketMode: number | null;
  readonly #maxConnections: number | null;

  private constructor(entry: Interface, driver: ServedProtocol['driver']) {
    this.name = entry.name;
    this.listen = entry.listen;
    this.driver = driver;
    this.#socketMode = entry.socketMode;
    this.#maxConnections = entry.maxConnections;
  }

  static of<State, In, Out, Query, Answer>(
    entry: Entry<State, In, Out, Query, Answer>,
    service: ServiceSettings,
    { log, watch, budget, direct }: Shared,
  ): ServedProtocol {
    const { protocol, handler, maxConnections, closed } = entry;
    const limits = limitsOf(service, maxConnections);
    const shared = maxConnections === null ? { direct, budget } : {};
    const driver = new Driver({ protocol, handler, limits, log, watch, closed, ...shared });
    return new ServedProtocol(entry, driver);
  }

  reload(service: ServiceSettings): void {
    this.driver.limits = limitsOf(service, this.#maxConnections);
  }

  unixOptions({ socketMode, socketGroup }: ServiceSettings): UnixOptions {
    return this.#socketMode === null
      ? { mode: socketMode, group: socketGroup }
      : { mode: this.#socketMode, group: null };
  }
}

/** The list; descriptors from systemd are assigned, and listeners opened, in its order. */
export function servedProtocols(
  service: ServiceSettings,
  { verdicts, maps, control }: Services,
  shared: Shared,
): readonly Served[] {
  const serve = <State, In, Out, Query, Answer>(entry: Entry<State, In, Out, Query, Answer>) =>
    ServedProtocol.of(entry, service, shared);
  const { maxPacketBytes, maxRecipients, maxRequestBytes, maxAttributes } = service;
  const mta = { socketMode: null, maxConnections: null };
  return [
    serve({
      name: 'policy',
      listen: 'policyListen',
      ...mta,
      protocol: policyProtocol({ requestBytes: maxRequestBytes, attributes: maxAttributes }),
      handler: handlerOf(verdicts.policy),
      closed: (peer) => verdicts.policyClosed(peer),
    }),
    serve({
      name: 'milter',
      listen: 'milterListen',
      ...mta,
      protocol: milterProtocol({ maxPacketBytes, maxRecipients }),
      handler: handlerOf(verdicts.milter),
    }),
    serve({
      name: 'socketmap',
      listen: 'socketmapListen',
      ...mta,
      protocol: socketmapProtocol,
      handler: (request, peer) => maps.answer(request, peer),
    }),
    serve({
      name: 'control',
      listen: 'controlListen',
      socketMode: 0o600,
      maxConnections: MAX_CONTROL,
      protocol: controlProtocol,
      handler: control,
    }),
  ];
}

function limitsOf(service: ServiceSettings, maxConnections: number | null): DriverLimits {
  return {
    maxConnections: maxConnections ?? service.maxConnections,
    maxConnectionsPerClient: service.maxConnectionsPerClient,
    idleTimeoutSeconds: service.idleTimeoutMs / 1000,
    requestTimeoutSeconds: service.requestTimeoutMs / 1000,
  };
}
