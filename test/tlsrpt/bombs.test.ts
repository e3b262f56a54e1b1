/**
 * Reports at and beyond each limit, as the command reads them in a process of its own: what is beyond is refused by
 * name, and no file, however made, takes more memory than the largest report that is read.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { test } from 'tap';
import { newFolder } from '../trace/madeDays.ts';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const MAX_RSS_KIB = 400 * 1024;
/** Says at its end how much memory there was at most. */
const MEASURED = `process.on('exit', () => process._rawDebug('rss ' + process.resourceUsage().maxRSS))`;

const row = (i: number) => ({
  'result-type': 'validation-failure',
  'receiving-mx-hostname': `mx${i}.example.org`,
  'failed-session-count': 1,
});
const policy = (i: number, rows: number) => ({
  policy: { 'policy-type': 'tlsa', 'policy-domain': `mx${i}.example.org` },
  summary: { 'total-successful-session-count': 1, 'total-failure-session-count': rows },
  ...(rows === 0 ? {} : { 'failure-details': Array.from({ length: rows }, (_, j) => row(j)) }),
});
const report = (policies: number, rows: number): string =>
  JSON.stringify({
    'organization-name': 'reporter.example',
    'date-range': { 'start-datetime': '2026-11-29T00:00:00Z', 'end-datetime': '2026-11-29T23:59:59Z' },
    'report-id': `${policies} ${rows}`,
    policies: Array.from({ length: policies }, (_, i) => policy(i, rows)),
  });

/** Text that deflate makes no smaller than a tenth. */
function noise(bytes: number): string {
  let state = 1;
  let text = '';
  while (text.length < bytes) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    text += state.toString(16).padStart(8, '0').repeat(8);
  }
  return text.slice(0, bytes);
}

test('at each limit and beyond it', async (t) => {
  const folder = newFolder(t);
  const state = join(folder, 'state');
  mkdirSync(state);
  const read = (name: string, bytes: string | Buffer): readonly [status: number | null, line: string] => {
    const file = join(folder, name);
    writeFileSync(file, bytes);
    const argv = ['--import', `data:text/javascript,${encodeURIComponent(MEASURED)}`, MAIN];
    const options = ['--own-domains', 'example.org', '--state', state];
    const said = spawnSync(process.execPath, [...argv, 'tlsrpt', 'read', file, ...options], {
      encoding: 'utf8',
    });
    const rss = Number(/^rss (\d+)$/m.exec(said.stderr)?.[1]);
    t.ok(rss < MAX_RSS_KIB, `${name}: ${rss} KiB`);
    const [line = ''] = (said.stdout || said.stderr).split('\n');
    return [said.status, /refused \(([a-z-]+)\)/.exec(line)?.[1] ?? line];
  };
  const sessions = (good: number, failed: number): RegExp =>
    new RegExp(`^reporter\\.example, 2026-11-29, about .*: ${failed} of ${good + failed} sessions failed$`);
  const most = read('failures.json.gz', gzipSync(report(1, 100_000)));
  t.equal(most[0], 0);
  t.match(most[1], sessions(1, 100_000));
  t.same(read('failures-more.json.gz', gzipSync(report(1, 100_001))), [65, 'too-many-failures']);
  t.same(read('failures-of-two.json.gz', gzipSync(report(2, 50_001))), [65, 'too-many-failures']);
  t.equal(read('policies.json.gz', gzipSync(report(10_000, 0)))[0], 0);
  t.same(read('policies-more.json.gz', gzipSync(report(10_001, 0))), [65, 'too-many-policies']);
  t.same(read('objects.json', `{"policies":[${'{},'.repeat(1_500_000)}{}]}`), [65, 'json-values']);
  t.same(read('values.json', `{"policies":[${'1,'.repeat(2_400_000)}1]}`), [65, 'json-values']);
  const large = `{"x":"${noise(20 * 1_048_576)}"}`;
  t.same(read('unpacks-to-more.json.gz', gzipSync(large)), [65, 'decoded-too-large']);
  t.same(read('bomb.json.gz', gzipSync(Buffer.alloc(200 * 1_048_576, '{'))), [65, 'decoded-too-large']);
  t.same(read('bomb-small.json.gz', gzipSync(Buffer.alloc(15 * 1_048_576, '{'))), [65, 'gzip-ratio']);
  t.same(read('larger.json', '{'.repeat(5 * 1_048_576 + 1)), [65, 'too-large']);
  const mail = `Content-Type: application/tlsrpt+json\n\n${'{}\n'.repeat(2_000_000)}`;
  t.same(read('larger.eml', mail), [65, 'too-large']);
  t.same(read('header.eml', `A: ${'x'.repeat(1_100_000)}\n\n{}`), [65, 'too-large']);
  t.same(read('deep.json', '['.repeat(4_000_000).replace('[', '{"policies":[')), [65, 'json-depth']);
  t.same(read('quote.json', `{"${'\\"'.repeat(2_000_000)}`), [65, 'json-syntax']);
});
