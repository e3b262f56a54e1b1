/**
 * Programs that a test needs beside Node: skipped with the reason on stderr where one is absent, and a failure in CI and
 * under TLSWARD_E2E=required.
 */
import { existsSync } from 'node:fs';

/** For tap's `skip`: false, or why not; throws where skipping is forbidden. `packageName`: Debian's. */
export function without(tool: string, packageName: string): string | false {
  const folders = (process.env.PATH ?? '').split(':');
  if (folders.some((folder) => existsSync(`${folder}/${tool}`))) return false;
  const reason = `${tool} is not installed (Debian: apt-get install ${packageName})`;
  if (process.env.CI || process.env.TLSWARD_E2E === 'required') throw new Error(reason);
  process.stderr.write(`SKIPPED: ${reason}\n`);
  return reason;
}
