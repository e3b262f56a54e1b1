/** Which entries of master.cf ask tlsward, where, and for what: what several checks start from. */
import type { ListenAddress } from '../config/keys/listenAddress.ts';
import { type Endpoint, type Invalid, parseEndpoint, parseSocketmap, type Socket } from '../mta/endpoint.ts';
import { listOf } from '../mta/listValue.ts';
import { isLoopbackOnly, type MailEntry, mailEntries, sendingEntries } from '../mta/mailEntries.ts';
import { isYes, type MasterEntry, type PostfixConfig, valueFor } from '../mta/postfixConfig.ts';
import { type Restriction, restrictionsFor } from '../mta/restrictions.ts';
import { type DoctorFacts, fileAt, type HostFacts } from './facts.ts';

export const PROTOCOLS = ['policy', 'milter', 'socketmap'] as const;
type Protocol = (typeof PROTOCOLS)[number];

/** Restriction lists in the order in which smtpd(8) asks them for a recipient and what comes after. */
const LISTS = [
  'smtpd_client_restrictions',
  'smtpd_helo_restrictions',
  'smtpd_sender_restrictions',
  'smtpd_relay_restrictions',
  'smtpd_recipient_restrictions',
  'smtpd_data_restrictions',
  'smtpd_end_of_data_restrictions',
] as const;
type List = (typeof LISTS)[number];

export const LISTEN_KEYS: Readonly<Record<Protocol, string>> = {
  policy: 'policy-listen',
  milter: 'milter-listen',
  socketmap: 'socketmap-listen',
};

/** Where tlsward listens for a protocol, by its configuration. */
export function listenersOf(
  { table: { service } }: Pick<HostFacts, 'table'>,
  protocol: Protocol,
): readonly ListenAddress[] {
  return { policy: service.policyListen, milter: service.milterListen, socketmap: service.socketmapListen }[
    protocol
  ];
}

/** Is there a listener for mail that arrives? */
export function judges({ table: { service } }: Pick<HostFacts, 'table'>): boolean {
  return service.policyListen.length > 0 || service.milterListen.length > 0;
}

/** The sockets among them that are files. */
export function socketFiles(
  facts: Pick<HostFacts, 'table'>,
): { readonly protocol: Protocol; readonly path: string }[] {
  return PROTOCOLS.flatMap((protocol) =>
    listenersOf(facts, protocol).flatMap((address) =>
      address.kind === 'unix' ? [{ protocol, path: address.path }] : [],
    ),
  );
}

/**
 * The absolute path that an entry reaches by a path in main.cf: below the queue folder in a chroot, or when
 * relative.
 */
export function pathFor(config: PostfixConfig, path: string, entry: { readonly chroot: boolean }): string {
  const queue = valueFor(config, 'queue_directory');
  const text = path.startsWith('/') && !entry.chroot ? path : `${queue}/${path}`;
  const parts: string[] = [];
  for (const part of text.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** The protocol that tlsward speaks at a socket, as this entry reaches it; null: it does not listen there. */
export function protocolAt(
  facts: DoctorFacts,
  socket: Socket,
  entry: { readonly chroot: boolean },
): Protocol | null {
  const speaks = (protocol: Protocol): boolean =>
    listenersOf(facts, protocol).some((address) => meets(facts, socket, entry, address));
  return PROTOCOLS.find(speaks) ?? null;
}

function meets(
  facts: DoctorFacts,
  socket: Socket,
  entry: { readonly chroot: boolean },
  address: ListenAddress,
): boolean {
  if (socket.kind === 'unix') {
    if (address.kind !== 'unix') return false;
    const path = pathFor(facts.postfix, socket.path, entry);
    return path === address.path || realPath(facts, path) === realPath(facts, address.path);
  }
  if (address.kind !== 'inet' || portNumber(socket.port) !== address.port) return false;
  const anywhere = address.host === '0.0.0.0' || address.host === '::';
  return anywhere || loopbackName(socket.host) === loopbackName(address.host);
}

function realPath(facts: DoctorFacts, path: string): string {
  const file = fileAt(facts, path);
  return file.known && file.value.real !== '' ? file.value.real : path;
}

function loopbackName(host: string): string {
  return host === 'localhost' || host === '::1' ? '127.0.0.1' : host.toLowerCase();
}

function portNumber(port: string): number {
  return /^[0-9]{1,5}$/.test(port) ? Number(port) : -1;
}

/** A milter or policy service of an entry. */
interface Asked {
  readonly endpoint: Endpoint | Invalid;
  readonly text: string;
  /** What tlsward speaks there; null: it belongs to another program, or to none. */
  readonly protocol: Protocol | null;
}

/** The milters of an entry, in order; none where `receive_override_options` switches them off. */
export function miltersOf(facts: DoctorFacts, entry: MasterEntry, parameter = 'smtpd_milters'): Asked[] {
  const { postfix } = facts;
  if (listOf(valueFor(postfix, 'receive_override_options', entry)).includes('no_milters')) return [];
  return listOf(valueFor(postfix, parameter, entry)).map((text) => askedAt(facts, text, entry));
}

function askedAt(facts: DoctorFacts, text: string, entry: MasterEntry): Asked {
  const endpoint = parseEndpoint(text);
  const protocol = 'invalid' in endpoint ? null : protocolAt(facts, endpoint.socket, entry);
  return { endpoint, text, protocol };
}

/** A policy service in a restriction list of an entry. */
export interface AskedPolicy extends Asked {
  readonly list: List;
  /** Its place in `restrictions`. */
  readonly at: number;
  readonly restrictions: readonly Restriction[];
}

/** Every policy service that an entry asks, ours and others. */
function policiesOf(facts: DoctorFacts, entry: MasterEntry): AskedPolicy[] {
  return LISTS.flatMap((list) => {
    const restrictions = restrictionsFor(facts.postfix, list, entry);
    return restrictions.flatMap(({ name, argument = '' }, at) =>
      name === 'check_policy_service' ? [{ ...askedAt(facts, argument, entry), list, at, restrictions }] : [],
    );
  });
}

/** What an entry asks as policy services, or as milters. */
export function askedAs(facts: DoctorFacts, protocol: 'policy' | 'milter', entry: MasterEntry): Asked[] {
  return protocol === 'policy' ? policiesOf(facts, entry) : miltersOf(facts, entry);
}

/** The same of both. */
export function allAsked(facts: DoctorFacts, entry: MasterEntry): Asked[] {
  return [...policiesOf(facts, entry), ...miltersOf(facts, entry)];
}

/** The places in which an entry asks our policy service. */
export function ourPolicies(facts: DoctorFacts, entry: MasterEntry): AskedPolicy[] {
  return policiesOf(facts, entry).filter(({ protocol }) => protocol === 'policy');
}

/** Does an entry ask our milter? */
export function asksMilter(facts: DoctorFacts, entry: MasterEntry, parameter = 'smtpd_milters'): boolean {
  return miltersOf(facts, entry, parameter).some(({ protocol }) => protocol === 'milter');
}

/** Entries through which mail of strangers or users comes; those on loopback are for content filters. */
export function openEntries(facts: DoctorFacts): MailEntry[] {
  return mailEntries(facts.postfix).filter(
    ({ entrance, entry, behind }) => entrance === 'smtpd' && isOpen(facts.postfix, behind ?? entry),
  );
}

/** A proxy that runs on this host brings what comes from outside. */
function isOpen(config: PostfixConfig, entry: MasterEntry): boolean {
  return !isLoopbackOnly(config, entry) || valueFor(config, 'smtpd_upstream_proxy_protocol', entry) !== '';
}

/** Does the entry take mail only of those who have logged in? */
export function isForUsers(config: PostfixConfig, entry: MasterEntry): boolean {
  if (!isYes(config, 'smtpd_sasl_auth_enable', entry)) return false;
  return LISTS.some((list) => {
    const names = restrictionsFor(config, list, entry).map(({ name }) => name);
    const login = names.indexOf('permit_sasl_authenticated');
    const end = names.findIndex((name) => name === 'reject' || name === 'defer');
    if (login < 0 || end < login) return false;
    return !names.slice(0, end).some((name) => name === 'permit' || name === 'permit_mynetworks');
  });
}

/** The entries that ask our policy service or milter. */
export function askingEntries(facts: DoctorFacts): MailEntry[] {
  return mailEntries(facts.postfix).filter(
    ({ entrance, entry }) =>
      entrance === 'smtpd' && allAsked(facts, entry).some(({ protocol }) => protocol !== null),
  );
}

/** Entries that send mail to other hosts; those of ours for single messages have maps of their own. */
export function sendingOwn(facts: DoctorFacts): MasterEntry[] {
  return sendingEntries(facts.postfix).filter(({ name }) => !name.startsWith('tlsward-'));
}

export interface AskedMap {
  readonly text: string;
  /** Null: it is no socketmap. */
  readonly socket: Socket | null;
  readonly map: string;
  readonly invalid: string | null;
  readonly ours: boolean;
}

/** The tables in a parameter of an entry, in order; `proxy:` tables are opened by proxymap(8). */
export function mapsOf(facts: DoctorFacts, parameter: string, entry?: MasterEntry): AskedMap[] {
  return listOf(valueFor(facts.postfix, parameter, entry)).map((text) => {
    const found = parseSocketmap(text);
    if (found === null) return { text, socket: null, map: '', invalid: null, ours: false };
    if ('invalid' in found) return { text, socket: null, map: '', invalid: found.invalid, ours: false };
    const opener = text.startsWith('proxy:')
      ? (facts.postfix.entries.find(({ command }) => command === 'proxymap') ?? { chroot: false })
      : (entry ?? { chroot: false });
    const ours = protocolAt(facts, found.socket, opener) === 'socketmap';
    return { text, socket: found.socket, map: found.map, invalid: null, ours };
  });
}
