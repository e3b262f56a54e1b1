/**
 * Finds the smallest change that would turn a verdict around, for `explain`: the same transaction with one
 * difference, or two, judged again by the same rules. A refused or held message is then accepted; an accepted
 * one no longer is.
 *
 * Changes to the session come first, because a partner can make them; then changes to the table. Each changed
 * session is a possible one: a cipher goes with its protocol and its number of bits. The result is decided by
 * `decide`, not guessed from the breach.
 */

import { formatPosition } from '../core/position.ts';
import type { Settings } from '../core/settings.ts';
import type { PolicyTable, Row } from '../core/table.ts';
import { type ClientCertificate, PLAIN, protocolRank, type TlsState } from '../core/tls.ts';
import type { Transaction } from '../core/transaction.ts';
import { type Verdict, verdictOf } from '../core/verdict.ts';
import { certificateNames, decide, type Facts } from './decide.ts';
import { POORER_SUITES, runsInTls12, SOUND_SUITES, type Suite } from './suites.ts';

interface Change {
  /** "the session used TLSv1.3 ...", "row X (file:line) said receive = may". */
  readonly description: string;
  readonly verdict: Verdict;
}

type Encrypted = Extract<TlsState, { kind: 'tls' }>;

interface Candidate<Value> {
  readonly description: string;
  readonly value: Value;
}

/** The first change that turns the verdict around, or null when none of those tried does. */
export function smallestChange(transaction: Transaction, table: PolicyTable, facts: Facts): Change | null {
  const now = decide(transaction, table, facts);
  if (now.judged !== 'judged') return null;
  const wanted = (verdict: Verdict): boolean => (verdict.action === 'accept') !== (now.action === 'accept');
  const candidates = now.action === 'accept' ? worse(transaction.tls) : better(transaction.tls, now);
  for (const { description, value } of candidates) {
    const verdict = decide({ ...transaction, tls: value }, table, facts);
    if (wanted(verdict)) return { description, verdict };
  }
  return rowChange(now, wanted);
}

/** Weaker sessions, nearest first. */
function* worse(tls: TlsState): Generator<Candidate<TlsState>> {
  if (tls.kind === 'tls') {
    if (tls.certificate.kind !== 'none')
      yield {
        description: 'the client showed no certificate',
        value: { ...tls, certificate: { kind: 'none' } },
      };
    for (const suite of POORER_SUITES) {
      const lower = (protocolRank(suite.protocol) ?? 0) < (protocolRank(tls.protocol) ?? 0);
      const fewer = suite.protocol === tls.protocol && suite.bits < (tls.bits ?? 0);
      if (lower || fewer) yield { description: describeSuite(suite, tls), value: { ...tls, ...suite } };
    }
  }
  if (tls.kind !== 'plain') yield { description: 'the session were not encrypted', value: PLAIN };
}

/** Better sessions, nearest first: one thing changed, then the session and the certificate. */
function* better(tls: TlsState, verdict: Verdict): Generator<Candidate<TlsState>> {
  const sessions = betterSessions(tls);
  const certificates = certificatesFor(verdict);
  yield* sessions;
  if (tls.kind === 'tls')
    for (const { description, value } of certificates)
      yield { description, value: { ...tls, certificate: value } };
  for (const { description, value } of certificates)
    for (const session of sessions)
      yield {
        description: `${session.description} and ${description}`,
        value: { ...session.value, certificate: value },
      };
}

function betterSessions(tls: TlsState): Candidate<Encrypted>[] {
  if (tls.kind !== 'tls') {
    const certificate: ClientCertificate = { kind: 'none' };
    return SOUND_SUITES.map((suite) => ({
      description: describeSuite(suite, null),
      value: { kind: 'tls', ...suite, certificate },
    }));
  }
  const found: Candidate<Encrypted>[] = [];
  // the cipher of an old session also exists in the next version
  const old = (protocolRank(tls.protocol) ?? 9) < 4;
  if (old && runsInTls12(tls.cipher))
    found.push({ description: 'the session used TLSv1.2', value: { ...tls, protocol: 'TLSv1.2' } });
  const same = SOUND_SUITES.filter(({ protocol }) => protocol === tls.protocol);
  const others = SOUND_SUITES.filter(({ protocol }) => protocol !== tls.protocol);
  for (const suite of [...same, ...others])
    found.push({ description: describeSuite(suite, tls), value: { ...tls, ...suite } });
  return found;
}

function describeSuite({ protocol, cipher }: Suite, now: Encrypted | null): string {
  return protocol === now?.protocol
    ? `the session used ${cipher}`
    : `the session used ${protocol} with ${cipher}`;
}

/** Certificates that the rows in question would accept. */
function certificatesFor(verdict: Verdict): Candidate<ClientCertificate>[] {
  const found: Candidate<ClientCertificate>[] = [];
  for (const { row, breach } of verdict.findings) {
    if (row === null || breach === null || row.settings.receive !== 'verify') continue;
    const { fingerprints, clientIssuers, clientNames } = row.settings;
    if (clientNames.length > 0 || fingerprints.length === 0) {
      const wanted = certificateNames(row)[0] ?? '';
      const commonName = wanted.startsWith('.') ? `mx${wanted}` : wanted;
      const issuer = clientIssuers[0] ?? 'a trusted issuer';
      found.push({
        description: `the client showed a verified certificate for ${commonName}${clientIssuers.length > 0 ? ` issued by ${issuer}` : ''}`,
        value: { kind: 'trusted', commonName, issuer, fingerprints: [] },
      });
    }
    if (fingerprints[0] !== undefined) {
      found.push({
        description: `the client showed the certificate with the pin ${fingerprints[0]}`,
        value: { kind: 'untrusted', fingerprints: [fingerprints[0]] },
      });
    }
  }
  return found;
}

/** The rows in question with one setting different. */
function rowChange(verdict: Verdict, wanted: (verdict: Verdict) => boolean): Change | null {
  const { findings, tls, decisive } = verdict;
  const broken = findings.flatMap(({ row, breach }) => (row !== null && breach !== null ? [row] : []));
  if (broken.length === 0 && decisive?.row != null) broken.push(decisive.row);
  // the table creates a new row object for each address
  const rows = [...new Map(broken.map((row) => [formatPosition(row.at), row])).values()];
  const tries: [string, Partial<Settings>][] =
    verdict.action === 'accept'
      ? [
          ['mode = enforce', { mode: 'enforce' }],
          ['violation = reject', { violation: 'reject' }],
        ]
      : [
          ['mode = observe', { mode: 'observe' }],
          ['violation = tag', { violation: 'tag' }],
        ];
  // one row, if that is enough
  for (const some of [...rows.map((row) => [row]), rows]) {
    const positions = new Set(some.map(({ at }) => formatPosition(at)));
    for (const [description, change] of tries) {
      const changed = findings.map((finding) =>
        finding.row !== null && positions.has(formatPosition(finding.row.at))
          ? { ...finding, row: { ...finding.row, settings: { ...finding.row.settings, ...change } } }
          : finding,
      );
      const next = verdictOf(changed, tls);
      if (wanted(next))
        return { description: `${some.map(describeRow).join(' and ')} said ${description}`, verdict: next };
    }
  }
  return null;
}

function describeRow({ pattern, at }: Row): string {
  return `row "${pattern}" (${formatPosition(at)})`;
}
