/**
 * What stands in the table of the configuration that could be read: as much of it as a report needs to say which row a
 * domain has, and what to paste without weakening any. The command line makes it from the files.
 */
import type { Settings } from '../core/settings.ts';

/** The row that applies to a domain, or a row of its own. */
export interface Standing {
  /** As the table has it: `bank.example`, `.gov.example`, `*`. */
  readonly pattern: string;
  /** `FILE:LINE`. */
  readonly at: string;
  readonly settings: Settings;
  /** Is it an exception? Then the row that it changes is what counts, and nothing is proposed. */
  readonly exception: boolean;
  /** What a `[domain]` section must say to mean the same: `policy = partner`. */
  readonly lines: readonly string[];
}

interface StandingException {
  readonly pattern: string;
  readonly at: string;
  readonly until: string;
  readonly reason: string;
  /** `receive encrypt → may`. */
  readonly changes: readonly string[];
}

export interface StandingTable {
  /** SHA-256 over the files, as records name a table. */
  readonly hash: string;
  /** null: no row applies. */
  rowOf(domain: string): Standing | null;
  /** Rows with `mode = observe`, in the order of the table; at most a thousand. */
  readonly observed: readonly Standing[];
  readonly exceptions: readonly StandingException[];
  /** Does the daemon answer Postfix about mail that leaves? Else `deliver` has no effect. */
  readonly delivers: boolean;
  /** Can `deliver = auto` find out what a domain publishes? */
  readonly finds: boolean;
  /** `smtp_tls_security_level` of the Postfix of this host; null: not known. */
  readonly mtaLevel: string | null;
}
