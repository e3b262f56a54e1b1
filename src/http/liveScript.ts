/**
 * The script of the live page. It listens to `/events` and writes texts into elements that are there; it makes no HTML of
 * a text. Kept in one constant, whose hash is in the policy of the page.
 */

export const LIVE_SCRIPT = `
(() => {
'use strict';
const MOST = 100;
const byId = (id) => document.getElementById(id);
const body = byId('t-verdicts').tBodies[0];
const find = byId('find'), notable = byId('notable'), pause = byId('pause'), state = byId('state');
let paused = false;
let waiting = [];
let leftOut = 0;
let last = 0;
document.querySelector('.live').hidden = false;

const element = (name, text, style) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (style) made.className = style;
  return made;
};
const say = (text, lost) => {
  if (state.textContent !== text) state.textContent = text;
  state.className = lost ? 'bad' : '';
};
const fill = (place, value, name = 'span') => {
  const text = typeof value === 'string' ? value : value.bad;
  const inner = typeof value === 'string' ? document.createTextNode(text) : element(name, text, name === 'em' ? '' : 'bad');
  if (place.textContent !== text || typeof value !== 'string') place.replaceChildren(inner);
};
const shown = (row) => {
  const text = find.value.trim().toLowerCase();
  row.hidden = (notable.checked && row.dataset.plain === 'yes') || (text !== '' && !row.textContent.toLowerCase().includes(text));
};
const text = (value) => element('td', value, value.length > 28 ? '' : 'w');
const rowOf = (one) => {
  const row = element('tr');
  row.dataset.code = one.code;
  row.dataset.plain = one.action === 'accept' && one.remark === '' ? 'yes' : 'no';
  const time = element('td', undefined, 'w');
  time.append(element('time', one.time.slice(11, 19)));
  const verdict = element('td');
  const tone = one.action === 'accept' ? (one.remark === '' ? '' : 'warn') : one.action === 'hold' ? 'warn' : 'bad';
  verdict.append(element('span', one.action, tone));
  if (one.remark !== '') verdict.append(element('small', one.remark));
  if (one.because !== '') verdict.append(element('small', one.because));
  const code = element('td', undefined, 'w');
  const link = element('a', one.code);
  link.href = '/lookup?code=' + encodeURIComponent(one.code);
  code.append(link);
  row.append(time, verdict, text(one.from), text(one.to), text(one.tls), text(one.client), text(one.row), code);
  shown(row);
  return row;
};
for (const row of body.rows) {
  const action = row.cells[1];
  row.dataset.plain = action && action.textContent === 'accept' ? 'yes' : 'no';
}
const add = (one) => {
  for (const row of body.rows) if (row.dataset.code === one.code) return;
  body.prepend(rowOf(one));
  while (body.rows.length > MOST) body.lastElementChild.remove();
};
const replace = (id, rows) => {
  const table = byId('t-' + id);
  if (!table) return;
  const styles = table.dataset.columns.split(',');
  const key = JSON.stringify(rows);
  if (table.dataset.key === key) return;
  table.dataset.key = key;
  const made = rows.map((cells) => {
    const row = element('tr');
    cells.forEach((value, i) => {
      const place = element('td', undefined, cells.length === 1 ? '' : styles[i]);
      if (cells.length === 1) place.colSpan = styles.length;
      fill(place, value);
      row.append(place);
    });
    return row;
  });
  if (made.length === 0) {
    const row = element('tr');
    const none = element('td', 'none', 'soft');
    none.colSpan = styles.length;
    row.append(none);
    made.push(row);
  }
  table.tBodies[0].replaceChildren(...made);
};
for (const input of [find, notable]) input.addEventListener('input', () => { for (const row of body.rows) shown(row); });
pause.addEventListener('click', () => {
  paused = !paused;
  pause.setAttribute('aria-pressed', String(paused));
  pause.textContent = paused ? 'Go on' : 'Pause';
  if (paused) return;
  for (const one of waiting) add(one);
  waiting = [];
});

const source = new EventSource('/events');
source.addEventListener('open', () => { last = Date.now(); say('live'); });
source.addEventListener('error', () => say('connection lost; trying again', true));
source.addEventListener('verdict', (event) => {
  const one = JSON.parse(event.data);
  if (!paused) add(one);
  else if (waiting.push(one) > MOST) waiting.shift();
});
source.addEventListener('left-out', (event) => {
  leftOut += Number(event.data);
  byId('left-out').textContent = leftOut + ' more since this page was opened are not shown here.';
});
source.addEventListener('status', (event) => {
  last = Date.now();
  say(paused ? 'live; the list waits' : 'live');
  const model = JSON.parse(event.data);
  fill(byId('answer'), model.answer, 'em');
  fill(byId('lead'), model.lead);
  for (const figure of model.figures) {
    const place = byId(figure.id);
    if (place) fill(place, figure.value);
  }
  for (const id of Object.keys(model.tables)) replace(id, model.tables[id]);
});
setInterval(() => { if (last !== 0 && Date.now() - last > 10000) say('nothing heard for ' + Math.round((Date.now() - last) / 1000) + ' s', true); }, 2000);
})();
`;
