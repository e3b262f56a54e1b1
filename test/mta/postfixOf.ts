/**
 * A configuration of Postfix out of pieces of main.cf and master.cf, without a Postfix: the defaults are those that the
 * postconf of that version printed (test/mta/postconf/VERSION.txt, `postconf -d`).
 */
import { readFileSync } from 'node:fs';
import { type PostfixConfig, parsePostfixConfig } from '../../src/mta/postfixConfig.ts';
import { root } from '../root.ts';

export const RELEASES = ['3.7.11', '3.10.13'] as const;
type CapturedRelease = (typeof RELEASES)[number];

/** What `postconf -d` of that release printed. */
export function capturedDefaults(release: CapturedRelease): string {
  return readFileSync(new URL(`test/mta/postconf/${release}.txt`, root), 'utf8');
}

/** The entries of a fresh master.cf that receive, send and log mail. */
export const MASTER = `
smtp      inet  n  -  y  -     -  smtpd
pickup    unix  n  -  y  60    1  pickup
cleanup   unix  n  -  y  -     0  cleanup
smtp      unix  -  -  y  -     -  smtp
relay     unix  -  -  y  -     -  smtp
  -o syslog_name=postfix/$service_name
postlog   unix-dgram n - n -   1  postlogd
`;

/** `main` and `master`: text of main.cf and master.cf; comments and continued lines as there. */
export function postfixOf(
  main: string,
  { master = MASTER, release = '3.7.11' as CapturedRelease, complaints = '' } = {},
): PostfixConfig {
  const set = logicalLines(main).map((line) => line.replace(/^([^=]*?)\s*=\s*/, '$1 = '));
  const config = parsePostfixConfig({
    directory: '/etc/postfix',
    set: ['compatibility_level = 3.6', ...set].join('\n'),
    defaults: capturedDefaults(release),
    master: logicalLines(master).join('\n'),
    overrides: '',
    complaints,
  });
  if (config === null) throw new Error('no version in the captured defaults');
  return config;
}

/** Lines with those that continue them, and without comments: main.cf(5). */
function logicalLines(text: string): string[] {
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    if (/^\s/.test(line) && lines.length > 0) lines.push(`${lines.pop()} ${line.trim()}`);
    else lines.push(line.trim());
  }
  return lines;
}
