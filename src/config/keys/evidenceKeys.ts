/**
 * The keys of `[service]` about evidence, one entry for each, in the order of the reference.
 */
import { isAbsolute } from 'node:path';
import { parsePath } from '../../core/address.ts';
import { Invalid, quote } from '../ini/problem.ts';
import { AT_START, anything, type Check, key, words } from './key.ts';
import type { ServiceSettings } from './serviceSettings.ts';
import { PATH } from './serviceValues.ts';

const LEAST_SYNC_MS = 10;
const MOST_SYNC_MS = 60_000;

const SYNC: Check<number | null> = {
  expected: 'always, never, or a time such as 200ms or 1s',
  allowed: { pattern: '^(?:always|never|[0-9]{1,5}(?:ms|s))$' },
  parse: (text) => {
    if (text === 'always') return 0;
    if (text === 'never') return null;
    const ms = text.endsWith('ms') ? Number(text.slice(0, -2)) : 1000 * Number(text.slice(0, -1));
    if (ms >= LEAST_SYNC_MS && ms <= MOST_SYNC_MS) return ms;
    return new Invalid(quote(text), `a time from ${LEAST_SYNC_MS}ms to ${MOST_SYNC_MS / 1000}s`);
  },
};

const DAYS: Check<number | null> = {
  expected: 'a number of days such as 400d',
  allowed: { pattern: '^(?:[0-9]{1,5}d)?$' },
  parse: (text) => {
    if (text === '') return null;
    const days = Number(text.slice(0, -1));
    return days > 0 ? days : new Invalid(quote(text), '1d or more', 'empty: days are kept for ever');
  },
};

/** A program and its arguments, which no shell reads; null when empty. */
export function parseProgram(text: string): readonly string[] | null | Invalid {
  const words = text.split(/[ \t]+/).filter((word) => word !== '');
  const [program] = words;
  if (program === undefined) return null;
  return isAbsolute(program)
    ? words
    : new Invalid(quote(program), 'an absolute path such as /usr/local/bin/keep-head');
}

export function parseMailbox(text: string): string | null | Invalid {
  if (text === '') return null;
  const { kind, mailbox } = parsePath(`<${text}>`);
  // it stands in a header field, and what begins with a hyphen could be an option
  const plain = /^[A-Za-z0-9][!#-'*+./0-9=?A-Z^_`a-z{|}~@-]*$/.test(text);
  return kind === 'mailbox' && plain
    ? mailbox
    : new Invalid(quote(text), 'an address such as auditor@example.org');
}

export const EVIDENCE_KEYS = {
  evidence: key(
    'evidence',
    '',
    'directory of the evidence: a record of every verdict, in files that a stranger can check; empty: none',
    PATH,
    AT_START,
  ),
  privacy: key<ServiceSettings['privacy']>(
    'privacy',
    'hashed',
    'what records keep of local parts: `domains`: nothing; `hashed`: a pseudonym under a key that changes ' +
      'monthly; `full`: all of them',
    words(['domains', 'hashed', 'full']),
    AT_START,
  ),
  retentionDays: key(
    'retention',
    '',
    'days for which records are kept, such as `400d`; signed heads stay; empty: for ever',
    DAYS,
    AT_START,
  ),
  evidenceSyncMs: key(
    'evidence-sync',
    '200ms',
    'time after which records are on the disk and signed; `always`: after each write; `never`: the system ' +
      'decides when they are on the disk',
    SYNC,
    AT_START,
  ),
  evidenceFailure: key<ServiceSettings['evidenceFailure']>(
    'evidence-failure',
    'continue',
    'while records cannot be written: `continue`: mail goes on, and what is missing becomes a gap; `defer`: ' +
      'mail waits',
    words(['continue', 'defer']),
  ),
  checkpointCommand: key(
    'checkpoint-command',
    '',
    "program, with arguments, that gets each day's last head on standard input; run without a shell, for 60 s " +
      'at most; empty: none',
    anything('an absolute path, with arguments', parseProgram),
  ),
  checkpointMail: key(
    'checkpoint-mail',
    '',
    "address to which each day's last head is sent, by sendmail(1) or SMTP to this host; empty: none",
    anything('an address', parseMailbox),
  ),
};
