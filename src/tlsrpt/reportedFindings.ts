/**
 * What to do about what others report, by harm: sessions that fail, those that failed and do so no more, reporters that
 * went silent, a policy that is still in testing. Pure. Each sentence says whose claim it is.
 */
import { certificateEvents, type OwnCertificate } from './ownCertificates.ts';
import type { ReportedMode } from './policyModes.ts';
import type { ReportedCause, ReportedParts, Reporter } from './reported.ts';
import { isAboutCertificate, lookCommand, mendOf, resultWords } from './resultWords.ts';

const MAX_FINDINGS = 7;
/** Characters of a name that its bearer has chosen. */
const MAX_NAME = 60;
const MAX_REASON = 200;
/** Days for which nothing failed in testing before it is said that enforce would do. */
const QUIET_DAYS = 7;

export interface ReportedFinding {
  readonly kind: 'failing' | 'failed' | 'silent' | 'testing';
  /** Do sessions still fail, as far as reports go? */
  readonly harm: boolean;
  readonly count: number;
  readonly unit: string;
  /** One line. */
  readonly title: string;
  /** Sentences. */
  readonly text: string;
  /** Commands; ''. */
  readonly paste: string;
  /** Number of the row behind it, in `causes` or `reporters`; null: there is none. */
  readonly cause: number | null;
  readonly reporter: number | null;
}

export interface Reported extends ReportedParts {
  readonly findings: readonly ReportedFinding[];
}

/** `certificates`: those that this host presents. */
export function withFindings(parts: ReportedParts, certificates: readonly OwnCertificate[]): Reported {
  const failures = groups(parts.causes).map((group) => failing(group, parts, certificates));
  const all = [
    ...failures.filter(({ harm }) => harm),
    ...failures.filter(({ harm }) => !harm),
    ...silent(parts),
    ...parts.modes.flatMap((mode) => testing(mode, parts)),
  ];
  return { ...parts, findings: all.slice(0, MAX_FINDINGS) };
}

/** The same at the same host, whoever says so; causes are ordered by harm already. */
function groups(causes: readonly ReportedCause[]): ReportedCause[][] {
  const found = new Map<string, ReportedCause[]>();
  for (const cause of causes) {
    const key = JSON.stringify([cause.current, cause.result, cause.mxHost.toLowerCase()]);
    const group = found.get(key);
    if (group === undefined) found.set(key, [cause]);
    else group.push(cause);
  }
  const size = (group: readonly ReportedCause[]): number => group.reduce((sum, one) => sum + one.sessions, 0);
  return [...found.values()].sort((a, b) => size(b) - size(a));
}

function failing(
  group: readonly ReportedCause[],
  { causes }: ReportedParts,
  certificates: readonly OwnCertificate[],
): ReportedFinding {
  const first = group[0]!;
  const { result, mxHost, current, reason } = first;
  const sessions = group.reduce((sum, one) => sum + one.sessions, 0);
  const of = group.reduce((sum, one) => sum + one.of, 0);
  const [begun = '', last = ''] = [
    group.map((one) => one.first).sort()[0],
    group
      .map((one) => one.last)
      .sort()
      .at(-1),
  ];
  const domains = [...new Set(group.flatMap((one) => one.domains))];
  const from = [...new Set(group.flatMap((one) => one.from))];
  const events = isAboutCertificate(result)
    ? certificates.flatMap((one) =>
        certificateEvents(
          one,
          group.map(({ start }) => start).sort()[0]!,
          group
            .map(({ end }) => end)
            .sort()
            .at(-1)!,
        ),
      )
    : [];
  const others = new Set(group.map(({ reporter }) => reporter.toLowerCase())).size - 1;
  const who = `${nameOf(first.reporter)}${others === 0 ? '' : ` and ${others} other${others === 1 ? '' : 's'}`}`;
  const at = mxHost === '' ? '' : ` at ${cut(mxHost)}`;
  const said = [
    `In reports of ${begun === last ? last : `${begun} to ${last}`}, about ${some(domains)}${from.length === 0 ? '' : `, sent from ${some(from)}`}.`,
    current
      ? ''
      : `The last report about it from the same reporter${others === 0 ? '' : 's'} has it no more.`,
    reason === '' ? '' : `The reporter adds: ${cut(reason, MAX_REASON)}.`,
    events.length === 0 ? '' : `In that time ${events.slice(0, 3).join(', and ')}.`,
    current ? mendOf(result) : '',
  ];
  const look = current ? lookCommand(result, mxHost.toLowerCase(), domains[0] ?? '') : '';
  return {
    kind: current ? 'failing' : 'failed',
    harm: current,
    count: sessions,
    unit: 'sessions, as reported',
    title: `${who}: ${grouped(sessions)} of ${grouped(of)} sessions failed${at}: ${cut(resultWords(result), MAX_NAME)}`,
    text: said.filter((text) => text !== '').join(' '),
    paste: [...(look === '' ? [] : [look]), `tlsward tlsrpt list --failed --full --since ${begun}`].join(
      '\n',
    ),
    cause: causes.indexOf(first),
    reporter: null,
  };
}

/** One for all: the reasons are the same, and on our side. */
function silent({ reporters, otherReporters }: ReportedParts): ReportedFinding[] {
  const gone = reporters.filter((one) => one.silent);
  const [first] = gone;
  if (first === undefined) return [];
  const last = gone
    .map((one) => one.last)
    .sort()
    .at(-1)!;
  const all = otherReporters === 0 && gone.length === reporters.length && gone.length > 1;
  const why =
    'A sender that has no mail for us has nothing to report; else the record `_smtp._tls`, the mailbox behind it, or what hands the reports to tlsward has changed.';
  return [
    {
      kind: 'silent',
      harm: false,
      count: gone.length,
      unit: `reporter${gone.length === 1 ? '' : 's'} gone silent`,
      title: all
        ? `No reporter has been heard of since ${last}`
        : `${namesOf(gone)} reported regularly, and no longer do${gone.length === 1 ? 'es' : ''}`,
      text: `${gone.length === 1 ? 'The last report is' : 'The last reports are'} of ${gone.length > 1 && !all ? `${gone.map((one) => one.last).sort()[0]} to ${last}` : last}. ${why}`,
      paste: 'dig _smtp._tls.DOMAIN TXT\ntlsward tlsrpt list --since 30d',
      cause: null,
      reporter: reporters.indexOf(first),
    },
  ];
}

function testing(
  { domain, mode, first, last, reporters, failed }: ReportedMode,
  { causes }: ReportedParts,
): ReportedFinding[] {
  if (mode !== 'testing') return [];
  const quiet = Date.parse(last) - Date.parse(first) >= QUIET_DAYS * 86_400_000;
  const cause = causes.findIndex((one) => one.domains.includes(domain));
  const what =
    failed > 0
      ? `With \`mode: enforce\` senders would have kept back the mail of ${grouped(failed)} session${failed === 1 ? '' : 's'} that failed: mend these first.`
      : quiet
        ? 'No session failed under it: with `mode: enforce`, and a new `id` in the record `_mta-sts`, nobody on the way can switch TLS off unseen.'
        : `No session failed under it so far; look again after ${QUIET_DAYS} days.`;
  return [
    {
      kind: 'testing',
      harm: false,
      count: reporters,
      unit: `reporter${reporters === 1 ? '' : 's'} quote${reporters === 1 ? 's' : ''} it`,
      title: `The MTA-STS policy of ${cut(domain)} is still in testing`,
      text: `Reports of ${first === last ? last : `${first} to ${last}`} quote \`mode: testing\`. ${what}`,
      paste: '',
      cause: failed > 0 && cause >= 0 ? cause : null,
      reporter: null,
    },
  ];
}

function nameOf(name: string): string {
  return name === '' ? 'A reporter without a name' : cut(name);
}

function namesOf(all: readonly Reporter[]): string {
  const names = all.slice(0, 3).map(({ name }) => nameOf(name));
  const more = all.length - names.length;
  if (more > 0) return `${names.join(', ')} and ${more} more`;
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

function some(texts: readonly string[]): string {
  if (texts.length === 0) return 'no domain';
  const more = texts.length - 3;
  return `${texts
    .slice(0, 3)
    .map((text) => cut(text, 100))
    .join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** A back quote would begin a command on the page. */
function cut(text: string, most = MAX_NAME): string {
  const plain = text.replaceAll('`', "'");
  return plain.length > most ? `${plain.slice(0, most)}...` : plain;
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}
