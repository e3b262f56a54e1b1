/**
 * Short keys by which a tally names a message of another day: twelve characters of a SHA-256, so that a tally holds no
 * more of a message than is needed to find it again.
 */
import { createHash } from 'node:crypto';

/** `parts` hold no LF: texts of records are escaped. */
export function keyOf(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('base64url').slice(0, 12);
}
