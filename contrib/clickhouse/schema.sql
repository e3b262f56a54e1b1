-- The table that `tlsward ship` fills: a row for each record of the evidence, one line of a day's file each.
--
--   clickhouse-client --multiquery < schema.sql
--
-- Every statement is understood by ClickHouse 18.16, which Debian 12 has, and by current versions.
--
-- A record is named by its day, the host whose key signed it, the stream and its number. A row that comes twice
-- (after a time-out, or when a day is sent again) is the same row, and of two the engine keeps one; it does so
-- in the background, so queries say FINAL. On a cluster the engine is
-- ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/tlsward_evidence', '{replica}').
--
-- `line` is the record as it stands in the file, byte for byte: `tlsward ship --verify DAY` computes the tree over it.
-- The other columns repeat what queries ask for; tlsward-evidence(5) says what they mean. A text that a record
-- does not have is '', and `tls` is then '' as well, which is not 'unknown'.

CREATE DATABASE IF NOT EXISTS tlsward;

CREATE TABLE IF NOT EXISTS tlsward.evidence
(
  day Date,
  host String,
  stream String,
  n UInt32,
  time DateTime('UTC'),
  ms UInt16,
  type String,
  leg String,
  protocol String,
  stage String,
  code String,
  queue_id String,
  message_id String,
  orig_queue_id String,
  client String,
  sender String,
  sender_domain String,
  recipient String,
  recipient_domain String,
  recipients Array(String),
  recipient_domains Array(String),
  recipient_count UInt32,
  next_hop String,
  relay String,
  tls String,
  tls_protocol String,
  tls_cipher String,
  tls_bits UInt16,
  tls_peer String,
  tls_how String,
  tls_why String,
  row String,
  row_at String,
  level String,
  mode String,
  table_hash String,
  action String,
  would String,
  breach String,
  outcome String,
  dsn String,
  reply String,
  gap_from DateTime('UTC'),
  gap_to DateTime('UTC'),
  gap_count Nullable(UInt64),
  why String,
  line String
)
ENGINE = ReplacingMergeTree()
PARTITION BY toYYYYMM(day)
ORDER BY (day, host, stream, n);
