/**
 * What a row of the table asks for, after inheritance: one flat, frozen value shared by all rows of the same
 * policy.
 *
 * The names of levels are Postfix's (TLS_README, `smtp_tls_policy_maps`); `auto` for outbound mail is ours.
 * The four built-in policies are here because they are part of the meaning of a table, not of its file
 * format.
 */
import type { Floor } from './tls.ts';

export const RECEIVE_LEVELS = ['none', 'may', 'encrypt', 'verify'] as const;
export type ReceiveLevel = (typeof RECEIVE_LEVELS)[number];

/** Levels that an answer to the MTA can have. */
export const ANSWERED_LEVELS = [
  'none',
  'may',
  'encrypt',
  'dane',
  'dane-only',
  'fingerprint',
  'verify',
  'secure',
] as const;
export type AnsweredLevel = (typeof ANSWERED_LEVELS)[number];

export const DELIVER_LEVELS = [...ANSWERED_LEVELS, 'auto'] as const;
export type DeliverLevel = (typeof DELIVER_LEVELS)[number];

/** The least level of outbound mail: of a row with `auto`, and in the name of a map. */
export const FLOORS = ['none', 'encrypt', 'verify'] as const;
export type DeliverFloor = (typeof FLOORS)[number];

export const VIOLATIONS = ['tag', 'defer', 'reject', 'hold'] as const;
/** What happens on a violation. */
export type Violation = (typeof VIOLATIONS)[number];

export const MODES = ['enforce', 'observe'] as const;
export type Mode = (typeof MODES)[number];

export const BANNERS = ['header', 'subject', 'body'] as const;
export type Banner = (typeof BANNERS)[number];

export interface Settings extends Floor {
  /**
   * Names from the row's own section to the built-in at the root, for `explain`: `domain gov.example`,
   * `policy partner`.
   */
  readonly lineage: readonly string[];
  readonly receive: ReceiveLevel;
  /** null: the table does not decide, and the MTA's default level applies. */
  readonly deliver: DeliverLevel | null;
  /** The least that `auto` answers. */
  readonly deliverFloor: DeliverFloor;
  /**
   * Canonical names, `.suffix` for all names below it; empty: the row's own domain and all names below it.
   */
  readonly clientNames: readonly string[];
  /** Issuer names, one of which must have signed the certificate; empty: any issuer that the MTA trusts. */
  readonly clientIssuers: readonly string[];
  /**
   * Names a server certificate may have at verify and secure, canonical, `.suffix` for all below; empty: the
   * MTA's rule.
   */
  readonly serverNames: readonly string[];
  /** Pins: certificate or public key digests, upper-case hex pairs with colons. */
  readonly fingerprints: readonly string[];
  readonly violation: Violation;
  readonly mode: Mode;
  readonly mark: 'header' | 'none';
  readonly banner: readonly Banner[];
  /** Templates of the text shown on protected mail; '' for none. Checked when the table is loaded. */
  readonly bannerText: string;
  readonly bannerTag: string;
  /** The same for mail that was not protected. */
  readonly bannerUnprotectedText: string;
  readonly bannerUnprotectedTag: string;
  /** `edit`: add body banner and subject tag even though that breaks a DKIM signature. */
  readonly bannerSigned: 'leave' | 'edit';
  /** Text of the SMTP reply with `{fields}`; null: the standard sentence. */
  readonly reply: string | null;
  /** An address or link for the person who is refused. */
  readonly help: string | null;
  readonly contact: string | null;
  readonly reason: string | null;
  /** Last day of validity, `YYYY-MM-DD`; an expired row is reported and stays in force. */
  readonly until: string | null;
}

/** Values of keys that are not set; also the built-in policy `may`. */
export const DEFAULTS: Settings = {
  lineage: ['built-in may'],
  receive: 'may',
  deliver: null,
  deliverFloor: 'none',
  minProtocol: 'TLSv1.2',
  minBits: 128,
  denyCiphers: [],
  clientNames: [],
  clientIssuers: [],
  serverNames: [],
  fingerprints: [],
  violation: 'reject',
  mode: 'enforce',
  mark: 'header',
  banner: [],
  bannerText: 'This message reached {host} over an encrypted connection ({protocol}).',
  bannerTag: '[via TLS]',
  bannerUnprotectedText: '',
  bannerUnprotectedTag: '',
  bannerSigned: 'leave',
  reply: null,
  help: null,
  contact: null,
  reason: null,
  until: null,
};

/** The four built-in policies by name. A policy of the same name cannot be defined. */
export const BUILT_IN: ReadonlyMap<string, Settings> = new Map(
  (
    [
      ['none', 'none', 'none'],
      ['may', 'may', null],
      ['encrypt', 'encrypt', 'encrypt'],
      ['verify', 'encrypt', 'verify'],
    ] as const
  ).map(([name, receive, deliver]) => [
    name,
    { ...DEFAULTS, lineage: [`built-in ${name}`], receive, deliver },
  ]),
);
