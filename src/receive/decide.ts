/**
 * The decision: one transaction and one table to one verdict. Pure and total: no clock, no I/O, no exception.
 *
 * For each recipient both the row of the sender's domain and the row of the recipient's domain apply. Each is
 * compared with the session separately and the stricter result wins, so a lenient row never weakens a strict
 * one. The meaning of each level is in the truth table of contrib/doc/inbound.md, and in full in
 * `test/receive/truth.tsv`.
 *
 * Four rules that are easy to get wrong:
 * - an unknown TLS state, where TLS is required, is a temporary failure regardless of the row's `violation`;
 * - mail for `<postmaster>` without a domain is accepted regardless of the sender's row, and marked
 *   truthfully;
 * - the null sender has only a `<>` row, so a `*` row never refuses a bounce for its sender;
 * - an authenticated client is a user's mail program, not the server of another domain. For the *recipient's*
 *   row its login replaces the client certificate (TLS and floors still apply). For the *sender's* row it
 *   does not, because `verify` must stop a local user who claims to be that domain.
 */
import type { EnvelopeAddress } from '../core/address.ts';
import { canonicalDomain, nameMatches } from '../core/domain.ts';
import { inNetworks, type Network } from '../core/network.ts';
import type { PolicyTable, Row } from '../core/table.ts';
import { compareWithFloor, type TlsState } from '../core/tls.ts';
import type { Transaction } from '../core/transaction.ts';
import { accepted, type Breach, type Finding, type Verdict, verdictOf } from '../core/verdict.ts';
import { AT_ONCE, type Work } from '../core/work.ts';

/** Further input besides transaction and table. */
export interface Facts {
  /** Clients whose mail was judged before (content filters that re-inject). */
  readonly trustedClients: readonly Network[];
}

/**
 * Judges the transaction at its stage; a stage without a sender, or without mail, is accepted. `before`: by the same
 * table, the verdict of another recipient of the same message, whose sender need not be judged again.
 */
export function decide(
  transaction: Transaction,
  table: PolicyTable,
  facts: Facts,
  before: Verdict | null = null,
): Verdict {
  const why = notJudged(transaction, facts);
  if (why !== null) return accepted(why);
  let findings = ofSender(transaction, table, before);
  for (const recipient of transaction.recipients)
    findings = withRecipient(transaction, table, recipient, findings);
  return concluded(transaction, table, findings);
}

/** The same for a transaction that may have many recipients. */
export function* decideInSteps(transaction: Transaction, table: PolicyTable, facts: Facts): Work<Verdict> {
  const why = notJudged(transaction, facts);
  if (why !== null) return accepted(why);
  let findings = ofSender(transaction, table, null);
  for (const [i, recipient] of transaction.recipients.entries()) {
    if (i % AT_ONCE === AT_ONCE - 1) yield;
    findings = withRecipient(transaction, table, recipient, findings);
  }
  return concluded(transaction, table, findings);
}

/** Why this transaction is accepted without being judged; null: it is judged. */
function notJudged(
  { sender, stage, arrival, clientAddress }: Transaction,
  { trustedClients }: Facts,
): Parameters<typeof accepted>[0] | null {
  if (sender === null || stage === 'VRFY' || stage === 'ETRN') return 'no-mail';
  if (arrival !== 'smtp') return arrival;
  return inNetworks(trustedClients, clientAddress) ? 'trusted-client' : null;
}

/** What the sender's rows say; taken from `before` when that was about the same session and no exception was made. */
function ofSender(transaction: Transaction, table: PolicyTable, before: Verdict | null): Finding[] {
  const { sender, recipients, tls } = transaction;
  const toPostmaster =
    recipients.length > 0 && !transaction.unseenRecipients && recipients.every(isPostmaster);
  const findings: Finding[] = [];
  const same = before !== null && before.judged === 'judged' && before.tls === tls;
  if (same && !toPostmaster && !before.findings.some(isExcepted)) {
    for (const finding of before.findings) if (finding.side === 'sender') findings.push(finding);
    return findings;
  }
  for (const row of table.rowsFor(sender!)) {
    const finding = judge(transaction, 'sender', sender!, row);
    findings.push(toPostmaster ? { ...finding, toPostmaster } : finding);
  }
  return findings;
}

function isExcepted({ toPostmaster }: Finding): boolean {
  return toPostmaster === true;
}

/** The findings, to which it adds what the rows of one recipient say; a first one makes a list of one, which is small. */
function withRecipient(
  transaction: Transaction,
  table: PolicyTable,
  recipient: EnvelopeAddress,
  findings: Finding[],
): Finding[] {
  if (isPostmaster(recipient)) return findings;
  const rows = table.rowsFor(recipient);
  if (rows.length === 1 && findings.length === 0)
    return [judge(transaction, 'recipient', recipient, rows[0]!)];
  for (const row of rows) findings.push(judge(transaction, 'recipient', recipient, row));
  return findings;
}

function concluded(transaction: Transaction, table: PolicyTable, findings: Finding[]): Verdict {
  if (transaction.unseenRecipients) findings.push(...judgeUnseen(transaction, table));
  return verdictOf(findings, transaction.tls);
}

/**
 * `RCPT TO:<postmaster>` without a domain must be accepted by every server from every sender (RFC 5321
 * section 4.5.1). Postfix accepts it without asking a policy service.
 */
export function isPostmaster(recipient: EnvelopeAddress): boolean {
  return recipient.kind === 'domainless' && /^<?(?:postmaster|"postmaster")>?$/i.test(recipient.text);
}

function judge(
  transaction: Transaction,
  side: 'sender' | 'recipient',
  address: EnvelopeAddress,
  row: Row,
): Finding {
  const { tls } = transaction;
  const loginCounts = side === 'recipient' && transaction.saslUsername !== '';
  const breach = compare(tls, row, loginCounts);
  return { side, address, row, breach };
}

/** The part of the row's requirement that the session does not meet; null when it meets all of it. */
function compare(tls: TlsState, row: Row, loginCounts: boolean): Breach | null {
  const { settings } = row;
  if (settings.receive === 'none' || settings.receive === 'may') return null;
  if (tls.kind === 'unknown') return { kind: 'unknown', why: tls.why };
  if (tls.kind === 'plain') return { kind: 'plain' };
  const floor = compareWithFloor(tls, settings);
  if (floor !== 'ok' && floor !== 'unknown') return { kind: floor };
  const certificate = settings.receive === 'verify' && !loginCounts ? compareCertificate(tls, row) : null;
  // a definite breach takes precedence over an unknown value
  if (floor === 'ok' || (certificate !== null && certificate.kind !== 'unknown')) return certificate;
  return {
    kind: 'unknown',
    why: `cannot compare protocol "${tls.protocol}", cipher "${tls.cipher}", bits ${tls.bits ?? '?'}`,
  };
}

/**
 * Certificate against `client-names`, `client-issuers` and `fingerprint`; a pin alone is enough, and needs no
 * chain.
 */
function compareCertificate(tls: Extract<TlsState, { kind: 'tls' }>, row: Row): Breach | null {
  const { fingerprints, clientNames, clientIssuers } = row.settings;
  const { certificate } = tls;
  if (certificate.kind === 'unknown') return { kind: 'unknown', why: certificate.why };
  const shown =
    certificate.kind === 'trusted' || certificate.kind === 'untrusted' ? certificate.fingerprints : [];
  if (shown.some((digest) => fingerprints.includes(digest))) return null;
  // a row with pins and no names is met by its pins alone
  const byName = clientNames.length > 0 || fingerprints.length === 0;
  const named = certificate.kind === 'trusted' && byName;
  if (
    named &&
    issuerMatches(clientIssuers, certificate.issuer) &&
    certificateNames(row).some((name) => matches(name, certificate.commonName))
  ) {
    return null;
  }
  if (fingerprints.length > 0 && shown.length === 0 && certificate.kind !== 'none') {
    return {
      kind: 'unknown',
      why: 'a pinned certificate is only seen by the policy service: list check_policy_service too',
    };
  }
  if (certificate.kind !== 'trusted') return { kind: 'certificate' };
  if (!byName) return { kind: 'pin' };
  return { kind: issuerMatches(clientIssuers, certificate.issuer) ? 'name' : 'issuer' };
}

/** The names that a row accepts: its own list, or its domain and all names below it. */
export function certificateNames(row: Row): readonly string[] {
  if (row.settings.clientNames.length > 0) return row.settings.clientNames;
  const domain = row.pattern.slice(row.pattern.lastIndexOf('@') + 1);
  return domain.startsWith('.') ? [domain] : [domain, `.${domain}`];
}

function matches(wanted: string, commonName: string): boolean {
  const name = canonicalDomain(commonName);
  return name !== null && nameMatches(wanted, name);
}

function issuerMatches(wanted: readonly string[], issuer: string): boolean {
  return wanted.length === 0 || wanted.includes(issuer);
}

const NONE_ASKED =
  'several recipients at this stage: list check_policy_service in smtpd_recipient_restrictions too';
/**
 * Postfix accepts bare <postmaster> without asking; it cannot be distinguished from a recipient that another
 * restriction permitted.
 */
const SOME_NOT_ASKED =
  'a recipient passed RCPT unasked, perhaps bare <postmaster>: list check_policy_service first in smtpd_recipient_restrictions, and nowhere else';

/**
 * Unseen recipients could belong to the strictest row of the table; a login counts as it would for that row.
 */
function judgeUnseen(transaction: Transaction, table: PolicyTable): Finding[] {
  if (meetsAny(transaction.tls, transaction.saslUsername !== '', table)) return [];
  const why = transaction.recipients.length === 0 ? NONE_ASKED : SOME_NOT_ASKED;
  return [{ side: 'recipient', address: null, row: null, breach: { kind: 'unknown', why } }];
}

/** Does the session meet every row of the table? */
function meetsAny(tls: TlsState, loginCounts: boolean, table: PolicyTable): boolean {
  const { strictest } = table;
  if (tls.kind === 'unknown') return !strictest.knowledge;
  if (!strictest.tls) return true;
  if (tls.kind === 'plain' || compareWithFloor(tls, strictest) !== 'ok') return false;
  return loginCounts || !strictest.certificate;
}
