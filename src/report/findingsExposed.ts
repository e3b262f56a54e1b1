/** Findings about mail that travelled below what it should have, and about time of which the records say nothing. Pure. */
import { partnerWord } from './answer.ts';
import type { Ground, Parts } from './findings.ts';
import type { Finding, PlainDomain } from './report.ts';
import { isDomain, shellWord } from './shellWords.ts';
import type { StandingTable } from './standing.ts';
import { counted, dayWords, listWords, number, percent, sum } from './words.ts';

/** Records that are missing, of all: more of them are a finding. */
const LARGE_GAP = 0.01;

export function exposedFindings(parts: Parts, ground: Ground): Finding[] {
  return [
    overdue(parts),
    passed(parts),
    plainIn(parts, ground),
    plainOut(parts),
    weak(parts),
    gap(parts),
  ].flat();
}

function overdue({ exceptions, to }: Parts): Finding[] {
  const late = exceptions.filter(({ state }) => state === 'overdue');
  const [first] = late;
  if (first === undefined) return [];
  const count = late.reduce((total, one) => total + one.passed, 0);
  const days = (until: string): number => Math.round((Date.parse(to) - Date.parse(until)) / 86_400_000);
  const names = late.map(({ pattern }) => pattern);
  const one = late.length === 1;
  const words = late.map(({ pattern }) => shellWord(pattern));
  return [
    {
      kind: 'overdue',
      harm: count > 0,
      count,
      unit: count === 1 ? 'message let pass by it' : `messages let pass by ${one ? 'it' : 'them'}`,
      domains: names,
      title: one
        ? `${first.pattern}: an exception is ${counted(days(first.until), 'day')} overdue`
        : `${late.length} exceptions are overdue`,
      text: `${listWords(
        late.map(({ pattern, until }) => `${pattern} was to end on ${dayWords(until)}`),
        4,
      )}. What is overdue stays in force (${listWords(first.changes.map(arrow))}; ${first.reason}). Ask whether the partner is ready, then remove it:`,
      paste: words.every((word) => word !== null)
        ? words.map((word) => `tlsward except ${word} --remove`).join('\n')
        : 'tlsward exceptions',
      rows: { part: 'exceptions', key: one ? first.pattern : '' },
    },
  ];
}

/** As a terminal shows it. */
export function arrow(change: string): string {
  return change.replaceAll('\u2192', '->').replaceAll('\\u{2192}', '->');
}

/** Enforced rows that let mail pass all the same: they tag, or the TLS of the session is not known. */
function passed({ partners, causes }: Parts): Finding[] {
  const some = partners.filter((one) => !one.observed && one.passed > 0);
  const [first] = some;
  if (first === undefined) return [];
  const count = some.reduce((total, one) => total + one.passed, 0);
  const domains = some.map(({ domain }) => domain);
  const known = new Set(domains);
  const own = causes.filter(({ outcome, domain }) => outcome === 'let pass' && known.has(domain));
  const why = listWords([...new Set(own.map(({ cause }) => cause))]);
  const example = own.find((one) => /^[A-Za-z0-9]{1,64}$/.test(one.example))?.example ?? '';
  return [
    {
      kind: 'passed',
      harm: true,
      count,
      unit: count === 1 ? 'message let pass' : 'messages let pass',
      domains,
      title: `${listWords(domains.map(partnerWord))}: mail passed below the level that is demanded`,
      text: `The rows demand more than these messages are known to have had, and they travelled all the same${why === '' ? '' : `: ${why}`}.${example === '' ? '' : ' This shows one of them:'}`,
      paste: example === '' ? '' : `tlsward trace ${example}`,
      rows: { part: 'partners', key: some.length === 1 ? first.domain : '' },
    },
  ];
}

function plainIn({ plain, share, made }: Parts, { table }: Ground): Finding[] {
  const some = plain.filter((one) => one.in > 0).sort((a, b) => b.in - a.in);
  const [first] = some;
  if (first === undefined) return [];
  const all = share.in.travelled.plain;
  const whole = first.out === 0 && first.share === 1;
  const paste = observeLines(first, table, made.slice(0, 10));
  const others =
    some.length === 1
      ? ''
      : ` ${counted(some.length - 1, 'other domain')} sent ${number(Math.max(0, all - first.in))} more.`;
  return [
    {
      kind: 'plain',
      harm: true,
      count: all,
      unit: all === 1 ? 'message in, plaintext' : 'messages in, plaintext',
      domains: some.map(({ domain }) => domain),
      title: `${partnerWord(first.domain)}: ${whole ? 'everything it sends can be read on the way' : 'mail from it can be read on the way'}`,
      text: `${percent(first.in, all)} of all plaintext that arrives comes from there (${counted(first.in, 'message')}, last on ${dayWords(first.last)}).${others} Ask them to switch TLS on${paste === '' ? '.' : ', and let this row count what it would refuse until they have:'}`,
      paste,
      rows: { part: 'plain', key: first.domain },
    },
  ];
}

/** A row that only counts; '' where it would change anything else. */
function observeLines({ domain }: PlainDomain, table: StandingTable | null, today: string): string {
  if (table === null || !isDomain(domain)) return '';
  const row = table.rowOf(domain);
  const { receive = 'may', deliver = null } = row?.settings ?? {};
  // a row that observes enforces nothing on the way out, either
  const mtaTries = table.mtaLevel !== null && table.mtaLevel !== 'none';
  const loses = deliver !== null && deliver !== 'none' && !(deliver === 'may' && mtaTries);
  if (
    row?.pattern === domain ||
    row?.exception === true ||
    loses ||
    receive === 'encrypt' ||
    receive === 'verify'
  )
    return '';
  const kept = (row?.lines ?? []).filter((line) => !/^\s*(?:receive|mode|reason|until)\s*=/.test(line));
  return [
    `[domain ${domain}]`,
    ...kept,
    'receive = encrypt',
    'mode = observe',
    `reason = asked for TLS on ${today}`,
  ].join('\n');
}

function plainOut({ plain, share }: Parts): Finding[] {
  const some = plain.filter(({ out }) => out > 0).sort((a, b) => b.out - a.out);
  const [first] = some;
  if (first === undefined) return [];
  const all = share.out.travelled.plain;
  const word = isDomain(first.domain) ? shellWord(first.domain) : null;
  return [
    {
      kind: 'plain',
      harm: true,
      count: all,
      unit: all === 1 ? 'message out, plaintext' : 'messages out, plaintext',
      domains: some.map(({ domain }) => domain),
      title:
        some.length === 1
          ? `${partnerWord(first.domain)}: mail to it can be read on the way`
          : `${number(some.length)} domains take mail in plaintext`,
      text: `Most goes to ${partnerWord(first.domain)} (${counted(first.out, 'message')}, last on ${dayWords(first.last)}).${word === null ? '' : ' What does it publish, and could it be required?'}`,
      paste: word === null ? '' : `tlsward published ${word}`,
      rows: { part: 'plain', key: first.domain },
    },
  ];
}

/** Old protocols only: an ageing cipher is no harm yet. */
function weak({ weak: all, share }: Parts): Finding[] {
  const old = all.filter(({ protocol }) => protocol !== 'TLSv1.2' && protocol !== 'TLSv1.3');
  const count = share.in.travelled.older + share.out.travelled.older;
  if (count === 0) return [];
  const names = [...new Set(old.map(({ protocol }) => protocol))];
  const domains = [...new Set(old.flatMap((one) => one.domains))];
  return [
    {
      kind: 'weak',
      harm: true,
      count,
      unit: count === 1 ? 'message under an older TLS' : 'messages under an older TLS',
      domains,
      title: `${listWords(names.length === 0 ? ['Old TLS'] : names)} is still in use`,
      text: `These versions have known weaknesses and do not count as protected. Most of it is with ${listWords(domains.map(partnerWord), 4)}. A row with receive = encrypt refuses them; ask for a newer TLS first.`,
      paste: '',
      rows: { part: 'weak', key: '' },
    },
  ];
}

function gap({ gaps, records, share, way, from, to }: Parts): Finding[] {
  const missing = gaps.reduce((total, { count }) => total + (count ?? 0), 0);
  const silent = (['in', 'out'] as const).filter(
    (one) => (way === null || way === one) && share[one].recordedDays === 0,
  );
  const [first] = silent;
  if (first !== undefined) {
    const whole = silent.length === 2;
    return [
      {
        kind: 'gap',
        harm: false,
        count: 0,
        unit: 'days with records',
        domains: [],
        title: whole
          ? 'Nothing is recorded'
          : `${first === 'in' ? 'Mail that comes' : 'Mail that leaves'} is not recorded`,
        text: `From ${from} to ${to} no day has records of ${whole ? 'any mail' : first === 'in' ? 'the daemon: [service] needs evidence = DIRECTORY' : '`tlsward collect`, which reads how mail left from the log of the MTA'}.${first === 'out' && !whole ? ' Switch it on:' : ''}`,
        paste: first === 'out' && !whole ? 'systemctl enable --now tlsward-collect' : '',
        rows: { part: 'gaps', key: '' },
      },
    ];
  }
  const travelled = sum(share.in.travelled) + sum(share.out.travelled);
  if (missing === 0 || missing < LARGE_GAP * Math.max(records, travelled)) return [];
  return [
    {
      kind: 'gap',
      harm: false,
      count: missing,
      unit: missing === 1 ? 'record missing' : 'records missing',
      domains: [],
      title: `Records are missing: ${percent(missing, missing + records)} of what happened is in no figure`,
      text: `${listWords([...new Set(gaps.filter(({ count }) => count !== 0).map(({ why }) => why))])}. Find out why, and whether the rest holds:`,
      paste: 'tlsward status --check; tlsward evidence verify',
      rows: { part: 'gaps', key: '' },
    },
  ];
}
