/**
 * What one connection to a mail server showed: the values that look.ts gathers and judge.ts judges.
 */
import type { Certificate } from './certificate.ts';
import type { Reply } from './reply.ts';

/** One step of a connection. */
export interface Step {
  readonly step: 'connect' | 'greeting' | 'ehlo' | 'starttls' | 'handshake' | 'ehlo-tls';
  readonly ok: boolean;
  /** Milliseconds from the step before. */
  readonly ms: number;
  /** What was seen, or why it failed; may hold foreign text. */
  readonly says: string;
}

/** A finished handshake. */
export interface Session {
  /** `TLSv1.3` */
  readonly protocol: string;
  /** OpenSSL's name. */
  readonly cipher: string;
  /** null: the cipher does not tell. */
  readonly bits: number | null;
  /** The server's own first, up to a trusted CA where there is one; without those that cannot be read. */
  readonly chain: readonly Certificate[];
  /** So many of them the server sent; the rest is from the trusted CAs of this host. */
  readonly shown: number;
  /** '' when the chain leads to a trusted CA today; otherwise OpenSSL's word for why not. */
  readonly distrust: string;
}

/** How far it came. Everything that is not `tls` says why STARTTLS or the dialogue ended. */
type Reached =
  /** No connection: refused, not routed, no answer in time. `here`: this host cannot send packets of that kind. */
  | { readonly kind: 'unreachable'; readonly why: string; readonly here: boolean }
  /** The server does not take mail now: its greeting, or what it said to EHLO and HELO. */
  | { readonly kind: 'unwilling'; readonly reply: Reply }
  /** The connection broke, fell silent, or is no SMTP. */
  | { readonly kind: 'broken'; readonly why: string }
  /** It takes mail, and does not offer STARTTLS. */
  | { readonly kind: 'plain' }
  | { readonly kind: 'refused'; readonly reply: Reply }
  /** The handshake. `silent`: there was no answer, which is no refusal. */
  | { readonly kind: 'failed'; readonly why: string; readonly silent: boolean }
  | { readonly kind: 'tls'; readonly session: Session };

export interface Sighting {
  readonly reached: Reached;
  readonly steps: readonly Step[];
  /** Bytes that came before the handshake. */
  readonly injected: number;
  /** Keywords that the server offers under TLS, or in plaintext if there was no TLS. */
  readonly extensions: readonly string[];
}
