-- Mail that went out, by partner: how many deliveries each way of protection had, over the last 30 days.
--
-- One record is one recipient at one attempt; only those that were sent count. `unknown`: the log does not tell how it went.
-- `below` counts what was sent without TLS, or nobody knows how, although TLS was demanded.

SELECT
  recipient_domain AS partner,
  countIf(tls = 'tls' AND tls_protocol = 'TLSv1.3') AS tls13,
  countIf(tls = 'tls' AND tls_protocol = 'TLSv1.2') AS tls12,
  countIf(tls = 'tls' AND tls_protocol NOT IN ('TLSv1.3', 'TLSv1.2')) AS other_tls,
  countIf(tls = 'plain') AS plain,
  countIf(tls NOT IN ('tls', 'plain')) AS unknown,
  countIf(tls = 'tls' AND tls_peer = 'verified') AS verified,
  countIf(tls != 'tls' AND level NOT IN ('', 'none', 'may')) AS below,
  count() AS sent
FROM tlsward.evidence FINAL
WHERE day >= today() - 30
  AND type = 'delivery'
  AND outcome = 'sent'
GROUP BY partner
ORDER BY below DESC, plain DESC, unknown DESC, sent DESC, partner
