-- What there is: for each host and stream the days, records and rows of this month, and the table that decided last. Hosts with
-- another `last_table` decide by another table.

SELECT
  host,
  stream,
  min(day) AS first_day,
  max(day) AS last_day,
  count() AS records,
  argMaxIf(table_hash, time, table_hash != '') AS last_table,
  max(time) AS latest
FROM tlsward.evidence FINAL
WHERE day >= toStartOfMonth(today())
GROUP BY host, stream
ORDER BY host, stream
