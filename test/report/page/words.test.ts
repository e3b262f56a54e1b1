/** Figures, shares and days as they are written. */
import { test } from 'tap';
import { daysBetween } from '../../../src/report/days.ts';
import { namedDays, scaleOf, scaleWords } from '../../../src/report/page/chart.ts';
import { moment, range, span, weekday } from '../../../src/report/page/words.ts';
import { counted, dayWords, number, percent, shortDay } from '../../../src/report/words.ts';
import { daysUpTo } from './traffic.ts';

test('figures and shares', async (t) => {
  t.same([0, 7, 999, 1000, 1234567].map(number), ['0', '7', '999', '1,000', '1,234,567']);
  t.same(
    [counted(1, 'message'), counted(2, 'message'), counted(0, 'day')],
    ['1 message', '2 messages', '0 days'],
  );
  const share = (part: number, whole: number, want: string) =>
    t.equal(percent(part, whole), want, `${part} of ${whole}`);
  share(935, 1000, '93.5 %');
  share(1, 1, '100.0 %');
  share(99_999, 100_000, '99.9 %');
  share(1, 100_000, 'under 0.1 %');
  share(0, 10, '0.0 %');
  share(0, 0, '-');
});

test('days and times', async (t) => {
  t.equal(shortDay('2026-11-05'), '5 Nov');
  t.equal(dayWords('2026-11-05'), '5 Nov 2026');
  for (const words of [shortDay, dayWords]) {
    t.equal(words('2026-13-05'), '2026-13-05');
    t.equal(words('<b>'), '<b>');
  }
  t.equal(span('2026-10-30', '2026-11-28'), '30 October to 28 November 2026');
  t.equal(span('2025-12-30', '2026-01-02'), '30 December 2025 to 2 January 2026');
  t.equal(span('2026-11-28', '2026-11-28'), '28 November 2026');
  const text = (html: { text: string }) => html.text.replace(/<[^>]*>/g, '');
  t.equal(text(range('2026-11-20T01:00:00Z', '2026-11-23T02:00:00Z')), '20\u201323 Nov');
  t.equal(text(range('2026-10-30', '2026-11-06')), '30 Oct\u20136 Nov');
  t.equal(text(range('2026-11-06T01:00:00Z', '2026-11-06T09:00:00Z')), '6 Nov');
  t.equal(text(moment('2026-11-12T02:10:59Z')), '12 Nov 02:10');
  t.equal(text(moment('2026-11-12T23:59:59.999Z')), '12 Nov 24:00');
  t.equal(text(moment('2026-11-12')), '12 Nov');
  t.same(daysBetween('2026-02-27', '2026-03-01', 9), ['2026-02-27', '2026-02-28', '2026-03-01']);
  t.same(daysBetween('2026-02-27', '2026-03-01', 2).length, 2);
  t.same(daysBetween('x', '2026-03-01', 9), []);
  t.same(['2026-11-29', '2026-11-30'].map(weekday), [7, 1]);
});

test('scales', async (t) => {
  t.same(scaleOf(4401), { top: 4401, marks: [0, 1000, 2000, 3000, 4000] });
  t.same(scaleOf(0), { top: 1, marks: [0, 1] });
  t.same(scaleOf(3), { top: 3, marks: [0, 1, 2, 3] });
  for (let most = 1; most < 3e9; most = Math.ceil(most * 1.37)) {
    const { marks } = scaleOf(most);
    if (marks.length < 2 || marks.length > 7 || marks.at(-1)! > Math.max(1, most))
      t.fail(`${most}: ${marks}`);
  }
  t.same([800, 4000, 15_000, 250_000, 2_500_000].map(scaleWords), ['800', '4,000', '15k', '250k', '2.5M']);
});

test('days that are named do not touch', async (t) => {
  const names = (count: number) =>
    namedDays(daysUpTo('2026-11-28', count), Math.min(596 / count, 56)).map(({ name }) => name);
  t.same(names(1), ['28 Nov']);
  t.same(names(30), ['2 Nov', '9 Nov', '16 Nov', '23 Nov']);
  t.same(names(366), ['Dec', 'Feb', 'Apr', 'Jun', 'Aug', 'Oct']);
  t.same(names(90), ['Sep', 'Oct', 'Nov']);
});
