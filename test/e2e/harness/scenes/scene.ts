/**
 * What most end-to-end tests share: a certificate authority, a Postfix configured by the fragments this repository ships
 * (contrib/postfix/*.main.cf, read as they are), tlsward behind it on the sockets those fragments name, and the kinds of
 * SMTP session that the receive leg tells apart.
 *
 * All domains of `matrix.ts` are also delivered locally, so the same domain can be tried as sender and as recipient.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../../root.ts';
import { Daemon, type ProtocolName } from '../daemon.ts';
import { Postfix } from '../mta/postfix.ts';
import { type Parameters, parseMain } from '../mta/postfix-config.ts';
import { type CertificateAuthority, createCa } from '../peers/ca.ts';
import type { SmtpClient, TlsOptions } from '../peers/smtp.ts';
import { openSession, type SessionOptions } from '../peers/smtp-session.ts';
import { MATRIX_DOMAINS, type SessionKind } from './matrix-table.ts';

/** Which fragment of contrib/postfix is in main.cf, and with it which listeners are open. */
export type Fragment = 'policy' | 'milter' | 'both';

export interface SceneOptions {
  readonly fragment: Fragment;
  readonly tables: (ca: CertificateAuthority) => string;
  readonly localDomains?: readonly string[];
  readonly service?: Readonly<Record<string, string | null>>;
  readonly main?: Parameters;
  readonly listeners?: Readonly<Record<string, Parameters>>;
  /** More lines of master.cf. */
  readonly services?: readonly string[];
}

export interface Scene {
  readonly ca: CertificateAuthority;
  readonly postfix: Postfix;
  readonly daemon: Daemon;
  /** A session of one kind, ready for MAIL. */
  open(kind: SessionKind, options?: SessionOptions): Promise<SmtpClient>;
  close(): Promise<void>;
}

/** Listener and TLS options of a kind. */
export function sessionOf(
  kind: SessionKind,
  ca: CertificateAuthority,
): { readonly listener: string; readonly tls?: TlsOptions | true } {
  const { selfSigned, expired, wrong, right, sanOnly } = ca.clients;
  const sessions: Record<SessionKind, { listener: string; tls?: TlsOptions | true }> = {
    plain: { listener: 'smtp' },
    tls10: {
      listener: 'weak',
      tls: { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' },
    },
    null: { listener: 'weak', tls: { maxVersion: 'TLSv1.2', ciphers: 'eNULL:@SECLEVEL=0' } },
    tls12: { listener: 'smtp', tls: { maxVersion: 'TLSv1.2' } },
    tls13: { listener: 'smtp', tls: { minVersion: 'TLSv1.3' } },
    self: { listener: 'smtp', tls: selfSigned },
    expired: { listener: 'smtp', tls: expired },
    wrong: { listener: 'smtp', tls: wrong },
    right: { listener: 'smtp', tls: right },
    san: { listener: 'smtp', tls: sanOnly },
  };
  return sessions[kind];
}

/** A main.cf fragment of contrib/postfix, as parameters. */
export function fragment(name: Fragment): Record<string, string> {
  return parseMain(readFileSync(new URL(`contrib/postfix/${name}.main.cf`, root), 'utf8'));
}

const PROTOCOLS: Record<Fragment, readonly ProtocolName[]> = {
  policy: ['policy', 'control'],
  milter: ['milter', 'control'],
  both: ['policy', 'milter', 'control'],
};

/** Start everything. Close it in a teardown. */
export async function openScene(options: SceneOptions): Promise<Scene> {
  const ca = createCa();
  const postfix = new Postfix({
    ca,
    localDomains: options.localDomains ?? ['local.example', ...MATRIX_DOMAINS],
    main: { ...fragment(options.fragment), ...options.main },
    ...(options.services === undefined ? {} : { services: options.services }),
    ...(options.listeners === undefined ? {} : { listeners: options.listeners }),
  });
  const socketDir = join(postfix.queueDirectory, 'tlsward');
  mkdirSync(socketDir, { mode: 0o755 });
  const daemon = await Daemon.create({
    tables: options.tables(ca),
    protocols: PROTOCOLS[options.fragment],
    socketDir,
    ...(options.service === undefined ? {} : { service: options.service }),
  });
  const close = async () => {
    try {
      await postfix.close();
    } finally {
      await daemon.close();
      ca.remove();
    }
  };
  try {
    await daemon.start();
    await postfix.start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ca,
    postfix,
    daemon,
    open: (kind, more = {}) => {
      const { listener, tls } = sessionOf(kind, ca);
      return openSession(postfix.port(listener), { ...(tls === undefined ? {} : { tls }), ...more });
    },
    close,
  };
}
