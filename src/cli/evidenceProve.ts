/**
 * `tlsward evidence prove CODE|QUEUE-ID`: finds the records of a message, and writes one file that proves them to whoever
 * has the public key: each line, its path to the last signed head of its day, and that the next day names that head.
 */
import { daysOf } from '../archive/layout.ts';
import { proveLines, proveNext } from '../archive/prove.ts';
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { normaliseCode } from '../daemon/codes.ts';
import { formatVerifier, type NoteVerifier } from '../evidence/note.ts';
import { checkProofFile, formatProofs, type RecordProof } from '../evidence/proof.ts';
import { findLines } from '../trace/findLines.ts';
import { hasKey, type Key } from '../trace/recordKeys.ts';
import type { Trouble } from '../trace/scanLines.ts';
import { asciiJson } from './asciiJson.ts';
import { EXIT, type Io } from './command.ts';
import { keyedStreams } from './evidenceKeys.ts';
import { NoProofError, orSayWhyNot, putProof } from './evidenceOutput.ts';

/** More records are not put into one file. */
const MAX_RECORDS = 200;

interface Match {
  readonly folder: string;
  readonly verifier: NoteVerifier;
  readonly day: string;
  readonly indexes: readonly number[];
}

interface ProveValues {
  readonly day?: string | undefined;
  readonly output?: string | undefined;
  readonly json: boolean;
}

export function runProve(
  directories: readonly string[],
  keys: readonly NoteVerifier[] | null,
  name: string,
  values: ProveValues,
  io: Io,
): Promise<number> {
  return orSayWhyNot(io, values.json, async () => {
    const matches = allMatches(directories, keys, name, values.day);
    const records = matches.reduce((sum, { indexes }) => sum + indexes.length, 0);
    const text = formatProofs(matches.flatMap(prove));
    const checked = checkProofFile(
      Buffer.from(text),
      matches.map(({ verifier }) => verifier),
    );
    if ('error' in checked)
      throw new NoProofError(EXIT.no, `the proof that was made proves nothing: ${checked.error}`);
    await putProof(values.output, text, io);
    if (values.output === undefined) return EXIT.yes;
    const days = new Set(matches.map(({ day }) => day)).size;
    if (values.json) io.out(`${asciiJson({ ok: true, output: values.output, records })}\n`);
    else io.out(`${escapeText(values.output, 300)}: ${count(records, 'record')} of ${count(days, 'day')}\n`);
    return EXIT.yes;
  });
}

/** At least one record. */
function allMatches(
  directories: readonly string[],
  keys: readonly NoteVerifier[] | null,
  name: string,
  day: string | undefined,
): Match[] {
  const trouble: Trouble = { unreadable: 0 };
  const matches = keyedStreams(directories, keys).flatMap(({ folder, verifier }) => {
    if (typeof verifier === 'string') throw new NoProofError(EXIT.cannotTell, verifier);
    return matchesOf(folder, verifier, name, day, trouble);
  });
  const total = matches.reduce((sum, { indexes }) => sum + indexes.length, 0);
  if (total > MAX_RECORDS) {
    const words = `${total} records have this queue id, more than ${MAX_RECORDS}: name a day with --day`;
    throw new NoProofError(EXIT.cannotTell, words);
  }
  if (total > 0) return matches;
  const { unreadable } = trouble;
  const other = unreadable === 0 ? '' : `; ${count(unreadable, 'line')} with it are no records`;
  throw new NoProofError(EXIT.cannotTell, `no record has the code or queue id ${escapeText(name)}${other}`);
}

/** The newest day first; the days before one that has the code are not looked at, for a code is given once. */
function matchesOf(
  folder: string,
  verifier: NoteVerifier,
  name: string,
  only: string | undefined,
  trouble: Trouble,
): Match[] {
  const today = new Date().toISOString().slice(0, 10);
  const keys: readonly Key[] = [
    { kind: 'code', text: normaliseCode(name) },
    { kind: 'queueId', text: name },
  ];
  const matches: Match[] = [];
  const days = daysOf(folder).filter((day) => only === undefined || day === only);
  for (const day of days.reverse()) {
    const records = [...findLines({ folder, day, finished: day < today }, keys, trouble)];
    if (records.length > 0) matches.unshift({ folder, verifier, day, indexes: records.map(({ n }) => n) });
    if (records.some((record) => hasKey(record, keys[0]!))) break;
  }
  return matches;
}

function prove({ folder, day, indexes, verifier }: Match): RecordProof[] {
  const lines = proveLines(folder, day, indexes, verifier);
  if (!Array.isArray(lines))
    throw new NoProofError(lines.why === 'fails' ? EXIT.no : EXIT.cannotTell, lines.words);
  const next = proveNext(folder, day, verifier);
  return lines.map((line) => ({ key: formatVerifier(verifier), ...line, next }));
}
