/**
 * `tlsward probe DOMAIN | HOST`: looks at the mail servers of a partner, step by step, and says which level would
 * hold today and what breaks it. Nothing is sent.
 *
 *   tlsward probe bank.example                 its MX hosts
 *   tlsward probe '[mx.bank.example]:587'      one host, as a next hop is written for Postfix
 *   tlsward probe bank.example --level secure  the exit status is about this level
 *
 * Exit status: 0 the level holds (that of --level, else of the row, else may), 1 mail would wait, 75 it cannot be told.
 */
import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import { Invalid } from '../config/ini/problem.ts';
import { parseResolver, type ResolverAddress } from '../config/keys/publishedKeys.ts';
import { parseNextHop } from '../core/nextHop.ts';
import { PolicyTable } from '../core/table.ts';
import { Proofs } from '../dns/proofs.ts';
import { systemServers } from '../dns/resolvConf.ts';
import { selfTest } from '../dns/selfTest.ts';
import { StubResolver } from '../dns/stubResolver.ts';
import { fileError } from '../files/systemError.ts';
import { PostfixConfigError, readPostfix } from '../mta/readPostfix.ts';
import type { Destination } from '../probe/hosts.ts';
import { LEVELS } from '../probe/levels.ts';
import { type OwnMta, ownMta } from '../probe/mtaRules.ts';
import { probe } from '../probe/probe.ts';
import { type ProbeReport, reportOf } from '../probe/report.ts';
import { asciiJson } from './asciiJson.ts';
import {
  type CommandValues,
  ConfigError,
  configFile,
  EXIT,
  type Io,
  parseCommand,
  UsageError,
} from './command.ts';
import { COMMANDS } from './commands.ts';
import { type LoadedTable, loadOrReport } from './loadOrReport.ts';
import { mustExist } from './peekKey.ts';
import { NO_ROW, rowDemand } from './probeRow.ts';
import { probeLines } from './probeText.ts';

type ProbeValues = CommandValues<typeof COMMANDS.probe>;

/** `tlsward probe`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS.probe);
  const target = positionals[0]!;
  const destination = destinationOf(target, values.port);
  const level = LEVELS.find((one) => one === values.level);
  if (values.level !== undefined && level === undefined)
    throw new UsageError(`--level: found "${values.level}", expected ${LEVELS.join(', ')}`);
  const loaded = configured(values, io);
  if (loaded === 'mistakes') return EXIT.config;
  const mta = await readMta(values, loaded);
  const resolver = await openResolver(values.resolver, loaded);
  try {
    const row =
      loaded === null
        ? NO_ROW
        : await rowDemand(target, { ...loaded, table: new PolicyTable(loaded.packed, 1, loaded.hash) }, mta, {
            config: configFile(values, io.env),
            here: values.resolver !== undefined,
            resolver: values.resolver === undefined ? loaded.service.resolver : resolver.servers,
          });
    const probed = await probe(destination, {
      resolver,
      trust: mta.trust,
      ehloName: mta.ehloName ?? loaded?.service.hostName ?? hostname(),
      offers: values.brief !== true,
      sni: row.sni,
      floor: row.floor,
    });
    const report = reportOf({
      probed,
      rules: mta.rules,
      sts: row.sts,
      row: row.demand,
      trust: mta.trust.from,
      now: Date.now(),
    });
    if (values.json) io.out(`${asciiJson(report)}\n`);
    else io.out(`${probeLines(report, io).join('\n')}\n`);
    return statusOf(report, level ?? null);
  } finally {
    resolver.close();
  }
}

function statusOf({ levels, row }: ProbeReport, level: string | null): number {
  const asked =
    level !== null
      ? levels.find((one) => one.level === level)
      : (row ?? levels.find((one) => one.level === 'may'));
  if (asked === undefined || asked.ends === 'unknown' || /^4\.4\.[13]$/.test(asked.code))
    return EXIT.cannotTell;
  return asked.ends === 'sent' ? EXIT.yes : EXIT.no;
}

/** `target` is a next hop as Postfix writes it; `port` stands for its own. */
function destinationOf(target: string, port: string | undefined): Destination {
  const hop = parseNextHop(target);
  if (hop.kind !== 'hop')
    throw new UsageError(`found "${target}", expected a domain, [host], or [host]:port`);
  const text = port ?? hop.port ?? '25';
  const number = { smtp: 25, submission: 587 }[text] ?? (/^[0-9]{1,5}$/.test(text) ? Number(text) : 0);
  if (number < 1 || number > 65_535) throw new UsageError(`--port: found "${text}", expected 1 to 65535`);
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
      // without a Postfix, its defaults; one that was named must be there
      if (directory !== undefined) throw new ConfigError(error.message);
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
