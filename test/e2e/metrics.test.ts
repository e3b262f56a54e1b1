/**
 * Metrics, rules and scrape job with Debian's Prometheus: promtool has nothing to say against them, a server with the
 * job of contrib/prometheus scrapes the daemon, a query returns what the daemon counted, and every rule can be
 * evaluated and does not fire for a daemon that is well.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { line } from '../collect/collected.ts';
import { policyAnswers, policyRequest, TLS } from '../daemon/startDaemon.ts';
import { root } from '../root.ts';
import { Daemon } from './harness/daemon.ts';
import { until } from './harness/deadline.ts';
import { freePorts } from './harness/processes.ts';
import { mainFile } from './harness/program.ts';
import { Prometheus, promtool } from './harness/prometheus.ts';
import { e2eSkip } from './harness/requirements.ts';

const contrib = (name: string): string => fileURLToPath(new URL(`contrib/prometheus/${name}`, root));
const MAIN = mainFile();
const skip = e2eSkip(['prometheus']);
const TABLE = '[domains]\nbank.example = encrypt\n* = may\n';

interface Rule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
  readonly state: string;
  readonly lastEvaluation: string;
}

let daemon: Daemon;
let collector: ChildProcess;
let url = '';
const prometheus = new Prometheus();

t.before(async () => {
  if (skip !== false) return;
  const [port = 0] = await freePorts(1);
  url = `http://127.0.0.1:${port}`;
  daemon = await Daemon.create({
    tables: TABLE,
    protocols: ['policy', 'control'],
    service: { 'http-listen': `inet:127.0.0.1:${port}`, evidence: 'records', 'trusted-clients': '' },
  });
  await daemon.start();
  const log = join(daemon.dir, 'mail.log');
  const now = new Date().toISOString();
  writeFileSync(log, [line.tls(), line.delivery('AAAAA1')].map((one) => `${now}${one.slice(15)}\n`).join(''));
  collector = spawn(process.execPath, [MAIN, 'collect', '--file', log, '--config', daemon.configFile], {
    stdio: 'ignore',
  });
  await until(10_000, 'the metrics', async () => (await fetch(`${url}/metrics`).catch(() => null))?.ok);
  const socket = connect(daemon.address('policy').replace(/^unix:/, ''));
  await policyAnswers(socket, [policyRequest(), policyRequest(), policyRequest({ ...TLS })]);
  socket.destroy();
});

t.teardown(async () => {
  await prometheus.close();
  if (skip === false) await ended(collector);
  if (skip === false) await daemon.close();
});

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill();
  });
}

t.test('promtool finds nothing', { skip }, async (t) => {
  await until(10_000, 'the collector', async () =>
    (await (await fetch(`${url}/metrics`)).text()).includes('\ntlsward_collector_up 1\n'),
  );
  t.strictSame(await promtool(['check', 'metrics'], await (await fetch(`${url}/metrics`)).text()), {
    status: 0,
    text: '',
  });
  const rules = await promtool(['check', 'rules', contrib('tlsward.rules.yml')]);
  t.equal(rules.status, 0, rules.text);
  t.match(rules.text, /SUCCESS: [0-9]+ rules found/);
  const config = await promtool(['check', 'config', contrib('scrape.yml')]);
  t.equal(config.status, 0, config.text);
});

/** What others claimed in reports, by hours: failures from the second day on, and the last report at hour 0. */
const REPORTED = `rule_files: [${contrib('tlsward.rules.yml')}]
evaluation_interval: 1h
tests:
  - interval: 1h
    input_series:
      - series: 'tlsward_tlsrpt_sessions_total{instance="a",result="failed"}'
        values: '0x24 60x24'
      - series: 'tlsward_tlsrpt_sessions_total{instance="a",result="successful"}'
        values: '0x24 2000x24'
      - series: 'tlsward_tlsrpt_newest_report_timestamp_seconds{instance="a"}'
        values: '0x200'
    promql_expr_test:
${[
  ['TlswardOthersReportFailures', '20h', false],
  ['TlswardOthersReportFailures', '30h', true],
  ['TlswardReportsStopped', '90h', false],
  ['TlswardReportsStopped', '110h', true],
]
  .map(
    ([name, time, fires]) =>
      `      - {expr: 'count(ALERTS{alertname="${name}",alertstate="firing"})', eval_time: ${time}, exp_samples: [${fires ? '{labels: "{}", value: 1}' : ''}]}\n`,
  )
  .join('')}`;

t.test('alerts about reports of others fire when they should', { skip }, async (t) => {
  const file = join(prometheus.dir, 'reported.yml');
  writeFileSync(file, REPORTED);
  const { status, text } = await promtool(['test', 'rules', file]);
  t.equal(status, 0, text);
});

t.test('Prometheus scrapes the daemon, and the rules can be evaluated', { skip }, async (t) => {
  const rules = readFileSync(contrib('tlsward.rules.yml'), 'utf8');
  // the same job, for the port of this daemon and without the minutes of a real one
  const job = readFileSync(contrib('scrape.yml'), 'utf8')
    .replaceAll('127.0.0.1:8925', new URL(url).host)
    .replace('scrape_interval: 15s', 'scrape_interval: 1s');
  writeFileSync(join(prometheus.dir, 'tlsward.rules.yml'), rules);
  writeFileSync(join(prometheus.dir, 'scrape.yml'), `global:\n  evaluation_interval: 500ms\n\n${job}`);
  await prometheus.start('scrape.yml');
  const refused = await until(10_000, 'the verdicts in Prometheus', async () => {
    const found = await prometheus.query(
      'sum by (leg, protocol, mode) (tlsward_verdicts_total{action=~"defer|reject"})',
    );
    return found.find(({ value }) => value[1] === '2');
  });
  t.strictSame(refused.metric, { leg: 'inbound', protocol: 'policy', mode: 'enforce' });
  const up = await prometheus.query('up{job="tlsward"}');
  t.strictSame(
    up.map(({ value }) => value[1]),
    ['1'],
  );
  const left = await until(15_000, 'the delivery in Prometheus', async () => {
    const found = await prometheus.query('sum by (tls, outcome) (tlsward_deliveries_total) > 0');
    return found.length > 0 && found;
  });
  t.match(left, [{ metric: { tls: 'TLSv1.3', outcome: 'sent' }, value: [Number, '1'] }]);
  const [info] = await prometheus.query('tlsward_build_info');
  t.equal(info?.metric.node, process.versions.node);
  const evaluated = await until(10_000, 'every rule evaluated', async () => {
    const { groups } = await prometheus.api<{ groups: { rules: Rule[] }[] }>('rules');
    const all = groups.flatMap((group) => group.rules);
    return all.length > 0 && all.every(({ lastEvaluation }) => !lastEvaluation.startsWith('0001')) && all;
  });
  t.equal(evaluated.length, rules.match(/- alert:/g)?.length);
  for (const { name, health, lastError, state } of evaluated) {
    t.equal(health, 'ok', `${name}: ${lastError ?? ''}`);
    t.equal(state, 'inactive', `${name} does not fire`);
  }
  await daemon.stop();
  await until(10_000, 'the end in Prometheus', async () => {
    const [gone] = await prometheus.query('up{job="tlsward"}');
    return gone?.value[1] === '0';
  });
  const pending = await until(10_000, 'TlswardDown', async () => {
    const { groups } = await prometheus.api<{ groups: { rules: Rule[] }[] }>('rules');
    return groups.flatMap((group) => group.rules).find(({ state }) => state !== 'inactive');
  });
  t.match(pending, { name: 'TlswardDown', state: 'pending' });
});
