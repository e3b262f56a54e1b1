/** Findings about mail that did not get through: out and not delivered, in and refused. Pure. */
import { partnerWord } from './answer.ts';
import type { Parts } from './findings.ts';
import type { Cause, Finding, Partner, Way } from './report.ts';
import { isDomain } from './shellWords.ts';
import { counted, listWords, number, rangeWords } from './words.ts';

/** Partners that have a finding of their own; when there are more, the last place is for all of them. */
const MAX_EACH = 2;

interface Loss {
  readonly domain: string;
  readonly count: number;
  /** The most frequent first. */
  readonly causes: readonly Cause[];
  /** Under a row that requires TLS; null: none did, and the mail was lost all the same. */
  readonly partner: Partner | null;
}

export function lostFindings(parts: Parts): Finding[] {
  return [
    ...each(lossesOf(parts, 'out'), failing, (losses) => several(losses, 'out')),
    ...each(lossesOf(parts, 'in'), refused, (losses) => several(losses, 'in')),
  ];
}

function each(
  losses: readonly Loss[],
  one: (loss: Loss) => Finding,
  many: (losses: readonly Loss[]) => Finding,
): Finding[] {
  if (losses.length <= MAX_EACH) return losses.map(one);
  return [...losses.slice(0, MAX_EACH - 1).map(one), many(losses.slice(MAX_EACH - 1))];
}

const LOST: Readonly<Record<Way, readonly Cause['outcome'][]>> = {
  in: ['refused', 'put off'],
  out: ['returned', 'waiting'],
};

/** By domain, the most messages first. */
function lossesOf({ causes, partners }: Parts, way: Way): Loss[] {
  const found = new Map<string, Cause[]>();
  for (const cause of causes) {
    if (cause.way !== way || !LOST[way].includes(cause.outcome)) continue;
    found.set(cause.domain, [...(found.get(cause.domain) ?? []), cause]);
  }
  const required = new Map(partners.filter((one) => one.way === way).map((one) => [one.domain, one]));
  const losses = [...found].map(([domain, own]): Loss => {
    const count = own.reduce((total, { messages }) => total + messages, 0);
    const partner = required.get(domain) ?? null;
    return { domain, count, causes: own.sort((a, b) => b.messages - a.messages), partner };
  });
  return losses.sort((a, b) => gone(b) - gone(a) || b.count - a.count);
}

/** Messages that are lost for good: what waits or was put off may still come. */
function gone({ causes }: Loss): number {
  return causes
    .filter(({ outcome }) => outcome === 'refused' || outcome === 'returned')
    .reduce((total, { messages }) => total + messages, 0);
}

/** `62 came back to their authors, 106 still wait`. */
function outcomes(causes: readonly Cause[]): string {
  const of = (outcome: Cause['outcome']): number =>
    causes.filter((one) => one.outcome === outcome).reduce((total, { messages }) => total + messages, 0);
  const said: string[] = [];
  const add = (count: number, one: string, many: string): void => {
    if (count > 0) said.push(`${counted(count, 'message')} ${count === 1 ? one : many}`);
  };
  add(of('returned'), 'came back to its author', 'came back to their authors');
  add(of('waiting'), 'still waits', 'still wait');
  add(of('refused'), 'was refused', 'were refused');
  add(of('put off'), 'was put off, and may have come later', 'were put off, and may have come later');
  return said.join(', ');
}

function seen(causes: readonly Cause[]): string {
  const first = causes.map((one) => one.first).sort()[0] ?? '';
  const last =
    causes
      .map((one) => one.last)
      .sort()
      .at(-1) ?? '';
  return rangeWords(first, last);
}

/** `The cause: certificate expired.` */
function causeWords(causes: readonly Cause[]): string {
  const words = [...new Set(causes.map(({ cause }) => cause))];
  return words.length === 1 ? `The cause: ${words[0]}.` : `The causes: ${listWords(words)}.`;
}

function rowWords(partner: Partner | null): string {
  if (partner === null) return '';
  const at = partner.at === '' ? '' : ` (${partner.at})`;
  const kept = partner.kept === 0 ? '' : ` ${counted(partner.kept, 'other message')} met it.`;
  return ` The level that is demanded is ${partner.level}${at}.${kept}`;
}

function failing(loss: Loss): Finding {
  const { domain, count, causes, partner } = loss;
  const part = partner !== null && partner.kept > 0 ? 'some mail to this partner' : 'mail to this partner';
  const { advice, paste } = adviceFor(loss);
  return {
    kind: 'failing',
    harm: true,
    count,
    unit: count === 1 ? 'message out, not delivered' : 'messages out, not delivered',
    domains: [domain],
    title: `${partnerWord(domain)}: ${part} does not arrive`,
    text: `${outcomes(causes)}, ${seen(causes)}. ${causeWords(causes)}${rowWords(partner)} ${advice}`,
    paste,
    rows: { part: 'causes', key: domain },
  };
}

/** What helps, by the words of the most frequent cause. */
function adviceFor({ domain, causes, partner }: Loss): { readonly advice: string; readonly paste: string } {
  const [main] = causes;
  // behind it stands the name of a server, which anyone may choose
  const [cause = ''] = (main?.cause ?? '').split(', most ', 1);
  const trace = traceOf(causes);
  const verifies =
    partner !== null && ['verify', 'secure', 'fingerprint', 'dane-only'].includes(partner.level);
  if (/certificate|TLSA|trusted|name|MTA-STS/i.test(cause) && verifies && isDomain(domain))
    return {
      advice:
        'Ask the partner to put it right. If mail must flow before that, let it leave encrypted, to whoever answers, for a week:',
      paste: `tlsward except ${domain} --until +7d --deliver encrypt --reason "${reason(cause)}"`,
    };
  if (trace !== '')
    return {
      advice: 'Ask the partner to put it right; this shows one of them, with host, time and reply:',
      paste: trace,
    };
  return { advice: 'Ask the partner to put it right.', paste: '' };
}

/** A reason for the table: nothing that a shell acts on, and no option. */
function reason(cause: string): string {
  const words = cause
    .replace(/,.*$/, '')
    .replace(/[^A-Za-z0-9 .-]/g, '')
    .slice(0, 60)
    .replace(/^[^A-Za-z0-9]+/, '')
    .trim();
  return words === '' ? 'TLS fails' : words;
}

function traceOf(causes: readonly Cause[]): string {
  const example = causes.find((one) => /^[A-Za-z0-9]{1,64}$/.test(one.example))?.example;
  return example === undefined ? '' : `tlsward trace ${example}`;
}

function refused({ domain, count, causes, partner }: Loss): Finding {
  const harm = causes.some(({ outcome }) => outcome === 'refused');
  const verb = harm ? 'refused' : 'put off';
  const paste = traceOf(causes);
  const advice =
    paste === ''
      ? 'Tell the partner.'
      : 'Send the partner what this prints: host, time and the reply that was given.';
  const part =
    partner !== null && partner.kept > 0 ? 'some mail from this partner' : 'mail from this partner';
  return {
    kind: 'refused',
    harm,
    count,
    unit: count === 1 ? `attempt in, ${verb}` : `attempts in, ${verb}`,
    domains: [domain],
    title: `${partnerWord(domain)}: ${part} is ${verb}`,
    text: `${outcomes(causes)}, ${seen(causes)}. ${causeWords(causes)}${rowWords(partner)} ${advice}`,
    paste,
    rows: { part: 'causes', key: domain },
  };
}

function several(losses: readonly Loss[], way: Way): Finding {
  const causes = losses.flatMap((loss) => loss.causes).sort((a, b) => b.messages - a.messages);
  const domains = losses.map(({ domain }) => domain);
  const count = losses.reduce((total, loss) => total + loss.count, 0);
  const many = `${number(losses.length)} other partners`;
  const paste = traceOf(causes);
  return {
    kind: way === 'out' ? 'failing' : 'refused',
    harm: true,
    count,
    unit: way === 'out' ? 'messages out, not delivered' : 'attempts in, refused',
    domains,
    title: way === 'out' ? `${many}: mail does not arrive` : `${many}: mail is refused`,
    text: `${listWords(domains.map(partnerWord), 5)}. ${outcomes(causes)}, ${seen(causes)}. ${causeWords(causes)}${paste === '' ? '' : ' This shows one of them:'}`,
    paste,
    rows: { part: 'causes', key: '' },
  };
}
