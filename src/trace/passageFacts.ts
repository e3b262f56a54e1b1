/**
 * What is not known about the way of a message, and why, from the records of one life. Pure. "Unknown" is never
 * plaintext, and never protection.
 */
import type { EvidenceRecord } from '../evidence/record.ts';
import type { Demands } from './demands.ts';
import type { Life } from './lives.ts';
import type { Found } from './places.ts';

export type Verdict = Extract<EvidenceRecord, { type: 'verdict' }>;
export type Delivery = Extract<EvidenceRecord, { type: 'delivery' }>;

export function recordsOf<Type extends EvidenceRecord['type']>(
  life: Life,
  type: Type,
): Extract<EvidenceRecord, { type: Type }>[] {
  return life.found.flatMap(({ record }) =>
    record.type === type ? [record as Extract<EvidenceRecord, { type: Type }>] : [],
  );
}

/** Sentences without a full stop; `before`, `after`: does another life lead here, or on from here? */
export function notKnown(life: Life, before: boolean, after: boolean, demands: Demands): string[] {
  const verdicts = recordsOf(life, 'verdict');
  const deliveries = recordsOf(life, 'delivery');
  const said: string[] = [];
  if (life.queueId === '') return withoutQueueId(life.found[0]!);
  if (verdicts.length === 0 && !before)
    said.push('how it came: the daemon has no verdict with this queue id (not asked, or made on this host)');
  for (const { notJudged, tls } of verdicts) {
    if (tls.state === 'unknown') said.push('how it came: the MTA did not report whether the session had TLS');
    if (notJudged !== undefined) said.push(`whether it met its row: it was not judged (${notJudged})`);
  }
  const refused =
    verdicts.length > 0 && verdicts.every(({ action }) => action === 'reject' || action === 'defer');
  if (deliveries.length === 0 && !after && !refused) said.push(`how it went: ${noDelivery(life)}`);
  for (const { tls, recipient, outcome } of deliveries)
    if (tls.state === 'unknown' && tls.how !== 'local' && outcome === 'sent')
      said.push(`how it went to ${recipient}: ${tls.why ?? 'the log does not tell'}`);
  if (deliveries.length > 0 && deliveries.every((one) => one.demanded === undefined && !demands.has(one)))
    said.push('what was demanded on its way out: neither the log nor the daemon tells');
  return [...new Set(said)];
}

function withoutQueueId({ record }: Found): string[] {
  if (record.type !== 'verdict' || record.action === 'reject' || record.action === 'defer') return [];
  return [
    'how it went: the MTA gave no queue id with this question, so no delivery belongs to it for certain',
  ];
}

function noDelivery({ found }: Life): string {
  const collected = found.some(({ place }) =>
    place.streams.some(({ name, days }) => name === 'collector' && days.length > 0),
  );
  return collected ? 'there is no record of a delivery' : 'there are no records of `tlsward collect`';
}
