/**
 * The sendmail.mc of a private Sendmail, as text.
 *
 * The lines about tlsward are those of contrib/sendmail/tlsward.mc, included as they are; the rest is what an ordinary MX
 * has, minus everything that leaves the machine: no DNS, no ident, no local delivery. Whatever is accepted goes by SMTP to
 * one sink. All paths are inside the mount namespace that sendmail.ts makes, where the instance's folder is `RUN` and the
 * folder of tlsward's socket is /run/tlsward.
 *
 * Sources: Sendmail cf/README and doc/op (DaemonPortOptions, Milter, STARTTLS, SMTP AUTHENTICATION).
 */

/** The instance's folder inside its namespace. Only root can write anywhere above it, as Sendmail insists. */
export const RUN = '/run/sendmail';

/** One port: TLS or not, which filters, what AUTH. */
export interface SendmailListener {
  /** Letters of `M=`: S no STARTTLS, a AUTH is required, ... */
  readonly modifiers?: string;
  /** Names for `InputMailFilters=`; absent: all, in the order of their definition. */
  readonly filters?: readonly string[];
}

/** Ports every instance has; the names are those of the Postfix harness where they mean the same. */
export const SENDMAIL_LISTENERS = {
  /** An MX: opportunistic TLS, asks for a client certificate. */
  smtp: { filters: ['tlsward'] },
  /** An MX without TLS. */
  plain: { modifiers: 'S', filters: ['tlsward'] },
  /** Another tlsward in front. */
  chain: { filters: ['first', 'tlsward'] },
  /** Asks for no client certificate. */
  nocert: { filters: ['tlsward'] },
  /** A login is required. */
  submission: { modifiers: 'a', filters: ['tlsward'] },
} as const satisfies Readonly<Record<string, SendmailListener>>;

export interface SendmailConfig {
  readonly hostname: string;
  readonly ports: ReadonlyMap<string, number>;
  readonly listeners: Readonly<Record<string, SendmailListener>>;
  readonly sinkPort: number;
  /** The folder with `m4/cf.m4`. */
  readonly cf: string;
  /** Full path of contrib/sendmail/tlsward.mc. */
  readonly contrib: string;
}

export function formatMc(config: SendmailConfig): string {
  const daemons = [...config.ports].map(([name, port]) => {
    const { modifiers, filters } = config.listeners[name]!;
    const options = [`Family=inet`, `Name=${name}`, `Addr=127.0.0.1`, `Port=${port}`];
    if (modifiers !== undefined) options.push(`M=${modifiers}`);
    // several names are separated by semicolons here, because a comma ends the option
    if (filters !== undefined) options.push(`InputMailFilters=${filters.join(';')}`);
    return `DAEMON_OPTIONS(\`${options.join(', ')}')dnl`;
  });
  return `include(\`${config.cf}/m4/cf.m4')dnl
VERSIONID(\`private instance of a test')dnl
include(\`${config.cf}/debian/autoconf.m4')dnl
OSTYPE(\`debian')dnl
define(\`confHOST_STATUS_DIRECTORY', \`')dnl
define(\`confDOMAIN_NAME', \`${config.hostname}')dnl
define(\`QUEUE_DIR', \`${RUN}/queue')dnl
define(\`STATUS_FILE', \`${RUN}/statistics')dnl
define(\`confPID_FILE', \`${RUN}/pid')dnl
define(\`confCONTROL_SOCKET_NAME', \`')dnl
define(\`confSERVICE_SWITCH_FILE', \`${RUN}/service.switch')dnl
define(\`HELP_FILE', \`')dnl
undefine(\`ALIAS_FILE')dnl
define(\`confDELIVERY_MODE', \`background')dnl
define(\`confTO_IDENT', \`0')dnl
define(\`confLOG_LEVEL', \`14')dnl
define(\`confBAD_RCPT_THROTTLE', \`0')dnl
define(\`confCONNECTION_RATE_THROTTLE', \`0')dnl
define(\`confMAX_DAEMON_CHILDREN', \`0')dnl
define(\`confQUEUE_LA', \`1000')dnl
define(\`confREFUSE_LA', \`1000')dnl
define(\`confDELAY_LA', \`0')dnl
dnl a filter must see what a client may send, not what Sendmail cuts off by default
define(\`confMAX_HEADERS_LENGTH', \`2000000')dnl
define(\`confSERVER_CERT', \`${RUN}/server.pem')dnl
define(\`confSERVER_KEY', \`${RUN}/server.key')dnl
define(\`confCACERT', \`${RUN}/ca.pem')dnl
define(\`confCACERT_PATH', \`${RUN}/certs')dnl
define(\`confAUTH_MECHANISMS', \`PLAIN LOGIN')dnl
TRUST_AUTH_MECH(\`PLAIN LOGIN')dnl
FEATURE(\`no_default_msa')dnl
FEATURE(\`nocanonify')dnl
FEATURE(\`accept_unresolvable_domains')dnl
FEATURE(\`accept_unqualified_senders')dnl
FEATURE(\`promiscuous_relay')dnl
define(\`RELAY_MAILER_ARGS', \`TCP $h ${config.sinkPort}')dnl
define(\`SMART_HOST', \`relay:[127.0.0.1]')dnl
define(\`LOCAL_RELAY', \`relay:[127.0.0.1]')dnl
${daemons.join('\n')}
MAIL_FILTER(\`first', \`S=local:/run/tlsward/first/milter.sock, F=T, T=C:10s;S:10s;R:30s;E:2m')dnl
include(\`${config.contrib}')dnl
define(\`confDONT_PROBE_INTERFACES', \`True')dnl
MAILER(\`local')dnl
MAILER(\`smtp')dnl
LOCAL_RULESETS
Ssrv_features
R$*\t$: $&{daemon_name}
Rnocert\t$# V
`;
}
