/**
 * The verdict, and how findings are combined into it.
 *
 * A finding is the result of comparing the session with one row. The verdict keeps all findings in order,
 * because its readers (the MTA, a log, `explain`, an auditor) need different parts of them. From the least
 * strict to the strictest: accept, accept with the mark "unprotected" (tag), hold, defer, reject. A hold
 * accepts the message into a queue, so it is less strict than a refusal.
 */
import type { EnvelopeAddress } from './address.ts';
import type { Row } from './table.ts';
import type { TlsState } from './tls.ts';

export type Action = 'accept' | 'hold' | 'defer' | 'reject';

/**
 * The part of a requirement that the session does not meet. `unknown`: the MTA did not report it, and `why`
 * says how to fix that.
 */
export type Breach =
  | { readonly kind: 'plain' | 'protocol' | 'bits' | 'cipher' | 'certificate' | 'name' | 'issuer' | 'pin' }
  | { readonly kind: 'unknown'; readonly why: string };

export interface Finding {
  readonly side: 'sender' | 'recipient';
  /** null: recipients that this protocol does not show. */
  readonly address: EnvelopeAddress | null;
  readonly row: Row | null;
  readonly breach: Breach | null;
  /** Judged for `<postmaster>` only, for whom mail is never refused (see decide.ts). */
  readonly toPostmaster?: boolean;
}

/** `judged`, or why nothing was judged. */
type Judged = 'judged' | 'no-mail' | 'local' | 'again' | 'trusted-client';

export interface Verdict {
  /** The action that is taken. */
  readonly action: Action;
  /** The action that a row in observe mode would have taken; null when none would have. */
  readonly wouldBe: Exclude<Action, 'accept'> | 'tag' | null;
  /** Accepted although unprotected, because the row has `violation = tag`. */
  readonly tagged: boolean;
  readonly judged: Judged;
  /** The finding that decided, or the first one that applied; null when no row applied. */
  readonly decisive: Finding | null;
  readonly findings: readonly Finding[];
  /** Should this message be marked? */
  readonly mark: boolean;
  readonly tls: TlsState;
}

type Outcome = 'ok' | 'tag' | 'hold' | 'defer' | 'reject';
const HARSHNESS: Readonly<Record<Outcome, number>> = { ok: 0, tag: 1, hold: 2, defer: 3, reject: 4 };
const NOTHING: readonly Finding[] = [];
const UNSEEN: TlsState = { kind: 'unknown', why: 'not judged' };

/** The verdict for a message that is not judged: nothing is claimed about it, and it is not marked. */
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

/** What the row does about this finding in enforce mode. */
function outcomeOf(finding: Finding): Outcome {
  if (finding.breach === null) return 'ok';
  if (finding.toPostmaster === true) return finding.breach.kind === 'unknown' ? 'ok' : 'tag';
  if (finding.breach.kind === 'unknown') return 'defer';
  return finding.row?.settings.violation ?? 'defer';
}

/** Combines findings into one verdict; without findings, the message is accepted and marked by default. */
export function verdictOf(findings: readonly Finding[], tls: TlsState): Verdict {
  let enforced: Outcome = 'ok';
  let observed: Outcome = 'ok';
  let decisive: Finding | null = null;
  let observedFinding: Finding | null = null;
  let mark = findings.length === 0;
  for (const finding of findings) {
    mark ||= finding.row === null || finding.row.settings.mark === 'header';
    const outcome = outcomeOf(finding);
    if (outcome === 'ok') continue;
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

/** Combines the verdicts of a message's accepted recipients: the strictest counts, with all findings. */
export function combine(verdicts: readonly Verdict[]): Verdict {
  const [first] = verdicts;
  if (first === undefined) return accepted('no-mail');
  if (verdicts.length === 1) return first;
  const judged = verdicts.filter((verdict) => verdict.judged === 'judged');
  if (judged.length === 0) return first;
  const findings: Finding[] = [];
  for (const verdict of judged) for (const finding of verdict.findings) findings.push(finding);
  return verdictOf(findings, mostKnown(judged).tls);
}

/** The verdict with the most complete TLS state, as not every question shows whether there was a certificate. */
function mostKnown(verdicts: readonly Verdict[]): Verdict {
  const shows = ({ tls }: Verdict) => tls.kind === 'tls' && tls.certificate.kind !== 'unproven';
  return verdicts.find(shows) ?? verdicts[0]!;
}
