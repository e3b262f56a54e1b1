/**
 * Notices folders of unix sockets in which users other than root, the daemon and its group can create a
 * socket. Such a user could answer in place of the daemon, and the MTA and `tlsward reload` would trust the
 * answers. This is a notice and not a mistake, because only the administrator knows who is in a group.
 *
 * A folder that everyone can write to is reported even with the sticky bit (/tmp), because the name of the
 * socket is free while the daemon is down. In the folder that our unit makes, group postfix cannot write. A
 * missing folder is reported when the socket is opened.
 */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { quotePath, type Report } from '../ini/problem.ts';
import { positionOf, type Section, whereOf } from '../ini/section.ts';
import type { ServiceSettings } from '../keys/serviceSettings.ts';
import { othersWho } from './files.ts';

type Listening = 'policyListen' | 'milterListen' | 'socketmapListen' | 'controlListen' | 'httpListen';
const KEYS: readonly (readonly [key: string, setting: Listening])[] = [
  ['policy-listen', 'policyListen'],
  ['milter-listen', 'milterListen'],
  ['socketmap-listen', 'socketmapListen'],
  ['control-listen', 'controlListen'],
  ['http-listen', 'httpListen'],
];

/** Adds a notice for each such folder. */
export function noteSocketFolders(service: ServiceSettings, section: Section, report: Report): void {
  const seen = new Set<string>();
  const note = (key: string, path: string): void => {
    const folder = dirname(path);
    if (seen.has(folder)) return;
    seen.add(folder);
    const who = whoElse(folder);
    if (who === null) return;
    const entry = section.entries.find((one) => one.key === key);
    const at = entry === undefined ? section : positionOf(section, entry);
    report.notice('suspect', at, whereOf(section, key), who);
  };
  for (const [key, setting] of KEYS)
    for (const address of service[setting]) if (address.kind === 'unix') note(key, address.path);
  const { published } = service;
  if (published?.address.kind === 'unix') note('published', published.address.path);
}

function whoElse(folder: string): string | null {
  const what = `put a socket of their own into ${quotePath(folder)}, and answer for the daemon`;
  try {
    const stat = statSync(folder);
    return (stat.mode & 0o002) !== 0 ? `everyone can ${what}` : othersWho(stat, what);
  } catch {
    return null;
  }
}
