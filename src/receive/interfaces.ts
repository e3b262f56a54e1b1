/**
 * What each interface of each MTA shows of one SMTP session, and the answers there: for each recipient, as
 * the client receives them, and for the message to the accepted recipients. Pure. `explain` prints it, and
 * the end-to-end tests compare it with real MTAs.
 *
 *     policy     Postfix, policy delegation: everything about a certificate, with its digests
 *     milter     Postfix, milter: a certificate that verified, without digests, but no other
 *     both       Postfix, both: the policy service is asked first, and the milter uses its data for pins
 *     sendmail   Sendmail, milter: whether there was a certificate, and whether it verified; no digests
 *
 * Sources: Postfix SMTPD_POLICY_README, MILTER_README; Sendmail cf/README (STARTTLS variables).
 */
import type { EnvelopeAddress } from '../core/address.ts';
import type { PolicyTable } from '../core/table.ts';
import type { ClientCertificate } from '../core/tls.ts';
import type { Transaction } from '../core/transaction.ts';
import { combine, type Verdict } from '../core/verdict.ts';
import { decide, type Facts, isPostmaster } from './decide.ts';

export const INTERFACES = ['policy', 'milter', 'both', 'sendmail'] as const;
export type Interface = (typeof INTERFACES)[number];

export interface RecipientAnswer {
  readonly recipient: EnvelopeAddress;
  /** The interface that gave the answer. */
  readonly by: 'policy' | 'milter';
  /** null: the policy service is not asked, and Postfix accepts the recipient. */
  readonly verdict: Verdict | null;
}

interface InterfaceAnswer {
  readonly interface: Interface;
  readonly recipients: readonly RecipientAnswer[];
  /** The verdict on the message for the accepted recipients; null when there are none. */
  readonly message: Verdict | null;
  /** The transaction at its end as this interface sees it, with the accepted recipients. */
  readonly transaction: Transaction;
}

/** A digest that no row has: Postfix always reports a digest of a certificate. */
const SOME_DIGEST: readonly string[] = ['00'];
const NO_DIGEST: readonly string[] = [];
const UNPROVEN: ClientCertificate = { kind: 'unproven' };

/** Reduces a fully known transaction to what an interface shows. */
export function shownTo(where: 'policy' | 'milter' | 'sendmail', transaction: Transaction): Transaction {
  const protocol = where === 'policy' ? 'policy' : 'milter';
  const { tls } = transaction;
  if (tls.kind !== 'tls') return { ...transaction, protocol };
  return { ...transaction, protocol, tls: { ...tls, certificate: certificateAt(where, tls.certificate) } };
}

function certificateAt(
  where: 'policy' | 'milter' | 'sendmail',
  certificate: ClientCertificate,
): ClientCertificate {
  switch (certificate.kind) {
    case 'unknown':
    case 'unproven':
      return certificate;
    case 'none':
      return where === 'milter' ? UNPROVEN : certificate;
    case 'untrusted':
      if (where === 'milter') return UNPROVEN;
      break;
    case 'trusted':
      break;
  }
  if (where !== 'policy') return { ...certificate, fingerprints: NO_DIGEST };
  return certificate.fingerprints.length > 0 ? certificate : { ...certificate, fingerprints: SOME_DIGEST };
}

/**
 * Does a row of this verdict ask for a pinned certificate? Only then does the milter use the data of the
 * policy service.
 */
export function asksForPin(verdict: Verdict): boolean {
  return verdict.findings.some(
    ({ row }) => row?.settings.receive === 'verify' && row.settings.fingerprints.length > 0,
  );
}

/**
 * The answers at this interface; `transaction` holds all recipients, and everything about the session.
 */
export function answerAt(
  where: Interface,
  transaction: Transaction,
  table: PolicyTable,
  facts: Facts,
): InterfaceAnswer {
  const atPolicy = shownTo('policy', transaction);
  const atMilter = shownTo(where === 'sendmail' ? 'sendmail' : 'milter', transaction);
  const recipients: RecipientAnswer[] = [];
  const passed: Verdict[] = [];
  const kept: EnvelopeAddress[] = [];
  let held = false;
  for (const recipient of transaction.recipients) {
    const asked = (where === 'policy' || where === 'both') && !isPostmaster(recipient);
    const byPolicy = asked ? decide({ ...atPolicy, recipients: [recipient] }, table, facts) : null;
    let answer: RecipientAnswer = { recipient, by: 'policy', verdict: byPolicy };
    if (where !== 'policy' && passes(byPolicy)) {
      const tls = byPolicy !== null && asksForPin(byPolicy) ? atPolicy.tls : atMilter.tls;
      const verdict = decide({ ...atMilter, tls, recipients: [recipient] }, table, facts);
      answer = { recipient, by: 'milter', verdict };
    }
    recipients.push(answer);
    held ||= byPolicy?.action === 'hold';
    if (!passes(answer.verdict)) continue;
    kept.push(recipient);
    if (answer.verdict !== null) passed.push(answer.verdict);
  }
  const verdict = kept.length === 0 ? null : combine(passed);
  const message = verdict !== null && held ? ({ ...verdict, action: 'hold' } as const) : verdict;
  const view = where === 'policy' ? atPolicy : atMilter;
  const atEnd: Transaction = { ...view, stage: 'END-OF-MESSAGE', recipients: kept };
  return { interface: where, recipients, message, transaction: atEnd };
}

function passes(verdict: Verdict | null): boolean {
  return verdict === null || verdict.action === 'accept' || verdict.action === 'hold';
}
