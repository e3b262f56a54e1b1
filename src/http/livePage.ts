/**
 * The live page as HTML: complete without script, kept up to date by it (liveScript.ts). Everything from outside is a
 * value of a template, which escapes it (report/page/markup.ts). The same tokens and parts as the report, so that both
 * are one product. Pure.
 */

import { Html, html, joined, NOTHING } from '../report/page/markup.ts';
import { part } from '../report/page/part.ts';
import { hashSource } from './answer.ts';
import type { Cell, LiveModel, Rows } from './liveModel.ts';
import { LIVE_SCRIPT } from './liveScript.ts';
import { LIVE_STYLE } from './liveStyle.ts';
import type { ShownVerdict } from './shownVerdict.ts';

/** The policy of the pages that are made here. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src ${hashSource(LIVE_STYLE)}`,
  `script-src ${hashSource(LIVE_SCRIPT)}`,
  "connect-src 'self'",
  "form-action 'self'",
  'img-src data:',
  "base-uri 'none'",
].join('; ');

interface Column {
  readonly name: string;
  /** One line about what stands in it. */
  readonly gloss: string;
  readonly number?: true;
}

const VERDICT_COLUMNS: readonly Column[] = [
  { name: 'Time', gloss: 'UTC' },
  { name: 'Verdict', gloss: 'what the mail server was told' },
  { name: 'From', gloss: 'domain of the sender' },
  { name: 'To', gloss: 'domain of the recipients' },
  { name: 'TLS', gloss: 'of the session' },
  { name: 'Client', gloss: 'its address' },
  { name: 'Row', gloss: 'of the table, that decided' },
  { name: 'Code', gloss: 'in the reply' },
];

/** The page of `/`; `verdicts`: the newest first. */
export function livePage(
  host: string,
  version: string,
  model: LiveModel,
  verdicts: readonly ShownVerdict[],
): string {
  const body = html`<header class="part top">
<div class="rail"><p class="brand"><i></i>tlsward</p><h1>Now, on ${host}</h1>
<p id="state" role="status">${'as it was when this page was made'}</p>
<noscript><p>Without script this page stands still: load it again.</p></noscript></div>
<div class="body"><p id="answer" class="answer">${answer(model.answer)}</p><p id="lead" class="lead">${model.lead}</p>
<ul class="glance">${model.figures.map(
    ({ id, label, value, part }) =>
      html`<li><a href="#${part}"><span>${label}</span><b id="${id}">${cell(value)}</b></a></li>`,
  )}</ul></div></header>
<main>
${section('attention', 'To look at', 'What tlsward status --check names, and the alarms that fire.', [
  table('attention', 'Findings', [{ name: 'What', gloss: 'with the file or the key to look at' }], model),
  table(
    'alarms',
    'Alarms',
    [
      { name: 'Since', gloss: 'UTC' },
      { name: 'About', gloss: 'partner or part' },
      { name: 'What', gloss: 'and what to do' },
    ],
    model,
  ),
])}
${section(
  'verdicts',
  'Last verdicts',
  'As they are given, the newest first. Accepted mail is shown in part; the log and the evidence have all of it.',
  [
    html`<div class="asked"><form action="/lookup" method="get"><label>Code of a reply <input class="tool" name="code" maxlength="32" size="12" autocomplete="off" required></label> <button class="tool">Look up</button></form>
<span class="live" hidden><label>Only with <input class="tool" id="find" type="search" size="16" autocomplete="off"></label> <label><input id="notable" type="checkbox"> without accepted mail</label> <button class="tool" id="pause" type="button" aria-pressed="false">Pause</button></span></div>`,
    html`<div class="scroll" role="region" aria-label="Table of the last verdicts" tabindex="0"><table id="t-verdicts"><caption class="unseen">Last verdicts</caption>${head(VERDICT_COLUMNS)}<tbody>${verdicts.map(verdictRow)}</tbody></table></div>`,
    html`<p id="left-out" class="fine soft"></p>`,
  ],
)}
${waitingPart(model)}
${section(
  'dated',
  'Exceptions and published policies',
  'Rows with an end, and what other domains publish (MTA-STS), the last used first.',
  [
    table(
      'exceptions',
      'Exceptions',
      [
        { name: 'Pattern', gloss: 'whom it is about' },
        { name: 'Until', gloss: 'last day' },
        { name: 'Changes', gloss: 'to the row' },
        { name: 'Why', gloss: 'as written' },
      ],
      model,
    ),
    table(
      'policies',
      'Published policies',
      [
        { name: 'Domain', gloss: 'that publishes it' },
        { name: 'Mode', gloss: 'enforce, testing, none' },
        { name: 'Expires', gloss: 'UTC' },
        { name: 'Trouble', gloss: 'at the last refresh' },
      ],
      model,
    ),
  ],
)}
${section('links', 'Connections', 'Sockets and who uses them.', [
  table(
    'connections',
    'Sockets',
    [
      { name: 'Protocol', gloss: 'of the socket' },
      { name: 'Where', gloss: 'it listens' },
      { name: 'Open', gloss: 'connections', number: true },
      { name: 'Requests', gloss: 'since the start', number: true },
      { name: 'Refused', gloss: 'by a limit', number: true },
      { name: 'Broken', gloss: 'by the peer, or by us', number: true },
    ],
    model,
  ),
])}
${section('keeping', 'Memory', 'What is kept, with its limit: nothing here grows without one.', [
  table(
    'memory',
    'Memory',
    [
      { name: 'Purpose', gloss: 'what is kept' },
      { name: 'Used', gloss: 'KiB', number: true },
      { name: 'Limit', gloss: 'KiB', number: true },
    ],
    model,
  ),
])}
</main>
<footer>tlsward ${version}. <a href="/report">Report of the last 30 days</a>, <a href="/metrics">metrics</a>, <a href="/healthz">healthz</a>, <a href="/readyz">readyz</a>. This page changes nothing.</footer>
${new Html(`<script>${LIVE_SCRIPT}</script>`)}`;
  return wholePage(`tlsward now, ${host}`, body);
}

/** Only where evidence is kept. */
function waitingPart(model: LiveModel): Html {
  if (model.tables.waiting === undefined) return NOTHING;
  return section(
    'waiting',
    'Waiting mail',
    'Recipients whose last attempt was put off, as the records of the collector had it at the time in the last line; they are read every five minutes while somebody looks. tlsward queue asks the mail server itself, and says what to do.',
    [
      table(
        'waiting',
        'Waiting mail',
        [
          { name: 'Domain', gloss: 'of the recipients' },
          { name: 'Why', gloss: 'marked: for want of TLS' },
          { name: 'Required', gloss: 'by the table now' },
          { name: 'Recipients', gloss: 'that wait', number: true },
          { name: 'Since', gloss: 'first attempt, UTC' },
        ],
        model,
      ),
    ],
  );
}

/** A page of one message, with a way back; `fields`: name and text of each line. */
export function smallPage(
  title: string,
  text: string,
  fields: readonly { readonly name: string; readonly text: string }[] = [],
  refreshSeconds = 0,
): string {
  const list =
    fields.length === 0
      ? null
      : html`<div class="scroll" role="region" aria-label="${title}" tabindex="0"><table><caption class="unseen">${title}</caption><thead><tr><th scope="col">Field</th><th scope="col">Value</th></tr></thead><tbody>${fields.map(
          ({ name, text: value }) =>
            html`<tr><th scope="row">${name}</th><td class="long">${value}</td></tr>`,
        )}</tbody></table></div>`;
  return wholePage(
    `tlsward: ${title}`,
    html`<main class="part top small"><div class="rail"><p class="brand"><i></i>tlsward</p></div><div class="body"><h1>${title}</h1>${text === '' ? null : html`<p class="lead">${text}</p>`}${list}<p><a href="/">Back to the live page</a></p></div></main>`,
    refreshSeconds,
  );
}

function wholePage(title: string, body: Html, refreshSeconds = 0): string {
  const refresh = refreshSeconds === 0 ? null : html`<meta http-equiv="refresh" content="${refreshSeconds}">`;
  return html`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">${refresh}
<title>${title}</title><link rel="icon" href="data:,"><style>${new Html(LIVE_STYLE)}</style></head>
<body><div class="sheet">
${body}
</div></body></html>
`.text;
}

/** A part with its tables. */
function section(id: string, title: string, about: string, body: readonly Html[]): Html {
  return part({ id, title, about: html`${about}`, body: joined(body, '\n') });
}

/** A table whose rows the stream replaces; where it has none, a line says so. */
function table(id: string, title: string, columns: readonly Column[], { tables }: LiveModel): Html {
  const rows = tables[id];
  if (rows === undefined) return NOTHING;
  const numbers = columns.map(({ number }) => (number === true ? 'n' : '')).join(',');
  return html`<div class="scroll" role="region" aria-label="Table: ${title}" tabindex="0"><table id="t-${id}" data-columns="${numbers}"><caption>${html`<b>${title}</b>`}</caption>${head(columns)}<tbody>${bodyRows(rows, columns)}</tbody></table></div>`;
}

function bodyRows(rows: Rows, columns: readonly Column[]): readonly Html[] {
  if (rows.length === 0) return [html`<tr><td class="soft" colspan="${columns.length}">none</td></tr>`];
  return rows.map((row) => {
    // a sentence
    const [only] = row;
    if (row.length === 1 && only !== undefined)
      return html`<tr><td colspan="${columns.length}">${cell(only)}</td></tr>`;
    return html`<tr>${row.map((one, i) => html`<td class="${columns[i]?.number === true ? 'n' : ''}">${cell(one)}</td>`)}</tr>`;
  });
}

function head(columns: readonly Column[]): Html {
  return html`<thead><tr>${columns.map(
    ({ name, gloss, number }) =>
      html`<th scope="col" class="${number === true ? 'n' : ''}">${name}<small>${gloss}</small></th>`,
  )}</tr></thead>`;
}

/** The sentence on top; harm is marked in it as in the report. */
function answer(value: Cell): Html {
  return typeof value === 'string' ? html`${value}` : html`<em>${value.bad}</em>`;
}

function cell(value: Cell): Html {
  return typeof value === 'string' ? html`${value}` : html`<span class="bad">${value.bad}</span>`;
}

function verdictRow(one: ShownVerdict): Html {
  const tone =
    one.action === 'accept' ? (one.remark === '' ? '' : 'warn') : one.action === 'hold' ? 'warn' : 'bad';
  return html`<tr data-code="${one.code}"><td class="w"><time>${one.time.slice(11, 19)}</time></td><td><span class="${tone}">${one.action}</span>${one.remark === '' ? null : html`<small>${one.remark}</small>`}${one.because === '' ? null : html`<small>${one.because}</small>`}</td><td class="${wrap(one.from)}">${one.from}</td><td class="${wrap(one.to)}">${one.to}</td><td class="w">${one.tls}</td><td class="w">${one.client}</td><td class="${wrap(one.row)}">${one.row}</td><td class="w"><a href="/lookup?code=${one.code}">${one.code}</a></td></tr>`;
}

/** A short text stays in one line. */
function wrap(text: string): string {
  return text.length > 28 ? '' : 'w';
}
