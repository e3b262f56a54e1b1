/**
 * A part of the page: a rail that says what it is and what it counts, and the column that says what it says.
 */
import { type Html, html } from './markup.ts';

interface PartOf {
  readonly id: string;
  readonly title: string;
  /** What it counts, in a sentence or two. */
  readonly about: Html;
  readonly body: Html;
}

export function part({ id, title, about, body }: PartOf): Html {
  return html`<section class="part" id="${id}" aria-labelledby="${id}-title">
<div class="rail"><h2 id="${id}-title">${title}</h2><p>${about}</p></div>
<div class="body">
${body}</div>
</section>

`;
}

/** What stands where there is nothing to show. */
export function none(text: string | Html): Html {
  return html`<p class="none">${text}</p>\n`;
}

/** Lines to paste, which the script gives a button. */
export function paste(text: Html): Html {
  return html`<div class="paste"><pre><code>${text}</code></pre></div>`;
}
