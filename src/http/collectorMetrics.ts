/**
 * The metrics of the collector, a process of its own: how mail left, and how far it read the log. Where it does not run
 * there is one that says so, and no figure from before. Pure; described in contrib/doc/http.md.
 */
import { counter, type Family, gauge, nested } from './exposition.ts';
import type { LiveFacts } from './liveFacts.ts';

export function collectorFamilies(collector: LiveFacts['collector']): Family[] {
  if (collector === null) return [];
  const up = gauge(
    'tlsward_collector_up',
    '0 while no collector tells what it counted; absent where none has ever run.',
    collector === 'absent' ? 0 : 1,
  );
  if (collector === 'absent') return [up];
  const { startedAtMs, lines, unreadable, records, gapRecords, newestLineMs, lagMs, deliveries } = collector;
  return [
    up,
    gauge('tlsward_collector_start_time_seconds', 'When the collector started.', startedAtMs / 1000),
    counter(
      'tlsward_deliveries_total',
      'Attempts to deliver, one for each recipient, by TLS and by what became of them, as the log says.',
      nested(deliveries, ['tls', 'outcome']),
    ),
    gauge(
      'tlsward_collector_lag_seconds',
      'Age of the newest line of the log when it was read; 0 when nothing more is there.',
      lagMs === null ? [] : lagMs / 1000,
    ),
    gauge(
      'tlsward_collector_newest_line_timestamp_seconds',
      'Time of the newest line of the log that was read.',
      newestLineMs === null ? [] : newestLineMs / 1000,
    ),
    counter('tlsward_collector_records_total', 'Records that were made of the log.', records),
    counter(
      'tlsward_collector_gap_records_total',
      'Those of these records that say that something is missing (type gap).',
      gapRecords,
    ),
    counter('tlsward_collector_log_lines_total', 'Lines of the log that were read.', lines),
    counter(
      'tlsward_collector_log_lines_unreadable_total',
      'Lines that look like a delivery and cannot be read.',
      unreadable,
    ),
  ];
}
