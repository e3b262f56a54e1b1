/**
 * Which banners a message gets and whose texts they use: chosen from its verdict alone. Pure.
 *
 * Every reader of the message sees the banner, so it must be true for every recipient: it is added when the
 * row of the sender's domain asks for it, or the rows of all recipients do. The texts are those of the
 * sender's row if it asks, otherwise those of the recipients' rows if they agree. A message whose TLS state
 * is unknown gets no banner.
 */
import type { Banner, Settings } from '../core/settings.ts';
import type { Transaction } from '../core/transaction.ts';
import type { Finding, Verdict } from '../core/verdict.ts';
import { mapped, type Work } from '../core/work.ts';
import { stateOf } from '../mark/markOf.ts';

export interface ChosenBanner {
  readonly kinds: ReadonlySet<Banner>;
  /** Subject tag; '' for none. */
  readonly tag: string;
  /** Template of the text for header and body; '' for none. */
  readonly text: string;
  /** Whether a DKIM signature may be broken for it. */
  readonly breakSignatures: boolean;
  /** `contact`, `help` and `reason` of the row that the texts are from. */
  readonly row: Finding['row'];
}

/** Fields of a banner that the row fills in; one recipient's must not be shown to another. */
const ROW_FIELDS = ['contact', 'help', 'reason'] as const;

/** Can there be a banner for a message with this verdict? */
export function asksForBanner({ judged, findings }: Verdict): boolean {
  return judged === 'judged' && findings.some(asks);
}

function asks(finding: Finding): boolean {
  return finding.row !== null && finding.row.settings.banner.length > 0;
}

function bannersOf(findings: readonly Finding[]): Set<Banner> {
  return new Set(findings.flatMap((finding) => finding.row?.settings.banner ?? []));
}

/** A row's banner as one value to compare: its texts, and the values that it would fill in. */
function bannerKey(settings: Settings): string {
  const { bannerText, bannerTag, bannerUnprotectedText, bannerUnprotectedTag, bannerSigned } = settings;
  const texts = bannerText + bannerUnprotectedText;
  const own = ROW_FIELDS.map((name) => (texts.includes(`{${name}}`) ? settings[name] : null));
  return JSON.stringify([
    bannerText,
    bannerTag,
    bannerUnprotectedText,
    bannerUnprotectedTag,
    bannerSigned,
    own,
  ]);
}

/**
 * The banner for this message, or null when no row asks, rows differ, or there is nothing to say about its
 * state.
 */
export function* chooseBanner(transaction: Transaction, verdict: Verdict): Work<ChosenBanner | null> {
  if (!asksForBanner(verdict)) return null;
  const state = stateOf(verdict);
  if (state === 'unknown') return null;
  const bySender = verdict.findings.filter((finding) => finding.side === 'sender');
  const kinds = bannersOf(bySender);
  let speaker = bySender.find(asks)?.row ?? null;
  if (kinds.size === 0) {
    const byAddress = new Map<string | undefined, Finding[]>();
    for (const finding of verdict.findings) {
      if (finding.side !== 'recipient') continue;
      const same = byAddress.get(finding.address?.text);
      if (same === undefined) byAddress.set(finding.address?.text, [finding]);
      else same.push(finding);
    }
    const addresses = new Set(transaction.recipients.map(({ text }) => text));
    yield;
    const [first = [], ...others] = [...addresses].map((text) => byAddress.get(text) ?? []);
    const kindsOfOthers = yield* mapped(others, bannersOf);
    for (const kind of bannersOf(first)) {
      if (kindsOfOthers.every((their) => their.has(kind))) kinds.add(kind);
    }
    speaker = first.find(asks)?.row ?? null;
    const known = new Map<Settings, string>();
    const keyOf = (settings: Settings): string => {
      const key = known.get(settings) ?? bannerKey(settings);
      known.set(settings, key);
      return key;
    };
    const key = speaker === null ? '' : keyOf(speaker.settings);
    const agree = yield* mapped(others, (findings) =>
      findings.some((finding) => finding.row !== null && keyOf(finding.row.settings) === key),
    );
    if (agree.includes(false)) return null;
  }
  if (kinds.size === 0 || speaker === null) return null;
  const { settings } = speaker;
  const isProtected = state === 'protected';
  const text = isProtected ? settings.bannerText : settings.bannerUnprotectedText;
  const tag = isProtected ? settings.bannerTag : settings.bannerUnprotectedTag;
  if (text === '') kinds.delete('header');
  if (text === '') kinds.delete('body');
  if (tag === '') kinds.delete('subject');
  return kinds.size === 0
    ? null
    : { kinds, tag, text, breakSignatures: settings.bannerSigned === 'edit', row: speaker };
}
