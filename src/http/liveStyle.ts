/**
 * The style of the live page: the tokens, the grid and the tables of the report (report/page), as far as they are used
 * here. In one constant, whose hash is in the policy of the page.
 */

export const LIVE_STYLE = `
:root { color-scheme: light dark;
  --paper: #fff; --ink: #15212a; --soft: #52606b; --rule: #dfe4e8; --rule-2: #a9b4bc; --fill: #f4f6f8;
  --accent: #0b5a69; --bad: #b5390a; --warn: #7d5700; --hit: #e3f1f3;
  --sans: Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  --rail: 13rem; --gap: 2.5rem; }
@media screen and (prefers-color-scheme: dark) { :root {
  --paper: #0f161b; --ink: #e4eaee; --soft: #9dabb5; --rule: #26323a; --rule-2: #4d5c66; --fill: #172027;
  --accent: #7cc9d6; --bad: #ff9163; --warn: #e5b95c; --hit: #15303a; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1.5rem; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: .9375rem/1.55 var(--sans); font-variant-numeric: tabular-nums; }
.page { max-width: 80rem; margin: auto; padding: 2.5rem 2.5rem 5rem; }
h1, h2, p, ul { margin: 0; padding: 0; }
h2 { font-size: 1.25rem; line-height: 1.25; font-weight: 600; letter-spacing: -.012em; text-wrap: balance; }
p { max-width: 66ch; text-wrap: pretty; }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: .2em; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 2px; }
small, .small { font-size: .8125rem; line-height: 1.45; }
.soft, small { color: var(--soft); }
.bad { color: var(--bad); font-weight: 600; }
.warn { color: var(--warn); font-weight: 600; }
.hide { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.part { display: grid; grid-template-columns: var(--rail) minmax(0, 1fr); gap: 1.25rem var(--gap);
  border-top: 1px solid var(--ink); margin-top: 4.5rem; padding-top: 1.125rem; }
.rail { position: sticky; top: 1.25rem; align-self: start; }
.rail p { margin-top: .625rem; color: var(--soft); font-size: .8125rem; line-height: 1.5; }
.rail p.bad { color: var(--bad); }
.body > * + * { margin-top: 1.5rem; }
.top { border: 0; margin: 0; padding: 0; }
.top .rail { position: static; }
.rail .mark { font-weight: 700; letter-spacing: -.02em; font-size: 1.0625rem; color: var(--ink); margin: 0; }
.mark i { display: inline-block; width: .6em; height: .6em; margin-right: .45em; background: var(--accent);
  border-radius: 50% 50% 50% 0; forced-color-adjust: none; }
.rail h1 { font-size: .9375rem; font-weight: 600; line-height: 1.45; margin-top: 1.75rem; overflow-wrap: anywhere; }
.answer { font-size: clamp(1.75rem, 3.6vw, 2.75rem); line-height: 1.14; letter-spacing: -.028em; font-weight: 500;
  max-width: 21em; text-wrap: balance; overflow-wrap: anywhere; }
.answer .bad { font-weight: 500; }
.lead { font-size: 1.0625rem; max-width: 62ch; color: var(--soft); overflow-wrap: anywhere; }
.glance { list-style: none; columns: 2; column-gap: var(--gap); border-top: 1px solid var(--rule); }
.glance li { break-inside: avoid; border-bottom: 1px solid var(--rule); }
.glance a { display: flex; justify-content: space-between; gap: 1rem; padding: .5625rem 0; color: var(--ink);
  text-decoration: none; }
.glance a:hover span { text-decoration: underline; }
.glance b { font-weight: 600; text-align: right; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .8125rem; line-height: 1.4; }
caption { text-align: left; padding-bottom: .625rem; color: var(--soft); font-size: .8125rem; }
caption b { color: var(--ink); font-size: .9375rem; }
th, td { text-align: left; vertical-align: baseline; padding: .5rem .5rem; font-weight: 400; }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
thead th { font-size: .8125rem; font-weight: 600; vertical-align: bottom; border-bottom: 1px solid var(--rule-2);
  line-height: 1.3; }
thead small { display: block; font-weight: 400; font-size: .75rem; }
tbody tr + tr > * { border-top: 1px solid var(--rule); }
tbody th { font-weight: 500; }
td { overflow-wrap: anywhere; min-width: 5rem; }
.w { white-space: nowrap; }
#t-verdicts td:nth-child(2) { min-width: 12rem; }
.long { max-width: 48rem; }
.n { text-align: right; white-space: nowrap; }
.why { display: block; max-width: 26rem; }
time { white-space: nowrap; }
.tool { font: inherit; font-size: .8125rem; color: var(--ink); background: var(--paper); border: 1px solid var(--rule-2);
  border-radius: 4px; padding: .1875rem .5rem; }
button.tool { cursor: pointer; }
.filter { display: flex; flex-wrap: wrap; gap: .75rem 1.5rem; align-items: baseline; justify-content: space-between;
  font-size: .8125rem; color: var(--soft); }
.live { display: flex; flex-wrap: wrap; gap: .75rem; align-items: baseline; }
[hidden] { display: none !important; }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--rule); color: var(--soft); font-size: .8125rem; }
@media (max-width: 66rem) {
  .part { grid-template-columns: minmax(0, 1fr); }
  .rail { position: static; }
}
@media (max-width: 44rem) {
  .page { padding: 1.25rem 1rem 3rem; }
  .part { margin-top: 3rem; }
  .glance { columns: 1; }
  .scroll { margin-inline: -1rem; padding-inline: 1rem; }
  .scroll table { min-width: max-content; }
  td { max-width: 16rem; }
}
@media (forced-colors: active) { :root { --bad: Highlight; --rule: GrayText; --soft: CanvasText; } }
@media print { .filter, .hide { display: none; } .part { break-inside: avoid; margin-top: 2rem; } }
`;
