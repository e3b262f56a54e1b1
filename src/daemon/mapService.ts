/**
 * The handler behind socketmap: turns a request into its reply and informs the listeners (mapListeners.ts).
 *
 * A delivery status that smtp(8) asks about names a server, not the next hop that led to it. But each smtp(8)
 * process uses one connection for all maps of a socket, makes one delivery at a time, and asks for the TLS
 * policy first. So the status belongs to the last next hop asked for on the connection (Postfix
 * `src/util/dict_sockmap.c`; observed with 3.7).
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

/** A domain, or a host with a port; longer keys are not kept for each connection. */
const MAX_HOP = 512;

/** The result of a lookup, and its question: after a reload a different question may be needed. */
interface Found {
  readonly asked: PublishedQuestion;
  readonly published: Published;
}

/** Does the answer to the question `asked` contain everything that `needed` asks for? */
function covers(asked: PublishedQuestion, needed: PublishedQuestion): boolean {
  const same = asked.name === needed.name && asked.host === needed.host && asked.port === needed.port;
  return same && (asked.daneOnly !== true || needed.daneOnly === true);
}

export class Maps {
  readonly #active: () => Active;
  readonly #listeners: Pick<MapListeners, 'tell'>;
  readonly #known: FailedNextHops;
  readonly #discovery: Pick<DiscoveryService, 'find'>;
  /** The last next hop for which each connection asked the policy of routed mail. */
  readonly #hops = new WeakMap<Peer, string>();

  /**
   * `active`: what is in force now; each answer uses one table. `known` records failed deliveries;
   * `discovery` finds out what domains publish.
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

  /** The reply as formatSocketmapReply returns it; a promise only when a lookup is needed first. */
  answer(request: SocketmapRequest, peer: Peer): string | Promise<string> {
    const { map, key } = request;
    const routed = map === 'deliver-encrypt' || map === 'deliver-verify';
    if (routed && !key.startsWith('.') && key.length <= MAX_HOP) this.#hops.set(peer, key);
    if (isRouteMap(map)) return this.#say(request, this.#routed(map, key, peer), null, peer);
    return this.#answer(request, null, peer);
  }

  #answer(request: SocketmapRequest, found: Found | null, peer: Peer): string | Promise<string> {
    // decided by the table in force when the answer is given: a row that was raised during the lookup counts
    const { table, postfixVersion } = this.#active();
    const { map, key } = request;
    let answer = answerMap(map, key, table, postfixVersion);
    if (answer.kind === 'needs' && found !== null && covers(found.asked, answer.question))
      answer = answerMap(map, key, table, postfixVersion, found.published);
    if (answer.kind === 'needs') {
      const { question: asked } = answer;
      return this.#discovery
        .find(asked)
        .then((published) => this.#answer(request, { asked, published }, peer));
    }
    return this.#say(request, answer.reply, answer.decision?.row ?? null, peer);
  }

  #say({ map, key }: SocketmapRequest, reply: SocketmapReply, row: Row | null, peer: Peer): string {
    // formatted before the listeners are called: a reply that cannot be sent is a bug, and the session
    // answers TEMP
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
