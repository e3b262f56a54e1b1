/**
 * What must hold for every edited message, checked with the tests' own reader (reader.ts): all glue and all other parts
 * byte for byte as before, the edited parts as before but for the banner at the top, lines and encodings in order.
 */
import type { HeaderField } from '../../src/core/messageEdit.ts';
import type { Edited } from '../../src/mail/bodyBanner.ts';
import { decodeLeaf, inCharset, readSegments, type Segment, seenOf } from './reader.ts';

export function joined(edited: Edited): string {
  return Buffer.concat(edited.chunks.map((chunk) => Buffer.from(chunk))).toString('latin1');
}

export function headerText(headers: readonly HeaderField[]): string {
  return headers.map(({ name, value }) => `${name}: ${value.replace(/\n/g, '\r\n')}\r\n`).join('');
}

function commonPrefix(a: string, b: string): number {
  let at = 0;
  while (at < a.length && at < b.length && a[at] === b[at]) at++;
  return at;
}

function commonSuffix(a: string, b: string, limit: number): number {
  let at = 0;
  while (at < limit && at < b.length && a[a.length - 1 - at] === b[b.length - 1 - at]) at++;
  return at;
}

const BLOCK = /(?:\r\n)?<div class="tlsward-banner"[^>]*>([\s\S]*?)<\/div> {0,2}\r\n/;

/**
 * Complaints about an edit, none when all is well. `said` are the forms in which the banner may stand (its text and its
 * ASCII form), lines joined by LF.
 */
export function complaints(
  headers: readonly HeaderField[],
  before: string,
  after: string,
  parts: readonly string[],
  said: readonly string[],
): string[] {
  const out: string[] = [];
  const header = headerText(headers);
  const was = readSegments(header, before);
  const is = readSegments(header, after);
  if (was.map(({ text }) => text).join('') !== before) return ['the reader loses text of the original'];
  if (is.map(({ text }) => text).join('') !== after) return ['the reader loses text of the result'];
  if (was.length !== is.length) return [`${was.length} segments before, ${is.length} after`];
  const seen: string[] = [];
  for (const [index, old] of was.entries()) {
    const now = is[index]!;
    if (old.leaf && parts.includes(old.path)) {
      seen.push(old.path);
      out.push(...leafComplaints(old, now, said).map((text) => `part ${old.path}: ${text}`));
    } else if (old.text !== now.text && !sharedLineEnd(was[index - 1], old, now)) {
      out.push(`segment ${index} (${old.leaf ? `part ${old.path}` : 'glue'}) changed`);
    }
  }
  if (seen.join() !== parts.join()) out.push(`edited ${parts.join()}, the reader finds ${seen.join()}`);
  return out;
}

/** An empty part may share the line end in front of the boundary with its header; with a text in it, it has its own. */
function sharedLineEnd(leaf: Segment | undefined, old: Segment, now: Segment): boolean {
  return leaf?.leaf === true && leaf.text === '' && old.text === '' && now.text === '\r\n';
}

function leafComplaints(old: Segment, now: Segment, said: readonly string[]): string[] {
  const out: string[] = [];
  const base64 = now.encoding === 'base64';
  const prefix = commonPrefix(old.text, now.text);
  const kept = prefix + commonSuffix(old.text, now.text, old.text.length - prefix);
  // In base64 the groups at both ends of the banner are written anew, and what was behind padding.
  if (kept < old.text.length - (base64 ? 10 : 0)) out.push(`only ${kept} of ${old.text.length} bytes kept`);
  const longest = (text: string): number => Math.max(...text.split('\r\n').map((line) => line.length));
  const limit = base64 || now.encoding === 'quoted-printable' ? 76 : 998;
  if (longest(now.text) > Math.max(limit, longest(old.text))) out.push(`a line of ${longest(now.text)}`);
  const [oldText, text] = [decodeLeaf(old), decodeLeaf(now)];
  const mark = text.startsWith('\xef\xbb\xbf') ? 3 : 0;
  if (now.type === 'text/html') {
    const block = BLOCK.exec(text);
    if (block === null) return [...out, 'no banner'];
    // The line end in front of the banner is there only when the tag was not at the end of its line.
    const behind = text.slice(block.index + block[0].length);
    const rests = [text.slice(0, block.index) + behind, `${text.slice(0, block.index)}\r\n${behind}`];
    if (!rests.includes(oldText)) out.push('the text without the banner is not what it was');
    const visible = seenOf(inCharset(text.slice(mark), now.charset));
    if (!said.some((form) => visible.startsWith(form.replaceAll('\n', ' ')))) {
      out.push(`a reader sees ${JSON.stringify(visible.slice(0, 80))}`);
    }
    return out;
  }
  const top = text.slice(mark);
  const rest = oldText.slice(mark);
  if (!top.endsWith(rest)) return [...out, 'the text below is not what it was'];
  const banner = top.slice(0, top.length - rest.length);
  const shown = banner
    .replace(/ {0,2}(?:\r\n)+$/, '')
    .replace(/\r\n/g, '\n')
    .replace(/^ /, '');
  if (!banner.endsWith(rest === '' ? '\r\n' : '\r\n\r\n')) out.push('no empty line below the banner');
  const decoded = inCharset(shown, now.charset);
  if (!said.includes(decoded)) out.push(`the banner reads ${JSON.stringify(decoded)}`);
  return out;
}
