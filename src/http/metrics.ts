/**
 * The metrics of the daemon. Names, units and labels follow the conventions of Prometheus: base units, `_total` for
 * counters, sums over labels that mean something. No label has a domain or an address of a peer: their number has no
 * bound, and a monitoring system is no place for who writes to whom. Pure; described in contrib/doc/http.md.
 */
import type { DriverCounters } from '../net/connection.ts';
import { collectorFamilies } from './collectorMetrics.ts';
import { counter, expositionText, type Family, gauge, nested, type Sample, snake } from './exposition.ts';
import { type LiveFacts, notReady, type ReportedFacts } from './liveFacts.ts';

/** What the process tells of itself. */
interface ProcessFacts {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
}

/** The connections of the live page. */
interface StreamFacts {
  readonly open: number;
  /** Streams that were ended because nobody read them. */
  readonly dropped: number;
}

/** The whole answer to `/metrics`. */
export function metricsText(facts: LiveFacts, process: ProcessFacts, streams: StreamFacts): string {
  return expositionText([
    ...tableFamilies(facts),
    ...verdictFamilies(facts),
    ...connectionFamilies(facts),
    ...evidenceFamilies(facts),
    ...collectorFamilies(facts.collector),
    ...healthFamilies(facts, streams),
    ...processFamilies(facts, process),
  ]);
}

/** A sample for each entry, by a label. */
function by(label: string, values: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: snake(name) }, value }));
}

function seconds(iso: string): number {
  return Date.parse(iso) / 1000;
}

function tableFamilies({ status, reloads }: LiveFacts): Family[] {
  const { version, node, table } = status;
  return [
    gauge('tlsward_build_info', 'Always 1; which version runs.', [{ labels: { version, node }, value: 1 }]),
    gauge(
      'tlsward_config_hash_info',
      'Always 1; the SHA-256 of the table in force, equal on hosts with one table.',
      [{ labels: { hash: table.hash }, value: 1 }],
    ),
    gauge('tlsward_config_rows', 'Rows of the table in force.', table.rows),
    gauge(
      'tlsward_config_rows_overdue',
      'Rows past their day that are still in force.',
      table.overdue.length,
    ),
    counter(
      'tlsward_config_reloads_total',
      'Reloads since the start, the refused ones too.',
      by('result', { ...reloads }),
    ),
    gauge(
      'tlsward_config_last_reload_successful',
      '0 when the last reload was refused, and an older table is in force.',
      table.lastReload === '' ? 1 : 0,
    ),
    gauge(
      'tlsward_config_last_reload_success_timestamp_seconds',
      'When the table in force was loaded.',
      seconds(table.loadedAt),
    ),
    gauge(
      'tlsward_config_keys_pending',
      'Changed keys that only a restart puts in force.',
      table.restartNeeded.length,
    ),
  ];
}

function verdictFamilies({ status, byMode }: LiveFacts): Family[] {
  const { verdicts, verdictsByTls, maps, routes } = status;
  const verdictSamples = nested(byMode, ['protocol', 'mode', 'action']).map(({ labels, value }) => ({
    labels: { leg: 'inbound', ...labels },
    value,
  }));
  return [
    counter(
      'tlsward_verdicts_total',
      'Verdicts on mail that came; mode is that of the row that decided, none where no row did.',
      verdictSamples,
    ),
    counter(
      'tlsward_verdicts_tagged_total',
      'Verdicts by which unprotected mail was accepted and tagged (violation = tag).',
      verdicts.tagged,
    ),
    counter(
      'tlsward_verdicts_would_refuse_total',
      'Verdicts by which a row in observe mode would have held, deferred or refused.',
      verdicts.wouldRefuse,
    ),
    counter(
      'tlsward_verdicts_by_tls_total',
      'Verdicts by the TLS of the session, as the mail server reported it.',
      nested(verdictsByTls, ['protocol', 'tls', 'action']),
    ),
    counter(
      'tlsward_map_answers_total',
      'Answers to questions about mail that leaves; temp makes mail wait.',
      by('status', { ...maps }),
    ),
    counter(
      'tlsward_routed_messages_total',
      'Messages to which a rule applied.',
      by('outcome', { ...routes }),
    ),
  ];
}

function connectionFamilies({ status }: LiveFacts): Family[] {
  const counters = (field: keyof DriverCounters | 'open'): Sample[] =>
    Object.entries(status.connections).map(([protocol, values]) => ({
      labels: { protocol },
      value: values[field],
    }));
  return [
    gauge('tlsward_connections', 'Open connections.', counters('open')),
    gauge(
      'tlsward_connections_limit',
      'Connections of mail servers for which there is room.',
      status.openFiles.connections,
    ),
    counter('tlsward_connections_opened_total', 'Accepted connections.', counters('opened')),
    counter('tlsward_connections_refused_total', 'Connections that a limit refused.', counters('refused')),
    counter(
      'tlsward_requests_total',
      'Messages of the protocol that came from peers and were read.',
      counters('messages'),
    ),
    counter(
      'tlsward_wire_errors_total',
      'Connections closed because the peer broke the protocol.',
      counters('wireErrors'),
    ),
    counter(
      'tlsward_internal_errors_total',
      'Mistakes of tlsward itself: the fail-safe reply was given.',
      counters('bugs'),
    ),
  ];
}

function evidenceFamilies({ status, nowMs }: LiveFacts): Family[] {
  const { evidence } = status;
  if (evidence === null) return [gauge('tlsward_evidence_enabled', 'Whether evidence is kept.', 0)];
  const waiting = evidence.waitingBytes + evidence.handedBytes;
  const lagSeconds = waiting === 0 || evidence.lastSyncMs === 0 ? 0 : (nowMs - evidence.lastSyncMs) / 1000;
  return [
    gauge('tlsward_evidence_enabled', 'Whether evidence is kept.', 1),
    gauge('tlsward_evidence_working', '0 while records cannot be written.', evidence.failure === '' ? 1 : 0),
    gauge(
      'tlsward_evidence_required',
      'Whether mail waits while records cannot be written (evidence-failure = defer).',
      evidence.onFailure === 'defer' ? 1 : 0,
    ),
    counter(
      'tlsward_evidence_records_total',
      'Records on the disk; begins again with each day (UTC).',
      evidence.records,
    ),
    gauge('tlsward_evidence_waiting_bytes', 'Bytes of records that are not on the disk yet.', waiting),
    gauge(
      'tlsward_evidence_lag_seconds',
      'Time since the last sync while records wait; 0 while none do.',
      Math.max(0, lagSeconds),
    ),
    counter('tlsward_evidence_gaps_total', 'Gaps that were recorded since the start.', evidence.gaps),
    counter('tlsward_evidence_lost_records_total', 'Records that are known to be missing.', evidence.lost),
    counter('tlsward_evidence_failures_total', 'Failed system calls of the writer.', evidence.failures),
    counter(
      'tlsward_evidence_held_answers_total',
      'Answers that were deferred because they could not have been recorded.',
      evidence.held,
    ),
  ];
}

function healthFamilies(facts: LiveFacts, streams: StreamFacts): Family[] {
  const { status, findings, alarms } = facts;
  const { loopDelay, log, memory, postfix, listeners } = status;
  const protocols = [...new Set(listeners.map(({ name }) => name))];
  return [
    gauge('tlsward_ready', 'Whether /readyz says yes.', notReady(facts).length === 0 ? 1 : 0),
    gauge('tlsward_findings', 'What tlsward status --check would name.', findings.length),
    gauge(
      'tlsward_listeners',
      'Open listeners.',
      protocols.map((protocol) => ({
        labels: { protocol },
        value: listeners.filter(({ name }) => name === protocol).length,
      })),
    ),
    gauge(
      'tlsward_listeners_troubled',
      'Listeners whose socket file is gone or another one.',
      listeners.filter(({ trouble }) => trouble !== undefined).length,
    ),
    gauge(
      'tlsward_postfix_warnings',
      'Settings of Postfix that break what the table requires.',
      postfix.warnings.length,
    ),
    ...(alarms === null ? [] : alarmFamilies(alarms)),
    counter('tlsward_log_dropped_lines_total', 'Lines of the log that were lost.', log.dropped),
    gauge('tlsward_log_working', '0 while the log cannot be written.', log.failure === '' ? 1 : 0),
    gauge(
      'tlsward_event_loop_delay_longest_seconds',
      'Longest time since the start for which nothing was served.',
      loopDelay.longestMs / 1000,
    ),
    counter(
      'tlsward_event_loop_delays_total',
      `Times for which nothing was served for ${loopDelay.thresholdMs} ms or more.`,
      loopDelay.overThreshold,
    ),
    gauge('tlsward_memory_used_bytes', 'Bytes that are kept for each purpose.', memory.map(useOf('used'))),
    gauge('tlsward_memory_limit_bytes', 'The limits of these.', memory.map(useOf('limit'))),
    gauge('tlsward_event_streams', 'Open streams of verdicts (/events).', streams.open),
    counter(
      'tlsward_event_streams_dropped_total',
      'Streams of verdicts that were ended because their client did not read.',
      streams.dropped,
    ),
  ];
}

function useOf(field: 'used' | 'limit'): (use: LiveFacts['status']['memory'][number]) => Sample {
  return (use) => ({ labels: { purpose: use.name }, value: use[field] });
}

function alarmFamilies({ firing, lookedAtMs, reported }: NonNullable<LiveFacts['alarms']>): Family[] {
  const kinds = new Map<string, number>();
  for (const { kind } of firing) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const samples = [...kinds].map(([kind, value]) => ({ labels: { kind }, value }));
  return [
    gauge(
      'tlsward_alarms',
      'Alarms that fire; kind is none, with 0, while none does.',
      kinds.size === 0 ? NO_ALARM : samples,
    ),
    gauge(
      'tlsward_alarms_last_look_timestamp_seconds',
      'When tlsward alarms run looked last; absent where it never did.',
      lookedAtMs / 1000,
    ),
    ...(reported === null ? [] : reportedFamilies(reported)),
  ];
}

/** Claims of others; absent where no report was ever read, or nobody looks for alarms. */
function reportedFamilies({ reports, successful, failed, newestEndMs }: ReportedFacts): Family[] {
  return [
    counter(
      'tlsward_tlsrpt_reports_total',
      'Reports of others about sessions to this host (TLSRPT) that came.',
      reports,
    ),
    counter(
      'tlsward_tlsrpt_sessions_total',
      'Sessions in these reports, as the reporters count them.',
      by('result', { successful, failed }),
    ),
    gauge(
      'tlsward_tlsrpt_newest_report_timestamp_seconds',
      'The end of the latest hours that were reported; a report comes a day later.',
      newestEndMs === null ? [] : newestEndMs / 1000,
    ),
  ];
}

const NO_ALARM: readonly Sample[] = [{ labels: { kind: 'none' }, value: 0 }];

/** The names that exporters of all kinds use. */
function processFamilies({ status }: LiveFacts, process: ProcessFacts): Family[] {
  const { openFiles, startedAt } = status;
  return [
    counter('process_cpu_seconds_total', 'CPU time of all threads, user and system.', process.cpuSeconds),
    gauge('process_resident_memory_bytes', 'Resident memory.', process.residentBytes),
    gauge('process_start_time_seconds', 'When the daemon started.', seconds(startedAt)),
    ...(openFiles.used === null ? [] : [gauge('process_open_fds', 'Open file descriptors.', openFiles.used)]),
    ...(openFiles.limit === null
      ? []
      : [gauge('process_max_fds', 'Limit of open file descriptors.', openFiles.limit)]),
    gauge('nodejs_heap_size_used_bytes', 'JavaScript heap in use on the main thread.', process.heapUsedBytes),
  ];
}
