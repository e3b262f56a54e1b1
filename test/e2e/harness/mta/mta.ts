/**
 * The two MTAs as the case files see them: listeners by name, mail that was delivered, mail that is held, and a queue that
 * must be empty in the end. Postfix delivers to a Maildir and Sendmail to an SMTP sink; both show Return-Path and
 * Delivered-To on top and LF line ends.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../deadline.ts';
import type { MailMessage } from '../message.ts';
import type { CertificateAuthority } from '../peers/ca.ts';
import type { MtaName } from '../scenes/case.ts';
import { Postfix } from './postfix.ts';
import { Sendmail } from './sendmail.ts';

/** A message in quarantine (Sendmail) or in the hold queue (Postfix, which does not keep the reason). */
export interface HeldMessage {
  readonly id: string;
  readonly reason: string | null;
}

export interface Mta {
  readonly name: MtaName;
  /** Where tlsward puts `milter.sock`, and the tlsward in front of it on listener `chain` its `first/milter.sock`. */
  readonly socketDir: string;
  port(listener: string): number;
  delivered(): readonly MailMessage[];
  held(): Promise<HeldMessage[]>;
  /** Messages that are on their way, held ones not counted. */
  pending(): Promise<number>;
  release(id: string): Promise<void>;
  /** Forget what was delivered and drop what is queued. */
  clear(): Promise<void>;
  log(): string;
  close(): Promise<void>;
}

const LIMIT = '200000000';

/** Postfix, with both filters by the settings that contrib/postfix recommends. */
export async function postfixMta(ca: CertificateAuthority): Promise<Mta> {
  const limits = 'connect_timeout=5s, command_timeout=10s, content_timeout=30s';
  const filter = (name: string, more = '') =>
    `{ unix:tlsward/${name}.sock, default_action=tempfail, ${limits}${more} }`;
  const postfix = new Postfix({
    ca,
    localDomains: ['local.example', 'bank.example', 'gov.example'],
    main: {
      smtpd_milters: filter('milter'),
      message_size_limit: LIMIT,
      virtual_mailbox_limit: LIMIT,
      mailbox_size_limit: LIMIT,
    },
    listeners: {
      chain: {
        smtpd_tls_security_level: 'may',
        smtpd_milters: `${filter('first/milter')}, ${filter('milter')}`,
      },
      nocert: { smtpd_tls_security_level: 'may', smtpd_tls_ask_ccert: 'no' },
      // what a filter of the year 2001 spoke
      protocol2: { smtpd_tls_security_level: 'may', smtpd_milters: filter('milter', ', protocol=2') },
    },
  });
  const socketDir = join(postfix.queueDirectory, 'tlsward');
  mkdirSync(join(socketDir, 'first'), { recursive: true, mode: 0o755 });
  try {
    await postfix.start();
  } catch (error) {
    await postfix.close();
    throw error;
  }
  return {
    name: 'postfix',
    socketDir,
    port: (listener) => postfix.port(listener),
    delivered: () => postfix.delivered(),
    held: async () => {
      const entries = await postfix.queue();
      return entries
        .filter((entry) => entry.queue_name === 'hold')
        .map((entry) => ({ id: entry.queue_id, reason: null }));
    },
    pending: async () => {
      const entries = await postfix.queue();
      return entries.filter((entry) => entry.queue_name !== 'hold').length;
    },
    release: (id) => postfix.release(id),
    clear: () => postfix.clear(),
    log: () => postfix.log(),
    close: () => postfix.close(),
  };
}

/** Sendmail, with the filter as contrib/sendmail/tlsward.mc defines it. */
export async function sendmailMta(ca: CertificateAuthority): Promise<Mta> {
  const sendmail = await Sendmail.start(ca);
  return {
    name: 'sendmail',
    socketDir: sendmail.socketDir,
    port: (listener) => sendmail.port(listener),
    delivered: () => sendmail.delivered(),
    held: async () =>
      sendmail
        .queue()
        .filter((entry) => entry.quarantine !== null)
        .map((entry) => ({ id: entry.id, reason: entry.quarantine })),
    pending: async () => sendmail.queue().filter((entry) => entry.quarantine === null).length,
    release: (id) => sendmail.release(id),
    clear: async () => sendmail.clear(),
    log: () => sendmail.log(),
    close: () => sendmail.close(),
  };
}

/** Resolves when nothing is on its way any more. */
export async function settled(mta: Mta, timeoutMs = 30_000): Promise<void> {
  const empty = async () => (await mta.pending()) === 0;
  await until(timeoutMs, 'empty queue', empty, () => mta.log().slice(-4000), 50);
}
