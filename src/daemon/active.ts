/**
 * Turns a loaded configuration into what is in force: the one value that a reload replaces.
 *
 * This also determines from the rows and rules what an MTA must send to the milter: no body when no row has a
 * body banner and marks do not cover the body, and no header field when nothing is ever added to a message or
 * read from it: then the MTA sends a quarter of the packets. Otherwise forged marks are looked for in every
 * message, even in one that gets none.
 */
import type { ShownProblem } from '../config/ini/problem.ts';
import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import { answeredVersion, type PostfixVersion } from '../core/postfixVersion.ts';
import type { Rule } from '../core/rule.ts';
import type { Banner, Settings } from '../core/settings.ts';
import type { PolicyTable } from '../core/table.ts';
import type { EditSettings } from '../edits/messageEdits.ts';
import { TOKEN_HEADERS } from '../edits/replyTokenEdit.ts';
import { SUBJECT_HEADERS } from '../edits/subjectEdits.ts';
import type { RouteTargets } from '../maps/transportMap.ts';
import { AUTH_RESULTS_NAME } from '../mark/authResults.ts';
import { BodyDigest } from '../mark/bodyDigest.ts';
import { type KeyFileError, keysAtReload, keysAtStart, type UsableKeys } from '../mark/keyFile.ts';
import type { MarkKey } from '../mark/signMark.ts';
import type { Facts } from '../receive/decide.ts';
import { headerNamesFor } from '../rules/messageFacts.ts';
import type { RouteSettings } from '../rules/routePlan.ts';
import { protectsDelivery, TLS_REQUIRED_FIELD } from '../rules/tlsRequired.ts';
import type { EventsAnswer } from '../session/queries.ts';

/** What is in force now; a reload replaces this reference. */
export interface Active {
  readonly table: PolicyTable;
  readonly facts: Facts;
  readonly edits: EditSettings;
  /** Requirements of single messages beyond those of their recipients' rows, in the order of the files. */
  readonly rules: readonly Rule[];
  readonly route: RouteSettings;
  /** What the MTA must send to the milter for those edits. */
  readonly events: EventsAnswer;
  /** The Postfix version that outbound answers are written for. */
  readonly postfixVersion: PostfixVersion;
  /** What is done about `TLS-Required: no` where mail must leave under TLS; `ignore` where none must. */
  readonly tlsRequiredNo: ServiceSettings['tlsRequiredNo'];
  /** The targets to which rules route mail. */
  readonly ways: RouteTargets;
}

/**
 * The keys of `mark-key`, which is created at the first start; none when marks are not signed. Rejects with
 * KeyFileError.
 */
export async function readMarkKeys(service: ServiceSettings, when: 'start' | 'reload'): Promise<UsableKeys> {
  if (service.markKey === null) return { keys: [], notices: [] };
  return when === 'start' ? await keysAtStart(service.markKey) : await keysAtReload(service.markKey);
}

/** The error in the key file as a problem of the configuration. */
export function keyProblem({ file, line, found, message }: KeyFileError): ShownProblem {
  return { file, line, where: 'mark-key', found, expected: 'a usable key file', hint: '', text: message };
}

/** Builds what is in force from what was loaded. */
export function activeOf(
  service: ServiceSettings,
  table: PolicyTable,
  keys: readonly MarkKey[],
  rules: readonly Rule[],
): Active {
  const edits = editSettings(service, table, keys);
  return {
    table,
    facts: { trustedClients: service.trustedClients },
    edits,
    rules,
    route: routeSettings(service),
    events: eventsOf(service, table, edits, rules),
    postfixVersion: answeredVersion(service.postfixVersion),
    tlsRequiredNo: looksForTlsRequired(service, table, rules) ? service.tlsRequiredNo : 'ignore',
    ways: { relayhost: service.relayhost, fallbacks: fallbacksOf(rules) },
  };
}

/** How messages to which a rule applies are sent on. */
export function routeSettings(service: ServiceSettings): RouteSettings {
  const { messageRoute, routeHeader, relayhost, remoteTransports, localDomains } = service;
  return { mode: messageRoute, header: routeHeader, relayhost, remoteTransports, localDomains };
}

/** Gateways by rule name. */
function fallbacksOf(rules: readonly Rule[]): ReadonlyMap<string, string> {
  return new Map(
    rules.flatMap(({ name, fallback }) => (fallback === null ? [] : [[name, fallback] as const])),
  );
}

/** Names, keys and tags for the edits of a message. */
export function editSettings(
  service: ServiceSettings,
  table: PolicyTable,
  keys: readonly MarkKey[],
): EditSettings {
  // the banner of one row may be shown with the text of another (bannerChoice.ts)
  const speaking = table.packed.settings.filter(({ banner }) => banner.length > 0);
  const saidBy = (kind: Banner, texts: (settings: Settings) => readonly string[]): readonly string[] =>
    speaking.some(({ banner }) => banner.includes(kind))
      ? [...new Set(speaking.flatMap(texts))].filter((text) => text !== '')
      : [];
  return {
    markName: service.markName,
    bannerName: service.bannerName,
    routeHeader: service.routeHeader,
    replyToken: service.replyToken,
    hostName: service.hostName ?? '',
    authservId: service.authservId ?? '',
    keys,
    tags: saidBy('subject', (settings) => [settings.bannerTag, settings.bannerUnprotectedTag]),
    bannerTexts: saidBy('body', (settings) => [settings.bannerText, settings.bannerUnprotectedText]),
    bannerForged: service.bannerForged,
    maxBodyBytes: service.maxBodyBytes,
    bindsBody: service.markBinds === 'body',
  };
}

function eventsOf(
  service: ServiceSettings,
  table: PolicyTable,
  edits: EditSettings,
  rules: readonly Rule[],
): EventsAnswer {
  const { settings } = table.packed;
  const bodyBanner = settings.some(({ banner }) => banner.includes('body'));
  return {
    kind: 'events',
    judges: table.judges,
    headers: bodyBanner ? 'all' : readFields(service, table, edits, rules),
    bodyLimitBytes: bodyBanner ? service.maxBodyBytes : 0,
    ...(edits.bindsBody ? { bodyDigest: BodyDigest.start } : null),
    routes: rules.length === 0 ? 'none' : service.messageRoute,
    nextHops: service.tlsRequiredNo !== 'ignore' && protectsDelivery(settings),
  };
}

/** Lower-case names of the header fields that edits and rules read; `none` if there are none. */
function readFields(
  service: ServiceSettings,
  table: PolicyTable,
  edits: EditSettings,
  rules: readonly Rule[],
): 'none' | readonly string[] {
  const names: string[] = [];
  if (edits.authservId !== '') names.push(AUTH_RESULTS_NAME);
  if (edits.tags.length > 0) names.push(...SUBJECT_HEADERS);
  if (edits.replyToken !== 'no') names.push(...TOKEN_HEADERS);
  names.push(...headerNamesFor(rules));
  if (looksForTlsRequired(service, table, rules)) names.push(TLS_REQUIRED_FIELD);
  if (names.length === 0 && rules.length === 0 && !addsFields(service, table)) return 'none';
  names.push(service.markName, service.bannerName, service.routeHeader);
  return [...new Set(names.map((name) => name.toLowerCase()))];
}

/**
 * Can a message get a mark or a banner? Mail to which no row applies gets a mark, and with a key there may be
 * marks of other hosts to protect.
 */
function addsFields({ markKey }: ServiceSettings, table: PolicyTable): boolean {
  const { settings } = table.packed;
  const adds = settings.some(({ mark, banner }) => mark !== 'none' || banner.length > 0);
  return adds || markKey !== null || table.find('*') < 0;
}

/** Is `TLS-Required: no` in a message of any consequence? Only where a row or a rule demands TLS for delivery. */
function looksForTlsRequired(
  { tlsRequiredNo }: ServiceSettings,
  table: PolicyTable,
  rules: readonly Rule[],
): boolean {
  return tlsRequiredNo !== 'ignore' && (rules.length > 0 || protectsDelivery(table.packed.settings));
}
