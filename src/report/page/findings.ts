/** The findings: a large count, what is wrong, why, and the lines to paste. */
import type { Finding, Report } from '../report.ts';
import { number } from '../words.ts';
import type { RowLink } from './links.ts';
import { foreign, type Html, html, lines, prose } from './markup.ts';
import { none, part, paste } from './part.ts';
import { findingsTitle, isKnown } from './top.ts';

const ABOUT = html`Ordered by harm: first mail that is lost, then mail that is exposed, then what could be stricter.`;

export function findings(report: Report, link: RowLink): Html {
  const all = report.findings;
  const nothing = isKnown(report)
    ? 'The records of these days give no cause to do anything.'
    : 'There are no records of these days, so nothing can be said about them.';
  const body =
    all.length === 0
      ? none(nothing)
      : html`<ol class="finds">
${all.map((one, i) => finding(one, i, link))}</ol>
`;
  return part({ id: 'findings', title: findingsTitle(report), about: ABOUT, body });
}

function finding(it: Finding, index: number, link: RowLink): Html {
  return html`<li id="find-${index + 1}"${it.harm && html` class="harm"`}><div><a class="big" href="${link(it.rows.part, it.rows.key)}">${number(it.count)}</a> <span class="fine unit">${foreign(it.unit)}</span></div>
<div class="what"><h3>${foreign(it.title)}</h3>
<p>${prose(it.text)}</p>
${it.paste !== '' && paste(lines(it.paste))}</div></li>
`;
}
