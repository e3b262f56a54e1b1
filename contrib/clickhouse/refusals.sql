-- Mail that was refused or had to wait, over the last 30 days: by tlsward on the way in (a verdict), by the MTA on the way in
-- (a refusal), and on the way out (a delivery that was not sent).

SELECT
  multiIf(type = 'verdict', 'in, by tlsward', type = 'refusal', 'in, by the MTA', 'out') AS way,
  if(type = 'delivery', recipient_domain, sender_domain) AS partner,
  if(type = 'verdict', action, if(type = 'delivery', outcome, '')) AS result,
  breach,
  dsn,
  count() AS records,
  max(time) AS latest,
  any(reply) AS example
FROM tlsward.evidence FINAL
WHERE day >= today() - 30
  AND ((type = 'verdict' AND action IN ('defer', 'reject')) OR type = 'refusal' OR (type = 'delivery' AND outcome != 'sent'))
GROUP BY way, partner, result, breach, dsn
ORDER BY records DESC, way, partner, result, breach, dsn
