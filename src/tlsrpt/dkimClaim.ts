/**
 * What a server on the way says of the DKIM signature of the report's message: the first `dkim=` of the topmost
 * `Authentication-Results` (RFC 8601). It is shown and never trusted: anyone can write such a field, and only a
 * server that removes foreign ones makes it worth something.
 *
 *   Authentication-Results: mx.example.org; dkim=pass (2048-bit key) header.d=google.com header.s=20230601
 *
 * At most MAX_LOOKED_AT characters are looked at, in one pass; comments nest, quoted strings are one word.
 */

import { escapeText } from '../core/escape.ts';
import type { HeaderField } from '../core/messageEdit.ts';

export interface DkimClaim {
  /** `pass`, `fail`, `none`, ... */
  readonly result: string;
  /** `header.d`, else what is behind the `@` of `header.i`; ''. */
  readonly domain: string;
  /** Who says so; ''. */
  readonly by: string;
}

const MAX_LOOKED_AT = 10_000;

/** `pass for google.com`; 'not known' where nobody says anything. */
export function dkimWords(claim: DkimClaim | null): string {
  if (claim === null) return 'not known';
  return `${claim.result}${claim.domain === '' ? '' : ` for ${claim.domain}`}`;
}

/** null: there is no such field, or it says nothing about DKIM. */
export function dkimClaimOf(headers: readonly HeaderField[]): DkimClaim | null {
  for (const { name, value } of headers) {
    if (name.trim().toLowerCase() !== 'authentication-results') continue;
    const [first = [], ...results] = statementsOf(value.slice(0, MAX_LOOKED_AT));
    const found = results.find((words) => words[0]?.toLowerCase().startsWith('dkim=') === true);
    if (found === undefined) continue;
    const property = (wanted: string): string => {
      const word = found.find((one) => one.toLowerCase().startsWith(`${wanted}=`));
      return word === undefined ? '' : word.slice(wanted.length + 1);
    };
    const identity = property('header.i');
    const domain = property('header.d') || identity.slice(identity.lastIndexOf('@') + 1);
    return {
      result: escapeText(property('dkim').toLowerCase(), 40),
      domain: escapeText(domain, 253),
      by: escapeText(first[0] ?? '', 253),
    };
  }
  return null;
}

/** The words between semicolons, without comments; spaces around `=` are gone. */
function statementsOf(text: string): string[][] {
  const statements: string[][] = [[]];
  let word = '';
  let depth = 0;
  let joins = false;
  const end = (): void => {
    if (word !== '') statements.at(-1)!.push(word);
    word = '';
  };
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char === '(') depth++;
    else if (depth > 0) {
      if (char === '\\') at++;
      else if (char === ')') depth--;
    } else if (char === ';') {
      end();
      statements.push([]);
      joins = false;
    } else if (char === '=') {
      word += char;
      joins = true;
    } else if (!' \t\r\n'.includes(char)) {
      if (!joins && ' \t\r\n)'.includes(text[at - 1] ?? '')) end();
      joins = false;
      if (char !== '"') {
        word += char;
        continue;
      }
      const close = text.indexOf('"', at + 1);
      const behind = close < 0 ? text.length : close;
      word += text.slice(at + 1, behind);
      at = behind;
    }
  }
  end();
  return statements;
}
