/**
 * The messages of a FILE as a person names it: one message, an mbox, a folder of messages, a Maildir, or `-`
 * for standard input. One after another, headers only; a message of any size takes no more memory than its
 * header. To read bodies, the caller supplies a reader for each.
 *
 * A folder with `cur` or `new` in it is a Maildir: the files of both, by name. Any other folder: its regular
 * files whose names do not begin with a dot, numeric names in numeric order (MH). Links and subfolders are
 * skipped. A file that has no header is a message without fields. An mbox inside a folder counts as well.
 * File system errors are passed on unchanged (ENOENT, EACCES, ...).
 */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type BodyReader, MessageSplitter, type SplitMessage } from './messageSplitter.ts';

export interface SavedMessage extends SplitMessage {
  /** `saved.eml`, and `box:3` for the third message of an mbox; not escaped. */
  readonly label: string;
  readonly file: string;
}

const CHUNK_BYTES = 65_536;

/** The files that `path` stands for, in order. */
export async function filesOf(path: string): Promise<string[]> {
  if (path === '-' || !(await stat(path)).isDirectory()) return [path];
  const entries = await readdir(path, { withFileTypes: true });
  const parts = ['new', 'cur'].filter((name) =>
    entries.some((entry) => entry.name === name && entry.isDirectory()),
  );
  const folders = parts.length > 0 ? parts.map((name) => join(path, name)) : [path];
  const files: string[] = [];
  for (const folder of folders) {
    const inside = await readdir(folder, { withFileTypes: true });
    const names = inside
      .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
      .map((entry) => entry.name);
    names.sort(byNumberThenName);
    files.push(...names.map((name) => join(folder, name)));
  }
  return files;
}

function byNumberThenName(a: string, b: string): number {
  const numbers = /^[0-9]{1,15}$/.test(a) && /^[0-9]{1,15}$/.test(b) ? Number(a) - Number(b) : 0;
  if (numbers !== 0) return numbers;
  return a < b ? -1 : Number(a > b);
}

type NewReader = (() => BodyReader) | null;

async function* messagesOf(file: string, newReader: NewReader): AsyncGenerator<SavedMessage> {
  const splitter = new MessageSplitter(newReader);
  const name = file === '-' ? 'standard input' : file;
  const labelled = (message: SplitMessage): SavedMessage => ({
    ...message,
    file,
    label: message.fromLine === null ? name : `${name}:${message.number}`,
  });
  const stream = createReadStream(file === '-' ? '' : file, {
    highWaterMark: CHUNK_BYTES,
    ...(file === '-' ? { fd: 0, autoClose: false } : {}),
  });
  for await (const chunk of stream) {
    for (const message of splitter.push(chunk as Buffer)) yield labelled(message);
    // leaving the loop closes the stream, so the rest of the body is not read
    if (splitter.done) return;
  }
  for (const message of splitter.end()) yield labelled(message);
}

/** See the file comment. An empty folder or file gives nothing. */
export async function* readMessages(path: string, newReader: NewReader = null): AsyncGenerator<SavedMessage> {
  for (const file of await filesOf(path)) yield* messagesOf(file, newReader);
}
