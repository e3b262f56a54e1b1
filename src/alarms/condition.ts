/**
 * What an alarm can be about, and what one look says about it. Pure data.
 *
 * A kind with a subject is one cause: `partner-out` of `bank.example`. A look gives each subject a level; the state
 * machine (alarmState.ts) makes alarms of levels over time.
 */

/** Every kind, in the order in which they are listed: what stands first explains what stands below. */
export const KINDS = {
  'daemon-down': 'the daemon does not answer',
  evidence: 'records cannot be written, or lag behind',
  'starttls-stripped': 'many unrelated destinations no longer offer STARTTLS: this network strips it',
  'partners-failing': 'mail with many partners at once fails or is refused for want of TLS: look here first',
  'partner-out': 'mail to a partner fails for want of TLS',
  'partner-in': 'mail from a partner is refused or put off for want of TLS',
  'partner-certificate': "a partner's certificate, or who issued it, has changed or is not valid any more",
  'partner-pins': 'a server of a partner shows another certificate, which does not fit pins or TLSA records',
  'partner-expiring': "a partner's certificate ends soon",
  'own-certificate': "this host's certificate ends soon, or does not fit its MX, MTA-STS or TLSA records",
  'reported-failures': 'a report of another server says that sessions to this host failed',
  'refusals-after-reload': 'more mail is refused since a reload than before it',
  'reload-refused': 'a reload was refused: the old table stays',
  'table-differs': 'hosts do not use the same table',
  'exception-expired': 'a row or an exception is past its date and still in force',
  'log-lost': 'lines of a log are missing: the rate is limited, or it cannot be written',
  watchdog: "always firing: a sign of life for a dead man's switch",
  test: 'sent by `tlsward alarms test`',
} as const;

export type Kind = keyof typeof KINDS;

/** While one of the first kind is there, those of the others are not told: it explains them. */
export const INHIBITS: Readonly<Partial<Record<Kind, readonly Kind[]>>> = {
  'starttls-stripped': ['partners-failing', 'partner-out'],
  // one message in place of hundreds
  'partners-failing': ['partner-out', 'partner-in', 'partner-certificate', 'partner-pins'],
};

/** Kinds of which people are told again more rarely than others: what they go by comes once a day. */
const REPEATS_MS: Readonly<Partial<Record<Kind, number>>> = { 'reported-failures': 86_400_000 };

/** When people are told again, in milliseconds; `repeatMs`: of the configuration. */
export function repeatOf(kind: Kind, repeatMs: number): number {
  return Math.max(repeatMs, REPEATS_MS[kind] ?? 0);
}

/** An alarm of the first kind says more than one of the second about the same subject. */
export const COVERS: Readonly<Partial<Record<Kind, readonly Kind[]>>> = {
  'partner-out': ['partner-certificate', 'partner-pins'],
  'partner-in': ['partner-certificate'],
  'partner-pins': ['partner-certificate'],
};

/** `critical`: mail waits or is lost now, whoever is asleep. */
type Severity = 'critical' | 'warning';

/**
 * `bad`: beyond the threshold; `good`: below half of it; `between` keeps what is; `unknown`: there is nothing to
 * judge by, which is never `good`.
 */
export type Level = 'bad' | 'between' | 'good' | 'unknown';

/** What is told of an alarm. Text of peers was escaped in the records. */
export interface AlarmFacts {
  readonly kind: Kind;
  /** A domain, a host, ''. */
  readonly subject: string;
  readonly severity: Severity;
  /** One line: what, and why. */
  readonly summary: string;
  /** What is counted; 0 where nothing is. */
  readonly count: number;
  /** Those concerned, a few. */
  readonly domains: readonly string[];
  /** Commands, or what to do where no command does it; one a line. */
  readonly advice: readonly string[];
}

export interface Condition extends AlarmFacts {
  readonly level: Level;
  /** When it began, as far as records tell; milliseconds. */
  readonly since?: number;
  /** How long it must be good before the alarm is over. */
  readonly clearMs: number;
}

/** What one look found: subjects that are not named are fine, except those of kinds that it could not judge. */
export interface Look {
  readonly conditions: readonly Condition[];
  readonly unjudged: readonly Kind[];
}

/** Of several looks. */
export function together(looks: readonly Look[]): Look {
  return {
    conditions: looks.flatMap(({ conditions }) => conditions),
    unjudged: looks.flatMap(({ unjudged }) => unjudged),
  };
}
