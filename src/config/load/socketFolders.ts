/**
 * Folders of unix sockets in which others than root, the daemon and its group may put a socket of their own: whoever can
 * do that answers for the daemon. The MTA would believe them, and so would `tlsward reload`. This is a notice and no
 * mistake, since only the administrator knows who is in a group.
 *
 * A folder that everyone may write to is named even with the sticky bit (/tmp): while the daemon is down, its name is free.
 * The group of the folder that our unit makes is Postfix's, without the right to write. A folder that is not there is
 * somebody else's mistake, told when the socket is opened.
 */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { quotePath, type Report } from '../ini/problem.ts';
import { positionOf, type Section, whereOf } from '../ini/section.ts';
import type { ServiceSettings } from '../keys/serviceSettings.ts';
import { othersWho } from './files.ts';

type Listening = 'policyListen' | 'milterListen' | 'socketmapListen' | 'controlListen';
const KEYS: readonly (readonly [key: string, setting: Listening])[] = [
  ['policy-listen', 'policyListen'],
  ['milter-listen', 'milterListen'],
  ['socketmap-listen', 'socketmapListen'],
  ['control-listen', 'controlListen'],
];

/** Mentions such folders, each once. */
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
