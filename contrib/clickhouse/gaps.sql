-- What is missing, over the last 30 days: gaps in the evidence of each host, with why. A report about a time that a gap touches
-- must say so. `missing` is empty (NULL) where nobody knows how many records are.
--
-- Also a day of a stream whose record numbers are not all there: sent only in part so far, or lost on the server
-- (`tlsward ship --verify DAY` tells which).

SELECT host, stream, day, gap_from, gap_to, gap_count AS missing, why
FROM tlsward.evidence FINAL
WHERE day >= today() - 30 AND type = 'gap'
UNION ALL
SELECT host, stream, day, min(time) AS gap_from, max(time) AS gap_to,
  cast(max(n) + 1 - count() AS Nullable(UInt64)) AS missing, 'not on the server' AS why
FROM tlsward.evidence FINAL
WHERE day >= today() - 30
GROUP BY host, stream, day
HAVING max(n) + 1 > count()
