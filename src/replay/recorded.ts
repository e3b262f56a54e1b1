/**
 * From a recorded verdict to the transaction that it was about, as far as the record tells. Pure.
 *
 * A record has no local parts, unless `privacy = full`; of more than 50 recipients it has the domains alone; of a
 * client certificate it has one digest and no issuer. What it does not tell is left open here and in sessions.ts, and
 * never taken for one of the possible values.
 */
import { type EnvelopeAddress, mailboxKey, NULL_ADDRESS } from '../core/address.ts';
import type { ClientCertificate, TlsState } from '../core/tls.ts';
import type { Stage, Transaction } from '../core/transaction.ts';
import type { VerdictEvidence } from '../evidence/record.ts';
import { type Candidate, mailboxOfNoRow } from './candidate.ts';

/** What an address may have been: at least one; null: more than are looked at. */
export type Choices = readonly EnvelopeAddress[] | null;

/** One recipient, or several of which only the domains are told. */
export interface ToldRecipient {
  /** As it is recorded; '' for those that are not named. */
  readonly text: string;
  readonly count: number;
  readonly choices: Choices;
}

/** Characters of an address that a record has at most (evidence/pseudonym.ts). */
const MAX_SHOWN = 320;
const PSEUDONYM = /^h:\d{4}-\d{2}:[\w-]{16}@/;
const NO_ADDRESSES: readonly EnvelopeAddress[] = [];
const POSTMASTER = domainless('postmaster');
/** A local part alone that is not `postmaster`. */
const SOMEONE = domainless('');

/** The transaction without its addresses. */
export function transactionOf(record: VerdictEvidence): Transaction {
  const { protocol, stage, client = '', helo = '', queueId = '', notJudged } = record;
  return {
    protocol,
    stage: stage as Stage,
    arrival: notJudged === 'local' || notJudged === 'again' ? notJudged : 'smtp',
    clientAddress: client,
    clientName: '',
    clientPort: 0,
    heloName: helo,
    sender: null,
    recipients: NO_ADDRESSES,
    unseenRecipients: record.unseen === true,
    queueId,
    saslUsername: record.login === true ? '?' : '',
    mtaName: '',
    tls: tlsOf(record.tls),
  };
}

function tlsOf(tls: VerdictEvidence['tls']): TlsState {
  if (tls.state === 'plain') return { kind: 'plain' };
  if (tls.state === 'unknown') return { kind: 'unknown', why: 'not recorded' };
  const { protocol = '', cipher = '', bits = null } = tls;
  return { kind: 'tls', protocol, cipher, bits, certificate: certificateOf(tls) };
}

function certificateOf({
  certificate,
  commonName = '',
  fingerprint,
}: VerdictEvidence['tls']): ClientCertificate {
  const fingerprints = fingerprint === undefined ? [] : [fingerprint];
  switch (certificate) {
    case 'none':
    case 'unproven':
      return { kind: certificate };
    case 'untrusted':
      return { kind: 'untrusted', fingerprints };
    case 'trusted':
      return { kind: 'trusted', commonName, issuer: '', fingerprints };
    default:
      return { kind: 'unknown', why: 'not recorded' };
  }
}

/** What the sender may have been. */
export function senderOf({ sender, senderDomain = '' }: VerdictEvidence, candidate: Candidate): Choices {
  return sender === undefined ? NO_ADDRESSES : choicesOf(sender, senderDomain, candidate);
}

/** The recipients in the order of the record; those that it does not name come last, as one. */
export function recipientsOf(record: VerdictEvidence, candidate: Candidate): ToldRecipient[] {
  const { recipients, recipientDomains, recipientCount, moreDomains = 0 } = record;
  const domains = recipients.length > 1 ? new Set(recipientDomains) : null;
  const told = recipients.map((text): ToldRecipient => {
    const written = text.slice(text.lastIndexOf('@') + 1);
    // what the daemon took for malformed has no domain there
    const known = domains === null ? (recipientDomains[0] ?? '') : domains.has(written) ? written : '';
    return { text, count: 1, choices: choicesOf(text, known, candidate) };
  });
  const count = recipientCount - recipients.length;
  if (count <= 0) return told;
  const choices =
    moreDomains > 0
      ? null
      : joined([
          ...recipientDomains.map((domain) => choicesOf('', domain, candidate)),
          choicesOf('', '', candidate),
        ]);
  return [...told, { text: '', count, choices }];
}

function joined(lists: readonly Choices[]): Choices {
  const all: EnvelopeAddress[] = [];
  for (const list of lists) {
    if (list === null) return null;
    all.push(...list);
  }
  return all;
}

function choicesOf(text: string, domain: string, candidate: Candidate): Choices {
  if (text === '<>') return [NULL_ADDRESS];
  const known = localPartOf(text, domain);
  if (domain === '') {
    if (known !== null) return [domainless(known)];
    return [SOMEONE, POSTMASTER];
  }
  if (known !== null) return [mailbox(text, mailboxKey(known, domain), domain)];
  const rows = candidate.addressesIn(domain);
  if (rows === null) return null;
  const plain = mailbox(text, mailboxOfNoRow(domain), domain);
  return rows.length === 0 ? [plain] : [plain, ...rows.map((row) => mailbox(text, row, domain))];
}

/** null: it is not recorded, or was cut. */
function localPartOf(text: string, domain: string): string | null {
  if (text === '' || text.startsWith('@') || PSEUDONYM.test(text)) return null;
  if (text.length >= MAX_SHOWN || text.includes('\\')) return null;
  if (domain === '') return text;
  return text.endsWith(`@${domain}`) ? text.slice(0, -domain.length - 1) : null;
}

function mailbox(text: string, own: string, domain: string): EnvelopeAddress {
  return { kind: 'mailbox', text, mailbox: own, domain, readings: [] };
}

function domainless(text: string): EnvelopeAddress {
  return { kind: 'domainless', text, mailbox: '', domain: '', readings: [] };
}
