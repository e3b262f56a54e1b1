/**
 * Which parts of a message a person reads as its text, and which messages must not be edited at all.
 *
 * What must not be edited, anywhere in the message (attached messages are not entered): multipart/signed and
 * multipart/encrypted (RFC 1847), S/MIME (RFC 8551), loose PGP or S/MIME signatures, message/partial (RFC
 * 2046 section 5.2.2), multipart/report (RFC 6522). A footer beside a signed part would do no harm to the
 * signature, but a reader shows "signed" for the whole.
 *
 * What is read (`readableParts`), by container:
 * - alternative: every rendering in it that we know, as each reader picks another;
 * - related: its root, by `start` or else the first (RFC 2387);
 * - mixed and any unknown multipart (RFC 2046 section 5.1.7): the first child that is text; pictures and
 *   files before it are skipped. An attached message or another kind of text (calendar, enriched) that comes
 *   first is what is read first, so then there is no place for a banner.
 * A text with disposition `attachment` (or any but `inline`) or with a file name in the disposition is a
 * file. A name in the Content-Type alone, which RFC 2183 has superseded and some mailers write on every part,
 * counts only where a reader can list the part beside others. It does not count where every reader shows the
 * part as the text: the message itself, a rendering in an alternative, the root of a related.
 */
import type { Entity } from './mime.ts';
import type { SkipReason } from './skipReasons.ts';

const UNTOUCHABLE: Readonly<Record<string, SkipReason>> = {
  'multipart/signed': 'signed',
  'application/pgp-signature': 'signed',
  'application/pkcs7-signature': 'signed',
  'application/x-pkcs7-signature': 'signed',
  'multipart/encrypted': 'encrypted',
  'application/pgp-encrypted': 'encrypted',
  'application/pgp': 'encrypted',
  'application/pkcs7-mime': 'smime',
  'application/x-pkcs7-mime': 'smime',
  'message/partial': 'partial',
  'multipart/report': 'report',
};

function fileName(entity: Entity): string | undefined {
  return entity.disposition?.params.get('filename') ?? entity.type.params.get('name');
}

/**
 * The reason why an entity of this type (and file name, if any) forbids any edit of the message around it.
 */
function untouchable(entity: Entity): SkipReason | null {
  const reason = Object.hasOwn(UNTOUCHABLE, entity.type.value) ? UNTOUCHABLE[entity.type.value] : undefined;
  if (reason !== undefined) return reason;
  const name = fileName(entity)?.toLowerCase() ?? '';
  if (name.endsWith('.p7m')) return 'smime';
  return name.endsWith('.p7s') ? 'signed' : null;
}

/** The first part, in order, that forbids any edit. */
export function findUntouchable(
  entity: Entity,
): { readonly reason: SkipReason; readonly path: string } | null {
  const reason = untouchable(entity);
  if (reason !== null) return { reason, path: entity.path };
  for (const child of entity.children) {
    const found = findUntouchable(child);
    if (found !== null) return found;
  }
  return null;
}

function isFile(entity: Entity, listed: boolean): boolean {
  const { disposition, type } = entity;
  if (disposition !== null && (disposition.value !== 'inline' || disposition.params.has('filename')))
    return true;
  return listed && type.params.has('name');
}

/**
 * The text/plain and text/html parts that are read as the message, in order; none when there is no such text.
 */
export function readableParts(entity: Entity): readonly Entity[] {
  return partsRead(entity, false);
}

/** `listed`: it stands in a multipart whose parts a reader can list. */
function partsRead(entity: Entity, listed: boolean): readonly Entity[] {
  const type = entity.type.value;
  if (isFile(entity, listed)) return [];
  if (type === 'text/plain' || type === 'text/html') return [entity];
  if (!type.startsWith('multipart/')) return [];
  if (type === 'multipart/alternative') return entity.children.flatMap((child) => partsRead(child, false));
  if (type === 'multipart/related') {
    const start = entity.type.params.get('start')?.replace(/^<|>$/g, '');
    const root = start === undefined ? undefined : entity.children.find((child) => child.contentId === start);
    const first = root ?? entity.children[0];
    return first === undefined ? [] : partsRead(first, false);
  }
  if (type === 'multipart/digest' || type === 'multipart/appledouble') return [];
  for (const child of entity.children) {
    const parts = partsRead(child, true);
    if (parts.length > 0) return parts;
    if (!isFile(child, true) && /^(?:text|message)\//.test(child.type.value)) return [];
  }
  return [];
}
