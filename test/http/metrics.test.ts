/** The metrics of a whole daemon: names by the conventions, values that are the daemon's, and no domain. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { COUNTERS_NAME, CollectorCounters, countersText } from '../../src/collect/counters.ts';
import { expositionText } from '../../src/http/exposition.ts';
import { policyAnswers, policyRequest, TLS } from '../daemon/startDaemon.ts';
import { page } from '../manual.ts';
import { root } from '../root.ts';
import { get, startLive } from './asking.ts';

const TABLE =
  'trusted-clients =\n[domains]\nbank.example = encrypt\n[domain new.example]\nreceive = encrypt\nmode = observe\n';

/** Samples by name and labels, as they stand in the text. */
function samplesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}

test('what is counted', async (t) => {
  const daemon = await startLive(t, TABLE);
  const policy = await daemon.open('policy');
  await policyAnswers(policy, [
    policyRequest(),
    policyRequest({ ...TLS }),
    policyRequest({ sender: 'a@new.example' }),
    policyRequest({ sender: 'a@no-row.example' }),
  ]);
  await daemon.ask('reload');
  daemon.write(`nonsense = 1\n${TABLE}`);
  await daemon.ask('reload');
  const { headers, body } = await get(daemon, '/metrics');
  t.equal(headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  const samples = samplesOf(body);
  const verdicts = (mode: string, action: string): number | undefined =>
    samples.get(`tlsward_verdicts_total{leg="inbound",protocol="policy",mode="${mode}",action="${action}"}`);
  t.equal((verdicts('enforce', 'defer') ?? 0) + (verdicts('enforce', 'reject') ?? 0), 1);
  t.equal(verdicts('enforce', 'accept'), 1);
  t.equal(verdicts('observe', 'accept'), 1);
  t.equal(verdicts('none', 'accept'), 1);
  t.equal(samples.get('tlsward_verdicts_would_refuse_total'), 1);
  t.equal(samples.get('tlsward_verdicts_by_tls_total{protocol="policy",tls="TLSv1.3",action="accept"}'), 1);
  t.equal(samples.get('tlsward_config_reloads_total{result="accepted"}'), 1);
  t.equal(samples.get('tlsward_config_reloads_total{result="refused"}'), 1);
  t.equal(samples.get('tlsward_config_last_reload_successful'), 0);
  t.equal(samples.get('tlsward_connections{protocol="policy"}'), 1);
  t.equal(samples.get('tlsward_ready'), 1);
  t.equal(samples.get('tlsward_evidence_enabled'), 0);
  t.ok((samples.get('process_resident_memory_bytes') ?? 0) > 10_000_000);
  t.ok(
    [...samples.values()].every((value) => Number.isFinite(value)),
    'every value is a number',
  );
  t.notMatch(body, /\.example|192\.0\.2/, 'neither a domain nor an address of a peer');
  policy.destroy();
});

test('with evidence there are figures of it', async (t) => {
  const daemon = await startLive(t, `evidence = records\n${TABLE}`);
  for (let i = 0; i < 3000; i++) {
    const samples = samplesOf((await get(daemon, '/metrics')).body);
    if ((samples.get('tlsward_evidence_records_total') ?? 0) > 0) {
      t.equal(samples.get('tlsward_evidence_working'), 1);
      t.equal(samples.get('tlsward_evidence_required'), 0);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  t.fail('no record was written');
});

/** As a collector leaves it that counted two deliveries. */
function countersOf(writtenAtMs: number): string {
  const counters = new CollectorCounters(1_000_000);
  const sent = (tls: Record<string, string>) =>
    ({ time: 0, type: 'delivery', host: '', fields: { tls, outcome: 'sent' } }) as const;
  counters.made([sent({ state: 'tls', protocol: 'TLSv1.3' }), sent({ state: 'tls' })]);
  counters.read(7, 1, writtenAtMs - 2500, true, writtenAtMs);
  return countersText(counters.figures(writtenAtMs));
}

function writeCounters(folder: string, text: string): void {
  const stream = join(folder, 'records/collector');
  mkdirSync(stream, { recursive: true });
  writeFileSync(join(stream, COUNTERS_NAME), text);
}

test('what the collector counted, while it runs', async (t) => {
  const daemon = await startLive(t, `evidence = records\n${TABLE}`);
  const collector = async (): Promise<[string, number][]> =>
    [...samplesOf((await get(daemon, '/metrics')).body)].filter(([name]) =>
      /^tlsward_(?:collector|deliveries)_/.test(name),
    );
  t.strictSame(await collector(), [], 'none has ever run');
  writeCounters(daemon.folder, countersOf(Date.now()));
  const found = new Map(await collector());
  t.equal(found.get('tlsward_collector_up'), 1);
  t.equal(found.get('tlsward_collector_start_time_seconds'), 1000);
  t.equal(found.get('tlsward_deliveries_total{tls="TLSv1.3",outcome="sent"}'), 1);
  t.equal(found.get('tlsward_deliveries_total{tls="other_tls",outcome="sent"}'), 1);
  t.equal(found.get('tlsward_deliveries_total{tls="plain",outcome="sent"}'), 0);
  t.equal(found.get('tlsward_collector_lag_seconds'), 2.5);
  t.equal(found.get('tlsward_collector_records_total'), 2);
  t.equal(found.get('tlsward_collector_log_lines_unreadable_total'), 1);
  writeCounters(daemon.folder, countersOf(Date.now() - 60_000));
  t.strictSame(await collector(), [['tlsward_collector_up', 0]], 'old figures are not given');
});

test('the manual lists every metric, and no other', async (t) => {
  const daemon = await startLive(t, `evidence = records\n${TABLE}`);
  writeCounters(daemon.folder, countersOf(Date.now()));
  const policy = await daemon.open('policy');
  await policyAnswers(policy, [policyRequest()]);
  policy.destroy();
  const { body } = await get(daemon, '/metrics');
  const given = [...body.matchAll(/^# HELP (\S+) /gm)].map(([, name]) => name).sort();
  const listed = [...page('contrib/doc/http.md').matchAll(/^\| `((?:tlsward|process|nodejs)_[a-z_]+)/gm)]
    .map(([, name]) => name)
    // what only some daemons have
    .filter((name) => !/^tlsward_(?:alarms|tlsrpt)/.test(name ?? ''))
    .sort();
  t.strictSame(given, listed);
});

test('labels and help cannot break a line', async (t) => {
  const text = expositionText([
    { name: 'a', type: 'gauge', help: 'x\ny\\z', samples: [{ labels: { l: '"\n\\' }, value: 1.5 }] },
    { name: 'b', type: 'counter', help: 'none', samples: [] },
  ]);
  t.equal(text, '# HELP a x\\ny\\\\z\n# TYPE a gauge\na{l="\\"\\n\\\\"} 1.5\n');
});

function text(path: string): string {
  return readFileSync(new URL(path, root), 'utf8');
}

/** Names of metrics in an expression of PromQL. */
function namesIn(expression: string): string[] {
  return expression.match(/\b(?:tlsward|process|nodejs)_[a-z_]+\b/g) ?? [];
}

test('rules and dashboard use metrics that there are', async (t) => {
  const listed = new Set(
    [...page('contrib/doc/http.md').matchAll(/^\| `((?:tlsward|process|nodejs)_[a-z_]+)/gm)].map(
      ([, name]) => name,
    ),
  );
  const rules = text('contrib/prometheus/tlsward.rules.yml').replace(/^ *#.*$/gm, '');
  const dashboard = text('contrib/grafana/tlsward.json');
  const board = JSON.parse(dashboard) as { panels: { id: number; targets: { expr: string }[] }[] };
  const used = [
    ...namesIn(rules),
    ...board.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => namesIn(expr))),
    ...namesIn(/label_values\([^)]*\)/.exec(dashboard)?.[0] ?? ''),
  ];
  t.ok(used.length > 40, `${used.length} names`);
  t.strictSame(
    used.filter((name) => !listed.has(name)),
    [],
  );
  const labels = new Set([...page('contrib/doc/http.md').matchAll(/`([a-z]+)`/g)].map(([, name]) => name));
  for (const [, label = ''] of [
    ...rules.matchAll(/\b([a-z]+)=~?"/g),
    ...dashboard.matchAll(/\b([a-z]+)=~?\\"/g),
  ])
    t.ok(['job', 'instance'].includes(label) || labels.has(label), `the label ${label}`);
  t.equal(new Set(board.panels.map(({ id }) => id)).size, board.panels.length, 'each panel has a number');
});
