/**
 * The handler behind socketmap: a request to its reply, with the counters and the log line.
 *
 * A status that smtp(8) asks about names a server, not the domain that led there. But one smtp(8) process has one connection
 * for all maps of one socket, makes one delivery at a time and asks for its TLS policy first, so the next hop asked for last
 * on a connection is that of the status (Postfix `src/util/dict_sockmap.c`; seen with 3.7).
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
  /** What each connection asked the policy of marked mail for last. */
  readonly #hops = new WeakMap<Peer, string>();

  /** `active`: what is in force now; each answer is by one table. `known` learns of deliveries that failed. */
  constructor(active: () => Active, log: Log, known: KnownResults) {
    this.#active = active;
    this.#log = log;
    this.#known = known;
  }

  answer({ map, key }: SocketmapRequest, peer: Peer): SocketmapReply {
    const { table, postfixVersion, ways } = this.#active();
    if ((map === 'deliver-encrypt' || map === 'deliver-verify') && !key.startsWith('.'))
      this.#hops.set(peer, key);
    const { reply, decision } = isRouteMap(map)
      ? this.#routed(map, key, ways, peer)
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

  #routed(map: RouteMap, key: string, ways: Ways, peer: Peer): MapAnswer {
    const { reply, failure } = answerRouteMap(map, key, ways);
    const nextHop = this.#hops.get(peer) ?? failure?.host ?? null;
    if (failure !== null && nextHop !== null) this.#known.remember(nextHop, failure, Date.now());
    return { reply, decision: null };
  }
}
