/**
 * What the tests of the deliver leg share: a Postfix with contrib/postfix/deliver.main.cf as it is shipped and tlsward on the
 * socket that it names, mail routed to receivers on loopback, and what became of a message.
 *
 * Without `dns` next hops are `[localhost]:PORT`, and rows name them so; the receivers' certificates are for `localhost`
 * (right) or another name (wrong). With it mail goes where MX records lead, to the one port of receivers.ts.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { root } from '../../../root.ts';
import { Daemon } from '../daemon.ts';
import { patient } from '../deadline.ts';
import { Postfix } from '../mta/postfix.ts';
import { type Parameters, parseMain } from '../mta/postfix-config.ts';
import { postfixPrograms } from '../mta/postfix-programs.ts';
import type { CertificateAuthority } from '../peers/ca.ts';
import { openSession } from '../peers/smtp-session.ts';

export const SERVERS = ['plain', 'self', 'wrong', 'right'] as const;
export type ServerKind = (typeof SERVERS)[number];

export interface Site {
  readonly ca: CertificateAuthority;
  readonly postfix: Postfix;
  readonly daemon: Daemon;
  /** The socketmap as an administrator names it on the command line. */
  readonly map: string;
}

/** STARTTLS settings of a kind of server. */
export function tlsOf(kind: ServerKind, ca: CertificateAuthority): { cert: string; key: string } | null {
  if (kind === 'plain') return null;
  const names = { self: 'localhost', wrong: 'mx.other.example', right: 'localhost' };
  const issuer = kind === 'self' ? 'self' : 'ca';
  const { cert, key } = ca.issue(`mx-${kind}`, {
    subject: `/CN=${names[kind]}`,
    san: [names[kind]],
    issuer,
  });
  return { cert, key };
}

export interface SiteOptions {
  readonly main?: Parameters;
  /** More lines of master.cf. */
  readonly services?: readonly string[];
  /** `postfix-version`; default: 3.10, with its grammar, when the Postfix under test has it. */
  readonly version?: string;
  /** The resolver of Postfix, and the port that its smtp(8) connects to. */
  readonly dns?: { readonly address: string; readonly port: number };
  /** Keys of tlsward's `[service]`. */
  readonly service?: Readonly<Record<string, string | null>>;
}

/** A main.cf fragment as it is shipped. */
function contribMain(name: string): Record<string, string> {
  return parseMain(readFileSync(new URL(`contrib/postfix/${name}.main.cf`, root), 'utf8'));
}

/** Postfix with the shipped fragment, tlsward on the socket that it names, and mail for X.example routed as `routes` say. */
export async function site(
  t: Test,
  ca: CertificateAuthority,
  tables: string,
  routes: ReadonlyMap<string, string>,
  more: SiteOptions = {},
): Promise<Site> {
  const postfix = new Postfix({
    ca,
    main: {
      default_transport: 'smtp',
      ...contribMain('deliver'),
      smtp_tls_CAfile: ca.caFile,
      minimal_backoff_time: '300s',
      ...(more.dns === undefined ? {} : { smtp_tcp_port: String(more.dns.port) }),
      ...more.main,
    },
    ...(more.dns === undefined ? {} : { resolver: more.dns.address }),
    ...(more.services === undefined ? {} : { services: more.services }),
  });
  t.teardown(() => postfix.close());
  if (postfix.since(3, 10)) await postfix.setMain(contribMain('deliver-3.10'));
  const lines = [...routes].map(([domain, hop]) => `${domain} ${hop}\n`);
  await postfix.setMain({ transport_maps: `texthash:${postfix.file('transport', lines.join(''))}` });
  const socketDir = join(postfix.queueDirectory, 'tlsward');
  mkdirSync(socketDir, { mode: 0o755 });
  const service = {
    'postfix-version': more.version ?? (postfix.since(3, 10) ? '3.10' : null),
    ...more.service,
  };
  // its HTTPS client trusts the CA of the policy hosts, as it would trust the system's
  const env = { NODE_EXTRA_CA_CERTS: ca.caFile };
  const daemon = await Daemon.create({
    protocols: ['socketmap', 'control'],
    socketDir,
    tables,
    service,
    env,
  });
  t.teardown(() => daemon.close());
  await daemon.start();
  await postfix.start();
  return { ca, postfix, daemon, map: `socketmap:${daemon.address('socketmap')}` };
}

/** Hands one message to Postfix; resolves to its queue id. */
export async function submit(
  postfix: Postfix,
  to: string,
  from = 'alice@local.example',
  text?: string,
): Promise<string> {
  const client = await openSession(postfix.port('plain'));
  try {
    const { last } = await client.send({ from, to, ...(text === undefined ? {} : { text }) });
    return /queued as ([0-9A-F]+)/i.exec(last.text)![1]!;
  } finally {
    await client.quit();
  }
}

/** The line that says what became of the message. */
export async function outcome(
  postfix: Postfix,
  id: string,
  from = 0,
): Promise<{ dsn: string; line: string }> {
  const pattern = new RegExp(`^.*\\b${id}: to=.* dsn=([0-9.]+), status=.*$`, 'm');
  const [line, dsn = ''] = await postfix.waitForLog(pattern, { from });
  return { dsn, line };
}

/** Runs a command of the Postfix under test to its end. */
export function run(
  name: string,
  args: readonly string[],
): Promise<{ status: number; stdout: string; stderr: string }> {
  const programs = postfixPrograms();
  const [file = '', ...rest] = programs.argv(join(programs.commands, name), args);
  return new Promise((resolve) => {
    execFile(file, rest, { timeout: patient(20_000), encoding: 'utf8' }, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
    );
  });
}
