/**
 * What a domain publishes, in lines for a person: `tlsward published` and the `published` section of `explain
 * --deliver`.
 *
 *   DANE     usable TLSA records for every MX host, kept for 58 min
 *   MTA-STS  mode enforce, id 20261122, mx mx.bank.example *.out.bank.example, max_age 7 d
 *            fetched 2026-11-22T09:00:00.000Z (3 h ago), expires 2026-11-29T09:00:00.000Z (in 6 d)
 */
import { escapeText } from '../core/escape.ts';
import type { DaneFact, OtherAnswer, Published, StsFact } from '../core/publishedFacts.ts';
import type { Inspection } from '../discovery/policyDiscovery.ts';

const MAX_NAMES = 20;

/** Lines; `now` in milliseconds since the epoch. `kept`: what is known beyond the facts, if anything. */
export function publishedLines(published: Published, kept: Inspection | null, now: number): string[] {
  if (published.kind === 'other') return [`other    ${otherText(published.answer)}`];
  const until = kept?.dane?.until;
  const daneFor = until === undefined ? '' : `, kept for ${duration(until - now)}`;
  return [
    `DANE     ${daneText(published.dane)}${daneFor}`,
    ...stsLines(published.sts, kept, now).map((line, i) => `${(i === 0 ? 'MTA-STS' : '').padEnd(9)}${line}`),
  ];
}

/** Did a lookup fail? */
export function hasUnknown(published: Published): boolean {
  if (published.kind === 'other') return published.answer.kind === 'unknown';
  return published.dane.kind === 'unknown' || published.sts.kind === 'unknown';
}

function daneText(dane: DaneFact): string {
  switch (dane.kind) {
    case 'not-asked':
      return `left to Postfix: ${escapeText(dane.why)}`;
    case 'absent':
      return 'no TLSA records validated by DNSSEC';
    case 'usable':
      return `usable TLSA records for ${dane.hosts === 'all' ? 'every MX host' : 'some of the MX hosts'}`;
    case 'unusable':
      return 'TLSA records, none of which can be used';
    case 'unknown':
      return `lookup failed: ${escapeText(dane.why)}`;
  }
}

function stsLines(sts: StsFact, kept: Inspection | null, now: number): string[] {
  switch (sts.kind) {
    case 'absent':
      return ['no record'];
    case 'failed':
      return [`a record, but no policy: ${sts.failure}, ${escapeText(sts.why)}`];
    case 'unknown':
      return [`lookup failed: ${escapeText(sts.why)}`];
    case 'policy': {
      const { mode, mx, maxAgeSeconds } = sts.policy;
      const more = mx.length > MAX_NAMES ? ` and ${mx.length - MAX_NAMES} more` : '';
      const names = `${mx.slice(0, MAX_NAMES).join(' ')}${more}`;
      const expires = sts.fetchedAt + maxAgeSeconds * 1000;
      const lines = [
        `mode ${mode}, id ${escapeText(sts.id)}, mx ${names === '' ? 'none' : names}, max_age ${duration(maxAgeSeconds * 1000)}`,
        `fetched ${iso(sts.fetchedAt)} (${duration(now - sts.fetchedAt)} ago), expires ${iso(expires)} (in ${duration(expires - now)})`,
      ];
      const trouble = kept?.sts?.kind === 'policy' ? kept.sts.lastFailure : null;
      if (trouble !== null)
        lines.push(`last attempt failed ${iso(trouble.at)}: ${trouble.failure}, ${escapeText(trouble.why)}`);
      return lines;
    }
  }
}

function otherText(answer: OtherAnswer): string {
  switch (answer.kind) {
    case 'nothing':
      return 'the other policy server has no policy';
    case 'unknown':
      return `lookup failed: ${escapeText(answer.why)}`;
    case 'policy':
      return [
        answer.level,
        ...answer.attributes.map(({ name, value }) => `${name}=${escapeText(value)}`),
      ].join(' ');
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** `45 s`, `12 min`, `3 h`, `6 d`: one number, rounded down. */
function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}
