/**
 * The handler behind socketmap: a request to its reply, of which the listeners are told (mapListeners.ts).
 *
 * A status that smtp(8) asks about names a server, not the domain that led there. But one smtp(8) process has one connection
 * for all maps of one socket, makes one delivery at a time and asks for its TLS policy first, so the next hop asked for last
 * on a connection is that of the status (Postfix `src/util/dict_sockmap.c`; seen with 3.7).
 */

import type { Published, PublishedQuestion } from '../core/publishedFacts.ts';
import type { Row } from '../core/table.ts';
import type { DiscoveryService } from '../discovery/discoveryService.ts';
import { answerMap } from '../maps/mapAnswer.ts';
import { answerRouteMap, isRouteMap, type RouteMap } from '../maps/transportMap.ts';
import type { Peer } from '../net/connection.ts';
import type { SocketmapRequest } from '../wire/socketmapDecode.ts';
import { formatSocketmapReply, type SocketmapReply } from '../wire/socketmapEncode.ts';
import type { Active } from './active.ts';
import type { FailedNextHops } from './failedNextHops.ts';
import type { MapListeners } from './mapListeners.ts';

/** A domain, or a host with a port; what is longer is not worth keeping for each connection. */
const MAX_HOP = 512;

/** What was found out, and for which question: a reload may have put another one. */
interface Found {
  readonly asked: PublishedQuestion;
  readonly published: Published;
}

/** Does the answer to one question hold all that the other asks for? */
function covers(asked: PublishedQuestion, needed: PublishedQuestion): boolean {
  const same = asked.name === needed.name && asked.host === needed.host && asked.port === needed.port;
  return same && (asked.daneOnly !== true || needed.daneOnly === true);
}

export class Maps {
  readonly #active: () => Active;
  readonly #listeners: Pick<MapListeners, 'tell'>;
  readonly #known: FailedNextHops;
  readonly #discovery: Pick<DiscoveryService, 'find'>;
  /** What each connection asked the policy of routed mail for last. */
  readonly #hops = new WeakMap<Peer, string>();

  /**
   * `active`: what is in force now; each answer is by one table. `known` learns of deliveries that failed; `discovery` finds
   * out what domains publish.
   */
  constructor(
    active: () => Active,
    listeners: Pick<MapListeners, 'tell'>,
    known: FailedNextHops,
    discovery: Pick<DiscoveryService, 'find'>,
  ) {
    this.#active = active;
    this.#listeners = listeners;
    this.#known = known;
    this.#discovery = discovery;
  }

  /** The reply as formatSocketmapReply gives it; a promise only where something must be found out first. */
  answer(request: SocketmapRequest, peer: Peer): string | Promise<string> {
    const { map, key } = request;
    const routed = map === 'deliver-encrypt' || map === 'deliver-verify';
    if (routed && !key.startsWith('.') && key.length <= MAX_HOP) this.#hops.set(peer, key);
    if (isRouteMap(map)) return this.#say(request, this.#routed(map, key, peer), null, peer);
    return this.#answer(request, null, peer);
  }

  #answer(request: SocketmapRequest, found: Found | null, peer: Peer): string | Promise<string> {
    // by the table that is in force when it is said: a row that was raised during a lookup counts
    const { table, postfixVersion } = this.#active();
    const { map, key } = request;
    let answer = answerMap(map, key, table, postfixVersion);
    if (answer.kind === 'needs') {
      const { question } = answer;
      const known = found !== null && covers(found.asked, question);
      if (known) answer = answerMap(map, key, table, postfixVersion, found.published);
      if (answer.kind === 'needs')
        return this.#discovery
          .find(question)
          .then((published) => this.#answer(request, { asked: question, published }, peer));
    }
    return this.#say(request, answer.reply, answer.decision?.row ?? null, peer);
  }

  #say({ map, key }: SocketmapRequest, reply: SocketmapReply, row: Row | null, peer: Peer): string {
    // formatted before the listeners are told: a reply that cannot be sent is a bug, and the session answers TEMP
    const said = formatSocketmapReply(reply);
    this.#listeners.tell({ conn: peer.conn, map, key, status: reply.status, reply: said, row });
    return said;
  }

  #routed(map: RouteMap, key: string, peer: Peer): SocketmapReply {
    const { reply, failure } = answerRouteMap(map, key, this.#active().ways);
    const nextHop = this.#hops.get(peer) ?? failure?.host ?? null;
    if (failure !== null && nextHop !== null) this.#known.remember(nextHop, failure, Date.now());
    return reply;
  }
}
