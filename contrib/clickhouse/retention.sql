-- How long rows are kept. The pseudonyms of a month lose their key on the hosts (tlsward.ini, `privacy`), which
-- makes them anonymous here as well; with `privacy = full` only this removes addresses.
--
-- ClickHouse 19.6 and later: rows go by themselves, 400 days after their day.

ALTER TABLE tlsward.evidence MODIFY TTL day + INTERVAL 400 DAY;

-- Before 19.6 (Debian 12 has 18.16) there is no TTL: drop whole months, by a timer. This one removes November 2025:
--
--   ALTER TABLE tlsward.evidence DROP PARTITION 202511;
--
-- `tlsward ship` does not send again what it has sent, so dropped rows stay away, unless its files in the folder
-- `ship` of the evidence are removed.
