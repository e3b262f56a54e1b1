/** One tag put in front of a subject or taken out of it: what most tests of `retagSubject` need. */
import { retagSubject } from '../../src/mail/subject.ts';

export function tagSubject(value: string, tag: string, put: boolean): string {
  return retagSubject(value, [tag], put ? tag : '');
}
