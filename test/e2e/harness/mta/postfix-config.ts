/**
 * main.cf and master.cf of a private Postfix instance, as data.
 *
 * The instance shares nothing with the machine's own Postfix but the programs: own configuration, queue and data
 * folders, own log file written by its own postlogd, ports on 127.0.0.1 only, no chroot, no DNS unless `withDns`. Mail for
 * `localDomains` goes to one Maildir, readable by the test; every other mail stays in the deferred queue, because
 * `default_transport` leads to a socket that does not exist. A test that wants outbound SMTP sets `default_transport` and
 * friends.
 *
 * Sources: postconf(5), master(5) (`-o { name = value }` since Postfix 3.0), MAILLOG_README, SASL_README, VIRTUAL_README.
 * Seen: a `:` in a Maildir path or a `$1` in a virtual(8) map is refused, hence one static Maildir for everybody.
 */
import { join } from 'node:path';
import type { CertificateAuthority } from '../peers/ca.ts';
import { MAIL_UID } from './postfix-setup.ts';

export type Parameters = Readonly<Record<string, string>>;

/** Ports every instance has. A test may add listeners under names of its own. */
export const LISTENERS: Readonly<Record<string, Parameters>> = {
  /** An MX: opportunistic TLS 1.2 and 1.3 (Postfix's own default is 1.0 and up), asks for a client certificate. */
  smtp: {
    smtpd_tls_security_level: 'may',
    smtpd_tls_ask_ccert: 'yes',
    smtpd_tls_protocols: '>=TLSv1.2',
  },
  /** An MX without TLS. */
  plain: { smtpd_tls_security_level: 'none' },
  /** TLS 1.0 to 1.3 and every cipher the library has, NULL encryption included; asks for no certificate. */
  weak: {
    smtpd_tls_security_level: 'may',
    smtpd_tls_ask_ccert: 'no',
    smtpd_tls_protocols: '>=TLSv1',
    smtpd_tls_ciphers: 'medium',
    tls_medium_cipherlist: 'ALL:eNULL:@SECLEVEL=0',
  },
  /** Port 587: TLS and a login are required. */
  submission: {
    syslog_name: 'postfix/submission',
    smtpd_tls_security_level: 'encrypt',
    smtpd_tls_auth_only: 'yes',
    smtpd_sasl_auth_enable: 'yes',
    smtpd_client_restrictions: 'permit_sasl_authenticated, reject',
  },
  /** Port 465: the same with TLS from the first byte. */
  wrapped: {
    syslog_name: 'postfix/smtps',
    smtpd_tls_wrappermode: 'yes',
    smtpd_sasl_auth_enable: 'yes',
    smtpd_client_restrictions: 'permit_sasl_authenticated, reject',
  },
};

/** Paths of one instance, all below `dir`. */
export interface Layout {
  readonly dir: string;
  readonly config: string;
  readonly queue: string;
  readonly data: string;
  readonly mail: string;
  readonly sasl: string;
  readonly log: string;
  /** Where postlogd listens. */
  readonly logSocket: string;
}

export function layout(dir: string): Layout {
  const at = (name: string) => join(dir, name);
  return {
    dir,
    config: at('etc'),
    queue: at('queue'),
    data: at('data'),
    mail: at('mail'),
    sasl: at('etc/sasl'), // Debian reads $config_directory/sasl, whatever cyrus_sasl_config_path says
    log: at('mail.log'),
    logSocket: at('queue/public/postlog'),
  };
}

/** The parameters a test starts from; `options.main` and `setMain` override them. */
export function mainDefaults(
  paths: Layout,
  programs: { readonly daemons: string; readonly commands: string },
  hostname: string,
  localDomains: readonly string[],
  ca: CertificateAuthority,
): Map<string, string> {
  return new Map(
    Object.entries({
      compatibility_level: '3.6',
      daemon_directory: programs.daemons,
      command_directory: programs.commands,
      queue_directory: paths.queue,
      data_directory: paths.data,
      maillog_file: paths.log,
      maillog_file_prefixes: paths.dir,
      mail_owner: 'postfix',
      setgid_group: 'postdrop',
      multi_instance_enable: 'no',
      inet_interfaces: '127.0.0.1',
      inet_protocols: 'ipv4',

      myhostname: hostname,
      myorigin: hostname,
      mydestination: '',
      mynetworks: '127.0.0.1/32',
      alias_maps: '',
      local_recipient_maps: '',
      virtual_mailbox_domains: localDomains.join(', '),
      virtual_mailbox_base: paths.mail,
      virtual_mailbox_maps: 'static:all/',
      virtual_uid_maps: `static:${MAIL_UID}`,
      virtual_gid_maps: `static:${MAIL_UID}`,
      virtual_transport: 'virtual',
      default_transport: 'lmtp:unix:nowhere', // a `retry:` transport would be refused at RCPT already
      smtpd_relay_restrictions: 'permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination',
      smtpd_recipient_restrictions: '',
      smtpd_milters: '',
      milter_default_action: 'tempfail',

      smtpd_tls_cert_file: ca.server.certFile,
      smtpd_tls_key_file: ca.server.keyFile,
      smtpd_tls_CAfile: ca.caFile,
      smtpd_tls_security_level: 'may',
      smtpd_tls_ask_ccert: 'yes',
      smtpd_tls_fingerprint_digest: 'sha256',
      smtpd_tls_received_header: 'yes',
      smtpd_tls_loglevel: '1',
      smtp_tls_CAfile: ca.caFile,
      smtp_tls_loglevel: '1',
      smtp_tls_security_level: 'may',

      smtpd_sasl_type: 'cyrus',
      smtpd_sasl_path: 'smtpd',
      cyrus_sasl_config_path: paths.sasl,
      smtpd_sasl_local_domain: hostname,

      // No waiting: no DNS, no tarpit for a client that is refused hundreds of times, no limits per client address.
      smtpd_peername_lookup: 'no',
      disable_dns_lookups: 'yes',
      smtp_host_lookup: 'native',
      smtpd_error_sleep_time: '0',
      smtpd_soft_error_limit: '1000',
      smtpd_hard_error_limit: '1000',
      smtpd_junk_command_limit: '1000',
      smtpd_client_connection_count_limit: '0',
      in_flow_delay: '0',
    }),
  );
}

/** The defaults of an instance that delivers by DNS: MX, A and TLSA, as far as DNSSEC vouches for them. */
export function withDns(main: Map<string, string>): void {
  main.delete('disable_dns_lookups');
  main.set('smtp_host_lookup', 'dns');
  main.set('smtp_dns_support_level', 'dnssec');
  main.set('default_transport', 'smtp');
}

/** main.cf from its parameters; a value may span lines, which become continuation lines. */
export function formatMain(parameters: ReadonlyMap<string, string>): string {
  let text = '';
  for (const [name, value] of parameters) text += `${name} = ${value.trim().replace(/\n\s*/g, '\n    ')}\n`;
  return text;
}

/** The parameters of a main.cf or a fragment of one: comments dropped, continuation lines joined. */
export function parseMain(text: string): Record<string, string> {
  const parameters: Record<string, string> = {};
  let last = '';
  for (const line of text.split('\n')) {
    if (/^\s*(#|$)/.test(line)) continue;
    const equals = line.indexOf('=');
    if (/^\s/.test(line)) parameters[last] += ` ${line.trim()}`;
    else {
      last = line.slice(0, equals).trim();
      parameters[last] = line.slice(equals + 1).trim();
    }
  }
  return parameters;
}

/** name, type, private, unprivileged, chroot, wakeup, limit, command: the services a delivering instance needs. */
const SERVICES = `pickup    unix  n - n 60  1 pickup
cleanup   unix  n - n -   0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -   - trivial-rewrite
bounce    unix  - - n -   0 bounce
defer     unix  - - n -   0 bounce
trace     unix  - - n -   0 bounce
verify    unix  - - n -   1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -   - proxymap
proxywrite unix - - n -   1 proxymap
smtp      unix  - - n -   - smtp
relay     unix  - - n -   - smtp
showq     unix  n - n -   - showq
error     unix  - - n -   - error
retry     unix  - - n -   - error
discard   unix  - - n -   - discard
virtual   unix  - n n -   - virtual
lmtp      unix  - - n -   - lmtp
anvil     unix  - - n -   1 anvil
scache    unix  - - n -   1 scache
`;

/** Last in master.cf: once its socket exists, a fatal error of master itself goes there and is never read. */
const LOG_SERVICE = 'postlog   unix-dgram n - n - 1 postlogd\n';

/** master.cf: one smtpd per listener on 127.0.0.1, the usual services, and `extra` lines as they are. */
export function formatMaster(
  ports: ReadonlyMap<string, number>,
  listeners: Readonly<Record<string, Parameters>>,
  extra: readonly string[],
): string {
  let text = '';
  for (const [name, port] of ports) {
    text += `127.0.0.1:${port} inet n - n - - smtpd\n`;
    for (const [parameter, value] of Object.entries(listeners[name] ?? {})) {
      text += `    -o { ${parameter} = ${value} }\n`;
    }
  }
  return `${text}${SERVICES}${extra.map((line) => `${line}\n`).join('')}${LOG_SERVICE}`;
}
