/**
 * The style of the live page: that of the report, so that both are one product, and a little of its own. In one
 * constant, whose hash is in the policy of the page.
 */
import { STYLE } from '../report/page/style.ts';
import { STYLE_NARROW } from '../report/page/stylePrint.ts';
import { STYLE_TABLES } from '../report/page/styleTables.ts';
import { TOKENS } from '../report/page/tokens.ts';

const OWN = `
table { font-size: .8125rem; }
tbody td { overflow-wrap: anywhere; min-width: 5rem; }
td small { display: block; }
thead small { white-space: normal; }
#t-verdicts td:nth-child(2) { min-width: 12.5rem; }
.glance b { white-space: nowrap; }
.rail .brand { color: var(--ink); }
.w { white-space: nowrap; }
.long { max-width: 48rem; }
.rail p.bad { color: var(--bad); }
.asked { display: flex; flex-wrap: wrap; gap: .75rem 1.5rem; align-items: baseline; justify-content: space-between;
  font-size: .8125rem; color: var(--soft); }
.live { display: flex; flex-wrap: wrap; gap: .75rem; align-items: baseline; }
.small h1 { margin: 0; font-size: clamp(1.75rem, 3.6vw, 2.75rem); font-weight: 500; line-height: 1.14; }
[hidden] { display: none !important; }
@media screen and (max-width: 44rem) { tbody td { max-width: 16rem; } }
`;

export const LIVE_STYLE = TOKENS + STYLE + STYLE_TABLES + STYLE_NARROW + OWN;
