/**
 * The live page in a real browser: axe finds nothing to mend, the policy lets all of it work and nothing else, verdicts
 * appear while one looks, a lost daemon is said and found again, and without script the page says as much. The report
 * behind it is a whole page of its own.
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { policyAnswers, policyRequest } from '../daemon/startDaemon.ts';
import { browserSkip, type Look, launchBrowser, type OpenPage, type TestBrowser } from './harness/browser.ts';
import { Daemon, type LogLine } from './harness/daemon.ts';
import { until } from './harness/deadline.ts';
import { freePorts } from './harness/processes.ts';
import { mainFile } from './harness/program.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TABLE = `[domains]
* = may
bank.example = encrypt
[domain new.example]
receive = encrypt
mode = observe
[domain held.example]
receive = encrypt
violation = hold
`;
/** A delivery that waits for want of STARTTLS, with words that a server chose. */
function putOff(id: string, domain: string): string {
  const said = `TLS is required, but was not offered by host mx.<img src=x onerror=alert(1)>.${domain}[192.0.2.7]`;
  return `${new Date().toISOString()} mx postfix/smtp[10]: ${id}: to=<u@${domain}>, relay=none, delay=1, delays=1/0/0/0, dsn=4.7.4, status=deferred (${said})\n`;
}

/** As far as a mail server would ever hand them over. */
const HOSTILE = [
  '"><script>alert(1)</script>@bank.example',
  'x@<img/src=x/onerror=alert(1)>',
  `y@${'z'.repeat(60)}.example`,
];

const MAIN = mainFile();
const skip = browserSkip();
let browser: TestBrowser;
let daemon: Daemon;
let url = '';

async function mail(...senders: readonly string[]): Promise<void> {
  const socket = connect(daemon.address('policy').replace(/^unix:/, ''));
  await policyAnswers(
    socket,
    senders.map((sender) => policyRequest({ sender })),
  );
  socket.destroy();
}

t.before(async () => {
  if (skip !== false) return;
  const [port = 0] = await freePorts(1);
  url = `http://127.0.0.1:${port}`;
  daemon = await Daemon.create({
    tables: TABLE,
    protocols: ['policy', 'milter', 'socketmap', 'control'],
    service: { 'http-listen': `inet:127.0.0.1:${port}`, evidence: 'records', 'trusted-clients': '' },
  });
  await daemon.start();
  const log = join(daemon.dir, 'mail.log');
  writeFileSync(log, putOff('AAAAA1', 'clinic.example') + putOff('AAAAA2', 'xn--80ak6aa92e.example'));
  const collect = [MAIN, 'collect', '--file', log, '--once', '--config', daemon.configFile];
  await promisify(execFile)(process.execPath, collect);
  browser = await launchBrowser();
  await mail('a@bank.example', 'a@new.example', 'a@held.example', 'a@other.example', ...HOSTILE);
});

t.teardown(async () => {
  if (skip !== false) return;
  await browser.close();
  await daemon.close();
});

/** What axe would mend, as `rule: element`; the policy of the page would not let it in. */
async function violations({ page }: OpenPage): Promise<string[]> {
  const session = await page.createCDPSession();
  const { result } = await session.send('Runtime.evaluate', {
    expression: `${AXE};axe.run({ resultTypes: ['violations'] }).then(({ violations }) =>
      violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html.slice(0, 160))))`,
    awaitPromise: true,
    returnByValue: true,
  });
  return result.value as string[];
}

const LOOKS: readonly [string, string, Look][] = [
  ['light, 1280', '/', {}],
  ['dark, 360', '/', { width: 360, scheme: 'dark' }],
  ['a verdict', '/lookup?code=', { width: 360 }],
];

for (const [name, path, look] of LOOKS)
  t.test(`nothing to mend: ${name}`, { skip }, async (t) => {
    const rejected = (line: LogLine) => line.event === 'tx.verdict' && line.action === 'reject';
    const target = path === '/' ? path : `${path}${String((await daemon.waitForLine(rejected)).code)}`;
    const it = await browser.page(`${url}${target}`, look);
    t.strictSame(await violations(it), []);
    const wide = await it.page.evaluate(() => document.documentElement.scrollWidth);
    t.ok(wide <= (look.width ?? 1280), `${wide} pixels wide`);
    const cut = await it.page.evaluate(() =>
      [...document.querySelectorAll('.scroll')].flatMap((one) =>
        one.scrollWidth > one.clientWidth
          ? [`${one.querySelector('table')?.id}: ${one.scrollWidth} of ${one.clientWidth}`]
          : [],
      ),
    );
    if (look.width === undefined) t.strictSame(cut, [], 'no table is cut off on a wide screen');
    t.strictSame(it.errors, []);
    t.strictSame(
      it.requests.filter((one) => one !== `${url}/events`),
      [],
      'nothing is asked of anybody else',
    );
    t.equal(await it.page.evaluate(() => document.querySelectorAll('img, table script').length), 0);
    await it.close();
  });

t.test('verdicts appear, the list can be narrowed and held', { skip }, async (t) => {
  const it = await browser.page(`${url}/`);
  const { page } = it;
  const state = (): Promise<string> =>
    page.evaluate(() => document.getElementById('state')?.textContent ?? '');
  const senders = async (): Promise<string[]> =>
    (await it.readTable('Last verdicts')).slice(1).map((row) => row[2] ?? '');
  await until(5000, 'the stream', async () => (await state()) === 'live');
  await mail('a@fresh.example', 'a@bank.example');
  await until(5000, 'the verdicts', async () => {
    const [first, second] = await senders();
    return first === 'bank.example' && second === 'fresh.example';
  });
  const all = (await senders()).length;
  t.equal(
    new Set(
      await page.evaluate(() =>
        [...document.querySelectorAll('tr[data-code]')].map((row) => row.getAttribute('data-code')),
      ),
    ).size,
    all,
    'each once',
  );
  await page.click('#notable');
  t.notOk((await senders()).includes('fresh.example'), 'accepted mail is hidden');
  await page.type('#find', 'bank');
  t.ok((await senders()).every((from) => from === 'bank.example'));
  await page.click('#notable');
  await page.$eval('#find', (input) => {
    (input as HTMLInputElement).value = '';
    input.dispatchEvent(new Event('input'));
  });
  await page.click('#pause');
  await mail('a@late.example');
  await until(5000, 'the next figures', async () => (await state()).includes('waits'));
  t.notOk((await senders()).includes('late.example'));
  await page.click('#pause');
  t.equal((await senders())[0], 'late.example');
  const figure = await page.$eval('#f-refused', (element) => element.textContent);
  await mail('a@bank.example');
  await until(
    6000,
    'the figure',
    async () => (await page.$eval('#f-refused', (element) => element.textContent)) !== figure,
  );
  t.strictSame(it.errors, []);
  await daemon.stop();
  await until(6000, 'the loss', async () => (await state()).includes('lost'));
  await daemon.start();
  await until(15_000, 'the daemon again', async () => (await state()) === 'live');
  await it.close();
});

t.test('mail that waits, by the records', { skip }, async (t) => {
  const it = await browser.page(`${url}/`);
  const rows = async (): Promise<string[][]> => (await it.readTable('Waiting mail')).slice(1);
  const found = await until(20_000, 'the records', async () => {
    const all = await rows();
    return all.length > 2 && all;
  });
  t.match(
    found.map((row) => row.join(' | ')),
    [
      /^clinic\.example \| no STARTTLS offered \| .* \| 1 \| .* UTC$/,
      /^xn--80ak6aa92e\.example \| no STARTTLS offered \| .* \| 1 \| .* UTC$/,
      'No collector runs now: what came since is not known.',
      /^From the records at .* UTC\.$/,
    ],
  );
  t.match(await it.page.$eval('#f-waiting', (element) => element.textContent), /^2 at [0-9:]{5} UTC$/);
  t.strictSame(await violations(it), []);
  t.strictSame(it.errors, []);
  await it.close();
});

t.test('without script it says as much', { skip }, async (t) => {
  await mail('a@bank.example');
  const it = await browser.page(`${url}/`, { script: false });
  const rows = await (await fetch(`${url}/`)).text();
  t.match(rows, /data-code="[0-9A-Z]{8}"/);
  t.match(rows, /<noscript>.*stands still/s);
  t.strictSame(it.requests, [], 'and asks for nothing more');
  t.strictSame(it.errors, []);
  await it.close();
});

t.test('the report is a whole page, made once', { skip }, async (t) => {
  const [one, two] = await Promise.all([fetch(`${url}/report`), fetch(`${url}/report`)]);
  const told = [one?.status, two?.status];
  const answer = await until(
    30_000,
    'the report',
    async () => {
      const again = await fetch(`${url}/report`);
      return again.status === 200 && again;
    },
    () => `first ${told.join(', ')}`,
    500,
  );
  t.match(answer.headers.get('content-security-policy'), /script-src 'sha256-.*frame-ancestors 'none'$/);
  const it = await browser.page(`${url}/report`, { width: 360 });
  t.match(await it.page.title(), /mail|report/i);
  t.strictSame(it.errors, [], 'its style and its script are let in');
  await it.close();
  await daemon.waitForEvent('http.report');
  t.equal(daemon.events('http.report').length, 1, 'for all of these');
  t.strictSame(daemon.events('http.report-failed'), []);
  t.strictSame(daemon.events('bug'), []);
});
