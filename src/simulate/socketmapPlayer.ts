/**
 * Plays an MTA against a socketmap: keys of one map, one after the other on one connection. For `tlsward
 * simulate socketmap`.
 * Source: Postfix socketmap_table(5).
 */
import type { ListenAddress } from '../config/keys/listenAddress.ts';
import { encodeSocketmapRequest, SocketmapReplyDecoder } from '../wire/socketmapClient.ts';
import type { SocketmapReply } from '../wire/socketmapEncode.ts';
import { WireError } from '../wire/wireError.ts';
import { connectTo, PlayError } from './daemonSocket.ts';

/** Replies in the order of the keys; rejects with PlayError when one does not come within ten seconds. */
export function askSocketmap(
  address: ListenAddress,
  map: string,
  keys: readonly string[],
): Promise<readonly SocketmapReply[]> {
  return new Promise((resolve, reject) => {
    const replies: SocketmapReply[] = [];
    const decoder = new SocketmapReplyDecoder();
    const socket = connectTo(address);
    const fail = (message: string): void => {
      socket.destroy();
      reject(new PlayError(message));
    };
    socket.setTimeout(10_000, () => fail('no answer within 10 s'));
    socket.on('error', (error) => fail(`cannot reach the socketmap: ${error.message}`));
    const ask = (): void => {
      const key = keys[replies.length];
      if (key !== undefined) {
        socket.write(encodeSocketmapRequest(map, key));
        return;
      }
      resolve(replies);
      socket.end();
    };
    socket.on('connect', ask);
    socket.on('data', (chunk) => {
      try {
        decoder.push(chunk);
        for (let reply = decoder.next(); reply !== null; reply = decoder.next()) {
          replies.push(reply);
          ask();
        }
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        fail(`not a socketmap: ${error.message}, found ${error.got}`);
      }
    });
    socket.on('close', () => fail('the socketmap closed without an answer'));
  });
}
