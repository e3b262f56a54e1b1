/**
 * The sentence on top of a report and the paragraph below it. Pure. They claim no more than the records: a way without
 * records is not known, which is not the same as a way without mail.
 */
import type { Way } from '../tally/counts.ts';
import { type ByLevel, LEVELS, type Report } from './report.ts';
import { counted, listWords, number, percent, protectedOf, spoken, sum } from './words.ts';

type Answer = Pick<Report, 'answer' | 'lead'>;
type Parts = Omit<Report, 'answer' | 'lead' | 'findings'>;

const WAY_WORDS: Readonly<Record<Way, string>> = { in: 'inbound', out: 'outbound' };

export function answerOf(report: Parts): Answer {
  const asked = (['in', 'out'] as const).filter((way) => spoken(report, way));
  const known = asked.filter((way) => report.share[way].recordedDays > 0);
  const unknown = asked.filter((way) => !known.includes(way));
  if (known.length === 0) return nothingKnown(report);
  const counts = added(known.map((way) => report.share[way].travelled));
  return {
    answer: [...protectedWords(report, counts, known, unknown), ...lossWords(report)],
    lead: leadOf(report, counts, known),
  };
}

/** No day has records: neither a good nor a bad month. */
function nothingKnown({ from, to, partner }: Parts): Answer {
  const about = partner === null ? 'mail' : `mail with ${partner}`;
  return {
    answer: [{ text: `Nothing is known about ${about}: there are no records of this time.`, harm: true }],
    lead: `From ${from} to ${to} no day has records. Either evidence was not switched on, or its records are kept elsewhere.`,
  };
}

function protectedWords(
  { partner, way }: Parts,
  counts: ByLevel,
  known: readonly Way[],
  unknown: readonly Way[],
): Report['answer'] {
  const all = sum(counts);
  const [only] = known;
  const which = known.length === 1 && only !== undefined ? `${WAY_WORDS[only]} mail` : 'mail';
  const about = partner === null ? which : `${which} with ${partner}`;
  const share =
    all === 0
      ? `No ${about} with other hosts was recorded.`
      : `${percent(protectedOf(counts), all)} of ${about} travelled protected.`;
  const missing = unknown.map((one) => ({
    text: ` Of ${WAY_WORDS[one]} mail nothing is known: it is not recorded.`,
    harm: way === null,
  }));
  return [{ text: share, harm: false }, ...missing];
}

/** Who lost mail. */
function lossWords({ partners, causes, share, way }: Parts): Report['answer'] {
  const lost = [
    ...new Set([
      ...partners.filter(({ failed }) => failed > 0).map(({ domain }) => domain),
      ...causes
        .filter(({ outcome }) => outcome === 'refused' || outcome === 'returned')
        .map(({ domain }) => domain),
    ]),
  ];
  if (lost.length > 0)
    return [
      { text: ' ', harm: false },
      {
        text: `Mail with ${lost.length === 1 ? 'one partner' : `${numberWord(lost.length)} partners`} did not get through: ${listWords(lost.map(partnerWord))}.`,
        harm: true,
      },
    ];
  const failed = (way === 'in' ? 0 : share.out.failed) + (way === 'out' ? 0 : share.in.refused);
  if (failed > 0)
    return [{ text: ` ${counted(failed, 'message')} did not get through at once.`, harm: true }];
  const known =
    (way === null || way === 'in' ? share.in.recordedDays : 0) + (way === 'in' ? 0 : share.out.recordedDays);
  return known === 0 ? [] : [{ text: ' As far as is recorded, none was lost for want of TLS.', harm: false }];
}

/** The null sender and an address without a domain have no name of their own. */
export function partnerWord(domain: string): string {
  if (domain === '<>') return 'the null sender';
  return domain === '' ? 'senders without a domain' : domain;
}

const NUMBERS = 'no one two three four five six seven eight nine'.split(' ');

export function numberWord(value: number): string {
  return NUMBERS[value] ?? number(value);
}

function leadOf({ gaps, share, unlisted }: Parts, counts: ByLevel, known: readonly Way[]): string {
  const all = sum(counts);
  const inside = known.reduce((total, way) => total + share[way].inside, 0);
  const sentences = [
    all === 0
      ? 'No message went to or came from another host, as far as is recorded.'
      : `${number(protectedOf(counts))} of ${counted(all, 'message')} ${all === 1 ? 'is' : 'are'} known to have travelled under TLS 1.2 or later on the hop to or from this host.`,
  ];
  if (counts.unknown > 0)
    sentences.push(
      `Of ${counted(counts.unknown, 'message')} it could not be found out; they count as unknown, never as protected.`,
    );
  if (inside > 0)
    sentences.push(
      `${counted(inside, 'message')} never left this host, and ${inside === 1 ? 'is' : 'are'} in no share.`,
    );
  const missing = gaps.reduce((total, { count }) => total + (count ?? 0), 0);
  const open = gaps.filter(({ count }) => count === null).length;
  if (missing > 0) sentences.push(`${counted(missing, 'record')} ${missing === 1 ? 'is' : 'are'} missing.`);
  if (open > 0)
    sentences.push(`In ${counted(open, 'gap')} it is not known how many records are missing: see below.`);
  if (unlisted > 0)
    sentences.push(`${counted(unlisted, 'message')} with rare domains are in the shares, but in no list.`);
  return sentences.join(' ');
}

function added(all: readonly ByLevel[]): ByLevel {
  return Object.fromEntries(
    LEVELS.map((level) => [level, all.reduce((total, one) => total + one[level], 0)]),
  ) as unknown as ByLevel;
}
