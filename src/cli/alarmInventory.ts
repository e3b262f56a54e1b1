/**
 * What `tlsward probe --all-required` saw of the servers of partners last, as a look of the alarms: another certificate
 * that does not fit pins or TLSA records which the one before did, and certificates that end soon.
 *
 * The file is read again when it was replaced; kept of it is a line or two for each partner, of some 2 KiB at most. What
 * was not seen for eight days is no data, and so is a file that is not there.
 */
import { statSync } from 'node:fs';
import type { Condition, Kind, Look } from '../alarms/condition.ts';
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { codeOf } from '../files/systemError.ts';
import type { Binding, Change, Inventory, KnownServer, Partner } from '../probe/inventory.ts';
import { InventoryError, readInventory } from '../probe/inventoryFile.ts';

const KINDS: readonly Kind[] = ['partner-pins', 'partner-expiring'];
const DAY_MS = 86_400_000;
/** The timer runs every day. */
const STALE_MS = 8 * DAY_MS;
/** So many at once are told as one. */
const MANY = 20;
const MAX_SHOWN = 10;
/** Pins and records that are named. */
const MAX_NAMED = 4;

/** What is kept of a partner. */
interface Seen {
  readonly domain: string;
  /** When any of its servers was seen last; milliseconds. */
  readonly at: number;
  /** Of the servers, the certificate of a chain that ends first. */
  readonly ends: { readonly server: string; readonly issuer: string; readonly at: number } | null;
  /** The last change that has broken something which nothing of its kind fits yet. */
  readonly broken: { readonly at: number; readonly words: string; readonly first: string } | null;
  /** Would mail wait by its row? */
  readonly waits: boolean;
}

interface Options {
  readonly file: string;
  /** Whole days before the end of a certificate. */
  readonly days: number;
  /** A change is told for so long at least. */
  readonly windowMs: number;
}

export class PartnerInventory {
  readonly #options: Options;
  #partners: readonly Seen[] | null = null;
  /** Which version of the file that is. */
  #version = '';
  #trouble = '';

  constructor(options: Options) {
    this.#options = options;
  }

  /** Never throws because of the file. `trouble`: why it cannot be read; '' when it can, or is not there. */
  look(nowMs: number): { readonly look: Look; readonly trouble: string } {
    this.#read();
    const look =
      this.#partners === null
        ? { conditions: [], unjudged: KINDS }
        : inventoryLook(this.#partners, this.#options, nowMs);
    return { look, trouble: this.#trouble === '' ? '' : `${this.#options.file}: ${this.#trouble}` };
  }

  #read(): void {
    const { file } = this.#options;
    try {
      const { ino, size, mtimeMs } = statSync(file);
      const version = `${ino} ${size} ${mtimeMs}`;
      if (version === this.#version) return;
      this.#version = version;
      this.#partners = seenOf(readInventory(file));
      this.#trouble = '';
    } catch (error) {
      const code = codeOf(error);
      this.#partners = null;
      if (code !== '') this.#version = '';
      // what has the version of an inventory, and not its fields, is none either
      const why = error instanceof InventoryError ? error.message : 'is no inventory';
      this.#trouble = code === 'ENOENT' ? '' : code || why;
    }
  }
}

/** What alarms go by; texts of certificates are escaped. */
export function seenOf({ partners }: Pick<Inventory, 'partners'>): Seen[] {
  return partners.map((partner) => ({
    domain: partner.domain,
    at: Math.max(0, ...partner.servers.map(({ seen }) => Date.parse(seen))),
    ends: firstEnd(partner),
    broken: brokenOf(partner),
    waits: partner.ends === 'waits',
  }));
}

function firstEnd({ at, servers }: Partner): Seen['ends'] {
  // one that does not answer any more may have another certificate by now
  const recent = servers.filter(({ seen }) => Date.parse(at) - Date.parse(seen) < STALE_MS);
  const [first] = [...recent].sort((a, b) => (a.chainNotAfter < b.chainNotAfter ? -1 : 1));
  const end = Date.parse(first?.chainNotAfter ?? '');
  return first === undefined || Number.isNaN(end)
    ? null
    : { server: nameOf(first), issuer: escapeText(first.issuer), at: end };
}

function brokenOf({ servers, changes }: Partner): Seen['broken'] {
  const found = changes.flatMap((change) => {
    const now = servers.find(({ host, address }) => host === change.host && address === change.address);
    // a pin or a record that was put in its place fits now
    const broke = change.broke.filter(({ kind }) => !now?.bindings.some((one) => one.kind === kind));
    return now === undefined || broke.length === 0 ? [] : [{ change, broke }];
  });
  const last = found.at(-1);
  if (last === undefined) return null;
  const { change, broke } = last;
  return { at: Date.parse(change.at), words: changeWords(change, broke), first: broke[0]!.kind };
}

const WHAT: Readonly<Record<Change['what'], string>> = {
  issuer: 'a certificate of another issuer',
  key: 'a certificate with another key',
  certificate: 'another certificate',
};

function changeWords(change: Change, broke: readonly Binding[]): string {
  const named = broke
    .slice(0, MAX_NAMED)
    .map(({ kind, text }) => `${kind === 'pin' ? 'pin' : 'TLSA'} ${text}`);
  const more = broke.length > MAX_NAMED ? ` and ${broke.length - MAX_NAMED} more` : '';
  const { what, from, to } = change;
  const shown = `${nameOf(change)} shows ${WHAT[what]} (${escapeText(from)}; now ${escapeText(to)})`;
  return `${shown}, which does not fit ${escapeText(named.join(', '), 800)}${more}`;
}

function nameOf({ host, address }: Pick<KnownServer, 'host' | 'address'>): string {
  return escapeText(`${host} [${address}]`);
}

/** Pure; `nowMs`: milliseconds since the epoch. */
export function inventoryLook(
  partners: readonly Seen[],
  { days, windowMs }: Pick<Options, 'days' | 'windowMs'>,
  nowMs: number,
): Look {
  const pins = partners.flatMap((partner) => pinsOf(partner, windowMs, nowMs));
  const ends = partners.flatMap((partner) => endOf(partner, days, nowMs));
  return { conditions: [...manyAsOne(pins), ...manyAsOne(ends)], unjudged: [] };
}

function pinsOf({ domain, at, broken, waits }: Seen, windowMs: number, nowMs: number): Condition[] {
  if (broken === null) return [];
  const recent = nowMs - broken.at < windowMs;
  const level = nowMs - at >= STALE_MS ? 'unknown' : recent || waits ? 'bad' : 'good';
  const mend =
    broken.first === 'pin'
      ? 'then put the new pin into the row: tlsward reload'
      : 'their TLSA records must name the new certificate: tell them';
  return [
    {
      ...common('partner-pins', domain),
      level,
      since: broken.at,
      summary: `${domain}: ${broken.words}`,
      advice: [
        `tlsward probe ${domain}`,
        `ask ${domain} by telephone whether the certificate is theirs`,
        mend,
      ],
    },
  ];
}

function endOf({ domain, at, ends }: Seen, days: number, nowMs: number): Condition[] {
  if (ends === null)
    return [{ ...common('partner-expiring', domain), level: 'unknown', summary: '', advice: [] }];
  const left = Math.floor((ends.at - nowMs) / DAY_MS);
  if (left >= days) return [];
  const day = new Date(ends.at).toISOString().slice(0, 10);
  const when = ends.at <= nowMs ? `ended on ${day}` : `ends on ${day}, in ${count(left, 'day')}`;
  return [
    {
      ...common('partner-expiring', domain),
      level: nowMs - at >= STALE_MS ? 'unknown' : 'bad',
      summary: `the certificate of ${domain} at ${ends.server}, or one of its chain, ${when}; issuer: ${ends.issuer}`,
      advice: [
        `tlsward probe ${domain}`,
        `tell ${domain}: mail that must be verified waits from that day on`,
      ],
    },
  ];
}

function common(
  kind: Kind,
  subject: string,
): Pick<Condition, 'kind' | 'subject' | 'severity' | 'clearMs' | 'count' | 'domains'> {
  return { kind, subject, severity: 'warning', clearMs: 0, count: 1, domains: [subject] };
}

/** Many at once are mostly one provider's, and one message: then a single one neither begins nor ends. */
function manyAsOne(conditions: readonly Condition[]): readonly Condition[] {
  const bad = conditions.filter(({ level }) => level === 'bad');
  const [first] = bad;
  if (first === undefined || bad.length < MANY) return conditions;
  const shown = bad.slice(0, MAX_SHOWN).map(({ subject }) => subject);
  const all: Condition = {
    ...first,
    subject: '',
    summary: `certificates of ${bad.length} partners; the first: ${first.summary}`,
    count: bad.length,
    domains: shown,
    advice: ['tlsward certificates', ...first.advice],
  };
  return [
    all,
    ...conditions.map((one) => (one.level === 'bad' ? ({ ...one, level: 'between' } as const) : one)),
  ];
}
