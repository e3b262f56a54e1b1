/**
 * What a script adds to a page that says everything without it: tables that sort, a search and a choice above
 * long ones, buttons that copy, folded parts that open to print. `enhance` runs in the browser: it is written
 * into the page as its own source, so it may use nothing that is outside of it. It makes elements and text
 * only, never HTML of a text. Sortable heads follow the W3C's authoring practices: a button in the head,
 * `aria-sort` on the sorted one alone.
 */
function enhance(): void {
  function tool(tag: 'button' | 'input' | 'select'): HTMLElement {
    const element = document.createElement(tag);
    element.className = 'tool';
    return element;
  }

  /** What a cell sorts by: what it says it is, a time, a figure, a text. */
  function sortsBy(cell: HTMLElement | undefined, figures: boolean): string | number {
    if (cell === undefined) return '';
    const given = cell.dataset.by;
    const text = given ?? cell.querySelector('time')?.dateTime ?? cell.textContent.trim();
    return figures || given !== undefined ? Number.parseFloat(text.replace(/,/g, '')) || 0 : text;
  }

  function sortable(table: HTMLTableElement): void {
    const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
    const body = table.tBodies[0];
    if (body === undefined) return;
    const asMade = [...body.rows];
    for (const [at, head] of heads.entries()) {
      const button = document.createElement('button');
      button.type = 'button';
      button.append(...head.childNodes);
      head.append(button);
      // Chromium repeats a head on each sheet only where it has no buttons
      addEventListener('beforeprint', () => head.replaceChildren(...button.childNodes));
      addEventListener('afterprint', () => {
        button.append(...head.childNodes);
        head.append(button);
      });
      const figures = head.classList.contains('n');
      button.addEventListener('click', () => {
        // figures begin with the largest, words with A; the third press gives the order of the report again
        const first = figures ? 'descending' : 'ascending';
        const second = figures ? 'ascending' : 'descending';
        const now = head.getAttribute('aria-sort');
        const next = now === null ? first : now === first ? second : null;
        for (const one of heads) one.removeAttribute('aria-sort');
        if (next === null) return body.append(...asMade);
        head.setAttribute('aria-sort', next);
        const by = new Map(asMade.map((row) => [row, sortsBy(row.cells[at], figures)]));
        const sign = next === 'ascending' ? 1 : -1;
        const compare = (a: string | number, b: string | number) =>
          typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
        body.append(...[...asMade].sort((a, b) => sign * compare(by.get(a) ?? '', by.get(b) ?? '')));
      });
    }
  }

  function searchable(table: HTMLTableElement): void {
    const body = table.tBodies[0];
    if (body === undefined) return;
    const rows = [...body.rows];
    const bar = document.createElement('div');
    bar.className = 'tools';
    const said = document.createElement('output');
    const tests: ((row: HTMLTableRowElement) => boolean)[] = [];
    const again = () => {
      const left = rows.filter((row) => {
        row.hidden = !tests.every((test) => test(row));
        return !row.hidden;
      }).length;
      const all = left === rows.length;
      said.textContent = all ? '' : `${left} of ${rows.length} rows; the totals stay those of all`;
    };
    const labelled = (words: string, control: HTMLElement) => {
      const label = document.createElement('label');
      label.append(words, control);
      bar.append(label);
    };
    const search = tool('input') as HTMLInputElement;
    search.type = 'search';
    search.addEventListener('input', again);
    const names = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    tests.push((row) => (names.get(row) ?? '').includes(search.value.trim().toLowerCase()));
    labelled(table.dataset.find ?? '', search);
    for (const head of table.tHead?.querySelectorAll<HTMLTableCellElement>('[data-pick]') ?? []) {
      const pick = tool('select') as HTMLSelectElement;
      const at = head.cellIndex;
      const said = (row: HTMLTableRowElement) => row.cells[at]?.textContent.trim() ?? '';
      const choices = [...new Set(rows.map(said))].sort();
      if (choices.length < 2) continue;
      pick.append(new Option('all', ''), ...choices.map((choice) => new Option(choice, choice)));
      pick.addEventListener('change', again);
      tests.push((row) => pick.value === '' || said(row) === pick.value);
      labelled(head.dataset.pick ?? '', pick);
    }
    bar.append(said);
    table.parentElement?.before(bar);
  }

  function copyable(box: HTMLElement, said: HTMLElement): void {
    const text = box.querySelector('code')?.textContent ?? '';
    const button = tool('button') as HTMLButtonElement;
    button.type = 'button';
    const label = document.createElement('span');
    label.textContent = 'Copy';
    const what = document.createElement('span');
    what.className = 'unseen';
    what.textContent = `: ${(text.split('\n')[0] ?? '').slice(0, 60)}`;
    button.append(label, what);
    button.addEventListener('click', () => {
      navigator.clipboard.writeText(text).then(
        () => {
          label.textContent = 'Copied';
          said.textContent = `Copied${what.textContent}`;
          setTimeout(() => {
            label.textContent = 'Copy';
          }, 2000);
        },
        () => {
          label.textContent = 'Not allowed';
          said.textContent = 'The browser did not allow to copy';
        },
      );
    });
    box.append(button);
  }

  // a stop for the keyboard only where there is something to scroll
  const scrolled = new ResizeObserver((sizes) => {
    for (const { target } of sizes)
      if (target.scrollWidth > target.clientWidth) target.setAttribute('tabindex', '0');
      else target.removeAttribute('tabindex');
  });
  for (const region of document.querySelectorAll('.scroll')) scrolled.observe(region);

  // the search first: it stands before the table, and knows the words of a row as they are
  for (const table of document.querySelectorAll<HTMLTableElement>('table[data-find]')) searchable(table);
  for (const table of document.querySelectorAll<HTMLTableElement>('table[data-sort]')) sortable(table);
  if (navigator.clipboard !== undefined) {
    // told to who hears the page: what is within a button is not told when it changes
    const said = document.createElement('output');
    said.className = 'unseen';
    document.querySelector('main')?.append(said);
    for (const box of document.querySelectorAll<HTMLElement>('.paste')) copyable(box, said);
  }
  const folded: HTMLDetailsElement[] = [];
  addEventListener('beforeprint', () => {
    for (const one of document.querySelectorAll('details')) {
      if (!one.open) folded.push(one);
      one.open = true;
    }
  });
  addEventListener('afterprint', () => {
    for (const one of folded.splice(0)) one.open = false;
  });
}

/** The whole of the script element. */
export const SCRIPT = `'use strict';\n(${enhance.toString()})();`;
