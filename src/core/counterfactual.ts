/**
 * The smallest change that would turn a verdict around, for `explain`: the same transaction with one thing different
 * (then two), judged again by the same rules, until the action is another one.
 *
 * Changes to the session come first, because they are what a partner can do; then changes to the table. What is printed
 * was decided by `decide`, not guessed from the breach.
 */
import { certificateNames, decide, type Facts } from './decide.ts';
import type { Settings } from './settings.ts';
import type { PolicyTable } from './table.ts';
import type { ClientCertificate, TlsState } from './tls.ts';
import type { Transaction } from './transaction.ts';
import { type Verdict, verdictOf } from './verdict.ts';

export interface Change {
  /** "the session used TLSv1.3 ...", "row X (file:line) said receive = may". */
  readonly words: string;
  readonly verdict: Verdict;
}

interface Candidate {
  readonly words: string;
  readonly tls: TlsState;
}

const GOOD_TLS: Extract<TlsState, { kind: 'tls' }> = {
  kind: 'tls',
  protocol: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  bits: 256,
  certificate: { kind: 'none' },
};

/** The first change that gives another action, or null when none of those tried does. */
export function smallestChange(transaction: Transaction, table: PolicyTable, facts: Facts): Change | null {
  const now = decide(transaction, table, facts);
  if (now.judged !== 'judged') return null;
  for (const candidate of sessionChanges(transaction.tls, now)) {
    const verdict = decide({ ...transaction, tls: candidate.tls }, table, facts);
    if (verdict.action !== now.action) return { words: candidate.words, verdict };
  }
  return rowChange(now);
}

/** Sessions a little different from the one given, nearest first. */
function* sessionChanges(tls: TlsState, verdict: Verdict): Generator<Candidate> {
  if (verdict.action === 'accept') {
    if (tls.kind === 'tls') {
      yield* certificateLosses(tls);
      yield { words: 'the session used TLSv1', tls: { ...tls, protocol: 'TLSv1' } };
    }
    yield { words: 'the session were not encrypted', tls: { kind: 'plain' } };
    return;
  }
  const base = tls.kind === 'tls' ? tls : GOOD_TLS;
  if (tls.kind === 'tls') {
    yield { words: 'the session used TLSv1.3', tls: { ...tls, protocol: 'TLSv1.3' } };
    yield { words: 'the cipher had 256 bits', tls: { ...tls, bits: 256 } };
    yield {
      words: 'the session used TLSv1.3 with TLS_AES_256_GCM_SHA384',
      tls: { ...GOOD_TLS, certificate: tls.certificate },
    };
  } else yield { words: 'the session used TLSv1.3 with TLS_AES_256_GCM_SHA384', tls: GOOD_TLS };
  for (const certificate of certificatesFor(verdict)) {
    yield {
      words: `the client showed ${certificate.words}`,
      tls: { ...base, certificate: certificate.value },
    };
    yield {
      words: `the session used TLSv1.3 with TLS_AES_256_GCM_SHA384 and the client showed ${certificate.words}`,
      tls: { ...GOOD_TLS, certificate: certificate.value },
    };
  }
}

function* certificateLosses(tls: Extract<TlsState, { kind: 'tls' }>): Generator<Candidate> {
  if (tls.certificate.kind === 'none') return;
  yield { words: 'the client showed no certificate', tls: { ...tls, certificate: { kind: 'none' } } };
}

/** Certificates that the rows in question would take. */
function certificatesFor(verdict: Verdict): { readonly words: string; readonly value: ClientCertificate }[] {
  const found: { words: string; value: ClientCertificate }[] = [];
  for (const { row, breach } of verdict.findings) {
    if (row === null || breach === null || row.settings.receive !== 'verify') continue;
    const { fingerprints, clientIssuers, clientNames } = row.settings;
    if (clientNames.length > 0 || fingerprints.length === 0) {
      const wanted = certificateNames(row)[0] ?? '';
      const commonName = wanted.startsWith('.') ? `mx${wanted}` : wanted;
      const issuer = clientIssuers[0] ?? 'a trusted issuer';
      found.push({
        words: `a verified certificate for ${commonName}${clientIssuers.length > 0 ? ` issued by ${issuer}` : ''}`,
        value: { kind: 'trusted', commonName, issuer, fingerprints: [] },
      });
    }
    if (fingerprints[0] !== undefined) {
      found.push({
        words: `the certificate with the pin ${fingerprints[0]}`,
        value: { kind: 'untrusted', fingerprints: [fingerprints[0]] },
      });
    }
  }
  return found;
}

/** The decisive row with one setting different. */
function rowChange(verdict: Verdict): Change | null {
  const { decisive, findings, tls } = verdict;
  const row = decisive?.row;
  if (row == null) return null;
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
  for (const [words, change] of tries) {
    const changed = { ...row, settings: { ...row.settings, ...change } };
    const next = verdictOf(
      findings.map((finding) => (finding.row === row ? { ...finding, row: changed } : finding)),
      tls,
    );
    if (next.action !== verdict.action)
      return { words: `row "${row.pattern}" (${row.at.file}:${row.at.line}) said ${words}`, verdict: next };
  }
  return null;
}
