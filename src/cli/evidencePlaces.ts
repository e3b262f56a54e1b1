/**
 * Which evidence directories a command asks: those of `--evidence`, else `evidence` of the configuration.
 */
import { dirname, resolve } from 'node:path';
import { escapeText } from '../core/escape.ts';
import { fileError } from '../files/systemError.ts';
import { openPlace, type Place } from '../trace/places.ts';
import { configFile, UsageError } from './command.ts';
import { mustExist, peekKey } from './peekKey.ts';

interface Wanted {
  readonly evidence?: readonly string[] | undefined;
  readonly config?: string | undefined;
  readonly sample?: boolean | undefined;
}

/** What `evidence` of a configuration names, from the folder of the file as the daemon takes it; null: nothing. */
function configuredEvidence(file: string): string | null {
  const directory = peekKey(file, 'evidence');
  return directory === null ? null : resolve(dirname(file), directory);
}

/** Throws UsageError when none is named, and ConfigError when there is no configuration to name one. */
export function evidenceDirectories(values: Wanted, env: NodeJS.ProcessEnv): readonly string[] {
  if (values.evidence !== undefined) return values.evidence;
  const file = configFile(values, env);
  mustExist(file);
  const directory = configuredEvidence(file);
  if (directory !== null) return [directory];
  throw new UsageError(`--evidence is missing, and ${escapeText(file, 300)} has no key evidence`);
}

/**
 * Those of a command that does without: a directory that is named must be there, that of the configuration may not be made
 * yet, and `missing` says so. Throws UsageError.
 */
export function optionalPlaces(
  { evidence }: Wanted,
  file: string,
): { readonly places: readonly Place[]; readonly missing: string } {
  const directory = configuredEvidence(file);
  const places = openPlaces(evidence ?? (directory === null ? [] : [directory]));
  if (typeof places !== 'string') return { places, missing: '' };
  if (evidence !== undefined) throw new UsageError(`--evidence: ${places}`);
  return { places: [], missing: places };
}

/** The directories, opened; a text says which cannot be. */
export function openPlaces(directories: readonly string[]): Place[] | string {
  const places: Place[] = [];
  for (const directory of new Set(directories)) {
    try {
      places.push(openPlace(directory));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      return `${escapeText(directory, 300)}: cannot be read (${fileError(error)})`;
    }
    if (places.at(-1)?.streams.length === 0)
      return `${escapeText(directory, 300)}: has no stream, neither daemon nor collector`;
  }
  return places;
}
