/**
 * One SMTP transaction at one stage, as plain data. Every protocol adapter builds this, and `decide` reads
 * it.
 * Sources: Postfix SMTPD_POLICY_README (`protocol_state`), libmilter's callbacks.
 */
import type { EnvelopeAddress } from './address.ts';
import type { TlsState } from './tls.ts';

/** Postfix's `protocol_state` words. `VRFY` and `ETRN` carry no mail and are never judged. */
export type Stage = 'CONNECT' | 'EHLO' | 'MAIL' | 'RCPT' | 'DATA' | 'END-OF-MESSAGE' | 'VRFY' | 'ETRN';

export interface Transaction {
  readonly protocol: 'policy' | 'milter';
  readonly stage: Stage;
  /**
   * `local`: the mail did not arrive by SMTP (sendmail(1), bounces), so there was no session to protect.
   * `again`: this host sent the mail to itself, for a second look at its recipients (rules/fence.ts).
   */
  readonly arrival: 'smtp' | 'local' | 'again';
  /** IP literal without brackets or `IPv6:`; '' when the MTA did not say. */
  readonly clientAddress: string;
  readonly clientName: string;
  /** 0 when the MTA did not say. */
  readonly clientPort: number;
  /** The server's end of the connection, `address port`; '' or left out when the MTA did not say. */
  readonly server?: string;
  readonly heloName: string;
  /** null before MAIL. */
  readonly sender: EnvelopeAddress | null;
  /** At RCPT the current recipient, later all that are known. */
  readonly recipients: readonly EnvelopeAddress[];
  /**
   * True when the message has recipients that this protocol does not show (policy service at DATA with
   * several).
   */
  readonly unseenRecipients: boolean;
  /** '' before the MTA assigned one. */
  readonly queueId: string;
  /** SASL login, '' without authentication. */
  readonly saslUsername: string;
  /** The MTA's own host name (macro `j`), '' when the MTA did not say. */
  readonly mtaName: string;
  readonly tls: TlsState;
  /** Milter: this connection already served an earlier SMTP session (QUIT_NC). */
  readonly laterSession?: boolean;
}
