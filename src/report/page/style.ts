/** How the page looks on a wide screen: text, the grid of rail and column, the top, findings, glossary. */
export const STYLE = `
*, ::before, ::after { box-sizing: border-box; }
html { scroll-padding-top: 1.5rem; -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: .9375rem/1.55 var(--sans);
  font-variant-numeric: tabular-nums; overflow-wrap: break-word; }
.sheet { max-width: 80rem; margin-inline: auto; padding: 2.5rem 2.5rem 4rem; }
:is(h1, h2, h3, p, dl, dd, ol, ul, figure) { margin: 0; padding: 0; }
h2 { font-weight: 600; font-size: 1.25rem; line-height: 1.25; letter-spacing: -.012em; text-wrap: balance; }
h3 { font-weight: 600; font-size: 1.0625rem; line-height: 1.35; letter-spacing: -.008em; overflow-wrap: anywhere; }
p { max-width: 66ch; text-wrap: pretty; overflow-wrap: anywhere; }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: .2em; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
code, pre { font: .8125rem/1.6 var(--mono); }
small, .fine { font-size: .8125rem; line-height: 1.45; }
small, .soft, .zero { color: var(--soft); }
.bad, .warn { font-weight: 600; }
.bad { color: var(--bad); }
.warn { color: var(--warn); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: 1rem; top: .5rem; padding: .25rem .5rem; background: var(--paper); }
.skip:not(:focus) { transform: translateY(-300%); }
:target { background: var(--aim); }
:is(section, div, details):target { background: none; }

.part { display: grid; grid-template-columns: var(--rail) minmax(0, 1fr); column-gap: var(--gutter); row-gap: 1.25rem;
  margin-top: 4.5rem; padding-top: 1.125rem; border-top: 1px solid var(--ink); }
.rail { align-self: start; position: sticky; top: 1.25rem; }
.rail p { margin-top: .625rem; font-size: .8125rem; line-height: 1.5; color: var(--soft); }
.body > * + * { margin-top: 1.5rem; }
.body > .claim { padding-left: .875rem; border-left: 2px solid var(--warn); max-width: 62ch; }
.body > .none { color: var(--soft); max-width: 62ch; }

.part.top { grid-template-rows: auto 1fr; margin: 0; padding: 0; border: 0; }
.top > .rail { position: static; }
.top > .body { grid-row: span 2; }
.brand { font-size: 1.0625rem; font-weight: 700; letter-spacing: -.02em; }
.brand i { display: inline-block; width: .6em; height: .6em; margin-right: .45em; border-radius: 50% 50% 50% 0;
  background: var(--accent); forced-color-adjust: none; }
h1 { margin-top: 1.75rem; font-size: .9375rem; font-weight: 600; line-height: 1.45; overflow-wrap: anywhere; }
.facts { font-size: .8125rem; line-height: 1.5; overflow-wrap: anywhere; }
.facts div + div { margin-top: .75rem; }
.facts dt { color: var(--soft); }
.answer { max-width: 21em; font-size: clamp(1.75rem, 3.6vw, 2.75rem); font-weight: 500; line-height: 1.14;
  letter-spacing: -.028em; text-wrap: balance; }
.answer :is(a, em) { color: var(--bad); font-style: normal; }
.lead { max-width: 62ch; font-size: 1.0625rem; color: var(--soft); }
.glance { list-style: none; columns: 2; column-gap: var(--gutter); border-top: 1px solid var(--hair); }
.glance li { break-inside: avoid; border-bottom: 1px solid var(--hair); }
.glance a { display: flex; justify-content: space-between; column-gap: 1rem; padding-block: .5625rem;
  color: inherit; text-decoration: none; }
.glance a:hover span { text-decoration: underline; }
.glance b { font-weight: 600; text-align: right; }

.finds { list-style: none; }
.finds > li { display: grid; grid-template-columns: 8.5rem minmax(0, 1fr); column-gap: 2rem; row-gap: .25rem;
  align-items: baseline; padding-block: 1.5rem; border-bottom: 1px solid var(--hair); }
.finds > li:first-child { padding-top: 0; }
.what > * + * { margin-top: .5rem; }
.big { font-size: 2.25rem; font-weight: 500; line-height: 1; letter-spacing: -.03em; color: inherit;
  text-decoration: none; }
a.big:hover { text-decoration: underline; }
.harm .big { color: var(--bad); }
.finds .unit { display: block; overflow-wrap: anywhere; margin-top: .4rem; color: var(--soft); }
.paste { display: grid; grid-template-columns: minmax(0, 1fr) auto; background: var(--fill);
  border-left: 2px solid var(--accent); }
pre { margin: 0; padding: .6875rem .875rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.paste .tool { align-self: start; margin: .4375rem .5rem; }

.tool { font: inherit; font-size: .8125rem; color: var(--ink); background: var(--paper);
  border: 1px solid var(--edge); border-radius: 4px; padding: .1875rem .5rem; }
button.tool { cursor: pointer; }
.tools { display: flex; flex-wrap: wrap; gap: .5rem 1.25rem; align-items: baseline; font-size: .8125rem;
  color: var(--soft); }
.tools label { display: inline-flex; gap: .5rem; align-items: baseline; white-space: nowrap; }

.words { columns: 2; column-gap: var(--gutter); }
.words div { break-inside: avoid; padding-bottom: .875rem; }
.words dt { font-weight: 600; }
.words dd { font-size: .875rem; color: var(--soft); }
.body > .steps { padding-left: 1.25rem; margin-top: .75rem; }
.steps > li + li { margin-top: 1rem; }
.steps .paste, .steps p { margin-top: .5rem; }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--hair); font-size: .8125rem;
  color: var(--soft); overflow-wrap: anywhere; }
`;
