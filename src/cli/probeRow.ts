/**
 * What the row of a partner demands of its servers, for `tlsward probe`: the answer that Postfix is given, made into
 * what a server must show.
 */
import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import { formatPosition } from '../core/position.ts';
import { answeredVersion, since } from '../core/postfixVersion.ts';
import type { Published, StsPolicy } from '../core/publishedFacts.ts';
import type { PolicyTable } from '../core/table.ts';
import { type DeliverDecision, type DeliverPolicy, decideNextHop, questionOf } from '../deliver/deliver.ts';
import { mandatory } from '../deliver/level.ts';
import type { DnsServer } from '../dns/exchange.ts';
import { plainDemand } from '../probe/levels.ts';
import { comparesHosts, type OwnMta } from '../probe/mtaRules.ts';
import { fittingName } from '../probe/names.ts';
import type { Floor } from '../probe/probe.ts';
import type { RowDemand } from '../probe/report.ts';
import { controlSocket } from './daemon.ts';
import { lookUpPublished } from './publishedLookUp.ts';

interface Demanded {
  readonly demand: RowDemand | null;
  /** Does the demand send the host's name as SNI? */
  readonly sni: boolean;
  readonly floor: Floor | null;
  /** The policy that the domain publishes, enforced or not. */
  readonly sts: StsPolicy | null;
}

interface Where {
  readonly config: string;
  /** Look up here, and do not ask the daemon. */
  readonly here: boolean;
  readonly resolver: readonly DnsServer[];
}

/** Without a configuration. */
export const NO_ROW: Demanded = { demand: null, sni: false, floor: null, sts: null };

export async function rowDemand(
  nextHop: string,
  { table, service }: { readonly table: PolicyTable; readonly service: ServiceSettings },
  mta: OwnMta,
  { config, here, resolver }: Where,
): Promise<Demanded> {
  const question = questionOf(nextHop);
  let published: Published | null = null;
  if (question !== null) {
    const settings = { ...service, resolver };
    published = (await lookUpPublished(question, settings, here ? '' : controlSocket(config))).published;
  }
  const sts = published?.kind === 'own' && published.sts.kind === 'policy' ? published.sts.policy : null;
  const decision = decideNextHop(table, nextHop, 'none', published);
  if (decision.kind !== 'policy') return { ...NO_ROW, demand: undecided(decision, mta), sts };
  const { policy } = decision;
  const says = `${wordsOf(decision)}${decision.follows === null ? '' : `, ${decision.follows}`}`;
  const dane = policy.level === 'dane' || policy.level === 'dane-only';
  const floor = mandatory(policy.level) ? floorOf(policy) : null;
  const sni = policy.servername === 'hostname';
  const demand = {
    level: policy.level,
    match: matchOf(policy),
    sni,
    floored: floor !== null,
    onlyHosts: onlyHosts(policy, service, mta),
  };
  return {
    demand: { says, demand, why: '', pins: decision.row?.settings.fingerprints ?? [] },
    sni: sni || dane,
    floor,
    sts,
  };
}

function undecided(decision: Exclude<DeliverDecision, { kind: 'policy' }>, { level }: OwnMta): RowDemand {
  if (decision.kind === 'silent') {
    const says = `${wordsOf(decision)}: ${decision.why}`;
    const own = level === null ? 'may, as Postfix is assumed to' : `smtp_tls_security_level = ${level}`;
    return { says: `${says}; ${own}`, demand: plainDemand(level ?? 'may'), why: '', pins: [] };
  }
  const why = decision.kind === 'trouble' ? decision.why : 'what the domain publishes could not be looked up';
  return { says: wordsOf(decision), demand: null, why: `client TLS configuration problem: ${why}`, pins: [] };
}

function wordsOf({ row }: DeliverDecision): string {
  if (row === null) return 'no row';
  const { deliver, mode } = row.settings;
  const says = deliver === null ? 'no deliver' : `deliver = ${deliver}`;
  return `${says}${mode === 'observe' ? ', mode = observe' : ''} of ${row.pattern} (${formatPosition(row.at)})`;
}

function floorOf({ minProtocol, minBits, exclude }: DeliverPolicy): Floor {
  return { minProtocol, minBits, exclude };
}

/** Names of the answer of another policy server count instead. */
function matchOf({ match, attributes }: DeliverPolicy): readonly string[] {
  const theirs = attributes.filter(({ name }) => name === 'match').map(({ value }) => value);
  return theirs.length > 0 ? theirs.flatMap((value) => value.split(/[:|]/)) : match;
}

function onlyHosts(
  { sts }: DeliverPolicy,
  { postfixVersion }: ServiceSettings,
  { release }: OwnMta,
): ((name: string) => boolean) | null {
  const compares =
    comparesHosts(postfixVersion ?? '') &&
    (release === null || !since(answeredVersion(release), 3, 10) || comparesHosts(release));
  if (sts === null || !compares) return null;
  return (name) => fittingName(sts.mx, [name]) !== null;
}
