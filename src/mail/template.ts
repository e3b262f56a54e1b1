/**
 * Banner texts as templates: text with fields in braces, `Received over {protocol} from {domain}`.
 *
 * `{{` and `}}` stand for a brace. An unknown field, empty braces or an unclosed brace is an error in the
 * configuration; all errors of a text are reported at once. Values are foreign text (addresses, names in
 * certificates), so each is reduced to one line without control, invisible and direction-changing characters
 * and cut to MAX_FIELD characters before it is inserted, and the whole is escaped for its place: nothing for
 * a plain text, character references for HTML, an encoded and folded value for a header field.
 *
 * `ownBanners` tells whether a text looks like a rendering of a template with any values (confusables.ts):
 * this is how an older or a forged banner is recognised. Linear in the length of both.
 */
import { skeleton } from './confusables.ts';
import { encodeHeaderText } from './encodedWords.ts';
import { escapeHtml } from './html.ts';

/** The fields that a banner may use. All are about the message as a whole, none about one recipient. */
export const BANNER_FIELDS = [
  'protocol',
  'cipher',
  'bits',
  'tls',
  'certificate',
  'sender',
  'domain',
  'client',
  'host',
  'id',
  'date',
  'verdict',
  'contact',
  'help',
  'reason',
] as const;

/** Longest value of a field, in characters. */
export const MAX_FIELD = 128;

/** Characters of a value that are read: an MTA may send a mebibyte for the name of a cipher. */
const MAX_READ = 8192;

/**
 * Literal characters (as folded, without blanks) that a template must have to be recognised in other texts.
 */
const MIN_LITERAL = 16;

export interface Template {
  readonly text: string;
  /** Literal text at even indexes, names of fields at odd ones. */
  readonly pieces: readonly string[];
}

interface TemplateError {
  /** Column in the text, from 1. */
  readonly column: number;
  readonly found: string;
  readonly expected: string;
}

type ParsedTemplate =
  | { readonly kind: 'template'; readonly template: Template }
  | { readonly kind: 'errors'; readonly errors: readonly TemplateError[] };

/** Parses a template; `fields` are the names that may stand in it. */
export function parseTemplate(text: string, fields: readonly string[] = BANNER_FIELDS): ParsedTemplate {
  const pieces: string[] = [''];
  const errors: TemplateError[] = [];
  const token = /\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+/g;
  for (const match of text.matchAll(token)) {
    const [whole, name] = match;
    const column = match.index + 1;
    const last = pieces.length - 1;
    if (whole === '{{' || whole === '}}') pieces[last] += whole.slice(1);
    else if (name !== undefined) {
      if (!fields.includes(name))
        errors.push({ column, found: whole, expected: `one of {${fields.join('} {')}}` });
      pieces.push(name, '');
    } else if (whole === '{' || whole === '}') {
      errors.push({
        column,
        found: whole,
        expected: `a field in braces, or ${whole}${whole} for a literal brace`,
      });
    } else pieces[last] += whole;
  }
  return errors.length > 0 ? { kind: 'errors', errors } : { kind: 'template', template: { text, pieces } };
}

/** A value as it may stand in a text: one line, visible, cut. */
export function cleanValue(value: string): string {
  const visible = value
    .slice(0, MAX_READ)
    .replace(/[\p{Cc}\p{White_Space}]+/gu, ' ')
    .replace(/[\p{Cs}\p{Cf}\p{Co}\p{Cn}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}]/gu, '?')
    .trim();
  const characters = Array.from(visible.slice(0, 4 * MAX_FIELD));
  return characters.length <= MAX_FIELD
    ? characters.join('')
    : `${characters.slice(0, MAX_FIELD - 3).join('')}...`;
}

type Place = 'plain' | 'html' | 'header';

/**
 * The text with its values; a field without a value becomes "unknown". For `header` the value of the field
 * called `headerName`, folded with LF and a blank; bodyBanner.ts wants `plain`, it escapes by itself.
 */
export function renderTemplate(
  template: Template,
  values: Readonly<Partial<Record<string, string>>>,
  place: Place = 'plain',
  headerName = 'X-Banner',
): string {
  const plain = template.pieces
    .map((piece, index) => {
      if (index % 2 === 0) return piece;
      const value = Object.hasOwn(values, piece) ? values[piece] : undefined;
      return cleanValue(value ?? '') || 'unknown';
    })
    .join('');
  if (place === 'plain') return plain;
  return place === 'html' ? escapeHtml(plain) : encodeHeaderText(headerName, plain);
}

/** How our banners are recognised among other texts. */
export interface OwnBanners {
  /** Is this text (lines joined by LF) one of them, in any rendering? */
  readonly matches: (text: string) => boolean;
  /** How many lines they have, each number once. */
  readonly lineCounts: readonly number[];
}

/** The banners that these templates make; other text is folded once, however many templates there are. */
export function ownBanners(templates: readonly Template[]): OwnBanners {
  const known = templates.map(foldedLiterals);
  const counts = templates.map(
    ({ text }) => text.split(/[\r\n]+/).filter((line) => line.trim() !== '').length,
  );
  return {
    matches: (text) => {
      const folded = skeleton(text);
      return known.some((literals) => isRendering(literals, folded));
    },
    lineCounts: [...new Set(counts)],
  };
}

function foldedLiterals({ pieces }: Template): readonly string[] {
  return pieces.filter((_, index) => index % 2 === 0).map(skeleton);
}

/**
 * Is this text (folded) a rendering of the template with these literals (folded)? One with fields and less
 * literal text than MIN_LITERAL matches nothing: "TLS: {tls}" would take an author's own sentence for a
 * banner.
 */
function isRendering(literals: readonly string[], folded: string): boolean {
  const first = literals[0]!;
  const last = literals.at(-1)!;
  if (literals.length === 1) return first !== '' && folded === first;
  const literal = literals.join('').length;
  if (literal < MIN_LITERAL || folded.length > literal + (literals.length - 1) * MAX_FIELD * 2) return false;
  if (!folded.startsWith(first) || folded.length < first.length + last.length || !folded.endsWith(last))
    return false;
  let at = first.length;
  const end = folded.length - last.length;
  for (const literal of literals.slice(1, -1)) {
    const found = folded.indexOf(literal, at);
    if (found < 0 || found + literal.length > end) return false;
    at = found + literal.length;
  }
  return true;
}
