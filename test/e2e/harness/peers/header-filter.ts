/**
 * A milter that adds one header field to every message and lets everything pass: the filter of somebody else, which must
 * still see all mail when ours is beside it. Source: libmilter mfdef.h; the bytes are those of src/wire.
 */
import { MilterDecoder } from '../../../../src/wire/milterDecode.ts';
import { addHeader, CONTINUE, encodeReply, type MilterReply } from '../../../../src/wire/milterEncode.ts';
import { SMFIF } from '../../../../src/wire/milterNames.ts';
import { PeerServer } from './peer-server.ts';

const VERSION = 6;

export class HeaderFilter {
  readonly #server: PeerServer;

  private constructor(name: string, value: string) {
    this.#server = new PeerServer((socket) => {
      const decoder = new MilterDecoder();
      const say = (reply: MilterReply): void => void socket.write(encodeReply(reply));
      socket.on('data', (chunk: Buffer) => {
        decoder.push(chunk);
        for (let command = decoder.next(); command !== null; command = decoder.next()) {
          switch (command.kind) {
            case 'OPTNEG':
              say({
                kind: 'OPTNEG',
                version: VERSION,
                actions: SMFIF.ADDHDRS,
                protocol: 0,
                macroLists: [],
              });
              break;
            case 'MACRO':
            case 'ABORT':
            case 'QUIT_NC':
              break;
            case 'QUIT':
              socket.end();
              break;
            case 'BODYEOB':
              say(addHeader(name, value));
              say({ kind: 'ACCEPT' });
              break;
            default:
              say(CONTINUE);
          }
        }
      });
    });
  }

  /** Listens on this port of 127.0.0.1; 0: any that is free. */
  static async start(name: string, value: string, port = 0): Promise<HeaderFilter> {
    const filter = new HeaderFilter(name, value);
    await filter.#server.listen({ port, host: '127.0.0.1' });
    return filter;
  }

  stop(): Promise<void> {
    return this.#server.close();
  }
}
