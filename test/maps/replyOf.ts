/** The reply of a map's answer; throws where something must be looked up first. */
import type { MapAnswer } from '../../src/maps/mapAnswer.ts';
import type { SocketmapReply } from '../../src/wire/socketmapEncode.ts';

export function replyOf(answer: MapAnswer): SocketmapReply {
  if (answer.kind === 'needs') throw new Error(`needs ${JSON.stringify(answer.question)}`);
  return answer.reply;
}
