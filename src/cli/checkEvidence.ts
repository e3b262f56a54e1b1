/**
 * Could `serve` keep evidence on this host? For `check`: a warning, not a mistake, because `serve` starts all the same, and
 * a unit that runs `check` first must not keep mail waiting for a directory. Nothing is made.
 */
import { accessSync, constants, lstatSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import { escapeText } from '../core/escape.ts';
import { codeOf, fileError } from '../files/systemError.ts';

/** The daemon's own. */
const STREAM = 'daemon';

/** What keeps records from being written; empty when nothing does, or it cannot be told. */
export function evidenceWarnings({ evidence, evidenceFailure }: ServiceSettings): string[] {
  if (evidence === null) return [];
  const why = [evidence, join(evidence, STREAM), join(evidence, 'pseudonyms')]
    .map(faultOf)
    .find((one) => one !== null);
  if (why == null) return [];
  const mail = evidenceFailure === 'defer' ? 'mail would wait' : 'records would be missing';
  return [`evidence: ${escapeText(why, 400)}: ${mail}`];
}

/** null: the folder can be written, or made. */
function faultOf(folder: string): string | null {
  const there = statusOf(folder);
  if (typeof there === 'string') return there;
  if (there === null) {
    const above = dirname(folder);
    return above === folder ? `there is no ${folder}` : faultOf(above);
  }
  if (!there.isDirectory()) return `${folder} is no folder${there.isSymbolicLink() ? ', but a link' : ''}`;
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    const code = codeOf(error);
    // another user looks at what belongs to the service
    if (code === 'EACCES' && there.uid !== process.geteuid?.()) return null;
    return `${folder} cannot be written (${fileError(error)})`;
  }
}

function statusOf(folder: string): Stats | null | string {
  try {
    return lstatSync(folder);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return null;
    // a folder above it is not for us to look into
    return code === 'EACCES' ? null : `${folder} cannot be looked at (${fileError(error)})`;
  }
}
