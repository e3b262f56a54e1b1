/**
 * The DNS servers of this host: the `nameserver` lines of resolv.conf, as the C library reads them.
 *
 *   nameserver ADDRESS        at the start of a line; the first three count; port 53
 *
 * Invalid lines are ignored, as in the library; when none is left, or the file is missing, the server is
 * 127.0.0.1. Search lists and options are ignored: all questions are for full names, with time limits of our
 * own.
 * Source: resolv.conf(5).
 */
import { readFile } from 'node:fs/promises';
import { parseAddress } from '../core/network.ts';
import type { DnsServer } from './exchange.ts';

const RESOLV_CONF = '/etc/resolv.conf';
/** MAXNS of the C library. */
const MAX_SERVERS = 3;
const PORT = 53;

/** At least one server. Never rejects. */
export async function systemServers(path = RESOLV_CONF): Promise<DnsServer[]> {
  return parseServers(await readFile(path, 'latin1').catch(() => ''));
}

/** The servers in the text of a resolv.conf; at least one. */
export function parseServers(text: string): DnsServer[] {
  const servers: DnsServer[] = [];
  for (const line of text.split('\n')) {
    const host = /^nameserver[ \t]+([^ \t\r]+)/.exec(line)?.[1] ?? '';
    // a link-local address names its interface: fe80::1%eth0
    if (parseAddress(host.replace(/%[A-Za-z0-9_.-]+$/, '')) !== null) servers.push({ host, port: PORT });
  }
  return servers.length === 0 ? [{ host: '127.0.0.1', port: PORT }] : servers.slice(0, MAX_SERVERS);
}
