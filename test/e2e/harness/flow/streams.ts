/**
 * The mail of a machine that a package is tried on: who sends what to it, and what must become of it. Each stream is one
 * message after the other, counted by stream and number, from the sender `STREAM-NUMBER@DOMAIN`.
 */

/** Ports of what stands beside Postfix in the machine. */
export const PORTS = { filter: 8890, tlsSink: 2525, plainSink: 2526 } as const;

/** The header field of the filter that was there before us. */
export const FILTER_FIELD = 'X-Other-Filter';

/** The Postfix that it had: of mail from other hosts it asks one list and one filter; partners are named in a table. */
export const MAIN_CF = `compatibility_level = 3.6
myhostname = mx.example.org
mydestination = example.org
inet_protocols = ipv4
smtpd_peername_lookup = no
# users of this host
mynetworks = 127.0.0.5/32
alias_maps =
maillog_file = /var/log/postfix.log

smtpd_tls_chain_files = /etc/postfix/mx.pem
smtpd_tls_security_level = may
smtpd_milters = inet:127.0.0.1:${PORTS.filter}
non_smtpd_milters = $smtpd_milters
milter_default_action = accept
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions =
    permit_mynetworks,
    reject_unauth_destination,
    reject_rbl_client rbl.example

smtp_tls_security_level = dane
smtp_dns_support_level = dnssec
smtp_tls_policy_maps = texthash:/etc/postfix/tls_policy
transport_maps = inline:{
    { away.example = smtp:[mx.away.example]:${PORTS.tlsSink} },
    { other.example = smtp:[mx.other.example]:${PORTS.plainSink} } }
`;

/** What it demands of partners already; without it the sink for them would get mail in plain text, too. */
export const TLS_POLICY = `[mx.away.example]:${PORTS.tlsSink} encrypt\n`;

/** Name and type to the data of the record; nothing else exists. */
export const RECORDS: ReadonlyMap<string, readonly (string | number)[]> = new Map<
  string,
  readonly (string | number)[]
>([
  ['66.0.0.127.rbl.example A', [127, 0, 0, 2]],
  ['mx.example.org A', [127, 0, 0, 1]],
  ['mx.away.example A', [127, 0, 0, 1]],
  ['mx.other.example A', [127, 0, 0, 1]],
  ['example.org MX', [0, 10, 2, 'mx', 7, 'example', 3, 'org', 0]],
]);

export interface Stream {
  readonly domain: string;
  readonly to: string;
  /** Where the client connects from; default 127.0.0.1. */
  readonly from?: string;
  readonly tls?: true;
  /** What Postfix refuses by itself, with or without us. */
  readonly refused?: RegExp;
  /** Where it arrives. */
  readonly arrives: 'mailbox' | 'tls' | 'plain' | 'nowhere';
}

const HERE = 'tester@example.org';

export const STREAMS = {
  /** A partner whose row only observes. */
  steady: { domain: 'steady.example', to: HERE, arrives: 'mailbox' },
  /** One that is enforced later: in plain text, and over TLS. */
  plain: { domain: 'bank.example', to: HERE, arrives: 'mailbox' },
  secure: { domain: 'bank.example', to: HERE, tls: true, arrives: 'mailbox' },
  /** On the block list. */
  listed: {
    domain: 'listed.example',
    to: HERE,
    from: '127.0.0.66',
    refused: /^554 .*blocked using rbl\.example/,
    arrives: 'nowhere',
  },
  /** A stranger who wants to relay. */
  stranger: {
    domain: 'stranger.example',
    to: 'x@away.example',
    refused: /^554 .*Relay access denied/,
    arrives: 'nowhere',
  },
  /** Users of this host: to a partner of the policy table, and to one that no table knows. */
  away: { domain: 'example.org', to: 'x@away.example', from: '127.0.0.5', arrives: 'tls' },
  other: { domain: 'example.org', to: 'x@other.example', from: '127.0.0.5', arrives: 'plain' },
} as const satisfies Readonly<Record<string, Stream>>;

export type StreamName = keyof typeof STREAMS;

/** One try to hand a message over, as client.ts writes it. */
export interface Try {
  readonly stream: StreamName;
  readonly number: number;
  /** What the test did when the session began and when it ended. */
  readonly phases: readonly [string, string];
  /** The last reply; `000 ` and the reason where there was none. */
  readonly reply: string;
}
