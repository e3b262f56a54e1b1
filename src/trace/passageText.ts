/**
 * A passage in a few lines for a person: how it came, what was demanded, how it went to whom, what is not known. Pure.
 * All texts of records are escaped again: a file may have been edited by hand.
 */
import { escapeLine } from '../core/escape.ts';
import type { EvidenceRecord, MapEvidence } from '../evidence/record.ts';
import type { Demands } from './demands.ts';
import type { Join, Passage } from './follow.ts';
import type { Gap } from './gaps.ts';
import type { Life } from './lives.ts';
import { type Delivery, notKnown, recordsOf, type Verdict } from './passageFacts.ts';
import type { Found } from './places.ts';

/** A line: its label, often empty, and its text. */
export type Line = readonly [label: string, text: string];

const MAX_SHOWN = 10;
const MAX_TEXT = 400;

const shown = (text: string): string => escapeLine(text, MAX_TEXT);

/** `2026-11-29 10:12:13` */
export function timeText(iso: string): string {
  return iso.length < 20 ? iso : `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
}

/** `names`: what a pseudonym stands for, as far as it was asked for. */
export function passageLines(
  { lives, joins }: Passage,
  names: ReadonlyMap<string, string>,
  demands: Demands,
): Line[] {
  const lines = lives.slice(0, MAX_SHOWN).flatMap((life) => {
    const join = joins.find(({ to }) => to === life);
    const after = joins.some(({ from }) => from === life);
    return lifeLines(life, join, after, (address) => shown(names.get(address) ?? address), demands);
  });
  const more = lives.length - MAX_SHOWN;
  return more > 0 ? [...lines, ['', `and ${more} more that are joined to these`]] : lines;
}

function lifeLines(
  life: Life,
  join: Join | undefined,
  after: boolean,
  name: (address: string) => string,
  demands: Demands,
): Line[] {
  const verdicts = recordsOf(life, 'verdict');
  const deliveries = recordsOf(life, 'delivery');
  const lines: Line[] = [];
  if (join === undefined) lines.push(['message', titleOf(life)]);
  else lines.push(['then', `${titleOf(life)}, from ${shown(join.from.queueId)} by its ${join.by}`]);
  const sender = senderOf(life.found);
  if (sender !== null) lines.push(['sender', name(sender)]);
  const came = verdicts.at(-1);
  if (came !== undefined) lines.push(['came', cameText(came)]);
  else for (const one of recordsOf(life, 'message').slice(0, 1)) lines.push(['came', fromClient(one)]);
  for (const [i, verdict] of verdicts.slice(-MAX_SHOWN).entries()) {
    lines.push([i === 0 ? 'verdict' : '', verdictText(verdict, name)]);
    for (const reason of (verdict.because ?? []).slice(0, 3)) lines.push(['', shown(reason)]);
  }
  if (came !== undefined)
    lines.push(['table', `${shown(came.table.hash.slice(0, 16))}, generation ${came.table.generation}`]);
  for (const refusal of recordsOf(life, 'refusal').slice(-MAX_SHOWN))
    lines.push(['refused', refusalText(refusal, name)]);
  for (const map of recordsOf(life, 'map'))
    lines.push([map.status === 'OK' ? 'told' : 'waits', mapText(map, name)]);
  for (const [i, delivery] of deliveries.slice(-MAX_SHOWN).entries())
    lines.push([i === 0 ? 'went' : '', deliveryText(delivery, name, demands.get(delivery))]);
  if (deliveries.length > MAX_SHOWN) lines.push(['', `and ${deliveries.length - MAX_SHOWN} attempts before`]);
  const missing = notKnown(life, join !== undefined, after, demands);
  for (const [i, text] of missing.slice(0, MAX_SHOWN).entries())
    lines.push([i === 0 ? 'not known' : '', nameIn(text, name)]);
  if (missing.length > MAX_SHOWN) lines.push(['', `and ${missing.length - MAX_SHOWN} more`]);
  lines.push(['records', placesOf(life.found)]);
  return lines;
}

/** Pseudonyms in a sentence of ours. */
function nameIn(text: string, name: (address: string) => string): string {
  return text
    .split(' ')
    .map((word) => (word.endsWith(':') ? `${name(word.slice(0, -1))}:` : name(word)))
    .join(' ');
}

function titleOf({ queueId, host, found }: Life): string {
  const what = queueId === '' ? 'without a queue id' : shown(queueId);
  return `${what} on ${shown(host)}, ${timeText(found[0]!.record.time)}`;
}

function senderOf(found: readonly Found[]): string | null {
  for (const { record } of found) if ('sender' in record && record.sender !== undefined) return record.sender;
  return null;
}

function fromClient({ client }: { readonly client?: string | undefined }): string {
  return client === undefined || client === '' ? 'the client is not known' : `from ${shown(client)}`;
}

function cameText(verdict: Verdict): string {
  const helo = verdict.helo === undefined ? '' : ` (${shown(verdict.helo)})`;
  return `${timeText(verdict.time)} ${fromClient(verdict)}${helo}, ${inboundTls(verdict.tls)}`;
}

function inboundTls(tls: Verdict['tls']): string {
  if (tls.state !== 'tls') return tls.state === 'plain' ? 'without TLS' : 'TLS not known';
  const certificate =
    tls.certificate === undefined || tls.certificate === 'none'
      ? 'no client certificate'
      : `client certificate ${tls.certificate}${tls.commonName === undefined ? '' : ` (${shown(tls.commonName)})`}`;
  return `${session(tls)}, ${certificate}`;
}

function session({ protocol, cipher, bits }: { protocol?: string; cipher?: string; bits?: number }): string {
  const words = [protocol, cipher, bits === undefined ? undefined : `${bits} bits`];
  return shown(words.filter((word) => word !== undefined).join(' ') || 'TLS');
}

function verdictText(verdict: Verdict, name: (address: string) => string): string {
  const { row, action, would, code, tagged } = verdict;
  const demanded =
    row === undefined
      ? 'no row demanded anything'
      : `demanded ${shown(row.level)} by row ${name(row.pattern)} (${shown(row.at)}, ${shown(row.mode)})`;
  const wished = would === undefined ? '' : `, would ${shown(would)}`;
  return `${action} [${shown(code)}]${wished}${tagged === true ? ', tagged' : ''}, ${demanded}`;
}

function refusalText(
  refusal: Extract<EvidenceRecord, { type: 'refusal' }>,
  name: (address: string) => string,
): string {
  const to = refusal.recipient === undefined ? '' : ` for ${name(refusal.recipient)}`;
  const stage = refusal.stage === undefined ? '' : ` at ${shown(refusal.stage)}`;
  return `${timeText(refusal.time)} ${fromClient(refusal)}${to}${stage}: ${shown(refusal.reply ?? '')}`;
}

function mapText(map: MapEvidence, name: (address: string) => string): string {
  return `${timeText(map.time)} map ${shown(map.map)} for ${name(map.key)}: ${map.status} ${shown(map.reply)}`;
}

function deliveryText(
  delivery: Delivery,
  name: (address: string) => string,
  told: MapEvidence | undefined,
): string {
  const { recipient, outcome, dsn, relay, demanded, reply } = delivery;
  const where = relayText(relay);
  const wanted = demanded === undefined ? toldText(told) : `, demanded ${shown(demanded.level)}`;
  const why = outcome === 'sent' || reply === undefined ? '' : `: ${shown(reply)}`;
  const status = dsn === undefined ? outcome : `${outcome} ${shown(dsn)}`;
  return `${timeText(delivery.time)} to ${name(recipient)}: ${status}${where}, ${outboundTls(delivery)}${wanted}${why}`;
}

/** What the MTA had been told about the recipient's domain. */
function toldText(told: MapEvidence | undefined): string {
  if (told === undefined) return '';
  const row = told.row === undefined ? '' : `, ${shown(told.row.at)}`;
  return `, told ${timeText(told.time).slice(11)} for ${shown(told.key)}: ${shown(told.reply)}${row}`;
}

function relayText(relay: Delivery['relay']): string {
  if (relay === undefined) return '';
  const address = relay.address === undefined ? '' : ` [${relay.address}]`;
  const port = relay.port === undefined ? '' : `:${relay.port}`;
  const text = `${relay.host ?? ''}${address}${port}`.trim();
  return text === '' ? '' : ` by ${shown(text)}`;
}

const PEERS: Readonly<Record<string, string>> = {
  verified: 'server verified',
  trusted: 'certificate trusted, name not verified',
  untrusted: 'server not verified',
  anonymous: 'server not verified (anonymous)',
};

function outboundTls({ tls }: Delivery): string {
  if (tls.state === 'unknown' && tls.how === 'local') return 'inside this host';
  if (tls.state !== 'tls') return tls.state === 'plain' ? 'without TLS' : 'TLS not known';
  const peer =
    tls.peer === undefined
      ? 'server verified or not: not known'
      : (PEERS[tls.peer] ?? `server ${shown(tls.peer)}`);
  return `${session(tls)}, ${peer}`;
}

/** `daemon/2026-11-29 1, 2`: what `tlsward evidence prove` takes. */
function placesOf(found: readonly Found[]): string {
  const lines = new Map<string, number[]>();
  const several = new Set(found.map(({ place }) => place)).size > 1;
  for (const { place, stream, day, record } of found) {
    const key = `${several ? `${shown(place.directory)}/` : ''}${stream}/${day}`;
    lines.set(key, [...(lines.get(key) ?? []), record.n]);
  }
  return [...lines].map(([key, n]) => `${key} ${n.slice(0, MAX_SHOWN).join(', ')}`).join('; ');
}

export function gapText({ stream, host, from, to, count, why }: Gap): string {
  const time = from === to ? timeText(from) : `${timeText(from)} to ${timeText(to)}`;
  const missing = count === null ? 'records may be missing' : `${count} missing`;
  const who = host === '' ? stream : `${stream} on ${shown(host)}`;
  return count === 0 ? `${time}, ${who}: ${shown(why)}` : `${time}, ${who}: ${missing} (${shown(why)})`;
}
