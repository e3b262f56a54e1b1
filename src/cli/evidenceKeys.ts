/**
 * The streams that the words of `tlsward evidence` are about, and the key that each is checked with: the one that the
 * user names with `--key`, or the one beside the lines, which whoever could change the lines could change too.
 */
import { join } from 'node:path';
import { PUBLIC_KEY_FILE, streamsOf } from '../archive/layout.ts';
import { readVerifiers } from '../archive/verifierFile.ts';
import { escapeText } from '../core/escape.ts';
import { formatVerifier, type NoteVerifier } from '../evidence/note.ts';
import { fileError } from '../files/systemError.ts';
import { UsageError } from './command.ts';

export interface KeyedStream {
  readonly name: string;
  readonly folder: string;
  /** A text: why there is none. */
  readonly verifier: NoteVerifier | string;
  readonly keyFrom: 'option' | 'stream';
}

/** The keys of all files that `--key` names; null without the option. Throws UsageError. */
export function keysOf(files: readonly string[] | undefined): readonly NoteVerifier[] | null {
  if (files === undefined) return null;
  return files.flatMap((file) => {
    const keys = readVerifiers(file);
    if (typeof keys === 'string') throw new UsageError(`--key ${escapeText(keys, 500)}`);
    return keys;
  });
}

/** Throws UsageError for a directory that cannot be read or has no stream. */
export function keyedStreams(
  directories: readonly string[],
  keys: readonly NoteVerifier[] | null,
): KeyedStream[] {
  return directories.flatMap((directory) => {
    let streams: ReturnType<typeof streamsOf>;
    try {
      streams = streamsOf(directory);
    } catch (error) {
      throw new UsageError(`${escapeText(directory, 300)}: cannot be read (${fileError(error)})`);
    }
    if (streams.length === 0)
      throw new UsageError(`${escapeText(directory, 300)}: has no stream, neither daemon nor collector`);
    return streams.map(({ name, folder }): KeyedStream => {
      const own = readVerifiers(join(folder, PUBLIC_KEY_FILE));
      if (keys === null)
        return {
          name,
          folder,
          verifier: typeof own === 'string' ? escapeText(own, 500) : own[0]!,
          keyFrom: 'stream',
        };
      // which of the named keys it is says the stream; that it signed is still to be seen
      const mine = keys.filter((key) => key.name.endsWith(`/${name}`));
      const verifier = mine.find((key) => typeof own !== 'string' && key.name === own[0]!.name) ?? mine[0];
      const missing = `--key names no key for this stream: none has a name that ends in /${name}`;
      return { name, folder, verifier: verifier ?? missing, keyFrom: 'option' };
    });
  });
}

/** `tlsward/mx.example.org/daemon+0a1b2c3d`: which key it is, as people compare it. */
export function keyText(verifier: NoteVerifier): string {
  return formatVerifier(verifier).split('+', 2).join('+');
}

/** How strong the proof is that this key gives. */
export function keyWords({ keyFrom, folder }: Pick<KeyedStream, 'keyFrom' | 'folder'>): string {
  return keyFrom === 'option'
    ? 'the one that --key names'
    : `the one beside the lines, ${escapeText(join(folder, PUBLIC_KEY_FILE), 300)}`;
}
