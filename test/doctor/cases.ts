/**
 * For every check a configuration that it must complain of, and where the good host of patient.ts does not concern it, one
 * that it must not complain of. `severity` is that of the finding.
 */

import { INHERITED } from '../../src/daemon/controlReplies.ts';
import type { Severity } from '../../src/doctor/check.ts';
import { type DoctorFacts, type DomainFacts, known, unknown } from '../../src/doctor/facts.ts';
import type { Change } from './patient.ts';

export interface Case {
  readonly id: string;
  readonly severity: Severity;
  readonly bad: Change;
  /** Left out: the good host. */
  readonly good?: Change;
  /** A part of what is printed: what was seen, and the command. */
  readonly seen: RegExp;
  readonly mend: RegExp;
}

const bad = (
  id: string,
  severity: Severity,
  change: Change,
  seen: RegExp,
  mend: RegExp = /./,
  good?: Change,
): Case => ({ id, severity, bad: change, seen, mend, ...(good === undefined ? {} : { good }) });

const MILTER_ONLY = 'smtpd_recipient_restrictions =';
const VERIFY = '[domain v.example]\nreceive = verify\n';
const milter = (options: string): Change => ({
  main: `tlsward_milter = { unix:tlsward/milter.sock, ${options} }\n${MILTER_ONLY}`,
});
const policy = (options: string): Change => ({
  main: `tlsward_policy = check_policy_service { unix:tlsward/policy.sock, ${options} }\nsmtpd_milters =`,
});
const submission = (lines: string): string => `submission inet n - y - - smtpd\n${lines}`;
const INET: Change = {
  service: (text) => text.replaceAll(/unix:\S*policy\.sock/g, 'inet:127.0.0.1:8451'),
};

/** Units beside the daemon, and lines that ask for them. */
const UNITS = [
  {
    id: 'alarms-not-running',
    unit: 'tlsward-alarms.service',
    service: 'evidence = /var/lib/tlsward/evidence\n[alarms]\nmail = postmaster@example.org\n',
  },
  {
    id: 'notices-not-running',
    unit: 'tlsward-notices.service',
    service: 'notify-sender-after = 30m\nnotify-domains = example.org\n',
  },
  {
    id: 'tlsrpt-not-sent',
    unit: 'tlsward-tlsrpt-send.timer',
    service:
      'evidence = /var/lib/tlsward/evidence\ntlsrpt-send = mail\ntlsrpt-organization = Us\ntlsrpt-contact = a@example.org\n',
  },
];
const withUnits = (facts: DoctorFacts, units: DoctorFacts['system']['units']): DoctorFacts => ({
  ...facts,
  system: { ...facts.system, units },
});

const RECEIVING: readonly Case[] = [
  bad(
    'entry-not-judged',
    'danger',
    { master: submission('  -o smtpd_milters=\n  -o smtpd_recipient_restrictions=permit_mynetworks\n') },
    /^submission \(inet, smtpd\) asks neither/,
    /postconf -PX submission\/inet\/smtpd_milters/,
  ),
  bad(
    'entry-not-judged',
    'note',
    {
      master: submission(
        '  -o smtpd_sasl_auth_enable=yes -o smtpd_milters=\n  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject\n',
      ),
    },
    /only users who log in/,
  ),
  bad(
    'entry-not-judged',
    'danger',
    { main: 'smtpd_milters =\nsmtpd_recipient_restrictions = permit_mynetworks' },
    /^smtp \(inet, smtpd\)/,
    /setup postfix/,
    {
      master:
        '127.0.0.1:10025 inet n - y - - smtpd\n  -o smtpd_milters= -o smtpd_recipient_restrictions=permit_mynetworks,reject\n',
    },
  ),
  bad(
    'entry-not-judged',
    'danger',
    {
      master: (text) =>
        text.replace(
          /smtp .*smtpd\n/,
          'smtp inet n - y - 1 postscreen\nsmtpd pass - - y - - smtpd\n  -o smtpd_milters= -o smtpd_recipient_restrictions=\n',
        ),
    },
    /^smtpd \(pass, smtpd\)/,
  ),
  bad(
    'entry-not-judged',
    'danger',
    { main: 'receive_override_options = no_milters\nsmtpd_recipient_restrictions = permit_mynetworks' },
    /^smtp \(inet, smtpd\) asks neither/,
  ),
  bad(
    'no-open-entry',
    'note',
    { main: 'inet_interfaces = loopback-only' },
    /no smtpd that other hosts reach/,
    /--postfix-config/,
  ),
  bad(
    'qmqp-not-judged',
    'danger',
    { main: 'qmqpd_authorized_clients = 192.0.2.0/24', master: '628 inet n - n - - qmqpd\n' },
    /628 \(inet, qmqpd\), for 192\.0\.2\.0\/24/,
    /postconf -MX 628\/inet/,
  ),
  bad('qmqp-not-judged', 'note', { master: '628 inet n - n - - qmqpd\n' }, /for nobody/),
  bad(
    'pickup-not-judged',
    'warning',
    { main: 'non_smtpd_milters = inet:127.0.0.1:8891' },
    /non_smtpd_milters/,
    /'non_smtpd_milters = \$tlsward_milter, inet:127\.0\.0\.1:8891'/,
  ),
  bad(
    'permit-before-policy',
    'danger',
    {
      main: 'smtpd_milters =\nmynetworks = 127.0.0.0/8, 192.0.2.0/24\nsmtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination, $tlsward_policy',
    },
    /permit_mynetworks lets clients in mynetworks \(192\.0\.2\.0\/24\) pass/,
    /reject_unauth_destination/,
    {
      main: 'smtpd_milters =\nmynetworks = 127.0.0.0/8 [::1]/128\nsmtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination, $tlsward_policy',
    },
  ),
  bad(
    'permit-before-policy',
    'danger',
    {
      main: 'smtpd_milters =\nsmtpd_recipient_restrictions = check_client_access hash:/etc/postfix/friends, $tlsward_policy',
    },
    /check_client_access hash:\/etc\/postfix\/friends lets whom/,
  ),
  bad(
    'permit-before-policy',
    'danger',
    {
      main: 'smtpd_milters =\nsmtpd_restriction_classes = ours\nours = permit_sasl_authenticated\nsmtpd_recipient_restrictions = ours, $tlsward_policy',
    },
    /users who have logged in/,
  ),
  bad(
    'permit-before-policy',
    'note',
    { main: 'smtpd_recipient_restrictions = permit_sasl_authenticated, $tlsward_policy' },
    /the milter judges them/,
  ),
  bad(
    'policy-before-relay-check',
    'warning',
    { main: 'smtpd_relay_before_recipient_restrictions = no' },
    /ends relaying/,
    /^postconf -e 'smtpd_relay_before_recipient_restrictions = yes'$/,
  ),
  bad(
    'policy-before-relay-check',
    'warning',
    {
      main: 'smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = $tlsward_policy, reject_unauth_destination',
    },
    /ends relaying/,
    /^postconf -e 'smtpd_recipient_restrictions = reject_unauth_destination, /,
  ),
  // own users may relay by what stands behind: nothing may refuse them earlier, and they stay judged
  bad(
    'policy-before-relay-check',
    'warning',
    {
      main: 'smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = $tlsward_policy, permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination, permit',
    },
    /ends relaying/,
    /^postconf -e 'smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination'$/,
  ),
  bad(
    'policy-before-relay-check',
    'warning',
    {
      main: 'smtpd_relay_before_recipient_restrictions = no\nsmtpd_relay_restrictions =\nsmtpd_recipient_restrictions = permit_mynetworks, $tlsward_policy, reject_unauth_destination',
    },
    /ends relaying/,
    /^postconf -e 'smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination' && postconf -e 'smtpd_relay_before_recipient_restrictions = yes'$/,
  ),
  bad(
    'policy-before-relay-check',
    'warning',
    {
      main: 'smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = $tlsward_policy, check_policy_service inet:127.0.0.1:10023, permit_mynetworks, reject_unauth_destination',
    },
    /ends relaying/,
    /^put reject_unauth_destination into smtpd_relay_restrictions, behind everything that lets your own users relay/,
  ),
  bad(
    'policy-before-relay-check',
    'warning',
    {
      main: 'smtpd_recipient_restrictions =\nsmtpd_relay_restrictions = $tlsward_policy, permit_mynetworks, reject_unauth_destination',
    },
    /ends relaying/,
    /^move check_policy_service from smtpd_relay_restrictions to smtpd_recipient_restrictions/,
  ),
  bad(
    'policy-in-wrong-list',
    'danger',
    { main: 'smtpd_milters =\nsmtpd_recipient_restrictions =\nsmtpd_data_restrictions = $tlsward_policy' },
    /only in smtpd_data_restrictions/,
  ),
  bad(
    'policy-in-wrong-list',
    'danger',
    {
      main: 'smtpd_milters =\nsmtpd_recipient_restrictions =\nsmtpd_delay_reject = no\nsmtpd_client_restrictions = $tlsward_policy',
    },
    /smtpd_client_restrictions/,
    /./,
    { main: 'smtpd_milters =\nsmtpd_recipient_restrictions =\nsmtpd_client_restrictions = $tlsward_policy' },
  ),
  bad('pins-need-policy', 'danger', { main: MILTER_ONLY }, /asks the milter only/, /both\.main\.cf/),
  bad(
    'endpoint-elsewhere',
    'danger',
    { main: 'tlsward_milter = unix:/run/tlsward/milter.sock' },
    /\(\/var\/spool\/postfix\/run\/tlsward\/milter\.sock\)/,
    /milter-listen/,
  ),
  bad(
    'endpoint-elsewhere',
    'danger',
    { ...INET, service: (text) => text.replaceAll(/unix:\S*policy\.sock/g, 'inet:127.0.0.1:8451') },
    /policy-listen is inet:127\.0\.0\.1:8451/,
  ),
  bad(
    'socket-outside-chroot',
    'danger',
    {
      main: 'smtpd_milters = unix:/run/w/milter.sock',
      service: (text) => text.replace('/var/spool/postfix/tlsward/milter.sock', '/run/w/milter.sock'),
    },
    /which is \/var\/spool\/postfix\/run\/w\/milter\.sock there/,
    /unix:tlsward\/NAME\.sock/,
    {
      main: 'smtpd_milters = unix:/run/w/milter.sock',
      service: (text) => text.replace('/var/spool/postfix/tlsward/milter.sock', '/run/w/milter.sock'),
      master: (text) => text.replace('inet  n  -  y', 'inet  n  -  n'),
    },
  ),
  bad(
    'endpoint-wrong-protocol',
    'danger',
    { main: 'smtpd_milters = unix:tlsward/policy.sock' },
    /smtpd_milters names .* which is policy-listen/,
    /milter\.sock/,
  ),
  bad(
    'endpoint-invalid',
    'danger',
    {
      main: 'tlsward_policy = check_policy_service { unix:tlsward/policy.sock, default_action=DEFER_IF_PERMIT 4.7.1 away }',
    },
    /"4\.7\.1" is not name=value/,
    /braces/,
  ),
  bad(
    'endpoint-invalid',
    'danger',
    { main: 'smtpd_milters = $tlsward_milter, inet:8891@localhost' },
    /form of Sendmail/,
  ),
  bad(
    'milter-maps',
    'note',
    { main: `smtpd_milter_maps = cidr:/etc/postfix/milters\n${MILTER_ONLY}` },
    /cidr:\/etc\/postfix\/milters/,
  ),
  bad(
    'milter-default-action',
    'danger',
    milter('default_action=accept'),
    /default_action is accept: the rest of the session passes/,
    /default_action=tempfail/,
  ),
  bad(
    'milter-default-action',
    'danger',
    { main: 'tlsward_milter = unix:tlsward/milter.sock\nmilter_default_action = reject' },
    /milter_default_action is reject/,
    /postconf -e 'milter_default_action = tempfail'/,
    { main: 'tlsward_milter = unix:tlsward/milter.sock' },
  ),
  bad(
    'milter-default-action',
    'note',
    { release: '3.10.13', main: 'tlsward_milter = unix:tlsward/milter.sock\ntls_required_enable = no' },
    /shutdown/,
  ),
  bad(
    'policy-default-action',
    'danger',
    policy('{ default_action = DUNNO }'),
    /mail passes unjudged/,
    /DEFER_IF_PERMIT/,
  ),
  bad('policy-default-action', 'danger', policy('{ default_action = 550 5.7.1 no }'), /refused for good/),
  bad(
    'policy-timeout',
    'warning',
    policy('timeout=1s, { default_action = DEFER x }'),
    /timeout is 1s/,
    /timeout=5s/,
  ),
  bad(
    'policy-timeout',
    'note',
    { main: 'tlsward_policy = check_policy_service unix:tlsward/policy.sock' },
    /smtpd_policy_service_timeout is 100s, 2 times/,
    /postconf -e/,
  ),
  bad(
    'milter-timeout',
    'warning',
    milter('command_timeout=1s'),
    /command_timeout is 1s/,
    /command_timeout=10s/,
  ),
  bad(
    'milter-timeout',
    'note',
    { main: 'tlsward_milter = unix:tlsward/milter.sock' },
    /milter_content_timeout is 300s/,
  ),
  bad(
    'milter-protocol',
    'danger',
    { main: 'milter_protocol = 2' },
    /milter_protocol is 2/,
    /'milter_protocol = 6'/,
  ),
  bad(
    'milter-protocol',
    'danger',
    milter('protocol=2'),
    /: protocol is 2/,
    /^write protocol=6 in the braces/,
  ),
  bad(
    'milter-order',
    'warning',
    { main: 'smtpd_milters = $tlsward_milter, inet:127.0.0.1:11332' },
    /inet:127\.0\.0\.1:11332/,
    /in front of tlsward/,
    { main: 'smtpd_milters = inet:127.0.0.1:11332, $tlsward_milter' },
  ),
  bad(
    'bare-newline',
    'danger',
    { main: 'smtpd_forbid_bare_newline = no' },
    /is no/,
    /'smtpd_forbid_bare_newline = yes'/,
  ),
  bad(
    'bare-newline',
    'danger',
    { release: '3.10.13', main: 'smtpd_forbid_bare_newline = note\ntls_required_enable = no' },
    /is note/,
    /normalize/,
  ),
  bad('soft-bounce', 'warning', { main: 'soft_bounce = yes' }, /soft_bounce is yes/, /'soft_bounce = no'/),
  bad(
    'postfix-complaints',
    'warning',
    { complaints: 'postconf: warning: /etc/postfix/main.cf: unused parameter: smtpd_milter=unix:x' },
    /unused parameter: smtpd_milter/,
    /./,
    { complaints: 'postconf: warning: /etc/postfix/main.cf: unused parameter: dovecot_x=1' },
  ),
  bad(
    'parameter-set-twice',
    'note',
    {
      complaints:
        'postconf: warning: /etc/postfix/main.cf, line 50: overriding earlier entry: smtpd_milters=inet:127.0.0.1:8891',
    },
    /line 50: overriding earlier entry: smtpd_milters/,
    /one line of both/,
  ),
  bad(
    'compatibility-level',
    'note',
    { main: 'compatibility_level = 2\nsmtpd_relay_before_recipient_restrictions = yes' },
    /compatibility_level is 2/,
    /compatibility_level = 3\.6/,
  ),
  bad(
    'recipient-list-hidden',
    'note',
    { master: submission('  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject\n') },
    /submission .* of its own/,
    /\$tlsward_policy/,
  ),
];

const verdicts =
  (key: string, number: number): NonNullable<Change['status']> =>
  (status) => ({
    ...status,
    verdictsByTls: { milter: { [key]: { accept: number, hold: 0, defer: 0, reject: 0 } }, policy: {} },
  });

const OFFERING: readonly Case[] = [
  bad(
    'tls-not-offered',
    'danger',
    { main: 'smtpd_tls_security_level =' },
    /smtpd_tls_security_level is ""/,
    /'smtpd_tls_security_level = may'/,
  ),
  bad(
    'tls-not-offered',
    'danger',
    { master: submission('  -o smtpd_tls_security_level=none\n') },
    /^submission .* "none"/,
    /postconf -PX submission\/inet\/smtpd_tls_security_level/,
    { master: 'submissions inet n - y - - smtpd\n  -o smtpd_tls_wrappermode=yes\n' },
  ),
  bad(
    'tls-not-offered',
    'warning',
    { main: 'smtpd_tls_security_level =', rows: '[domains]\nx.example = may\n' },
    /""/,
  ),
  bad(
    'starttls-hidden',
    'danger',
    { main: 'smtpd_discard_ehlo_keywords = chunking, STARTTLS' },
    /has starttls/,
    /'smtpd_discard_ehlo_keywords = chunking'/,
  ),
  bad(
    'tls-no-certificate',
    'danger',
    { main: 'smtpd_tls_chain_files =' },
    /neither smtpd_tls_chain_files/,
    /smtpd_tls_chain_files/,
  ),
  bad(
    'ccert-not-asked',
    'danger',
    { main: 'smtpd_tls_ask_ccert = no' },
    /smtpd_tls_ask_ccert is no/,
    /'smtpd_tls_ask_ccert = yes'/,
  ),
  bad(
    'ccert-no-ca',
    'danger',
    { main: 'smtpd_tls_CAfile =', rows: VERIFY },
    /smtpd_tls_CAfile/,
    /ca-certificates\.crt/,
    { rows: VERIFY },
  ),
  bad('ccert-digest', 'danger', { main: 'smtpd_tls_fingerprint_digest = md5' }, /is md5/, /sha256/),
  bad('ccert-public-ca', 'note', { rows: VERIFY }, /1 policy with receive = verify/, /fingerprint = DIGEST/),
  bad('tls-never-seen', 'warning', { status: verdicts('plain', 60) }, /no TLS in 60 verdicts/, /s_client/, {
    status: verdicts('TLSv1.3', 60),
  }),
  bad(
    'tls-never-seen',
    'unknown',
    { facts: (facts) => ({ ...facts, daemon: unknown('gone') }) },
    /does not answer/,
  ),
  bad(
    'proxy-in-front',
    'warning',
    { main: 'smtpd_upstream_proxy_protocol = haproxy' },
    /haproxy/,
    /mode tcp/,
    { main: 'smtpd_upstream_proxy_protocol = haproxy', status: verdicts('TLSv1.3', 1) },
  ),
  bad(
    'tls-protocol-floor',
    'warning',
    { main: 'smtpd_tls_protocols = <=TLSv1.1' },
    /<=TLSv1\.1/,
    />=TLSv1\.2/,
    { main: 'smtpd_tls_protocols = !SSLv2, !SSLv3' },
  ),
  bad('tls-protocol-floor', 'warning', { main: 'smtpd_tls_protocols = !TLSv1.3, !TLSv1.2' }, /!TLSv1\.3/),
  bad(
    'received-without-tls',
    'note',
    { main: 'smtpd_tls_received_header = no' },
    /is no/,
    /smtpd_tls_received_header = yes/,
  ),
];

const SENDS = 'smtp_tls_policy_maps = socketmap:unix:tlsward/socketmap.sock:deliver';
const own = (lines: string): string => `slow unix - - n - - smtp\n${lines}`;
const FENCE = '  -o smtp_header_checks=$tlsward_fence';

const SENDING: readonly Case[] = [
  bad(
    'no-socketmap-listener',
    'warning',
    { service: (text) => text.replace(/socketmap-listen.*\n/, ''), rows: '[domains]\nx.example = encrypt\n' },
    /socketmap-listen is not set/,
    /socketmap-listen = unix:\/var\/spool\/postfix\/tlsward\/socketmap\.sock/,
  ),
  bad(
    'policy-maps-not-asked',
    'danger',
    { main: 'smtp_tls_policy_maps = hash:/etc/postfix/tls_policy', files: { '/etc/postfix/tls_policy': {} } },
    /^smtp \(unix, smtp\), relay \(unix, smtp\): smtp_tls_policy_maps is hash/,
    /'smtp_tls_policy_maps = socketmap:unix:tlsward\/socketmap\.sock:deliver, hash:\/etc\/postfix\/tls_policy'/,
  ),
  bad(
    'policy-maps-not-asked',
    'danger',
    { master: own('  -o smtp_tls_policy_maps=\n') },
    /^slow .* is empty/,
    /postconf -PX slow\/unix\/smtp_tls_policy_maps/,
    {
      main: 'content_filter = filter:[127.0.0.1]:10024',
      master: `filter unix - - n - - smtp\n  -o smtp_tls_policy_maps= -o smtp_tls_security_level=none -o smtp_header_checks=\n`,
    },
  ),
  bad(
    'policy-maps-elsewhere',
    'danger',
    { main: 'smtp_tls_policy_maps = socketmap:unix:/run/tlsward/socketmap.sock:deliver' },
    /\/var\/spool\/postfix\/run\/tlsward\/socketmap\.sock, in its chroot/,
    /socketmap-listen = unix/,
    { main: 'smtp_tls_policy_maps = proxy:socketmap:unix:/var/spool/postfix/tlsward/socketmap.sock:deliver' },
  ),
  bad(
    'policy-maps-wrong-map',
    'danger',
    { main: 'smtp_tls_policy_maps = socketmap:unix:tlsward/socketmap.sock:transport' },
    /"transport"/,
    /socketmap\.sock:deliver'/,
  ),
  bad(
    'policy-maps-shadowed',
    'warning',
    {
      main: `${SENDS.replace('= ', '= hash:/etc/postfix/tls_policy, ')}`,
      files: { '/etc/postfix/tls_policy': {} },
    },
    /before tlsward: hash/,
    /:deliver, hash:/,
    {
      main: `${SENDS.replace('= ', '= texthash:/etc/postfix/never_plain, ')}`,
      files: { '/etc/postfix/never_plain': { firstLine: '# Written by: tlsward export postfix' } },
    },
  ),
  bad(
    'sends-without-tls',
    'warning',
    { main: 'smtp_tls_security_level = none' },
    /smtp_tls_security_level is none/,
    /'smtp_tls_security_level = may'/,
  ),
  bad(
    'relayhost-without-row',
    'danger',
    { main: 'relayhost = [relay.example]:587' },
    /all mail goes to \[relay\.example\]:587/,
    /\[relay\.example\]:587 = encrypt/,
    { main: 'relayhost = [bank.example]:587' },
  ),
  bad(
    'relayhost-without-row',
    'danger',
    { main: 'default_transport = smtp:[out.example]' },
    /\[out\.example\]/,
  ),
  bad(
    'transport-changes-key',
    'note',
    { main: 'transport_maps = socketmap:unix:tlsward/socketmap.sock:transport, hash:/etc/postfix/transport' },
    /transport_maps has hash/,
    /explain --deliver/,
  ),
  bad(
    'fallback-relay',
    'warning',
    { main: 'smtp_fallback_relay = [fallback.example]' },
    /\[fallback\.example\]/,
    /= encrypt/,
    { main: 'smtp_fallback_relay = bank.example' },
  ),
  bad(
    'obsolete-tls-settings',
    'note',
    { main: 'smtp_use_tls = yes' },
    /smtp_use_tls is yes/,
    /postconf -X smtp_use_tls/,
  ),
  bad(
    'policy-map-missing',
    'danger',
    { main: `${SENDS}, hash:/etc/postfix/gone`, files: { '/etc/postfix/gone': { kind: 'absent' } } },
    /which does not exist/,
    /tlsward export postfix/,
    { main: `${SENDS}, hash:/etc/postfix/there`, files: { '/etc/postfix/there': {} } },
  ),
  bad(
    'sends-without-ca',
    'danger',
    { main: 'smtp_tls_CAfile =', rows: '[domains]\na.example = verify\n' },
    /smtp_tls_CAfile/,
    /ca-certificates\.crt/,
  ),
  bad(
    'ca-file-missing',
    'danger',
    { files: { '/etc/ssl/certs/ca-certificates.crt': { kind: 'absent' } } },
    /does not exist/,
    /apt install ca-certificates/,
  ),
  bad(
    'ca-path-in-chroot',
    'warning',
    {
      main: 'smtp_tls_CAfile =\nsmtp_tls_CApath = /etc/ssl/certs',
      files: { '/var/spool/postfix/etc/ssl/certs': { kind: 'absent' } },
    },
    /there is no \/var\/spool\/postfix\/etc\/ssl\/certs/,
    /smtp_tls_CAfile/,
    {
      main: 'smtp_tls_CAfile =\nsmtp_tls_CApath = /etc/ssl/certs',
      files: { '/var/spool/postfix/etc/ssl/certs': { kind: 'folder' } },
    },
  ),
  bad(
    'sends-by-other-digest',
    'danger',
    {
      main: 'smtp_tls_fingerprint_digest = md5',
      rows: `[domain f.example]\ndeliver = fingerprint\nfingerprint = ${Array(32).fill('AA').join(':')}\n`,
    },
    /is md5/,
    /sha256/,
    { rows: `[domain f.example]\ndeliver = fingerprint\nfingerprint = ${Array(32).fill('AA').join(':')}\n` },
  ),
  bad(
    'dane-without-dnssec',
    'danger',
    { main: 'smtp_dns_support_level =' },
    /is empty/,
    /'smtp_dns_support_level = dnssec'/,
  ),
  bad(
    'dane-without-dnssec',
    'danger',
    { main: 'smtp_host_lookup = native' },
    /smtp_host_lookup/,
    /'smtp_host_lookup = dns'/,
  ),
  bad(
    'resolver-not-local',
    'warning',
    { facts: (facts) => ({ ...facts, system: { ...facts.system, resolvers: ['192.0.2.53'] } }) },
    /192\.0\.2\.53/,
    /unbound/,
  ),
  bad(
    'dane-off',
    'warning',
    {
      rows: '[domain a.example]\ndeliver = auto\n',
      status: (status) => ({
        ...status,
        published: {
          ...status.published,
          daneOff: 'the resolver does not validate',
        } as typeof status.published,
      }),
    },
    /does not validate/,
    /resolver = 127\.0\.0\.1/,
    { rows: '[domain a.example]\ndeliver = auto\n' },
  ),
  bad(
    'tls-required-enable',
    'danger',
    { release: '3.10.13' },
    /Postfix 3\.10\.13/,
    /'tls_required_enable = no'/,
    { release: '3.10.13', main: 'tls_required_enable = no' },
  ),
  bad(
    'tls-required-enable',
    'danger',
    {
      release: '3.10.13',
      main: 'tls_required_enable = no',
      master: own(`  -o tls_required_enable=yes\n${FENCE}\n`),
    },
    /^slow/,
    /postconf -PX slow\/unix\/tls_required_enable/,
  ),
  bad(
    'connection-cache',
    'warning',
    { main: 'smtp_connection_cache_on_demand = yes' },
    /on_demand is yes/,
    /on_demand = no/,
  ),
  bad('connection-cache', 'warning', { main: 'smtp_tls_connection_reuse = yes' }, /reuse is yes/),
  bad(
    'postfix-version-differs',
    'danger',
    { service: 'postfix-version = 3.10\n' },
    /postfix-version is 3\.10, and this Postfix is 3\.7\.11/,
    /postfix-version = 3\.7/,
  ),
  bad('postfix-version-differs', 'note', { release: '3.10.13' }, /not set/, /postfix-version = 3\.10/),
  bad(
    'postfix-too-old',
    'danger',
    {
      facts: (facts) => ({
        ...facts,
        postfix: { ...facts.postfix, version: { major: 3, minor: 5 }, release: '3.5.25' },
      }),
    },
    /3\.5\.25/,
    /update/,
  ),
  bad(
    'tlsrpt-without-collector',
    'note',
    { release: '3.10.13', main: 'smtp_tlsrpt_enable = yes' },
    /smtp_tlsrpt_socket_name is empty/,
    /smtp_tlsrpt_enable = no/,
    { release: '3.10.13', main: 'smtp_tlsrpt_enable = yes\nsmtp_tlsrpt_socket_name = run/tlsrpt.sock' },
  ),
];

const HEADER: NonNullable<Change['service']> = `message-route = header\n`;

const MESSAGES: readonly Case[] = [
  bad(
    'fence-missing',
    'danger',
    { main: 'smtp_header_checks = pcre:/etc/postfix/mine' },
    /does not begin with pipemap/,
    /message-fence\.main\.cf/,
    { main: 'smtp_header_checks = $tlsward_fence, pcre:/etc/postfix/mine' },
  ),
  bad(
    'fence-not-told',
    'danger',
    { main: 'milter_macro_defaults =' },
    /\{tlsward_fence\}/,
    /milter_macro_defaults = \{ \{tlsward_fence\}/,
  ),
  bad(
    'transport-map-missing',
    'danger',
    { main: 'transport_maps = hash:/etc/postfix/transport' },
    /begins with hash/,
    /:transport, hash:/,
  ),
  bad(
    'route-entry-missing',
    'danger',
    { master: (text) => text.replaceAll('tlsward-verify unix', 'other-verify unix') },
    /no tlsward-verify/,
    /message-recipient\.master\.cf/,
  ),
  bad(
    'route-entry-weak',
    'danger',
    { master: (text) => text.replace('smtp_tls_security_level=verify', 'smtp_tls_security_level=may') },
    /^tlsward-verify .* may/,
    /message-recipient\.master\.cf/,
  ),
  bad(
    'route-entry-weak',
    'danger',
    { master: (text) => text.replaceAll(':deliver-encrypt', ':deliver') },
    /deliver-encrypt/,
  ),
  bad(
    'route-header-not-read',
    'danger',
    { service: HEADER },
    /no FILTER for X-TLS-Ward-Route/,
    /\$tlsward_route/,
    {
      service: HEADER,
      main: 'milter_header_checks = regexp:{{/^X-TLS-Ward-Route: encrypt/ FILTER tlsward-encrypt:}}\nheader_checks = $milter_header_checks',
    },
  ),
  bad('rules-need-milter', 'danger', { main: 'smtpd_milters =' }, /policy service only/, /both\.main\.cf/),
  bad(
    'requiretls-too-old',
    'warning',
    { rows: '[rule r]\nsubject-tag = [x]\nrequest-requiretls = yes\n' },
    /rule r/,
    /3\.11/,
  ),
];

const domain = (change: Partial<DomainFacts>): Change => ({
  facts: (facts) => ({ ...facts, domains: [{ ...DOMAIN, ...change }] }),
});
const found = { kind: 'found', secure: true, ttlSeconds: 60, name: 'x' } as const;
const mx = (...hosts: string[]) => ({
  ...found,
  records: hosts.map((exchange) => ({ preference: 10, exchange })),
});
const DOMAIN: DomainFacts = {
  domain: 'example.org',
  mx: mx('mx.example.org'),
  sts: known({ id: '1', mode: 'enforce', mx: ['*.example.org'] }),
  tlsrpt: known(true),
  tlsa: new Map([
    [
      'mx.example.org',
      { ...found, records: [{ usage: 3, selector: 1, matching: 1, data: Buffer.alloc(32, 0xab) }] },
    ],
  ]),
};

const IDENTITY: readonly Case[] = [
  bad(
    'certificate-unreadable',
    'danger',
    {
      facts: (facts) => ({
        ...facts,
        certificates: new Map([['/etc/ssl/mail.pem', unknown('does not exist')]]),
      }),
    },
    /does not exist/,
    /smtpd_tls_chain_files/,
  ),
  bad(
    'certificate-unreadable',
    'unknown',
    {
      facts: (facts) => ({
        ...facts,
        certificates: new Map([['/etc/ssl/mail.pem', unknown('cannot be read (EACCES)')]]),
      }),
    },
    /EACCES/,
  ),
  bad(
    'certificate-expired',
    'danger',
    { certificate: { notAfter: new Date('2026-11-20T00:00:00Z') } },
    /ended on 2026-11-20/,
    /certbot renew/,
  ),
  bad(
    'certificate-expired',
    'warning',
    { certificate: { notAfter: new Date('2026-12-05T00:00:00Z') } },
    /in 5 days/,
  ),
  bad(
    'certificate-expired',
    'danger',
    { certificate: { notBefore: new Date('2026-12-05T00:00:00Z') } },
    /valid from 2026-12-05/,
  ),
  bad(
    'certificate-name',
    'warning',
    { certificate: { names: ['www.example.org'] } },
    /for www\.example\.org/,
    /MX record/,
    { certificate: { names: ['*.example.org'] } },
  ),
  bad(
    'mx-elsewhere',
    'note',
    domain({ mx: mx('mx.cloud.example') }),
    /mx\.cloud\.example/,
    /trusted-clients/,
    domain({}),
  ),
  bad('mx-elsewhere', 'unknown', domain({ mx: { kind: 'unknown', why: 'no answer' } }), /no answer/),
  bad(
    'sts-does-not-fit',
    'danger',
    domain({ mx: mx('mx.example.org', 'mx2.other.example') }),
    /does not name the MX mx2\.other\.example/,
    /mta-sts\.txt/,
    domain({}),
  ),
  bad(
    'sts-does-not-fit',
    'warning',
    domain({ sts: known({ id: '1', mode: 'testing', mx: ['a.example'] }) }),
    /testing/,
  ),
  bad(
    'sts-does-not-fit',
    'danger',
    { ...domain({}), certificate: { names: ['www.example.org'] } },
    /wants a certificate for mx\.example\.org/,
  ),
  bad(
    'tlsa-does-not-fit',
    'danger',
    { ...domain({}), certificate: { digests: [{ selector: 1, matching: 1, hex: 'cd'.repeat(32) }] } },
    /none of 1 TLSA record at _25\._tcp\.mx\.example\.org/,
    /IN TLSA 3 1 1 cdcd/,
    domain({}),
  ),
  bad(
    'tlsrpt-not-asked-for',
    'note',
    domain({ tlsrpt: known(false) }),
    /_smtp\._tls\.example\.org/,
    /v=TLSRPTv1/,
    domain({}),
  ),
];

const KEY = '/etc/tlsward/mark.key';
const SOCKET = '/var/spool/postfix/tlsward/milter.sock';

const SERVICE_CASES: readonly Case[] = [
  bad(
    'daemon-down',
    'danger',
    { facts: (facts) => ({ ...facts, daemon: unknown('cannot reach the daemon at unix:/run/x: ENOENT') }) },
    /ENOENT/,
    /systemctl start tlsward/,
  ),
  bad(
    'daemon-down',
    'unknown',
    { facts: (facts) => ({ ...facts, daemon: unknown('cannot reach the daemon: EACCES') }) },
    /EACCES/,
    /as root/,
  ),
  bad(
    'table-differs',
    'warning',
    { status: (status) => ({ ...status, table: { ...status.table, hash: 'f'.repeat(64) } }) },
    /ffff/,
    /tlsward reload/,
  ),
  bad(
    'reload-refused',
    'warning',
    { status: (status) => ({ ...status, table: { ...status.table, lastReload: 'refused: 2 mistakes' } }) },
    /2 mistakes/,
    /tlsward check/,
  ),
  bad(
    'restart-needed',
    'warning',
    { status: (status) => ({ ...status, table: { ...status.table, restartNeeded: ['socket-mode'] } }) },
    /^socket-mode was changed/,
    /restart tlsward/,
  ),
  bad(
    'restart-needed',
    'warning',
    { status: (status) => ({ ...status, listeners: status.listeners.slice(1) }) },
    /policy-listen = unix:\S+ is not open/,
    /restart tlsward/,
    // systemd holds the sockets, as with the units that we ship
    {
      status: (status) => ({
        ...status,
        listeners: status.listeners.map(({ name }, i) => ({ name, address: `${INHERITED} ${3 + i}` })),
      }),
    },
  ),
  bad(
    'listener-trouble',
    'danger',
    {
      status: (status) => ({
        ...status,
        listeners: status.listeners.map((one) => ({ ...one, trouble: 'the file is gone' })),
      }),
    },
    /the file is gone/,
    /restart/,
  ),
  bad(
    'socket-permission',
    'danger',
    { files: { [SOCKET]: { gid: 900 } } },
    /postfix may not write to \/var\/spool\/postfix\/tlsward\/milter\.sock \(mode 0660\)/,
    /socket-group = postfix/,
  ),
  bad(
    'socket-permission',
    'danger',
    { files: { '/var/spool/postfix/tlsward': { kind: 'folder', mode: 0o700 } } },
    /may not enter/,
    /chmod o\+x/,
  ),
  bad('socket-permission', 'danger', { files: { [SOCKET]: { kind: 'absent' } } }, /does not exist/),
  bad(
    'socket-permission',
    'unknown',
    {
      facts: (facts) => ({
        ...facts,
        system: { ...facts.system, mailOwner: unknown('the user postfix is not known here') },
      }),
    },
    /not known here/,
  ),
  bad('mark-key-readable', 'danger', { files: { [KEY]: { mode: 0o640 } } }, /mode 0640/, /chmod 600/),
  bad('mark-key-readable', 'note', { files: { [KEY]: { kind: 'absent' } } }, /does not exist/),
  bad(
    'socket-folder-writable',
    'danger',
    { files: { '/var/spool/postfix/tlsward': { kind: 'folder', mode: 0o1777 } } },
    /everybody may write/,
    /chmod o-w/,
  ),
  bad(
    'rows-overdue',
    'warning',
    { rows: '[domain o.example]\nreceive = none\nuntil = 2026-11-01\nreason = old server\n' },
    /until 2026-11-01/,
    /tlsward reload/,
    { rows: '[domain o.example]\nreceive = none\nuntil = 2026-12-01\nreason = old server\n' },
  ),
  bad(
    'open-files-low',
    'warning',
    { status: (status) => ({ ...status, openFiles: { ...status.openFiles, connections: 100 } }) },
    /room for 100 connections/,
    /LimitNOFILE/,
  ),
  bad(
    'clock',
    'warning',
    { facts: (facts) => ({ ...facts, system: { ...facts.system, clock: known(false) } }) },
    /not kept/,
    /set-ntp/,
  ),
  bad(
    'clock',
    'unknown',
    { facts: (facts) => ({ ...facts, system: { ...facts.system, clock: unknown('no timedatectl') } }) },
    /no timedatectl/,
  ),
  ...UNITS.flatMap(({ id, unit, service }) => [
    bad(
      id,
      'warning',
      { service },
      new RegExp(`is set, and ${unit} is not active`),
      new RegExp(`systemctl enable --now ${unit}`),
      { service, facts: (facts) => withUnits(facts, known(new Set([unit]))) },
    ),
    bad(
      id,
      'unknown',
      { service, facts: (facts) => withUnits(facts, unknown('no systemctl')) },
      /no systemctl/,
    ),
  ]),
  bad(
    'other-instances',
    'note',
    {
      facts: (facts) => ({
        ...facts,
        instances: [...facts.instances, { name: 'out', directory: '/etc/postfix-out', enabled: true }],
      }),
    },
    /\/etc\/postfix-out/,
    /--postfix-config \/etc\/postfix-out/,
  ),
];

const RECORDS: readonly Case[] = [
  bad('smtp-tls-loglevel', 'warning', { main: 'smtp_tls_loglevel = 0' }, /is 0/, /smtp_tls_loglevel = 1/),
  bad('smtpd-tls-loglevel', 'note', { main: 'smtpd_tls_loglevel = 0' }, /is 0/, /smtpd_tls_loglevel = 1/),
  bad(
    'tls-loglevel-maps',
    'note',
    {
      facts: (facts) => ({
        ...facts,
        postfix: {
          ...facts.postfix,
          defaults: new Map([...facts.postfix.defaults, ['smtp_tls_loglevel_maps', 'hash:/x']]),
        },
      }),
    },
    /smtp_tls_loglevel_maps is hash:\/x/,
    /postmap -s/,
    {
      facts: (facts) => ({
        ...facts,
        postfix: {
          ...facts.postfix,
          defaults: new Map([...facts.postfix.defaults, ['smtp_tls_loglevel_maps', '']]),
        },
      }),
    },
  ),
  bad(
    'maillog-without-postlog',
    'warning',
    { main: 'maillog_file = /var/log/postfix.log', master: (text) => text.replace(/^postlog.*$/m, '') },
    /no postlog/,
    /postconf -M/,
    { main: 'maillog_file = /var/log/postfix.log' },
  ),
  bad(
    'journal-rate-limit',
    'note',
    {
      facts: (facts) => ({
        ...facts,
        system: { ...facts.system, journalLimit: known({ burst: 10_000, seconds: 30 }) },
      }),
    },
    /10000 lines in 30 s/,
    /RateLimitBurst=0/,
  ),
  bad(
    'log-dropped',
    'warning',
    { status: (status) => ({ ...status, log: { dropped: 7, failure: '' } }) },
    /7 lines dropped/,
    /df -h/,
  ),
];

export const CASES: readonly Case[] = [
  ...RECEIVING,
  ...OFFERING,
  ...SENDING,
  ...MESSAGES,
  ...IDENTITY,
  ...SERVICE_CASES,
  ...RECORDS,
];
