/**
 * Removes header fields by name: every copy of our mark, banner or result header that came from outside.
 *
 * Copies are counted over all fields of the message as received, per name, ignoring case and white space (or
 * a fold) before the colon, and deleted from the highest index down. That is right in Postfix, which
 * renumbers at once, and in Sendmail, which does not; deleting upwards leaves some behind (CVE-2022-48521).
 * Both MTAs compare names without case and without trailing white space (Postfix is_header.c,
 * cleanup_milter.c; Sendmail headers.c), so the edit can carry the name as we write it.
 */
import type { Edit, HeaderField } from '../core/messageEdit.ts';
import { AT_ONCE, type Work } from '../core/work.ts';

/** Whether a field may stay; `index` is its number among the fields of its name, from 1. */
type KeepField = (field: HeaderField, index: number) => boolean;

/**
 * One spelling for a field name: lower case, without the white space that stood before the colon. Nothing
 * else is dropped: to the MTA a name with any other odd character is a different name, and it must not be
 * counted.
 */
export function fieldNameKey(name: string): string {
  let end = name.length;
  while (end > 0 && ' \t\r\n\v\f'.includes(name[end - 1]!)) end--;
  return name.slice(0, end).toLowerCase();
}

/**
 * The `deleteHeader` edits for all fields with one of `names`, except those that `keep` accepts, from the
 * bottom of the message up, so highest index first for every name. `headers` are in order of arrival, without
 * the MTA's own Received (as a milter sees them). Work in steps, because `keep` may verify a signature for each of
 * thousands of fields.
 */
export function* stripMarks(
  headers: readonly HeaderField[],
  names: readonly string[],
  keep?: KeepField,
): Work<Edit[]> {
  if (headers.length === 0) return [];
  const wanted = new Map(names.map((name) => [fieldNameKey(name), name]));
  const counts = new Map<string, number>();
  const edits: Edit[] = [];
  for (const [i, field] of headers.entries()) {
    if (i % AT_ONCE === AT_ONCE - 1) yield;
    const key = fieldNameKey(field.name);
    const name = wanted.get(key);
    if (name === undefined) continue;
    const index = (counts.get(key) ?? 0) + 1;
    counts.set(key, index);
    if (keep?.(field, index) !== true) edits.push({ kind: 'deleteHeader', name, index });
  }
  return edits.reverse();
}
