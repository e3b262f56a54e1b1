/**
 * What a row of the table asks for, after inheritance: one flat, frozen value shared by all rows of the same policy.
 *
 * Level words are Postfix's (TLS_README, `smtp_tls_policy_maps`); `auto` on the deliver leg is ours. The four built-in
 * policies are here because they are part of the meaning of a table, not of its file format.
 */
import type { Floor } from './tls.ts';

export const RECEIVE_LEVELS = ['none', 'may', 'encrypt', 'verify'] as const;
export type ReceiveLevel = (typeof RECEIVE_LEVELS)[number];

/** What an MTA can be told. */
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

/** What mail must at least leave with: of a row that follows what is published, and in the name of a map. */
export const FLOORS = ['none', 'encrypt', 'verify'] as const;
export type DeliverFloor = (typeof FLOORS)[number];

export const VIOLATIONS = ['tag', 'defer', 'reject', 'hold'] as const;
/** What a violation leads to. */
export type Violation = (typeof VIOLATIONS)[number];

export const MODES = ['enforce', 'observe'] as const;
export type Mode = (typeof MODES)[number];

export const BANNERS = ['header', 'subject', 'body'] as const;
export type Banner = (typeof BANNERS)[number];

export interface Settings extends Floor {
  /** Names from the row's own section to the built-in at the root, for `explain`: `domain gov.example`, `policy partner`. */
  readonly lineage: readonly string[];
  readonly receive: ReceiveLevel;
  /** null: the table does not say; the MTA's own default level holds. */
  readonly deliver: DeliverLevel | null;
  /** The least that `auto` answers. */
  readonly deliverFloor: DeliverFloor;
  /** Canonical names, `.suffix` for everything below; empty: the row's own domain and what is below it. */
  readonly clientNames: readonly string[];
  /** Issuer names, one of which must have signed; empty: any issuer the MTA trusts. */
  readonly clientIssuers: readonly string[];
  /** Names a server certificate may have at verify and secure, canonical, `.suffix` for all below; empty: the MTA's rule. */
  readonly serverNames: readonly string[];
  /** Pins: certificate or public key digests, upper-case hex pairs with colons. */
  readonly fingerprints: readonly string[];
  readonly violation: Violation;
  readonly mode: Mode;
  readonly mark: 'header' | 'none';
  readonly banner: readonly Banner[];
  /** Templates of what a person sees on protected mail; '' for nothing. Checked when the table is loaded. */
  readonly bannerText: string;
  readonly bannerTag: string;
  /** The same on mail that was not protected. */
  readonly bannerUnprotectedText: string;
  readonly bannerUnprotectedTag: string;
  /** `edit`: put body banner and subject tag in although a DKIM signature breaks. */
  readonly bannerSigned: 'leave' | 'edit';
  /** Text of the SMTP reply with `{fields}`; null: the standard sentence. */
  readonly reply: string | null;
  /** An address or link for the person who is refused. */
  readonly help: string | null;
  readonly contact: string | null;
  readonly reason: string | null;
  /** Last good day, `YYYY-MM-DD`; a row past it is reported, never switched off. */
  readonly until: string | null;
}

/** What holds where nothing was said; also the built-in policy `may`. */
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

/** The classic four choices: name to receive and deliver level. A policy of the same name cannot be defined. */
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
