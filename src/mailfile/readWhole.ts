/**
 * The messages of a FILE as a person names it (readMessages.ts), each with its body up to a limit; and files that are
 * no mail but what would be attached to it, by their first bytes.
 *
 * One message is in memory at a time. One that is larger than the limit is passed with `cut`, without the rest.
 */
import { createReadStream } from 'node:fs';
import type { HeaderField } from '../core/messageEdit.ts';
import { type BodyReader, MessageSplitter, type SplitMessage } from './messageSplitter.ts';
import { filesOf } from './readMessages.ts';

export interface Whole {
  /** `saved.eml`, and `box:3` for the third message of an mbox; not escaped. */
  readonly label: string;
  /** null: the file is no mail, and `bytes` is all of it. */
  readonly headers: readonly HeaderField[] | null;
  readonly bytes: Buffer;
  /** Something is missing: it is larger than the limit, or its header is. */
  readonly cut: boolean;
}

interface Options {
  /** Of one body, or of a file that is no mail. */
  readonly limitBytes: number;
  /** Is a file that begins so no mail? Gets 64 bytes, or all if it has fewer. */
  readonly isBare: (start: Buffer) => boolean;
}

const CHUNK_BYTES = 65_536;
const START_BYTES = 64;

/** Keeps a body up to the limit. */
class Keeper implements BodyReader {
  readonly #chunks: Buffer[] = [];
  readonly #limit: number;
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    if (this.#bytes <= this.#limit) this.#chunks.push(Buffer.from(bytes));
    else this.#chunks.length = 0;
  }

  values(): readonly string[] {
    return [];
  }

  get cut(): boolean {
    return this.#bytes > this.#limit;
  }

  get kept(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

/** File system errors are passed on unchanged (ENOENT, EACCES, ...). */
export async function* readWhole(path: string, options: Options): AsyncGenerator<Whole> {
  for (const file of await filesOf(path)) yield* wholeIn(file, options);
}

async function* wholeIn(file: string, { limitBytes, isBare }: Options): AsyncGenerator<Whole> {
  const label = file === '-' ? 'standard input' : file;
  const keepers: Keeper[] = [];
  const splitter = new MessageSplitter(() => {
    const keeper = new Keeper(limitBytes);
    keepers.push(keeper);
    return keeper;
  });
  const wholeOf = (message: SplitMessage): Whole => {
    // a header that was cut has no body that is read
    const keeper = message.cut ? undefined : keepers.shift();
    return {
      label: message.fromLine === null ? label : `${label}:${message.number}`,
      headers: message.headers,
      bytes: keeper?.kept ?? Buffer.alloc(0),
      cut: keeper?.cut ?? true,
    };
  };
  const stream = createReadStream(file === '-' ? '' : file, {
    highWaterMark: CHUNK_BYTES,
    ...(file === '-' ? { fd: 0, autoClose: false } : {}),
  });
  let start: Buffer | null = Buffer.alloc(0);
  let bare: Keeper | null = null;
  const push = function* (chunk: Buffer): Generator<Whole> {
    if (bare !== null) bare.push(chunk);
    else for (const message of splitter.push(chunk)) yield wholeOf(message);
  };
  for await (const chunk of stream) {
    let bytes = chunk as Buffer;
    if (start !== null) {
      bytes = Buffer.concat([start, bytes]);
      if (bytes.length < START_BYTES) {
        start = bytes;
        continue;
      }
      start = null;
      if (isBare(bytes.subarray(0, START_BYTES))) bare = new Keeper(limitBytes);
    }
    yield* push(bytes);
    if (bare?.cut) break;
  }
  if (start !== null) {
    if (isBare(start)) bare = new Keeper(limitBytes);
    yield* push(start);
  }
  if (bare !== null) yield { label, headers: null, bytes: bare.kept, cut: bare.cut };
  else for (const message of splitter.end()) yield wholeOf(message);
}
