/**
 * Domains by what could be better: mail in plaintext, TLS that nobody demands yet, old protocols and ageing
 * ciphers.
 */
import { LEVELS, type PlainDomain, type ReadyDomain, type Report, type WeakSession } from '../report.ts';
import { counted, LEVEL_WORDS, number, percent } from '../words.ts';
import { MOST } from './links.ts';
import { foreign, type Html, html, joined } from './markup.ts';
import { domainName } from './names.ts';
import { none, part } from './part.ts';
import { empty, figures, table } from './table.ts';
import { addUp, isOld } from './totals.ts';
import { cell, day } from './words.ts';

const inOf = (one: { readonly in: number }) => one.in;
const outOf = (one: { readonly out: number }) => one.out;

/** Figures of both ways, of rows that were cut off or of all. */
function both(rows: readonly { readonly in: number; readonly out: number }[]): Html {
  return figures(addUp(rows, inOf), addUp(rows, outOf));
}

const WAYS = [
  { head: 'In', gloss: 'came to us', figure: true, cell: (one: { readonly in: number }) => cell(one.in) },
  {
    head: 'Out',
    gloss: 'left for them',
    figure: true,
    cell: (one: { readonly out: number }) => cell(one.out),
  },
] as const;

export function plain({ plain: all, share, partner }: Report): Html {
  const inbound = share.in.travelled.plain;
  const outbound = share.out.travelled.plain;
  const [left, right] = [inbound - addUp(all, inOf), outbound - addUp(all, outOf)];
  const unlisted =
    (left > 0 || right > 0) &&
    html`<tr><th scope="row" class="soft">Domains not told apart</th>${figures(left, right)}${empty(3)}</tr>`;
  const about = html`Mail that anyone on the way could read. The share is that of the domain’s own mail, both ways together.`;
  if (all.length === 0) {
    const known = inbound + outbound;
    const text =
      known > 0
        ? `${counted(known, 'message')} travelled in plaintext, with domains that are not told apart.`
        : 'No message is known to have travelled in plaintext.';
    return part({ id: 'plain', title: 'Plaintext still in use', about, body: none(text) });
  }
  const body = table<PlainDomain>({
    id: 'plain',
    label: 'Domains with plaintext',
    caption: html`Messages per recipient that travelled in plaintext, ${counted(all.length, 'domain')}.`,
    columns: [
      { head: 'Domain', gloss: 'of the other side', cell: (one) => domainName(one.domain) },
      ...WAYS,
      {
        head: 'Share',
        gloss: 'of its mail',
        figure: true,
        cell: (one) => html`${percent(one.share, 1)}`,
        by: (one) => one.share,
      },
      { head: 'Last seen', gloss: 'day, UTC', cell: (one) => day(one.last) },
      {
        head: 'Row',
        gloss: 'of the table that applies',
        cell: (one) =>
          one.row === '' ? html`<span class="zero">none named</span>` : html`<code>${one.row}</code>`,
      },
    ],
    rows: all,
    most: MOST.plain,
    find: 'Find a domain',
    others: (hidden) => ({
      name: `${counted(hidden.length, 'other')}, in the CSV`,
      cells: html`${both(hidden)}${empty(3)}`,
    }),
    foot: html`${unlisted}<tr><th scope="row">All plaintext</th>${
      partner === null
        ? html`<td class="n"><a href="#share-in">${number(inbound)}</a></td><td class="n"><a href="#share-out">${number(outbound)}</a></td>`
        : figures(inbound, outbound)
    }${empty(3)}</tr>`,
  });
  return part({ id: 'plain', title: 'Plaintext still in use', about, body });
}

export function ready({ ready: all, readyLeast }: Report): Html {
  const about = html`At least ${counted(readyLeast, 'message')}, none in plaintext, older or unknown. To require what already happens costs nothing, and closes the door to a downgrade.`;
  const body =
    all.length === 0
      ? none(
          'No domain without a row of its own is known to have had enough mail, all of it under TLS 1.2 or later.',
        )
      : table<ReadyDomain>({
          id: 'ready',
          label: 'Domains ready for required TLS',
          caption: html`Messages per recipient. The level is the strictest that would have kept nothing back.`,
          columns: [
            { head: 'Domain', gloss: 'of the other side', cell: (one) => domainName(one.domain) },
            ...WAYS,
            {
              head: 'Weakest',
              gloss: 'TLS seen',
              cell: (one) => html`${LEVEL_WORDS[one.weakest]}`,
              by: (one) => LEVELS.indexOf(one.weakest),
            },
            { head: 'Level in', gloss: 'that fits', cell: (one) => setting('receive', one.receive) },
            { head: 'Level out', gloss: 'that fits', cell: (one) => setting('deliver', one.deliver) },
          ],
          rows: all,
          most: MOST.ready,
          find: 'Find a domain',
          others: (hidden) => ({
            name: `${counted(hidden.length, 'other')}, in the CSV`,
            cells: html`${both(hidden)}${empty(3)}`,
          }),
          foot: html`<tr><th scope="row">${counted(all.length, 'domain')}</th>${both(all)}${empty(3)}</tr>`,
        });
  return part({ id: 'ready', title: 'Always on TLS, not yet required', about, body });
}

function setting(key: string, level: string): Html {
  return level === '' ? html`<span class="zero">no mail</span>` : html`<code>${key} = ${level}</code>`;
}

export function weak({ weak: all }: Report): Html {
  const about = html`Encrypted, but with what is broken or ageing. TLS 1.0 and 1.1 are “older” in the protected share and do not count as protected.`;
  const old = all.filter(isOld);
  const ageing = all.filter((one) => !isOld(one));
  const body =
    all.length === 0
      ? none('No message is known to have used a protocol older than TLS 1.2 or an ageing cipher.')
      : html`${old.length > 0 && weakTable(all, old, 'Protocols older than TLS 1.2', 'Messages per recipient.')}${
          ageing.length > 0 &&
          weakTable(
            all,
            ageing,
            'Ageing ciphers',
            'These are in the figures of their protocol, not beside them.',
          )
        }`;
  return part({ id: 'weak', title: 'Weak protocols and ciphers', about, body });
}

function weakTable(
  all: readonly WeakSession[],
  rows: readonly WeakSession[],
  label: string,
  words: string,
): Html {
  const numbers = new Map(all.map((one, i) => [one, i + 1]));
  return table<WeakSession>({
    id: label.startsWith('A') ? 'ageing' : 'old',
    label,
    caption: html`<b>${label}.</b> ${words}`,
    columns: [
      { head: 'Protocol', gloss: 'version', cell: (one) => html`${one.protocol}` },
      { head: 'Cipher', gloss: 'how it encrypted', cell: (one) => html`<code>${one.cipher}</code>` },
      ...WAYS,
      { head: 'With', gloss: 'most of it', said: true, cell: domainsOf },
      { head: 'Why', gloss: 'it is named here', said: true, cell: (one) => foreign(one.why) },
    ],
    rows,
    most: MOST.weak,
    rowId: (one) => `weak-${numbers.get(one)}`,
    others: (hidden) => ({
      name: `${counted(hidden.length, 'other')}, in the CSV`,
      cells: html`${empty(1)}${both(hidden)}${empty(2)}`,
    }),
    foot: html`<tr><th scope="row">All of these</th>${empty(1)}${both(rows)}${empty(2)}</tr>`,
  });
}

function domainsOf({ domains, otherDomains }: WeakSession): Html {
  const more = otherDomains > 0 && html` and ${counted(otherDomains, 'other')}`;
  return html`${joined(domains.map(domainName), ', ')}${more}`;
}
