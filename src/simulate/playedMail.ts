/**
 * The message that `tlsward simulate milter` plays, and the SMTP session by which it comes.
 */
import type { TlsState } from '../core/tls.ts';
import type { PlainMessage } from './applyReplies.ts';

export interface PlayedMail extends PlainMessage {
  readonly mta: 'postfix' | 'sendmail';
  /** What Postfix calls itself; default `Postfix 3.7.11`. */
  readonly mtaVersion?: string;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly heloName: string;
  readonly saslUsername: string;
  readonly tls: TlsState;
  /** Paths as typed, with brackets. */
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly queueId: string;
  /** Of MAIL: `REQUIRETLS`. */
  readonly mailParameters?: readonly string[];
  /** Domains that the MTA delivers to mailboxes of its own; all others leave by its smtp transport. */
  readonly localDomains?: readonly string[];
  /** smtp_header_checks of a Postfix; what contrib/postfix/message-fence.main.cf says when left out. */
  readonly headerChecks?: string;
}
