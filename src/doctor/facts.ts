/**
 * What the checks of `tlsward doctor` look at, as plain data: gathered first (gather/), judged afterwards, so
 * that a check is a function of its facts and what could not be found out is part of them.
 */
import type { AlarmSettings } from '../config/keys/alarmSettings.ts';
import type { Dated } from '../config/keys/day.ts';
import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import type { Rule } from '../core/rule.ts';
import type { PackedTable } from '../core/table.ts';
import type { StatusReply } from '../daemon/controlReplies.ts';
import type { LookupResult, MxRecord, TlsaRecord } from '../dns/resolver.ts';
import type { PostfixConfig } from '../mta/postfixConfig.ts';
import type { Instance } from '../mta/readPostfix.ts';
import type { SendmailConfig } from '../mta/sendmailCf.ts';

/** A fact, or why it is not known. */
export type Known<Value> =
  | { readonly known: true; readonly value: Value }
  | { readonly known: false; readonly why: string };

export const known = <Value>(value: Value): Known<Value> => ({ known: true, value });
export const unknown = (why: string): Known<never> => ({ known: false, why });

/** What is known of a host whatever its mail server is. */
export interface HostFacts {
  readonly now: Date;
  readonly table: TableFacts;
  readonly daemon: Known<StatusReply>;
  /** By absolute path: sockets and the folders above them, key files, files of CAs and tables. */
  readonly files: ReadonlyMap<string, Known<FileFacts>>;
  readonly system: SystemFacts;
}

/** A host with Sendmail. */
export interface SendmailFacts extends HostFacts {
  readonly sendmail: SendmailConfig;
}

/** A host with Postfix. */
export interface DoctorFacts extends HostFacts {
  readonly postfix: PostfixConfig;
  /** All instances of this host; empty when postmulti did not say. */
  readonly instances: readonly Instance[];
  /** Certificate chains by the path of their file, the server's own certificate first. */
  readonly certificates: ReadonlyMap<string, Known<readonly CertificateFacts[]>>;
  /** What the domains of this host publish; empty when nothing was asked. */
  readonly domains: readonly DomainFacts[];
}

/** The configuration of tlsward, without mistakes. */
export interface TableFacts {
  /** As it was named. */
  readonly file: string;
  readonly service: ServiceSettings;
  readonly alarms: AlarmSettings;
  readonly packed: PackedTable;
  readonly rules: readonly Rule[];
  readonly dated: readonly Dated[];
  /** SHA-256 over its files, hex. */
  readonly hash: string;
}

/** What was found out about a path. */
export function fileAt({ files }: Pick<HostFacts, 'files'>, path: string): Known<FileFacts> {
  return files.get(path) ?? unknown('not looked at');
}

export interface FileFacts {
  readonly kind: 'socket' | 'file' | 'folder' | 'other' | 'absent';
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Where it really is, symbolic links followed. */
  readonly real: string;
  /** The first line of a regular file that was asked for; '' otherwise. */
  readonly firstLine: string;
}

export interface CertificateFacts {
  readonly subject: string;
  /** DNS names, lower case, `*.` allowed; the common name where there is none. */
  readonly names: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /**
   * Whole certificate, and the public key alone (DER), as TLSA selectors 0 and 1 have them: hex of SHA-256,
   * SHA-512, all.
   */
  readonly digests: readonly {
    readonly selector: 0 | 1;
    readonly matching: 0 | 1 | 2;
    readonly hex: string;
  }[];
}

/** What one domain of this host publishes about its mail. */
export interface DomainFacts {
  readonly domain: string;
  readonly mx: LookupResult<MxRecord>;
  /** MTA-STS: its record and policy; null: no record. */
  readonly sts: Known<{ readonly id: string; readonly mode: string; readonly mx: readonly string[] } | null>;
  /** Does it ask for TLSRPT reports? */
  readonly tlsrpt: Known<boolean>;
  /** TLSA records at port 25 of each MX host that is this one. */
  readonly tlsa: ReadonlyMap<string, LookupResult<TlsaRecord>>;
}

export interface SystemFacts {
  /** The user that Postfix's unprivileged programs are. */
  readonly mailOwner: Known<{
    readonly name: string;
    readonly uid: number;
    readonly gids: readonly number[];
  }>;
  /** Is the clock kept right by a time server? */
  readonly clock: Known<boolean>;
  /** Servers of /etc/resolv.conf. */
  readonly resolvers: readonly string[];
  /** Units of ours that systemd has started, by name. */
  readonly units: Known<ReadonlySet<string>>;
  /** Does the journal drop lines of a unit that logs a lot? Null: lines of Postfix do not pass a limit. */
  readonly journalLimit: Known<{ readonly burst: number; readonly seconds: number } | null>;
}
