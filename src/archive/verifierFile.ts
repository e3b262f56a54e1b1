/**
 * Files with verifier keys: `evidence.pub` of a stream, or the copy that an auditor kept. One key a line
 * (c2sp.org/signed-note); blank lines and lines that begin with `#` are ignored.
 */
import { type NoteVerifier, parseVerifier } from '../evidence/note.ts';
import { readGuardedSync } from '../files/guardedReader.ts';
import { fileError } from '../files/systemError.ts';

const MAX_BYTES = 65536;

/** The keys of a file, at least one; or what is wrong with it, in words that name the file. */
export function readVerifiers(file: string): readonly NoteVerifier[] | string {
  let text: string;
  try {
    const found = readGuardedSync(file, { maxBytes: MAX_BYTES, followLinks: true, refuse: () => null });
    if (found.kind !== 'read')
      return `${file}: is ${found.kind === 'too-large' ? 'too large' : 'not a file'}`;
    text = found.bytes.toString();
  } catch (error) {
    return `${file}: cannot be read (${fileError(error)})`;
  }
  const keys: NoteVerifier[] = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const key = parseVerifier(line);
    if (key === null) return `${file}:${i + 1}: not a key: expected NAME+HASH+BASE64, as in evidence.pub`;
    keys.push(key);
  }
  return keys.length === 0 ? `${file}: holds no key` : keys;
}
