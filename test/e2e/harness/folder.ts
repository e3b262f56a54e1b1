import { rmSync } from 'node:fs';

/** Whether the folders of a test are kept when it ends, to look into: TLSWARD_E2E_KEEP is set. */
export const KEEP = (process.env.TLSWARD_E2E_KEEP ?? '') !== '';

/** Removes the folder of an instance that has stopped, or names it on stderr when it is to be kept. */
export function removeFolder(dir: string): void {
  if (KEEP) process.stderr.write(`kept ${dir}\n`);
  else rmSync(dir, { recursive: true, force: true });
}
