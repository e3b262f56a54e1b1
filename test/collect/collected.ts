/** Lines through a collector, for tests: its records, whole, checked by the schema. */
import type { Test } from 'tap';
import { Collector } from '../../src/collect/collector.ts';
import type { EvidenceRecord } from '../../src/evidence/record.ts';
import { recordOf } from '../evidence/lines.ts';

type Delivery = Extract<EvidenceRecord, { readonly type: 'delivery' }>;

/** When the lines of these tests are read. */
export const NOW = Date.parse('2026-11-30T12:00:00Z');

export function newCollector(now = NOW): Collector {
  return new Collector({ host: 'own.example', kind: 'file', now: () => now, saved: null, resume: null });
}

/** The records of some lines; the place of each is its number. */
export function collected(t: Test, lines: readonly string[], collector = newCollector()): EvidenceRecord[] {
  return lines.flatMap((line, i) => collector.push(line, String(i)).map((text) => recordOf(t, text, i)));
}

export function deliveries(t: Test, lines: readonly string[], collector = newCollector()): Delivery[] {
  return collected(t, lines, collector).filter((record): record is Delivery => record.type === 'delivery');
}

/** What is known of the TLS of each delivery, in a word or with the reason. */
export function tlsWords(list: readonly Delivery[]): string[] {
  return list.map(({ tls: { state, why } }) => (why === undefined ? state : `${state}: ${why}`));
}

const HEAD = 'Nov 22 18:47:31 mx postfix';
export const MX = 'mx.good.example[192.0.2.24]:25';

/** Lines as Postfix writes them. */
export const line = {
  tls: (relay = MX, pid = 10, program = 'smtp', what = 'Verified TLS connection established') =>
    `${HEAD}/${program}[${pid}]: ${what} to ${relay}: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519`,
  delivery: (
    id: string,
    { relay = MX, pid = 10, to = 'u@good.example', more = '', end = '', program = 'smtp', delays = '' } = {},
  ) =>
    `${HEAD}/${program}[${pid}]: ${id}: to=<${to}>, relay=${relay}, delay=0.09, delays=${delays || '0.01/0.02/0.04/0.02'}, ${more}${end || 'dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 40CBC228201)'}`,
  active: (id: string, from = 'a@bank.example') =>
    `${HEAD}/qmgr[9]: ${id}: from=<${from}>, size=327, nrcpt=1 (queue active)`,
  removed: (id: string) => `${HEAD}/qmgr[9]: ${id}: removed`,
  smtp: (text: string, pid = 10) => `${HEAD}/smtp[${pid}]: ${text}`,
};

/** After these, nothing that a process does is missed any more. */
export const SETTLED = [
  line.tls('mx.other.example[192.0.2.1]:25', 10),
  'Nov 22 18:47:20 mx postfix/smtpd[1]: connect from unknown[192.0.2.9]',
];
