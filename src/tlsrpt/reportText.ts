/** A report as lines for a person: what failed first, then what we know of it, then what is odd about the report. */
import { count } from '../core/plural.ts';
import { dkimWords } from './dkimClaim.ts';
import type { KeptReport } from './keptReport.ts';
import type { Joined, OurRecords } from './ourRecords.ts';
import type { ReportedFailure } from './report.ts';

interface Line {
  readonly name: string;
  readonly text: string;
}

/** Rows of failures, and addresses, that are printed. */
const MAX_ROWS = 20;

/** `Google Inc., 2026-11-29, about example.org: 14 of 120 sessions failed`. */
export function headline({ organization, start, end, policies, successful, failed }: KeptReport): string {
  const domains = [...new Set(policies.map(({ domain }) => domain))];
  const more = domains.length > 3 ? ` and ${domains.length - 3} more` : '';
  const about = `${domains.slice(0, 3).join(', ')}${more}`;
  const sessions = successful + failed;
  const said =
    sessions === 0
      ? 'no session'
      : failed === 0
        ? `${count(sessions, 'session')}, none failed`
        : `${failed} of ${count(sessions, 'session')} failed`;
  return `${organization === '' ? 'nobody named' : organization}, ${hoursOf(start, end)}, about ${about}: ${said}`;
}

/** A whole day by its name, anything else by its times. */
function hoursOf(start: string, end: string): string {
  const day = start.slice(0, 10);
  if (start.endsWith('T00:00:00Z') && Date.parse(end) - Date.parse(start) >= 86_399_000)
    if (Date.parse(end) - Date.parse(start) <= 86_400_000) return day;
  return `${start} to ${end}`;
}

/** What stands below the headline. `joined`: null: there are no records of ours to ask. */
export function reportLines(
  report: KeptReport,
  joined: Joined | null,
  certificates: readonly string[],
): Line[] {
  return [
    ...report.policies.flatMap(policyLines),
    ...more(report),
    ...(joined === null ? [] : joinedLines(joined)),
    ...certificates.map((text) => ({ name: 'certificate', text })),
    { name: 'dkim', text: dkimText(report) },
    { name: 'report', text: `${report.id === '' ? 'without id' : report.id}${by(report.contact)}` },
    ...(report.quirks.length === 0 ? [] : [{ name: 'odd', text: report.quirks.join('; ') }]),
  ];
}

function by(contact: string): string {
  return contact === '' ? '' : `, contact ${contact}`;
}

function policyLines({
  domain,
  type,
  successful,
  failed,
  failures,
  moreRows,
  moreSessions,
}: KeptReport['policies'][number]): Line[] {
  const policy = type === '' ? 'policy' : type === 'no-policy-found' ? 'no policy' : type;
  const shown = failures.slice(0, MAX_ROWS);
  const rows = failures.length - shown.length + moreRows;
  const sessions = failures.slice(MAX_ROWS).reduce((sum, one) => sum + one.sessions, 0) + moreSessions;
  return [
    { name: policy, text: `${domain}: ${successful} good, ${failed} failed` },
    ...shown.map((row) => ({ name: 'failed', text: failureText(row) })),
    ...(rows === 0
      ? []
      : [{ name: '', text: `${count(rows, 'more row')} with ${count(sessions, 'session')}` }]),
  ];
}

function failureText({
  result,
  sessions,
  sendingAddress,
  mxHost,
  mxHelo,
  mxAddress,
  information,
  reason,
}: ReportedFailure): string {
  const host = [
    mxHost,
    mxHelo === '' || mxHelo === mxHost ? '' : `(${mxHelo})`,
    mxAddress === '' ? '' : `[${mxAddress}]`,
  ];
  const at = host.filter((word) => word !== '').join(' ');
  return [
    `${sessions} ${result === '' ? 'for no reason that is named' : result}`,
    at === '' ? '' : ` at ${at}`,
    sendingAddress === '' ? '' : ` from ${sendingAddress}`,
    reason === '' ? '' : `: ${reason}`,
    information === '' ? '' : ` (${information})`,
  ].join('');
}

function more({ morePolicies, others }: KeptReport): Line[] {
  return [
    ...(morePolicies === 0
      ? []
      : [{ name: '', text: `${count(morePolicies, 'more policy', 'more policies')} about us` }]),
    ...(others === 0
      ? []
      : [{ name: 'left out', text: `${count(others, 'policy', 'policies')} about other domains` }]),
  ];
}

function joinedLines({ records, moreAddresses, missingDays }: Joined): Line[] {
  if (records.length === 0) return [];
  const lines = records.slice(0, MAX_ROWS).map((one) => ({ name: 'ours', text: recordsText(one) }));
  const left = records.length - lines.length + moreAddresses;
  if (left > 0) lines.push({ name: '', text: `${count(left, 'more address', 'more addresses')}` });
  if (missingDays.length > 0)
    lines.push({ name: '', text: `we have no records of ${missingDays.join(', ')}` });
  return lines;
}

function recordsText({
  address,
  tls,
  plain,
  unknown,
  refused,
  refusals,
  first,
  last,
  code,
}: OurRecords): string {
  if (first === '') return `${address}: no record of mail from it in those hours`;
  const verdicts = tls + plain + unknown;
  const states = [
    tls === 0 ? '' : `${tls} under TLS`,
    plain === 0 ? '' : `${plain} in plaintext`,
    unknown === 0 ? '' : `${unknown} with TLS unknown`,
    refused === 0 ? '' : `${refused} of them refused`,
  ].filter((text) => text !== '');
  return [
    `${address}: ${count(verdicts, 'verdict')}`,
    states.length === 0 ? '' : ` (${states.join(', ')})`,
    refusals === 0 ? '' : `, ${count(refusals, 'refusal')} by the MTA`,
    `, ${first.slice(11, 19)} to ${last.slice(11, 19)}`,
    code === '' ? '' : `; the last is: tlsward trace ${code}`,
  ].join('');
}

function dkimText({ dkim }: KeptReport): string {
  if (dkim === null) return 'not known: no server on the way says anything of a signature';
  return `${dkimWords(dkim)}, says ${dkim.by === '' ? 'nobody named' : dkim.by}; not checked here`;
}
