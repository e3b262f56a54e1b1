/**
 * The page of a report in a real browser: axe finds nothing to mend, it asks nobody for anything, sorts, searches and
 * copies by mouse and keyboard, says all of it without a script and on paper, shows the figures of the report, and names
 * that mean harm do none.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { reportPage } from '../../src/report/page/page.ts';
import { LEVELS, type Report } from '../../src/report/report.ts';
import { sampleReport } from '../report/page/fixture.ts';
import {
  calmReport,
  emptyReport,
  HOSTILE,
  hostileReport,
  hugeReport,
  oneLeg,
} from '../report/page/fixtureKinds.ts';
import { browserSkip, type Look, launchBrowser, type OpenPage, type TestBrowser } from './harness/browser.ts';
import { removeFolder } from './harness/folder.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const figure = (n: number) => n.toLocaleString('en-US');

const skip = browserSkip();
let browser: TestBrowser;
const folder = mkdtempSync(join(tmpdir(), 'tlsward-page-'));

t.before(async () => {
  if (skip === false) browser = await launchBrowser();
});
t.teardown(async () => {
  if (skip === false) await browser.close();
  removeFolder(folder);
});

async function open(name: string, report: Report, look: Look = {}): Promise<OpenPage> {
  const file = join(folder, `${name}.html`);
  writeFileSync(file, reportPage(report));
  return browser.page(pathToFileURL(file).href, look);
}

/** Opens what is folded. */
const unfold = ({ page }: OpenPage) =>
  page.evaluate(() => {
    for (const one of document.querySelectorAll('details')) one.open = true;
  });

/** What axe would mend, as `rule: element`. */
async function violations({ page }: OpenPage, rules: readonly string[]): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async (only) => {
    const { axe } = globalThis as unknown as {
      axe: { run(options: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    const { violations: found } = await axe.run({
      resultTypes: ['violations'],
      ...(only.length > 0 && { runOnly: { type: 'rule', values: only } }),
    });
    return found.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
  }, rules);
}

/** What depends on colours; all else is the same in the dark. */
const COLOURS = ['color-contrast', 'link-in-text-block'];
/** With all of axe's rules ([]), with some, or looked at without it. */
const LOOKS: readonly [string, Report, Look, readonly string[] | null][] = [
  ['light, 1280', sampleReport(), {}, []],
  ['dark, 1280', sampleReport(), { scheme: 'dark' }, COLOURS],
  ['light, 360', sampleReport(), { width: 360 }, []],
  ['dark, 360', sampleReport(), { width: 360, scheme: 'dark' }, COLOURS],
  ['printed', sampleReport(), { print: true }, null],
  ['forced colours', sampleReport(), { forcedColors: true }, null],
  ['no records', emptyReport(), { width: 360 }, []],
  ['a year', sampleReport(366), { width: 360 }, null],
  ['one way', oneLeg(), {}, null],
  ['nothing wrong', calmReport(), { scheme: 'dark' }, COLOURS],
  ['hostile names', hostileReport(), { width: 360 }, null],
];

for (const [name, report, look, rules] of LOOKS)
  t.test(`nothing to mend: ${name}`, { skip }, async (t) => {
    const it = await open('look', report, look);
    await unfold(it);
    if (rules !== null) t.same(await violations(it, rules), []);
    const wide = await it.page.evaluate(() => document.documentElement.scrollWidth);
    t.ok(wide <= (look.width ?? 1280), `${wide} pixels wide`);
    t.same(it.errors, []);
    t.same(it.requests, []);
    await it.close();
  });

t.test('figures read back are those of the report', { skip }, async (t) => {
  const report = sampleReport();
  const it = await open('figures', report);
  for (const way of ['in', 'out'] as const) {
    const apart = way === 'in' ? (['refused'] as const) : (['failed', 'otherFailed'] as const);
    const share = report.share[way];
    const rows = await it.readTable(way === 'in' ? 'Inbound by day.' : 'Outbound by day.');
    t.same(
      rows.slice(1).map((row) => row.slice(1)),
      [...share.days, share].map((one) => [
        ...LEVELS.map((level) => figure(one.travelled[level])),
        figure(LEVELS.reduce((sum, level) => sum + one.travelled[level], 0)),
        ...apart.map((kind) => figure(one[kind])),
      ]),
    );
    const key = await it.readTable(way === 'in' ? 'Inbound messages by' : 'Outbound messages by');
    t.same(
      key.slice(1, 6).map((row) => row[1]),
      LEVELS.map((level) => figure(share.travelled[level])),
    );
  }
  const partners = await it.readTable('Messages = kept');
  t.same(
    partners.slice(1, -1).map((row) => [row[0], row[1], ...row.slice(3, 8)]),
    report.partners.map((one) => [
      ...[one.domain, one.way],
      ...[one.messages, one.kept, one.passed, one.refused, one.failed].map(figure),
    ]),
  );
  t.same(partners.at(-1)?.slice(2, 7), ['23,553', '23,154', '135', '96', '168']);
  const causes = await it.readTable('By cause: 399 messages');
  t.same(
    causes.slice(1, -1).map((row) => [row[0], row[2], row[3], row[4]]),
    report.causes.map((one) => [one.domain, one.outcome, figure(one.messages), one.cause]),
  );
  const days = await it.readTable('Not kept, by partner and day.');
  t.same(
    days.slice(1).map((row) => [row[0], row[4]]),
    report.partners.flatMap((one) => one.notKept.map(({ count }) => [one.domain, figure(count)])),
  );
  // the bars are as high as the figures say
  const bars = await it.page.$$eval('#share-in .plot path[class="tls13"]', (paths) =>
    paths.flatMap((path) =>
      [...(path.getAttribute('d') ?? '').matchAll(/M[\d.]+ ([\d.]+)V([\d.]+)/g)].map(
        ([, a, b]) => Number(a) - Number(b),
      ),
    ),
  );
  const tls13 = report.share.in.days.map(({ travelled }) => travelled.tls13);
  t.equal(bars.length, tls13.length);
  const unit = bars[0]! / tls13[0]!;
  t.ok(bars.every((bar, i) => Math.abs(bar - tls13[i]! * unit) < 0.1));
  await it.close();
});

t.test('sorting, searching and copying', { skip }, async (t) => {
  const it = await open('tools', sampleReport());
  const { page } = it;
  const column = async (at: number) =>
    (await it.readTable('Messages = kept')).slice(1, -1).map((row) => row[at]);
  const made = await column(3);
  const head = '#partners-rows thead th:nth-child(4)';
  const sorted = () =>
    page.$$eval('#partners-rows [aria-sort]', (heads) =>
      heads.map((one) => `${one.querySelector('.label')?.textContent} ${one.getAttribute('aria-sort')}`),
    );
  const numbers = () => column(3).then((all) => all.map((text) => Number(text!.replace(',', ''))));

  await page.focus(`${head} button`);
  await page.keyboard.press('Enter');
  t.same(await sorted(), ['Messages descending']);
  t.same(
    await numbers(),
    [...(await numbers())].sort((a, b) => b - a),
  );
  await page.keyboard.press('Space');
  t.same(await sorted(), ['Messages ascending']);
  t.same(
    await numbers(),
    [...(await numbers())].sort((a, b) => a - b),
  );
  await page.keyboard.press('Enter');
  t.same(await sorted(), []);
  t.same(await column(3), made, 'as the report is');
  await page.click('#partners-rows thead th:nth-child(1) button');
  t.same(await column(0), [...(await column(0))].sort());
  await page.click('#partners-rows thead th:nth-child(9) button');
  t.equal((await column(8))[0], 'TLS 1.3', 'by strength, not by letter');
  await page.click('#gaps-rows thead th:nth-child(6) button');
  t.same(
    (await it.readTable('Gaps in the evidence')).slice(1).map((row) => row[5]),
    ['not known', '214', '0'],
  );

  const tools = '#partners .tools:has(+ .scroll #partners-rows)';
  await page.type(`${tools} input`, ' BANK ');
  t.same(await column(0), ['bank.example', 'bank.example']);
  t.equal(
    await page.$eval(`${tools} output`, (one) => one.textContent),
    '2 of 14 rows; the totals stay those of all',
  );
  await page.select(`${tools} select`, 'out');
  t.same(await column(1), ['out']);
  await page.select(`${tools} select`, '');
  await page.focus(`${tools} input`);
  for (let i = 0; i < 6; i++) await page.keyboard.press('Backspace');
  t.equal((await column(0)).length, 14);

  await page.evaluate(() => {
    Object.defineProperty(navigator.clipboard, 'writeText', {
      value: async (text: string) => Object.assign(globalThis, { copied: text }),
    });
  });
  await page.click('#find-4 .paste button');
  t.match(await page.$eval('#find-4 .paste button', (one) => one.textContent), 'Copied');
  t.match(await page.$eval('main > output', (one) => one.textContent), 'Copied: [domain payroll.example]');
  t.equal(await page.evaluate(() => Reflect.get(globalThis, 'copied')), sampleReport().findings[3]!.paste);
  const printing = (event: string) =>
    page.evaluate((name) => {
      dispatchEvent(new Event(name));
      return [
        document.querySelectorAll('thead button').length,
        document.querySelectorAll('details[open]').length,
      ];
    }, event);
  t.same(await printing('beforeprint'), [0, 3], 'heads without buttons, which are repeated on each sheet');
  const [buttons, unfolded] = await printing('afterprint');
  t.ok(buttons! > 40);
  t.equal(unfolded, 0, 'all as it was');
  await page.click('#ready-rows thead th:nth-child(3) button');
  t.equal(
    (await it.readTable('would have kept nothing back'))[1]?.[0],
    'insurer.example',
    'and sorting goes on',
  );
  t.same(it.errors, []);
  await it.close();
});

t.test('by keyboard, from link to row', { skip }, async (t) => {
  const it = await open('keyboard', sampleReport());
  const { page } = it;
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? '');
  await page.keyboard.press('Tab');
  t.equal(await focused(), 'Skip to the findings');
  t.ok(await page.$eval('.skip', (one) => one.getBoundingClientRect().top >= 0), 'it is seen');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  t.equal(await focused(), '168', 'the first finding');
  await page.keyboard.press('Enter');
  t.equal(await page.evaluate(() => document.querySelector(':target')?.id), 'causes-1');
  const outline = await page.$eval('#find-1 .big', (one) => getComputedStyle(one).outlineStyle);
  t.equal(outline, 'none', 'an outline is where the focus is');
  const stops = () => page.$$eval('.body > .scroll[tabindex]', (all) => all.length);
  await page.waitForFunction(() => document.querySelector('.body > .scroll[tabindex]') === null);
  t.equal(await stops(), 0, 'no stop where nothing scrolls');
  await page.setViewport({ width: 360, height: 800 });
  await page.waitForFunction(() => document.querySelector('.body > .scroll[tabindex]') !== null);
  t.ok((await stops()) > 5, 'one where it does');
  await page.focus('#share-in-days summary');
  await page.keyboard.press('Enter');
  t.equal(await page.$eval('#share-in-days', (one) => (one as HTMLDetailsElement).open), true);
  await page.focus('#partners-1 td:last-child a');
  await page.keyboard.press('Enter');
  t.equal(await page.evaluate(() => document.querySelector(':target')?.id), 'not-kept-1');
  t.equal(
    await page.$eval('#not-kept-days', (one) => (one as HTMLDetailsElement).open),
    true,
    'what is folded opens',
  );
  await it.close();
});

t.test('without a script, and on paper', { skip }, async (t) => {
  const report = sampleReport();
  const seen = (it: OpenPage, selector: string) =>
    it.page.$$eval(selector, (all) => all.map((one) => one.getBoundingClientRect().height > 0));
  const plain = await open('plain', report, { script: false });
  t.same(await seen(plain, 'section'), new Array(10).fill(true));
  t.equal((await plain.readTable('Messages = kept'))[1]?.[0], 'clinic.example', 'by harm');
  t.same(await plain.page.$$('button, input, select'), [], 'no tool that does nothing');
  const paper = await open('paper', report, { script: false, print: true, scheme: 'dark', width: 700 });
  t.same(new Set(await seen(paper, 'details table tbody tr')), new Set([true]), 'all is unfolded');
  t.same(new Set(await seen(paper, 'summary, .skip')), new Set([false]));
  t.equal(
    await paper.page.$eval('body', (one) => getComputedStyle(one).backgroundColor),
    'rgb(255, 255, 255)',
    'light',
  );
  t.equal(
    await paper.page.$eval('#partners-rows thead', (one) => getComputedStyle(one).display),
    'table-header-group',
  );
  const pdf = Buffer.from(await plain.page.pdf({ preferCSSPageSize: true, printBackground: true })).toString(
    'latin1',
  );
  const pages = pdf.match(/\/Type\s*\/Page\b/g)?.length ?? 0;
  t.ok(pages >= 6 && pages <= 16, `${pages} sheets`);
  t.match(pdf, /\/MediaBox\s*\[0 0 594\.9\d* 841\.\d+\]/, 'of A4');
  t.same([...plain.errors, ...paper.errors], []);
  await plain.close();
  await paper.close();
});

t.test('names that mean harm do none', { skip }, async (t) => {
  const it = await open('hostile', hostileReport());
  await unfold(it);
  for (const tag of ['script', 'style']) t.equal((await it.page.$$(tag)).length, 1, tag);
  t.same(await it.page.$$('img, iframe, object, embed, form, link, base, [onload], [onerror], [style]'), []);
  t.equal(await it.page.evaluate(() => Reflect.get(globalThis, 'harmed')), undefined);
  const rows = await it.readTable('Messages = kept');
  t.equal(rows[1]?.[0], HOSTILE[0], 'a name is shown as it is');
  t.ok(rows.some(([name]) => name === '\\u{202e}moc.knab\\u{202c}.example'));
  await it.page.click('#partners-rows thead th:nth-child(1) button');
  await it.page.select('#partners .tools select', 'out');
  t.equal(
    await it.page.evaluate(() => Reflect.get(globalThis, 'harmed')),
    undefined,
    'nor when it is sorted',
  );
  t.same([...it.errors, ...it.requests], []);
  await it.close();
});

t.test('twenty thousand partners over a year', { skip }, async (t) => {
  const it = await open('huge', hugeReport());
  const rows = await it.readTable('Messages = kept');
  t.equal(rows.length, 503);
  t.equal(rows.at(-2)?.[0], '19,500 others, in the CSV');
  await it.page.type('#partners .tools input', 'r-17.');
  t.equal((await it.readTable('Messages = kept')).length, 4, 'head, the one, others, foot');
  t.same(it.errors, []);
  await it.close();
});
