/**
 * A verdict as fields: of the `tx.verdict` line, and of the answer to `tlsward lookup`. Pure; names and meanings are in the
 * README. The line of a plain accept is brief, because there is one for each message.
 */
import type { EnvelopeAddress } from '../core/address.ts';
import type { Transaction } from '../core/transaction.ts';
import type { Verdict } from '../core/verdict.ts';
import { describeTls, type Reply, reasonsOf } from '../core/words.ts';
import { at, visible } from './visible.ts';

/** What a verdict line, `lookup` and the recent list have in common. */
export interface VerdictRecord {
  readonly code: string;
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
  readonly transaction: Transaction;
  readonly verdict: Verdict;
  readonly reply: Reply | null;
  readonly generation: number;
  readonly conn: number;
  /** What was wanted of the message and not done, and why. */
  readonly notes: readonly string[];
  /** Rules that speak of the message: their names, the ways it takes, what became of it. Left out where none does. */
  readonly route?: {
    readonly rules: readonly string[];
    readonly ways: readonly string[];
    readonly outcome: string;
  };
}

/** By name; what stands in one comes from `visible` where it came from a peer. */
type Fields = Record<string, unknown>;

/** What every verdict line has; one is written for each message, so it holds what one looks for and no more. */
export function briefFields(record: VerdictRecord): Fields {
  const { transaction: tx, verdict } = record;
  const fields: Fields = {
    event: 'tx.verdict',
    code: record.code,
    door: tx.door,
    stage: tx.stage,
    action: verdict.action,
    conn: record.conn,
    client: visible(tx.clientAddress),
    sender: tx.sender === null ? '' : shown(tx.sender),
    recipients: tx.recipients.length === 1 ? shown(tx.recipients[0]!) : tx.recipients.slice(0, 50).map(shown),
    tls: describeTls(tx.tls),
    row: verdict.decisive?.row?.pattern,
  };
  if (tx.queueId !== '') fields.queueId = visible(tx.queueId);
  if (tx.saslUsername !== '') fields.saslUsername = visible(tx.saslUsername);
  if (tx.tls.kind === 'tls' && tx.tls.certificate.kind !== 'none') {
    const { certificate } = tx.tls;
    fields.certificate = certificate.kind;
    if (certificate.kind === 'trusted') fields.commonName = visible(certificate.commonName);
  }
  if (record.route !== undefined) {
    const { rules, ways, outcome } = record.route;
    fields.rule = rules.join(', ');
    fields.route = (outcome === 'routed' ? ways : [outcome, ...ways]).join(', ');
  }
  if (record.notes.length > 0) fields.notes = record.notes;
  return fields;
}

/** Everything there is to say of a verdict, for `lookup` and for the log of anything but a plain accept. */
export function verdictFields(record: VerdictRecord): Fields {
  const { transaction: tx, verdict, reply } = record;
  const fields = briefFields(record);
  fields.helo = visible(tx.heloName);
  fields.generation = record.generation;
  const row = verdict.decisive?.row;
  if (row != null) fields.at = at(row.at);
  if (verdict.judged !== 'judged') fields.notJudged = verdict.judged;
  if (verdict.tagged) fields.tagged = true;
  if (verdict.wouldBe !== null) fields.would = verdict.wouldBe;
  if (verdict.decisive?.breach != null) {
    fields.breach = verdict.decisive.breach.kind;
    fields.because = reasonsOf(verdict);
  }
  if (reply !== null) fields.reply = `${reply.code} ${reply.dsn} ${reply.text}`;
  return fields;
}

function shown(address: EnvelopeAddress): string {
  return visible(address.text);
}
