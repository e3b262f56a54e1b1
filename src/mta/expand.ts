/**
 * Puts values in place of `$name` in a parameter of main.cf: `$name`, `${name}`, `$(name)`, `${name?text}`,
 * `${name:text}`, `${name?{text}:{text}}` and, since Postfix 3.0, `${{left} == {right} ? {text} : {text}}`,
 * also with `<level` and the like for `compatibility_level` (postconf(5), mac_expand(3)).
 */
import { closingBrace } from './listValue.ts';

/** How deep a value may refer to another: main.cf can be a circle, and Postfix then refuses to start. */
const MAX_DEPTH = 24;
/** Characters of a result; what is beyond is left out. */
const MAX_RESULT = 262_144;

/** The value of a parameter, not expanded; undefined: there is no such parameter. */
type LookUp = (name: string) => string | undefined;

/**
 * `text` with every `$name` replaced. A name that is not known, and one that refers to itself, is replaced by
 * nothing.
 */
export function expand(text: string, lookUp: LookUp): string {
  return new Expander(lookUp).expand(text, 0).slice(0, MAX_RESULT);
}

class Expander {
  readonly #lookUp: LookUp;
  /** Characters that may still be made: a value that doubles itself many times stays small. */
  #room = MAX_RESULT;

  constructor(lookUp: LookUp) {
    this.#lookUp = lookUp;
  }

  expand(text: string, depth: number): string {
    if (depth > MAX_DEPTH || this.#room <= 0) return '';
    let result = '';
    let at = 0;
    while (at < text.length) {
      const dollar = text.indexOf('$', at);
      const plain = dollar < 0 ? text.slice(at) : text.slice(at, dollar);
      result += plain;
      this.#room -= plain.length;
      if (dollar < 0) break;
      const next = text[dollar + 1];
      if (next === '$') {
        result += '$';
        at = dollar + 2;
      } else if (next === '{' || next === '(') {
        const end = closingBrace(text, dollar + 1);
        if (end < 0) return result; // Postfix refuses to start
        result += this.#braced(text.slice(dollar + 2, end), depth + 1);
        at = end + 1;
      } else {
        const name = nameAt(text, dollar + 1);
        result += name === '' ? '$' : this.#value(name, depth + 1);
        at = dollar + 1 + name.length;
      }
    }
    return result;
  }

  #value(name: string, depth: number): string {
    const value = this.#lookUp(name);
    return value === undefined ? '' : this.expand(value, depth);
  }

  /** What stands between the braces. */
  #braced(text: string, depth: number): string {
    const content = text.trimStart();
    if (content.startsWith('{')) return this.#comparison(content, depth);
    const name = nameAt(content, 0);
    const rest = content.slice(name.length).trimStart();
    const value = this.#value(name, depth);
    if (rest.startsWith('?')) return this.#choice(rest.slice(1), value !== '', depth);
    if (rest.startsWith(':')) return value === '' ? this.#branch(rest.slice(1), depth) : value;
    return value;
  }

  #comparison(text: string, depth: number): string {
    const leftEnd = closingBrace(text, 0);
    const rightStart = leftEnd < 0 ? -1 : text.indexOf('{', leftEnd);
    const rightEnd = rightStart < 0 ? -1 : closingBrace(text, rightStart);
    if (rightEnd < 0) return '';
    const left = this.expand(text.slice(1, leftEnd).trim(), depth);
    const right = this.expand(text.slice(rightStart + 1, rightEnd).trim(), depth);
    const holds = compare(left, text.slice(leftEnd + 1, rightStart).trim(), right);
    const rest = text.slice(rightEnd + 1).trimStart();
    if (rest.startsWith('?')) return this.#choice(rest.slice(1), holds, depth);
    if (rest.startsWith(':')) return holds ? '' : this.#branch(rest.slice(1), depth);
    return '';
  }

  /** `{text}:{text}` or `text`, behind the question mark. */
  #choice(text: string, holds: boolean, depth: number): string {
    const content = text.trimStart();
    if (!content.startsWith('{')) return holds ? this.expand(text, depth) : '';
    const end = closingBrace(content, 0);
    if (holds) return this.#branch(content, depth);
    const rest = content.slice(end + 1).trimStart();
    return rest.startsWith(':') ? this.#branch(rest.slice(1), depth) : '';
  }

  /** `{ text }` without its braces, or the text as it is. */
  #branch(text: string, depth: number): string {
    const content = text.trimStart();
    const end = content.startsWith('{') ? closingBrace(content, 0) : -1;
    return this.expand(end < 0 ? text : content.slice(1, end).trim(), depth);
  }
}

function nameAt(text: string, at: number): string {
  let end = at;
  while (end < text.length && /[A-Za-z0-9_]/.test(text[end]!)) end++;
  return text.slice(at, end);
}

/** The operators of mac_expand(3); an unknown one does not hold. */
function compare(left: string, operator: string, right: string): boolean {
  const byLevel = operator.endsWith('level');
  const order = byLevel ? compareLevels(left, right) : compareTexts(left, right);
  switch (byLevel ? operator.slice(0, -'level'.length) : operator) {
    case '==':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    default:
      return false;
  }
}

function compareTexts(left: string, right: string): number {
  const digits = /^[0-9]{1,15}$/;
  if (digits.test(left) && digits.test(right)) return Number(left) - Number(right);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** `3.6` is below `3.10`. */
export function compareLevels(left: string, right: string): number {
  const [a, b] = [left, right].map((level) => level.split('.', 3).map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (a![i] ?? 0) - (b![i] ?? 0);
    if (difference !== 0) return Number.isNaN(difference) ? 0 : difference;
  }
  return 0;
}
