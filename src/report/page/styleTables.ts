/** How tables and plots look on a wide screen. */
export const STYLE_TABLES = `
.scroll { position: relative; overflow-x: auto; }
table { width: 100%; border-collapse: separate; border-spacing: 0; font-size: .875rem; line-height: 1.4; }
caption { max-width: min(52rem, 100vw - 5rem); padding-bottom: .625rem; text-align: left; font-size: .8125rem; color: var(--soft); }
caption b { font-size: .9375rem; color: var(--ink); }
caption code { overflow-wrap: anywhere; }
th, td { padding: .5rem; text-align: left; vertical-align: baseline; font-weight: 400; }
:is(th, td):first-child { padding-left: 0; }
:is(th, td):last-child { padding-right: 0; }
thead th { vertical-align: bottom; border-bottom: 1px solid var(--line); font-size: .8125rem; font-weight: 600;
  line-height: 1.3; }
thead small { display: block; font-size: .75rem; font-weight: 400; white-space: nowrap; }
tbody th { font-weight: 500; }
:is(tbody th, td) { max-width: 24rem; overflow-wrap: break-word; }
tbody tr + tr > *, tbody + tbody > tr > * { border-top: 1px solid var(--hair); }
tfoot > tr > * { border-top: 1px solid var(--ink); font-weight: 600; }
:is(tfoot th, thead .label, .state) { white-space: nowrap; }
tfoot > tr + tr > * { border-top-color: var(--hair); }
.n { text-align: right; white-space: nowrap; }
.n + :is(th, td):not(.n) { padding-left: 1.5rem; }
td a { color: inherit; text-decoration-color: var(--line); }
td a.bad { color: var(--bad); }
td code, time, code span { white-space: nowrap; }
td code { overflow-wrap: normal; }
.dense { font-size: .8125rem; }
.dense .n + :is(th, td):not(.n) { padding-left: 1.125rem; }
thead button { all: unset; cursor: pointer; }
thead button:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; }
thead button:hover { text-decoration: underline; text-underline-offset: .2em; }
[aria-sort] .label::after { content: " \\25b2"; font-size: .7em; }
[aria-sort="descending"] .label::after { content: " \\25bc"; }
summary { width: fit-content; padding-block: .25rem; font-size: .8125rem; color: var(--accent); cursor: pointer; }
details > :not(summary) { margin-top: .75rem; }

.way { display: grid; grid-template-columns: minmax(0, 1fr) 17.5rem; gap: .5rem 2rem; }
.body > * + .way { margin-top: 3rem; }
.way > h3 { grid-column: 1 / -1; }
.way figcaption { font-size: .8125rem; color: var(--ink); padding-left: 8%; }
.plot { display: block; width: 100%; height: auto; overflow: visible; }
.plot text { font: 12px var(--sans); font-variant-numeric: tabular-nums; fill: var(--soft); }
.plot .name { fill: var(--ink); }
.plot :is(.axis, .grid, .mark) { fill: none; }
.axis { stroke: var(--ink); }
.grid { stroke: var(--hair); }
.mark { stroke: var(--line); }
.away { fill: var(--fill); }
.hover { fill: none; pointer-events: all; }
.hover:hover { fill: var(--ink); fill-opacity: .08; }
.tls13 { fill: var(--tls13); }
.tls12 { fill: url(#lined); }
.older { fill: url(#hatched); }
.plain { fill: var(--plain); }
.unknown { fill: url(#dotted); }
.apart { fill: var(--bad); }
.lined-ground { fill: var(--tls12); }
.lined-line { stroke: var(--paper); stroke-width: .6; }
.hatched-ground { fill: var(--older); }
.hatched-line { stroke: var(--hatch); stroke-width: 1; }
.dotted-ground { fill: var(--paper); }
.dotted-dot { fill: var(--unknown); }
.patterns { position: absolute; width: 0; height: 0; }
.swatch { width: 14px; height: 10px; margin-right: .5rem; }
.key .big { font-size: 2.5rem; }
.key > p:first-child { margin-bottom: .75rem; line-height: 1.3; }
.key > p + p { margin-top: .375rem; }
.key table { font-size: .8125rem; }
.key :is(th, td) { padding-block: .3125rem; }
.spark { width: 5.5rem; vertical-align: -.3rem; height: 1.25rem; fill: var(--bad); }
.spark .axis { stroke: var(--line); }
`;
