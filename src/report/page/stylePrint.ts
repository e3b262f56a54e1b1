/**
 * How the page looks on narrow screens and on paper. Tables that are wider than a telephone scroll with their
 * first column in place. Paper is A4: everything unfolded, heads of tables again on each sheet, no tools.
 */
import { cssString } from './markup.ts';

export const STYLE_NARROW = `
@media screen and (max-width: 66rem) {
  .part { grid-template-columns: minmax(0, 1fr); }
  .rail { position: static; }
  .top > .body { grid-row: auto; }
  .facts { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: .75rem 1.5rem; }
  .facts div + div { margin-top: 0; }
}
@media screen and (max-width: 60rem) {
  .way { grid-template-columns: minmax(0, 1fr); }
  .key { max-width: 26rem; margin-top: .75rem; }
}
@media screen and (max-width: 44rem) {
  .sheet { padding: 1.25rem 1rem 3rem; }
  .part { margin-top: 3rem; }
  .facts { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .glance, .words { columns: 1; }
  .finds > li { grid-template-columns: minmax(0, 1fr); }
  .finds .unit { display: inline; margin-left: .375rem; }
  .plot text { font-size: 22px; }
  .scroll { margin-inline: -1rem; }
  .scroll table { min-width: max-content; }
  .scroll caption { position: sticky; left: 0; width: 100vw; max-width: none;
    padding-inline: 1rem; }
  .scroll :is(th, td):last-child { padding-right: 1rem; }
  .scroll :is(th, td):first-child { position: sticky; left: 0; max-width: 10rem; padding-left: 1rem;
    background: var(--paper); white-space: normal; overflow-wrap: anywhere; }
  .scroll tr:target > :first-child { background: var(--aim); }
  td.said { max-width: 17rem; }
}
`;

/** The running foot of each sheet says which report it is of. */
export function stylePrint(foot: string): string {
  return `
@page { size: A4; margin: 16mm 14mm 18mm;
  @bottom-left { content: ${cssString(foot)}; font: 7.5pt sans-serif; color: #52606b; }
  @bottom-right { content: counter(page) " / " counter(pages); font: 7.5pt sans-serif; color: #52606b; } }
@media print {
  html { font-size: 9.5pt; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  .sheet { max-width: none; padding: 0; }
  .part { display: block; margin-top: 9mm; }
  .part.top { display: flex; flex-direction: column; gap: 5mm; }
  .rail { position: static; break-inside: avoid; break-after: avoid; }
  .rail p { max-width: none; }
  .body { margin-top: 4mm; }
  .facts { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 2mm 6mm; }
  .facts div + div { margin-top: 0; }
  .way { grid-template-columns: minmax(0, 1fr) 58mm; }
  .tool, .tools, .skip, summary, [aria-sort] .label::after { display: none; }
  details::details-content { display: block; height: auto; content-visibility: visible; }
  .scroll { overflow: visible; }
  caption { max-width: none; }
  :is(tbody th, td) { overflow-wrap: anywhere; }
  thead { display: table-header-group; }
  tfoot { display: table-row-group; }
  :is(tr, .finds > li, .way, figure, .paste, .glance li, .words div) { break-inside: avoid; }
  :is(h2, h3, caption) { break-after: avoid; }
  tfoot > tr { break-before: avoid; }
  table { font-size: 8.25pt; }
  th, td { padding-block: 1.1mm; }
  .dense { font-size: 7.2pt; }
  .dense :is(th, td) + * { padding-inline: 1mm; }
  .dense .spark { width: 18mm; }
  .days { font-size: 7.5pt; }
  .days :is(th, td) { padding-block: .4mm; }
  a { color: inherit; text-decoration-color: var(--line); }
}
`;
}
