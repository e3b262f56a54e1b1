/** What `[alarms]` says: when `tlsward alarms run` raises an alarm, and whom it tells (docs: contrib/doc/alarms.md). */
export interface AlarmSettings {
  /** Address that gets a mail for each alarm. */
  readonly mail: string | null;
  /** Program and arguments that get each alarm as JSON. */
  readonly command: readonly string[] | null;
  /** Base of the API, without a slash at its end. */
  readonly alertmanager: string | null;
  /** How long a condition holds before it is an alarm. */
  readonly forMs: number;
  readonly repeatMs: number;
  /** Minutes of the local day, the end may be before the start. */
  readonly quietHours: { readonly from: number; readonly to: number } | null;
  /** null: the command does not get it. */
  readonly watchdogMs: number | null;
  readonly intervalMs: number;
  readonly windowMs: number;
  /** Failures in a window, at least. */
  readonly failures: number;
  /** Of all messages with the partner in a window, more than; 0 to 1. */
  readonly failureShare: number;
  readonly destinations: number;
  /** Before the end of a certificate of a partner's server. */
  readonly partnerCertificateDays: number;
  readonly directories: readonly string[];
  /** File of the state. */
  readonly state: string;
}
