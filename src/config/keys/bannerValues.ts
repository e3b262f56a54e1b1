/**
 * Banner texts and subject tags in the configuration; src/mail defines what they may contain.
 */
import { checkTag } from '../../mail/subject.ts';
import { BANNER_FIELDS, parseTemplate } from '../../mail/template.ts';
import { MAX_REASON } from '../ini/limits.ts';
import { Invalid, quote } from '../ini/problem.ts';
import { didYouMean } from '../ini/suggest.ts';

/** The template of a banner, or all its mistakes; '' for none. */
export function parseTemplateText(text: string): string | Invalid {
  if (text.length > MAX_REASON) return new Invalid(`${text.length} characters`, `at most ${MAX_REASON}`);
  const parsed = parseTemplate(text);
  if (parsed.kind === 'template') return text;
  const wrongs = parsed.errors.map(({ column, found, expected }) => {
    const name = /^"?\{(.*)\}"?$/.exec(found)?.[1];
    return new Invalid(
      `${found} at column ${column}`,
      expected,
      name === undefined ? '' : didYouMean(name, BANNER_FIELDS),
    );
  });
  return Invalid.all(wrongs) ?? text;
}

/** A subject tag; '' for none. */
export function parseTag(text: string): string | Invalid {
  if (text === '') return '';
  const fault = checkTag(text);
  return fault === null ? text : new Invalid(quote(text), 'a tag such as [via TLS]', `the tag ${fault}`);
}
