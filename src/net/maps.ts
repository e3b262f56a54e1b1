/**
 * The handler behind socketmap: a request to its reply, with the counters and the log line.
 */
import type { Log } from '../log/log.ts';
import { answerMap, type MapAnswer } from '../session/mapAnswer.ts';
import { answerRouteMap, isRouteMap, type RouteMap, type Ways } from '../session/transportMap.ts';
import type { SocketmapRequest } from '../wire/socketmapDecode.ts';
import { formatSocketmapReply, type SocketmapReply } from '../wire/socketmapEncode.ts';
import type { Peer } from './connection.ts';
import type { Active } from './judge.ts';
import type { KnownResults } from './knownResults.ts';

export interface MapCounters {
  ok: number;
  notFound: number;
  temp: number;
}

export class Maps {
  readonly counters: MapCounters = { ok: 0, notFound: 0, temp: 0 };
  readonly #active: () => Active;
  readonly #log: Log;
  readonly #known: KnownResults;

  /** `active`: what is in force now; each answer is by one table. `known` learns of deliveries that failed. */
  constructor(active: () => Active, log: Log, known: KnownResults) {
    this.#active = active;
    this.#log = log;
    this.#known = known;
  }

  answer({ map, key }: SocketmapRequest, peer: Peer): SocketmapReply {
    const { table, postfixVersion, ways } = this.#active();
    const { reply, decision } = isRouteMap(map)
      ? this.#routed(map, key, ways)
      : answerMap(map, key, table, postfixVersion);
    // formatted before it is counted: what cannot be sent is a bug, and answered TEMP by the session
    const said = formatSocketmapReply(reply);
    if (reply.status === 'OK') this.counters.ok++;
    else if (reply.status === 'NOTFOUND') this.counters.notFound++;
    else this.counters.temp++;
    this.#log.mapAnswer({
      conn: peer.conn,
      map,
      key,
      reply: said,
      row: decision?.row ?? null,
      failed: reply.status === 'TEMP' || reply.status === 'PERM',
    });
    return reply;
  }

  #routed(map: RouteMap, key: string, ways: Ways): MapAnswer {
    const { reply, failure } = answerRouteMap(map, key, ways);
    if (failure !== null) this.#known.remember(failure, Date.now());
    return { reply, decision: null };
  }
}
