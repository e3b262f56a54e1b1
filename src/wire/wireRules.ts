/**
 * Every rule that a peer can break, with its meaning and what to do. The names are stable: they appear in
 * `wire.error` lines of the log and in messages of commands. The manual has them as a table
 * (test/wire/wireRules.test.ts compares both).
 */

interface WireRuleEntry {
  /** What was found. */
  readonly means: string;
  /** What an administrator can do about it. */
  readonly cure: string;
}

const LISTENER = 'check which port or socket that client is configured to use';
const NO_TLS = 'the protocol has no TLS: use a unix socket, or a tunnel';
const NOT_AN_MTA = 'find out what connects from `peer`; an MTA does not send this';
const LIMIT = 'find out who sends this; MTAs stay below the limit';
const CUT = 'look into the log of the MTA: it was stopped, or its time limit is shorter than ours';
const FILTER = 'the filter is at fault; report it with the line';
const SERVER = 'the policy server is at fault; look into its log';
const RESOLVER = 'the resolver is at fault; ask it with `dig`, or configure another';

function rule(means: string, cure: string): WireRuleEntry {
  return { means, cure };
}

export const WIRE_RULES = {
  'milter-truncated': rule('the connection ended inside a packet', CUT),
  'milter-tls-hello': rule('a TLS handshake', NO_TLS),
  'milter-http-request': rule('an HTTP request', LISTENER),
  'milter-policy-request': rule(
    'a policy request of Postfix',
    '`check_policy_service` names the milter listener; name `policy-listen`',
  ),
  'milter-smtp-text': rule('an SMTP command or greeting', LISTENER),
  'milter-plain-text': rule('text', LISTENER),
  'milter-packet-empty': rule('a packet of length 0', NOT_AN_MTA),
  'milter-packet-too-long': rule('a packet above 1 MiB', LIMIT),
  'milter-version': rule(
    'an older version of the milter protocol',
    'in Postfix set `milter_protocol = 6`; update Sendmail',
  ),
  'milter-optneg-length': rule('a negotiation without version, actions and protocol', NOT_AN_MTA),
  'milter-out-of-order': rule('a command where it may not come', NOT_AN_MTA),
  'milter-unknown-command': rule('a command that is not in the protocol', NOT_AN_MTA),
  'milter-payload': rule('data behind a command or reply that has none', NOT_AN_MTA),
  'milter-string-end': rule('a string without its NUL', NOT_AN_MTA),
  'milter-trailing-bytes': rule('bytes after the last string', NOT_AN_MTA),
  'milter-macro-stage': rule('macros without the command that they belong to', NOT_AN_MTA),
  'milter-macro-pairs': rule('macros that are not pairs of name and value', NOT_AN_MTA),
  'milter-connect-family': rule('an address family other than 4, 6, L and U', NOT_AN_MTA),
  'milter-connect-port': rule('a client address without its port', NOT_AN_MTA),
  'milter-unknown-reply': rule('a reply that is not in the protocol', FILTER),
  'milter-header-index': rule('a change of a header field without its index', FILTER),
  'milter-macro-list': rule('a list of macros that is cut', FILTER),

  'policy-truncated': rule('the connection ended inside a request', CUT),
  'policy-tls-hello': rule('a TLS handshake', NO_TLS),
  'policy-http-request': rule('an HTTP request', LISTENER),
  'policy-first-line': rule('a first line other than `request=smtpd_access_policy`', LISTENER),
  'policy-attribute-without-equals': rule('a line without `=`', NOT_AN_MTA),
  'policy-too-many-attributes': rule('more attributes than the limit', LIMIT),
  'policy-request-too-long': rule('a request above the limit', LIMIT),
  'policy-carriage-return': rule('lines that end in CR LF', NOT_AN_MTA),
  'policy-nul': rule('a NUL byte', NOT_AN_MTA),
  'policy-protocol-state': rule(
    'no `protocol_state`, or one that is not known',
    'report it with the version of Postfix',
  ),
  'policy-answer-too-long': rule('an answer above the limit', SERVER),
  'policy-answer-carriage-return': rule('an answer with CR', SERVER),
  'policy-answer-nul': rule('an answer with a NUL byte', SERVER),
  'policy-answer-without-action': rule('an answer without `action=`', SERVER),
  'policy-answer-empty': rule('an empty action, which permits', SERVER),
  'policy-answer-digits': rule('a code without words, which permits', SERVER),

  'socketmap-truncated': rule('the connection ended inside a request', CUT),
  'socketmap-tls-hello': rule('a TLS handshake', NO_TLS),
  'socketmap-http-request': rule('an HTTP request', LISTENER),
  'socketmap-length': rule('no decimal length, or one with a leading zero', LISTENER),
  'socketmap-comma': rule('a netstring without its comma', NOT_AN_MTA),
  'socketmap-request-too-long': rule('a request above the limit', LIMIT),
  'socketmap-without-map-name': rule(
    'a request without a map name',
    'name the map in the MTA: `socketmap:unix:PATH:deliver`',
  ),
  'socketmap-reply-too-long': rule('a reply above the limit', SERVER),
  'socketmap-reply-status': rule('a reply other than OK, NOTFOUND, TEMP and PERM', SERVER),

  'control-truncated': rule('the connection ended inside a line', 'nothing, if a command was interrupted'),
  'control-line-too-long': rule('a line above the limit', NOT_AN_MTA),
  'control-not-a-request': rule('a line that is not a JSON object with `command`', LISTENER),

  'dns-not-an-answer': rule('a message without the QR flag', RESOLVER),
  'dns-opcode': rule('an opcode other than QUERY', RESOLVER),
  'dns-questions': rule('more than one question', RESOLVER),
  'dns-class': rule('a class other than IN', RESOLVER),
  'dns-cut': rule('a record beyond the end of the message', RESOLVER),
  'dns-opt': rule('two OPT records, or one in the wrong section', RESOLVER),
  'dns-data': rule('record data longer than what it holds', RESOLVER),
  'dns-trailing': rule('bytes behind the last record', RESOLVER),
  'dns-name-cut': rule('a name beyond the end of the message', RESOLVER),
  'dns-name-pointer': rule('a pointer that does not lead to an earlier name', RESOLVER),
  'dns-name-label': rule('a label above 63 bytes', RESOLVER),
  'dns-name-long': rule('a name above 255 bytes', RESOLVER),
} as const satisfies Readonly<Record<string, WireRuleEntry>>;

export type WireRule = keyof typeof WIRE_RULES;
