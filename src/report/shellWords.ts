/** Words of a command to paste. Names in it come from mail: a shell must see each as one plain word. Pure. */
import { canonicalDomain } from '../core/domain.ts';

/** `bank.example` as it is, `*` as `'*'`; null: it has a character that no name of a row has. */
export function shellWord(text: string): string | null {
  if (/^[A-Za-z0-9_.@:-]+$/.test(text)) return text.startsWith('-') ? null : text;
  return /^[A-Za-z0-9_.@:*<>[\]-]+$/.test(text) && !text.startsWith('-') ? `'${text}'` : null;
}

/** Is it a domain in the one spelling that a row may have? */
export function isDomain(text: string): boolean {
  return canonicalDomain(text) === text;
}
