/**
 * Gathers everything that the checks look at: postconf, the control socket, files, DNS, the system. Changes
 * nothing.
 */

import type { StatusReply } from '../../daemon/controlReplies.ts';
import { listOf } from '../../mta/listValue.ts';
import { mailEntries, sendingEntries } from '../../mta/mailEntries.ts';
import { type PostfixConfig, valueFor } from '../../mta/postfixConfig.ts';
import { instances, readPostfix } from '../../mta/readPostfix.ts';
import { askDaemon } from '../../net/controlClient.ts';
import { socketFiles } from '../asked.ts';
import {
  type CertificateFacts,
  type DoctorFacts,
  type Known,
  known,
  type TableFacts,
  unknown,
} from '../facts.ts';
import { certificateFiles } from '../offering.ts';
import { tablePath } from '../sending.ts';
import { foldersAbove } from '../serving.ts';
import { gatherDomains, ownDomains } from './gatherDomains.ts';
import { gatherChain, gatherFiles } from './gatherFiles.ts';
import { gatherSystem } from './gatherSystem.ts';

interface Patient {
  readonly table: TableFacts;
  /** Path of the control socket. */
  readonly control: string;
  /** Of main.cf; undefined: the system's own. */
  readonly directory: string | undefined;
  /** Is DNS asked about the domains of this host? */
  readonly dns: boolean;
  readonly now: Date;
}

const DAEMON_MS = 5000;

/** Rejects with PostfixConfigError when there is no Postfix to look at. */
export async function gatherFacts({ table, control, directory, dns, now }: Patient): Promise<DoctorFacts> {
  const { service } = table;
  const postfix = await readPostfix(directory, service.postconf ?? undefined);
  const domains = dns ? ownDomains(postfix, service.localDomains) : [];
  const lists = postfixTables(postfix);
  const [others, daemon, files, certificates, published, system] = await Promise.all([
    instances(),
    gatherStatus(control),
    gatherFiles(pathsOf(postfix, table, lists), new Set(lists)),
    gatherCertificates(postfix),
    gatherDomains(domains, { servers: service.resolver, opening: service.stsTestOpening }),
    gatherSystem(valueFor(postfix, 'mail_owner')),
  ]);
  return { now, postfix, instances: others, table, daemon, files, certificates, domains: published, system };
}

export async function gatherStatus(control: string): Promise<Known<StatusReply>> {
  try {
    return known(await askDaemon<StatusReply>(control, 'status', '', DAEMON_MS));
  } catch (error) {
    return unknown(error instanceof Error ? error.message : String(error));
  }
}

/** Files of tables that say how mail leaves. */
function postfixTables(postfix: PostfixConfig): string[] {
  return [undefined, ...sendingEntries(postfix)].flatMap((entry) =>
    listOf(valueFor(postfix, 'smtp_tls_policy_maps', entry)).flatMap((text) => tablePath(text) ?? []),
  );
}

function pathsOf(postfix: PostfixConfig, table: TableFacts, tables: readonly string[]): string[] {
  const { markKey } = table.service;
  const sockets = socketFiles({ table }).map(({ path }) => path);
  const queue = valueFor(postfix, 'queue_directory');
  const cas = ['smtp_tls_CAfile', 'smtpd_tls_CAfile'].map((name) => valueFor(postfix, name));
  return [
    ...sockets,
    ...sockets.flatMap(foldersAbove),
    ...sockets.map((path) => path.replace(/^.*\//, `${queue}/tlsward/`)),
    ...(markKey === null ? [] : [markKey]),
    ...cas.filter((path) => path.startsWith('/')),
    ...sendingEntries(postfix).map((entry) => `${queue}${valueFor(postfix, 'smtp_tls_CApath', entry)}`),
    ...tables,
  ];
}

async function gatherCertificates(
  postfix: PostfixConfig,
): Promise<Map<string, Known<readonly CertificateFacts[]>>> {
  const paths = new Set(mailEntries(postfix).flatMap(({ entry }) => certificateFiles(postfix, entry)));
  const chains = new Map<string, Known<readonly CertificateFacts[]>>();
  for (const path of paths) chains.set(path, await gatherChain(path));
  return chains;
}
