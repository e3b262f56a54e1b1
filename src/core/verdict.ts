/**
 * The verdict and how findings fold into it.
 *
 * A finding is one row held against the session. The verdict keeps all of them in order, because whoever reads it later
 * (the MTA, a log, `explain`, an auditor) asks for different parts of the same truth. Harshness, least to most:
 * accept, accept with the mark "unprotected" (tag), hold, defer, reject. A hold accepts the message into a queue, so it
 * is milder than a refusal.
 */
import type { EnvelopeAddress } from './address.ts';
import type { Row } from './table.ts';
import type { TlsState } from './tls.ts';

export type Action = 'accept' | 'hold' | 'defer' | 'reject';

/** Which part of a requirement the session does not meet. `unknown` cannot be told, and `why` says what to mend. */
export type Breach =
  | { readonly kind: 'plain' | 'protocol' | 'bits' | 'cipher' | 'certificate' | 'name' | 'issuer' | 'pin' }
  | { readonly kind: 'unknown'; readonly why: string };

export interface Finding {
  readonly side: 'sender' | 'recipient';
  /** null: recipients that this protocol was not shown. */
  readonly address: EnvelopeAddress | null;
  readonly row: Row | null;
  readonly breach: Breach | null;
  /** Judged for `<postmaster>` alone, to whom mail is never refused (see decide.ts). */
  readonly toPostmaster?: boolean;
}

/** Why nothing was judged; `judged` otherwise. */
type Judged = 'judged' | 'no-mail' | 'local' | 'again' | 'trusted-client';

export interface Verdict {
  /** What is done. */
  readonly action: Action;
  /** A row in observe mode would have done this; null when none would have. */
  readonly wouldBe: Exclude<Action, 'accept'> | 'tag' | null;
  /** Accepted although unprotected, because the row says `violation = tag`. */
  readonly tagged: boolean;
  readonly judged: Judged;
  /** The finding that decided, or the first one that applied; null when no row did. */
  readonly decisive: Finding | null;
  readonly findings: readonly Finding[];
  /** Is the mark wanted on this message? */
  readonly mark: boolean;
  readonly tls: TlsState;
}

type Outcome = 'ok' | 'tag' | 'hold' | 'defer' | 'reject';
const HARSHNESS: Readonly<Record<Outcome, number>> = { ok: 0, tag: 1, hold: 2, defer: 3, reject: 4 };
const NOTHING: readonly Finding[] = [];
const UNSEEN: TlsState = { kind: 'unknown', why: 'not judged' };

/** A verdict for what is not judged at all: nothing was looked at, so nothing is claimed and nothing marked. */
export function accepted(judged: Exclude<Judged, 'judged'>): Verdict {
  return {
    action: 'accept',
    wouldBe: null,
    tagged: false,
    judged,
    decisive: null,
    findings: NOTHING,
    mark: false,
    tls: UNSEEN,
  };
}

/** What the row would do about this finding, in enforce mode. */
function outcomeOf(finding: Finding): Outcome {
  if (finding.breach === null) return 'ok';
  if (finding.toPostmaster === true) return finding.breach.kind === 'unknown' ? 'ok' : 'tag';
  if (finding.breach.kind === 'unknown') return 'defer';
  return finding.row?.settings.violation ?? 'defer';
}

/** Folds findings into one verdict; with none, the message passes and is marked by default. */
export function verdictOf(findings: readonly Finding[], tls: TlsState): Verdict {
  let enforced: Outcome = 'ok';
  let observed: Outcome = 'ok';
  let decisive: Finding | null = null;
  let observedFinding: Finding | null = null;
  let mark = findings.length === 0;
  for (const finding of findings) {
    mark ||= finding.row === null || finding.row.settings.mark === 'header';
    const outcome = outcomeOf(finding);
    if (finding.row?.settings.mode === 'observe') {
      if (HARSHNESS[outcome] > HARSHNESS[observed]) {
        observed = outcome;
        observedFinding = finding;
      }
    } else if (HARSHNESS[outcome] > HARSHNESS[enforced]) {
      enforced = outcome;
      decisive = finding;
    }
  }
  const wouldBe = HARSHNESS[observed] > HARSHNESS[enforced] && observed !== 'ok' ? observed : null;
  return {
    action: enforced === 'ok' || enforced === 'tag' ? 'accept' : enforced,
    wouldBe,
    tagged: enforced === 'tag',
    judged: 'judged',
    decisive: decisive ?? observedFinding ?? findings[0] ?? null,
    findings,
    mark,
    tls,
  };
}

/** One verdict for a message out of those of its accepted recipients: the harshest, with all findings. */
export function combine(verdicts: readonly Verdict[]): Verdict {
  const [first] = verdicts;
  if (first === undefined) return accepted('no-mail');
  if (verdicts.length === 1) return first;
  if (verdicts.every((verdict) => verdict.judged !== 'judged')) return first;
  return verdictOf(
    verdicts.flatMap((verdict) => verdict.findings),
    mostKnown(verdicts.filter((verdict) => verdict.judged === 'judged').map((verdict) => verdict.tls)) ??
      first.tls,
  );
}

/** The session as it was told most of, where not every question was told whether there was a certificate. */
function mostKnown(states: readonly TlsState[]): TlsState | undefined {
  return states.find((tls) => tls.kind === 'tls' && tls.certificate.kind !== 'unproven') ?? states[0];
}
