/**
 * What a probe needs beside its target: the configuration if there is one, how Postfix judges, a resolver, the answers
 * about rows. `tlsward probe` opens it once, for one domain or for all.
 */
import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import { Invalid } from '../config/ini/problem.ts';
import { parseResolver, type ResolverAddress } from '../config/keys/publishedKeys.ts';
import { escapeText } from '../core/escape.ts';
import { parseNextHop } from '../core/nextHop.ts';
import { PolicyTable } from '../core/table.ts';
import { Proofs } from '../dns/proofs.ts';
import { systemServers } from '../dns/resolvConf.ts';
import { selfTest } from '../dns/selfTest.ts';
import { StubResolver } from '../dns/stubResolver.ts';
import { fileError } from '../files/systemError.ts';
import { PostfixConfigError, readPostfix } from '../mta/readPostfix.ts';
import type { Destination } from '../probe/hosts.ts';
import { type OwnMta, ownMta } from '../probe/mtaRules.ts';
import { ownAddresses } from '../probe/ownAddresses.ts';
import { probe } from '../probe/probe.ts';
import { type ProbeReport, reportOf } from '../probe/report.ts';
import { Turns } from '../probe/turns.ts';
import { type CommandValues, ConfigError, configFile, type Io, UsageError } from './command.ts';
import type { COMMANDS } from './commands.ts';
import { type LoadedTable, loadOrReport } from './loadOrReport.ts';
import { mustExist } from './peekKey.ts';
import { NO_ROW, rowDemand } from './probeRow.ts';

export type ProbeValues = CommandValues<typeof COMMANDS.probe>;

export interface ProbeSetting {
  /** null: there is no configuration. */
  readonly table: PolicyTable | null;
  /** Throws UsageError for a target that is no next hop. */
  look(target: string): Promise<ProbeReport>;
  close(): void;
}

/** null: the configuration has mistakes, which were reported. Rejects with UsageError and ConfigError. */
export async function openProbe(values: ProbeValues, io: Io): Promise<ProbeSetting | null> {
  const loaded = configured(values, io);
  if (loaded === 'mistakes') return null;
  const mta = await readMta(values, loaded);
  const resolver = await openResolver(values.resolver, loaded);
  const table = loaded === null ? null : new PolicyTable(loaded.packed, 1, loaded.hash);
  const where = {
    config: configFile(values, io.env),
    here: values.resolver !== undefined,
    resolver: values.resolver === undefined ? (loaded?.service.resolver ?? []) : resolver.servers,
  };
  const common = {
    resolver,
    trust: mta.trust,
    ehloName: mta.ehloName ?? loaded?.service.hostName ?? hostname(),
    offers: values.brief !== true,
    turns: new Turns(),
  };
  const isOwn = ownAddresses();
  return {
    table,
    close: () => resolver.close(),
    look: async (target) => {
      const destination = destinationOf(target, values.port);
      const row =
        loaded === null || table === null
          ? NO_ROW
          : await rowDemand(target, { table, service: loaded.service }, mta, where);
      const probed = await probe(destination, { ...common, sni: row.sni, floor: row.floor });
      const { rules, trust } = mta;
      return reportOf({
        probed,
        rules,
        sts: row.sts,
        row: row.demand,
        trust: trust.from,
        isOwn,
        now: Date.now(),
      });
    },
  };
}

/** `target` is a next hop as Postfix writes it; `port` stands for its own. */
function destinationOf(target: string, port: string | undefined): Destination {
  const hop = parseNextHop(target);
  if (hop.kind !== 'hop')
    throw new UsageError(`found "${escapeText(target)}", expected a domain, [host], or [host]:port`);
  const text = port ?? hop.port ?? '25';
  const number = { smtp: 25, submission: 587 }[text] ?? (/^[0-9]{1,5}$/.test(text) ? Number(text) : 0);
  if (number < 1 || number > 65_535)
    throw new UsageError(`--port: found "${escapeText(text)}", expected 1 to 65535`);
  return { name: hop.name, isHost: target.startsWith('[') || hop.name.startsWith('['), port: number };
}

/** The configuration; null when there is none and none was named. */
function configured(values: ProbeValues, io: Io): LoadedTable | null | 'mistakes' {
  const file = configFile(values, io.env);
  const named = values.config !== undefined || io.env.TLSWARD_CONFIG !== undefined;
  if (!named && statSync(file, { throwIfNoEntry: false }) === undefined) return null;
  mustExist(file);
  return loadOrReport(file, values.json, io) ?? 'mistakes';
}

async function readMta(values: ProbeValues, loaded: LoadedTable | null): Promise<OwnMta> {
  const caFile = values['ca-file'] ?? null;
  const directory = values['postfix-config'];
  try {
    return ownMta(await readPostfix(directory, loaded?.service.postconf ?? 'postconf'), caFile);
  } catch (error) {
    if (error instanceof PostfixConfigError) {
      // without a Postfix, its defaults; one that is here or was named must be read
      if (directory !== undefined || error.why !== 'absent') throw new ConfigError(error.message);
      return ownMta(null, caFile);
    }
    if (error instanceof Error && 'code' in error)
      throw new ConfigError(`the CAs cannot be read: ${fileError(error)}`);
    throw error;
  }
}

/** With `--resolver` that one, which must be of this host; else that of the configuration, else the system's. */
async function openResolver(text: string | undefined, loaded: LoadedTable | null): Promise<StubResolver> {
  let trusted: readonly ResolverAddress[] = loaded?.service.resolver ?? [];
  if (text !== undefined) {
    const parsed = parseResolver(text);
    if (parsed instanceof Invalid)
      throw new UsageError(`--resolver: found ${parsed.found}, expected ${parsed.expected}`);
    trusted = [parsed];
  }
  if (trusted.length === 0) return new StubResolver({ servers: await systemServers(), trusted: false });
  const proofs = new Proofs({ test: (server) => selfTest([server]), doubt: () => undefined });
  return new StubResolver({ servers: trusted, trusted: true, proofs });
}
