/**
 * Turns a verdict into the fields of the `tx.verdict` line and of the answer to `tlsward lookup`. Pure. Names
 * and meanings are in contrib/doc/log-fields.md. The line of a plain accept is brief, because there is one
 * for each message.
 *
 * A message may have 10,000 recipients, so each list is cut and ends with the number of elements left out; a
 * line has at most some 32 KiB. Of the reasons, the decisive one comes first, then other breaches.
 */

import type { EnvelopeAddress } from '../core/address.ts';
import { escapeText } from '../core/escape.ts';
import { formatPosition } from '../core/position.ts';
import type { Transaction } from '../core/transaction.ts';
import type { Finding, Verdict } from '../core/verdict.ts';
import { describeTls, reasonOf, reasonsOf } from '../receive/describeVerdict.ts';
import type { Reply } from '../receive/smtpReply.ts';
import { listed } from './listed.ts';

/** Elements of a list in one line. */
export const MAX_RECIPIENTS = 50;
const MAX_REASONS = 20;

/** A verdict as the log, `lookup` and the list of recent verdicts receive it. */
export interface VerdictRecord {
  readonly code: string;
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
  readonly transaction: Transaction;
  readonly verdict: Verdict;
  readonly reply: Reply | null;
  readonly generation: number;
  /** Of the table, SHA-256 in hex. */
  readonly tableHash: string;
  readonly conn: number;
  /** Edits that were wanted but not made, and why. */
  readonly notes: readonly string[];
  /** Id of the key of the mark that the message gets, or `unsigned`; absent without a mark. */
  readonly mark?: string | undefined;
  /**
   * Rules that apply to the message: their names, the routes it takes, and the result. Absent when none
   * applies.
   */
  readonly route?:
    | {
        readonly rules: readonly string[];
        readonly ways: readonly string[];
        readonly outcome: string;
      }
    | undefined;
}

/** Fields by name; text from a peer is escaped (core/escape.ts). */
export type VerdictFields = Record<string, unknown>;

/**
 * The fields of every verdict line; one is written for each message, so there are only the most useful ones. The line
 * of a plain accept has the same ones (acceptedLine.ts).
 */
export function briefFields(record: VerdictRecord): VerdictFields {
  const { transaction: tx, verdict } = record;
  const fields: VerdictFields = {
    event: 'tx.verdict',
    code: record.code,
    protocol: tx.protocol,
    stage: tx.stage,
    action: verdict.action,
    conn: record.conn,
    client: escapeText(tx.clientAddress),
    sender: tx.sender === null ? '' : shown(tx.sender),
    recipients: recipientsOf(tx),
    tls: describeTls(tx.tls),
    row: patternOf(verdict),
  };
  if (tx.queueId !== '') fields.queueId = escapeText(tx.queueId);
  if (tx.saslUsername !== '') fields.saslUsername = escapeText(tx.saslUsername);
  if (tx.tls.kind === 'tls' && tx.tls.certificate.kind !== 'none') {
    const { certificate } = tx.tls;
    fields.certificate = certificate.kind;
    if (certificate.kind === 'trusted') fields.commonName = escapeText(certificate.commonName);
  }
  if (record.route !== undefined) {
    const { rule, route } = shownRoute(record.route);
    fields.rule = rule;
    fields.route = route;
  }
  if (record.notes.length > 0) fields.notes = shownNotes(record.notes);
  return fields;
}

/** Names of the rules, and the result with the routes, each as one text. */
export function shownRoute({ rules, ways, outcome }: NonNullable<VerdictRecord['route']>): {
  readonly rule: string;
  readonly route: string;
} {
  const way = outcome === 'routed' ? ways : [outcome, ...ways];
  return {
    rule: listed(rules, MAX_REASONS, rules.length).join(', '),
    route: listed(way, MAX_REASONS, way.length).join(', '),
  };
}

export function shownNotes(notes: readonly string[]): string[] {
  return listed(notes, MAX_REASONS, notes.length);
}

/** All fields of a verdict, for `lookup`, and for the log unless it is a plain accept. */
export function verdictFields(record: VerdictRecord): VerdictFields {
  const { transaction: tx, verdict, reply } = record;
  const fields = briefFields(record);
  fields.helo = escapeText(tx.heloName);
  fields.generation = record.generation;
  const row = verdict.decisive?.row;
  if (row != null) fields.at = formatPosition(row.at);
  if (verdict.judged !== 'judged') fields.notJudged = verdict.judged;
  if (verdict.tagged) fields.tagged = true;
  if (verdict.wouldBe !== null) fields.would = verdict.wouldBe;
  if (verdict.decisive?.breach != null) {
    fields.breach = verdict.decisive.breach.kind;
    fields.because = becauseOf(verdict);
  }
  if (reply !== null) fields.reply = `${reply.code} ${reply.dsn} ${reply.text}`;
  return fields;
}

/** The pattern of the row that decided, of bounded length; undefined: none did. */
export function patternOf({ decisive }: Verdict): string | undefined {
  const pattern = decisive?.row?.pattern;
  return pattern === undefined || pattern.length <= 256 ? pattern : `${pattern.slice(0, 256)}...`;
}

function recipientsOf({ recipients }: Transaction): string | string[] {
  return recipients.length === 1
    ? shown(recipients[0]!)
    : listed(recipients.slice(0, MAX_RECIPIENTS).map(shown), MAX_RECIPIENTS, recipients.length);
}

/** The reasons in order; if there are many, the decisive one first, then other breaches. */
function becauseOf(verdict: Verdict): string[] {
  const { findings, decisive, tls } = verdict;
  if (findings.length <= MAX_REASONS) return listed(reasonsOf(verdict), MAX_REASONS, findings.length);
  const chosen: Finding[] = decisive === null ? [] : [decisive];
  // each recipient was judged with the same sender, whose finding is the same each time
  let sender = decisive?.side === 'sender';
  for (const finding of findings) {
    if (chosen.length === MAX_REASONS) break;
    if (finding === decisive || finding.breach === null || (finding.side === 'sender' && sender)) continue;
    sender ||= finding.side === 'sender';
    chosen.push(finding);
  }
  return listed(
    chosen.map((finding) => reasonOf(finding, tls)),
    MAX_REASONS,
    findings.length,
  );
}

function shown(address: EnvelopeAddress): string {
  return escapeText(address.text);
}
