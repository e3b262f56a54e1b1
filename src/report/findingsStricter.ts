/** Findings that lose no mail and expose none: rows that observe and could enforce, domains that could be required. Pure. */
import { numberWord } from './answer.ts';
import type { Ground, Parts } from './findings.ts';
import type { Finding } from './report.ts';
import { type Suggestion, suggestionLines } from './suggestions.ts';
import { counted, listWords, rangeWords } from './words.ts';

/** Domains whose rows are printed; `tlsward suggest` has all. */
const MAX_ROWS = 20;

export function stricterFindings(parts: Parts, ground: Ground): Finding[] {
  return [...observe(parts, ground), ...ready(parts, ground)];
}

function observe({ from, to }: Parts, { suggestions }: Ground): Finding[] {
  const some = suggestions.filter(({ kind }) => kind === 'enforce');
  if (some.length === 0) return [];
  const count = some.reduce((total, one) => total + one.in, 0);
  const names = some.map(({ pattern }) => pattern);
  return [
    {
      kind: 'observe',
      harm: false,
      count,
      unit: count === 1 ? 'message, kept' : 'messages, all kept',
      domains: names,
      title:
        some.length === 1
          ? `${names[0]}: its row only observes, and could be enforced`
          : `${capital(numberWord(some.length))} rows only observe, and could be enforced`,
      text: `Every message that is recorded under ${listWords(names, 4)} met the row, ${rangeWords(from, to)}: nothing would have been refused. ${pasteWords(some)}`,
      paste: pasteOf(some),
      rows: { part: 'partners', key: some.length === 1 ? names[0]! : '' },
    },
  ];
}

function ready({ ready: all, from, to }: Parts, { suggestions, table }: Ground): Finding[] {
  const [first] = all;
  if (first === undefined) return [];
  const count = all.reduce((total, one) => total + one.in + one.out, 0);
  const names = all.map(({ domain }) => domain);
  const some = suggestions.filter(({ kind }) => kind === 'require');
  const title =
    all.length === 1
      ? `${first.domain} always uses TLS: require it, so it stays so`
      : `${capital(numberWord(all.length))} domains always use TLS: require it, so it stays so`;
  return [
    {
      kind: 'ready',
      harm: false,
      count,
      unit:
        all.length === 1
          ? 'messages, all under TLS 1.2 or later'
          : `messages, ${counted(all.length, 'domain')}`,
      domains: names,
      title,
      text: `${rangeWords(from, to)}: not one message that is recorded with ${listWords(names, 4)} was plaintext, older than TLS 1.2 or unknown. No row demands it; somebody on the way could switch it off unseen. ${table === null ? 'This compares them with the table and prints the rows:' : pasteWords(some)}`,
      paste: table === null ? 'tlsward suggest' : pasteOf(some),
      rows: { part: 'ready', key: all.length === 1 ? first.domain : '' },
    },
  ];
}

function pasteOf(some: readonly Suggestion[]): string {
  return some.length > MAX_ROWS ? 'tlsward suggest' : suggestionLines(some).join('\n');
}

function pasteWords(some: readonly Suggestion[]): string {
  if (some.length > MAX_ROWS) return 'All rows to paste:';
  return 'Put this into a file of the table, then run tlsward check and tlsward reload:';
}

function capital(word: string): string {
  return `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
}
