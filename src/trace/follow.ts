/**
 * From what was asked to passages: the records that have it, then those of the same queue ids, then those of other
 * queue ids that the same message had: behind a content filter on the same host (`orig_queue_id`, Message-ID), or on
 * another host (Message-ID). A Message-ID is the sender's word, and may be used for several messages.
 */
import { addDays } from '../archive/day.ts';
import type { Asked } from './asked.ts';
import { isSameHost, type Life, livesOf, messageIdOf, queueIdOf } from './lives.ts';
import type { Evidence, Found, Range } from './places.ts';
import type { Key } from './recordKeys.ts';

/** How one life follows from another. */
export interface Join {
  readonly from: Life;
  readonly to: Life;
  readonly by: 'orig_queue_id' | 'Message-ID';
}

/** One message on its way. */
export interface Passage {
  /** In order of time. */
  readonly lives: readonly Life[];
  readonly joins: readonly Join[];
}

export interface Answer {
  /** The newest, in order of time. */
  readonly passages: readonly Passage[];
  /** Records of older ones. */
  readonly more: number;
  /** There is more about these messages than is read. */
  readonly cut: boolean;
}

/** Passages that are shown; an address may have thousands. */
const MAX_PASSAGES = 20;
/** Queue ids that are followed for them. */
const MAX_QUEUE_IDS = 200;
const MAX_ROUNDS = 4;
/** Records in memory, some 2 KiB each: `seeds` have what was asked for, `records` belong to them. */
const LIMITS = { seeds: 20_000, records: 50_000 };
/** How long a message can be in a queue, in days; Postfix gives up after 5. */
const QUEUE_DAYS = 14;

export function follow(evidence: Evidence, asked: Asked, range: Range, limits = LIMITS): Answer {
  const { seeds, older } = seedsOf(evidence, asked, range, limits.seeds);
  const chosen = newest(seeds);
  if (chosen.length === 0) return { passages: [], more: 0, cut: false };
  const known = new Map<string, Found>();
  for (const found of chosen) known.set(placeOf(found), found);
  let ids = new Set(chosen.map(queueIdOf).filter((id) => id !== ''));
  let messageIds = new Set<string>();
  const followed = new Set<string>();
  let cut = false;
  for (let round = 0; round < MAX_ROUNDS && (ids.size > 0 || messageIds.size > 0); round++) {
    const keys: Key[] = [];
    for (const text of ids) keys.push({ kind: 'queueId', text });
    for (const text of messageIds) keys.push({ kind: 'messageId', text });
    for (const { kind, text } of keys) followed.add(`${kind} ${text}`);
    for (const found of evidence.find(() => keys, around(chosen))) {
      if (known.size < limits.records) known.set(placeOf(found), found);
      else cut ||= !known.has(placeOf(found));
    }
    const mine = connected(livesOf([...known.values()]), chosen);
    ids = new Set();
    messageIds = new Set();
    for (const found of mine.flatMap(({ lives }) => lives).flatMap(({ found }) => found)) {
      const { record } = found;
      const messageId = messageIdOf(found);
      if (messageId !== undefined) messageIds.add(messageId);
      if (record.type === 'message' && record.origQueueId !== undefined) ids.add(record.origQueueId);
      if ('queueId' in record && record.queueId !== undefined) ids.add(record.queueId);
    }
    for (const text of ids)
      if (followed.has(`queueId ${text}`) || followed.size > MAX_QUEUE_IDS) ids.delete(text);
    for (const text of messageIds)
      if (followed.has(`messageId ${text}`) || followed.size > MAX_QUEUE_IDS) messageIds.delete(text);
  }
  const passages = connected(livesOf([...known.values()]), chosen);
  const more = older + seeds.filter((found) => !known.has(placeOf(found))).length;
  return { passages, more, cut };
}

/** The newest records with what was asked for, in order of time, and how many older ones there are. */
function seedsOf(
  evidence: Evidence,
  asked: Asked,
  range: Range,
  limit: number,
): { readonly seeds: readonly Found[]; readonly older: number } {
  let seeds: Found[] = [];
  let older = 0;
  const keep = (): void => {
    seeds.sort((a, b) => (a.record.time < b.record.time ? -1 : 1));
    older += Math.max(0, seeds.length - limit);
    seeds = seeds.slice(-limit);
  };
  for (const found of evidence.find((place) => asked.keysIn(place), range)) {
    if (!isOfMessages(found)) continue;
    if (seeds.push(found) === 2 * limit) keep();
  }
  keep();
  return { seeds, older };
}

function isOfMessages({ record }: Found): boolean {
  return ['verdict', 'delivery', 'message', 'refusal', 'map'].includes(record.type);
}

/** Records of the newest messages. */
function newest(seeds: readonly Found[]): Found[] {
  const ids = new Set<string>();
  let from = seeds.length;
  for (; from > 0; from--) {
    const found = seeds[from - 1]!;
    ids.add(queueIdOf(found) || placeOf(found));
    if (ids.size > MAX_PASSAGES) break;
  }
  return seeds.slice(from);
}

function placeOf({ place, stream, day, record }: Found): string {
  return `${place.directory}\n${stream}\n${day}\n${record.n}`;
}

function around(seeds: readonly Found[]): Range {
  const days = seeds.map(({ day }) => day).sort();
  return { from: addDays(days[0]!, -QUEUE_DAYS), to: addDays(days.at(-1)!, QUEUE_DAYS) };
}

/** The passages in which a seed is: lives and what joins them. */
function connected(lives: readonly Life[], seeds: readonly Found[]): Passage[] {
  const next = new Map<Life, Join[]>();
  for (const join of joinsOf(lives))
    for (const life of [join.from, join.to]) {
      const known = next.get(life);
      if (known === undefined) next.set(life, [join]);
      else known.push(join);
    }
  const wanted = new Set(seeds.map(placeOf));
  const seen = new Set<Life>();
  const passages: Passage[] = [];
  for (const life of lives) {
    if (seen.has(life) || !life.found.some((found) => wanted.has(placeOf(found)))) continue;
    const group = new Set([life]);
    for (const one of group) for (const { from, to } of next.get(one) ?? []) group.add(from).add(to);
    for (const one of group) seen.add(one);
    const own = [...group].sort((a, b) => a.begin - b.begin);
    const joins = own.flatMap((one) => (next.get(one) ?? []).filter(({ from }) => from === one));
    passages.push({ lives: own, joins });
  }
  return passages.sort((a, b) => a.lives[0]!.begin - b.lives[0]!.begin);
}

/** Each life follows from the nearest earlier one that it names, or that has its Message-ID. */
function joinsOf(lives: readonly Life[]): Join[] {
  const joins: Join[] = [];
  const byMessageId = new Map<string, Life>();
  const byQueueId = new Map<string, Life[]>();
  for (const to of lives) {
    const { origQueueId, messageId } = namesOf(to);
    const origin = byQueueId
      .get(origQueueId ?? '')
      ?.findLast((one) => origQueueId !== undefined && isSameHost(one.host, to.host));
    if (origin !== undefined) joins.push({ from: origin, to, by: 'orig_queue_id' });
    const before = messageId === undefined ? undefined : byMessageId.get(messageId);
    if (before !== undefined && origin === undefined) joins.push({ from: before, to, by: 'Message-ID' });
    if (messageId !== undefined) byMessageId.set(messageId, to);
    const same = byQueueId.get(to.queueId);
    if (same === undefined) byQueueId.set(to.queueId, [to]);
    else same.push(to);
  }
  return joins;
}

function namesOf(life: Life): { origQueueId?: string | undefined; messageId?: string | undefined } {
  let names: ReturnType<typeof namesOf> = {};
  for (const found of life.found)
    if (found.record.type === 'message')
      names = {
        origQueueId: names.origQueueId ?? found.record.origQueueId,
        messageId: names.messageId ?? messageIdOf(found),
      };
  return names;
}
