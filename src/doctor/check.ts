/**
 * One check of `tlsward doctor`: a function from the facts to what is wrong, with the words that all its
 * findings share.
 */
import type { DoctorFacts, HostFacts } from './facts.ts';

/**
 * danger: mail can pass unjudged, leave unprotected, or be lost. warning: something does not do what was
 * meant. note: worth knowing. unknown: the check could not be made, which never counts as fine.
 */
export type Severity = 'danger' | 'warning' | 'unknown' | 'note';

export const SEVERITIES: readonly Severity[] = ['danger', 'warning', 'unknown', 'note'];

export const GROUPS = {
  receiving: 'mail that arrives',
  sending: 'mail that leaves',
  messages: 'rules for single messages',
  identity: 'certificate and DNS records of this host',
  service: 'tlsward itself',
  records: 'logs',
} as const;
export type Group = keyof typeof GROUPS;

export interface Finding {
  readonly severity: Severity;
  /** What was seen, one line. */
  readonly seen: string;
  /** Commands, or what to do where no command can do it; one a line. */
  readonly mend: readonly string[];
}

/** `Facts`: what it looks at; by itself a host with Postfix. */
export interface Check<Facts extends HostFacts = DoctorFacts> {
  /** What one looks up in contrib/doc/doctor.md. */
  readonly id: string;
  readonly group: Group;
  /** The worst that it can find. */
  readonly gravest: Exclude<Severity, 'unknown'>;
  /** Why it matters: one sentence. */
  readonly why: string;
  /** Empty: fine. Null: does not concern this host. */
  find(facts: Facts): readonly Finding[] | null;
}

export function finding(severity: Severity, seen: string, ...mend: string[]): Finding {
  return { severity, seen, mend };
}

/** The check could not be made. */
export function notKnown(why: string, ...mend: string[]): Finding {
  return { severity: 'unknown', seen: why, mend };
}

/** What every check that needs the running daemon says without it; daemon-down says why. */
export const NO_DAEMON = 'the daemon does not answer';
