/**
 * The MIME structure of a message: which entity is where in the body.
 *
 * RFC 2045, RFC 2046 section 5.1. The result is a tree of entities with byte ranges into the body as
 * received; nothing is decoded or copied. Only multiparts are entered: a message/rfc822 is one part, because
 * what is in it is another message. A structure that is broken or can be read in two ways is refused with its
 * reason (see boundaries.ts, partHeader.ts), and so is one nested deeper than MAX_DEPTH or with more than
 * MAX_PARTS entities.
 *
 * Entities are numbered as IMAP does (RFC 3501 section 6.4.5): "1.2" is the second part of the first part;
 * the message itself is "". A single-part message is "".
 *
 * One pass over the body, at most MAX_DEPTH comparisons for a line that starts with two hyphens.
 */
import type { HeaderField } from '../core/messageEdit.ts';
import type { Work } from '../core/work.ts';
import { BoundaryReader, type Delimiter, Unreadable } from './boundaries.ts';
import { type BodyFacts, bodyFacts, parsePartHeader } from './partHeader.ts';
import { type Skipped, skipped } from './skipReasons.ts';

/** Nesting depth of multiparts. */
const MAX_DEPTH = 16;
/** Entities in one message, multiparts included. */
const MAX_PARTS = 1000;
/** RFC 2046 allows 70; mailers write more. */
const MAX_BOUNDARY_BYTES = 250;

export interface Entity extends BodyFacts {
  readonly path: string;
  /** Offset of the first byte of its body. */
  readonly start: number;
  /** Offset behind its body; the CRLF in front of a boundary belongs to the boundary. */
  readonly end: number;
  readonly children: readonly Entity[];
}

interface Structure {
  readonly kind: 'structure';
  readonly root: Entity;
  /** Every boundary in the message. No line made by an edit may start with `--` and one of them. */
  readonly boundaries: readonly string[];
}

class Reader {
  readonly body: Buffer;
  readonly lines: BoundaryReader;
  readonly boundaries: string[] = [];
  parts = 0;

  constructor(body: Buffer) {
    this.body = body;
    this.lines = new BoundaryReader(body);
  }

  /**
   * Reads the parts of a multipart whose body starts at `from`; `next` is the boundary of an outer multipart
   * behind it.
   */
  *multipart(
    facts: BodyFacts,
    path: string,
    from: number,
    depth: number,
  ): Work<{ children: Entity[]; next: Delimiter | null }> {
    if (depth >= MAX_DEPTH) throw new Unreadable('too-deep', path);
    if (!/^(?:7bit|8bit|binary)$/.test(facts.encoding)) throw new Unreadable('encoding-malformed', path);
    const boundary = facts.type.params.get('boundary') ?? '';
    if (boundary === '') throw new Unreadable('boundary-missing', path);
    if (boundary.length > MAX_BOUNDARY_BYTES || !/^[ -~]*[!-~]$/.test(boundary)) {
      throw new Unreadable('content-type-malformed', path);
    }
    this.boundaries.push(boundary);
    this.lines.push(boundary, path);
    const first = yield* this.lines.next(from);
    if (first === null || first.level !== depth || first.close)
      throw new Unreadable('boundary-missing', path);
    let delimiter: Delimiter = first;
    const children: Entity[] = [];
    while (!delimiter.close) {
      const childPath = `${path}${path === '' ? '' : '.'}${children.length + 1}`;
      const { entity, next } = yield* this.part(
        childPath,
        delimiter.after,
        depth,
        facts.type.value === 'multipart/digest',
      );
      if (next === null || next.level !== depth) throw new Unreadable('boundary-not-closed', path);
      // The empty line after the header of an empty part is also the CRLF before the boundary.
      children.push({ ...entity, end: Math.max(entity.start, next.start - 2) });
      delimiter = next;
    }
    this.lines.close();
    const next = yield* this.lines.next(delimiter.after);
    this.lines.pop();
    return { children, next };
  }

  *part(
    path: string,
    from: number,
    depth: number,
    inDigest: boolean,
  ): Work<{ entity: Entity; next: Delimiter | null }> {
    this.count(path);
    const header = parsePartHeader(this.body, from);
    if (header === null) throw new Unreadable('header-malformed', path);
    const facts = bodyFacts(header.fields, inDigest);
    if (typeof facts === 'string') throw new Unreadable(facts, path);
    const { bodyStart } = header;
    const base = { ...facts, path, start: bodyStart, end: this.body.length };
    if (!facts.type.value.startsWith('multipart/')) {
      return { entity: { ...base, children: [] }, next: yield* this.lines.next(bodyStart) };
    }
    const { children, next } = yield* this.multipart(facts, path, bodyStart, depth + 1);
    return { entity: { ...base, children }, next };
  }

  count(path: string): void {
    if (++this.parts > MAX_PARTS) throw new Unreadable('too-many-parts', path);
  }
}

/** Reads the structure of a message from its header fields and its body (CRLF lines). Never throws. */
export function* readStructure(headers: readonly HeaderField[], body: Buffer): Work<Structure | Skipped> {
  const facts = bodyFacts(headers);
  if (typeof facts === 'string') return skipped(facts);
  const reader = new Reader(body);
  const base = { ...facts, path: '', start: 0, end: body.length };
  if (!facts.type.value.startsWith('multipart/')) {
    return { kind: 'structure', root: { ...base, children: [] }, boundaries: [] };
  }
  try {
    reader.count('');
    const { children } = yield* reader.multipart(facts, '', 0, 0);
    return { kind: 'structure', root: { ...base, children }, boundaries: reader.boundaries };
  } catch (error) {
    if (error instanceof Unreadable) return skipped(error.reason, error.part === '' ? null : error.part);
    throw error;
  }
}
