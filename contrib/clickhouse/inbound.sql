-- Mail that came in, by partner: how many recipients each way of protection had, over the last 30 days.
--
-- A message is counted once for each of its recipients, at the last point where it was judged: by the milter at the end of
-- the message, by policy delegation at RCPT TO. A host that asks both has a row for each: do not add them up.
-- `unknown`: the MTA did not say how the session was protected. That is never plain.

SELECT
  sender_domain AS partner,
  protocol,
  sumIf(recipient_count, tls = 'tls' AND tls_protocol = 'TLSv1.3') AS tls13,
  sumIf(recipient_count, tls = 'tls' AND tls_protocol = 'TLSv1.2') AS tls12,
  sumIf(recipient_count, tls = 'tls' AND tls_protocol NOT IN ('TLSv1.3', 'TLSv1.2')) AS other_tls,
  sumIf(recipient_count, tls = 'plain') AS plain,
  sumIf(recipient_count, tls NOT IN ('tls', 'plain')) AS unknown,
  sum(recipient_count) AS total
FROM tlsward.evidence FINAL
WHERE day >= today() - 30
  AND type = 'verdict'
  AND action IN ('accept', 'hold')
  AND ((protocol = 'milter' AND stage = 'END-OF-MESSAGE') OR (protocol = 'policy' AND stage = 'RCPT'))
GROUP BY partner, protocol
ORDER BY plain DESC, unknown DESC, total DESC, partner
