/**
 * The edits of a message's subject: tags of the table that came from outside are removed, the one that the
 * message has earned is added.
 *
 * A DKIM or ARC signature nearly always covers Subject, and any change of it breaks that signature
 * (mail/signatures.ts). So no tag is added to such a message unless its row says `banner-signed = edit`.
 * Removal is weighed differently: a tag that this message has not earned is a false claim in our name, which
 * is worse than a signature that no longer verifies (its verifier can run before us), so it is removed, with
 * a note. The tag that it has earned may stay as it was written, for instance in "Re: [via TLS] hello",
 * because it is true.
 *
 * Only the first MAX_SUBJECT bytes of each subject are examined, where a reader would see a tag. A longer one
 * gets no tag; if it has a false one, it is cut there, because the removal could bring forward text that was
 * not examined. All subjects of a message together may have MAX_OF_SUBJECTS; further Subject fields are
 * removed (RFC 5322 section 3.6 allows one).
 */
import type { Edit, HeaderField } from '../core/messageEdit.ts';
import { skeleton } from '../mail/confusables.ts';
import { refold } from '../mail/refold.ts';
import { SIGNATURE_HEADERS } from '../mail/signatures.ts';
import { retagSubject } from '../mail/subject.ts';
import { fieldNameKey } from '../mark/stripMarks.ts';

const NAME = 'Subject';
/** Header fields that must have been shown. */
export const SUBJECT_HEADERS = [NAME, ...SIGNATURE_HEADERS] as const;
export const MAX_SUBJECT = 16_384;
export const MAX_OF_SUBJECTS = 32_768;
/** What a field counts towards MAX_OF_SUBJECTS besides its bytes. */
const FIELD_COST = 64;
/** Bytes of a changed subject; re-encoding one in utf-8 can triple its size. */
const MAX_RESULT = 60_000;

export interface SubjectTask {
  /** Every tag of the table. */
  readonly tags: readonly string[];
  /** The tag that this message has earned and shall carry; '' for none. */
  readonly tag: string;
  /** Whether Subject is covered by a signature that must not be broken for a tag. */
  readonly signed: boolean;
}

/** Changes in order, then deletions from the highest index down, or one addition. Adds to `notes`. */
export function subjectEdits(headers: readonly HeaderField[], task: SubjectTask, notes: string[]): Edit[] {
  const changes: Edit[] = [];
  const deletions: Edit[] = [];
  const said = new Set<string>();
  let room = MAX_OF_SUBJECTS;
  let index = 0;
  for (const field of headers) {
    if (fieldNameKey(field.name) !== 'subject') continue;
    index++;
    room -= Math.min(field.value.length, MAX_SUBJECT) + FIELD_COST;
    const value = room < 0 && index > 1 ? tooMany(said) : retagged(field.value, index === 1, task, said);
    if (value === null) continue;
    if (value.trim() === '') deletions.unshift({ kind: 'deleteHeader', name: NAME, index });
    else changes.push({ kind: 'changeHeader', name: NAME, index, value });
  }
  if (index === 0 && task.tag !== '') {
    if (task.signed) said.add(SIGNED);
    else changes.push({ kind: 'addHeader', name: NAME, value: retagSubject('', [], task.tag) });
  }
  notes.push(...said);
  return [...changes, ...deletions];
}

const SIGNED = 'subject tag not added: a signature covers Subject';

function tooMany(said: Set<string>): string {
  said.add(`Subject fields deleted: there are more than ${MAX_OF_SUBJECTS} bytes of them`);
  return '';
}

/** The new value of one field, '' when nothing is left of it; null when it stays. */
function retagged(value: string, first: boolean, task: SubjectTask, said: Set<string>): string | null {
  const { tags, tag, signed } = task;
  const long = value.length > MAX_SUBJECT;
  const read = long ? value.slice(0, MAX_SUBJECT) : value;
  if (first && tag !== '' && long)
    said.add(`subject tag not added: Subject has more than ${MAX_SUBJECT} bytes`);
  if (signed) {
    const earned = skeleton(tag);
    const others = tags.filter((one) => skeleton(one) !== earned);
    if (retagSubject(read, others, '') === read) {
      if (first && tag !== '') said.add(SIGNED);
      return null;
    }
    said.add('a forged tag was removed from Subject, which breaks the signature that covers it');
  }
  const made = retagSubject(read, tags, first && !long ? tag : '');
  if (made === read) return null;
  if (long) said.add(`Subject cut to ${MAX_SUBJECT} bytes: a forged tag was removed from it`);
  const lines = refold(made);
  if (lines.length <= MAX_RESULT) return lines;
  said.add(`Subject cut to ${MAX_RESULT} bytes`);
  return lines.slice(0, lines.lastIndexOf('\n', MAX_RESULT));
}
