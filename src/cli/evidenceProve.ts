/**
 * `tlsward evidence prove CODE|QUEUE-ID`: finds the records of a message, and writes one file that proves them to whoever
 * has the public key: each line, its path to the last signed head of its day, and that the next day names that head.
 */
import { daysOf } from '../archive/layout.ts';
import { type NoProof, proveLines, proveNext } from '../archive/prove.ts';
import { EndlessLineError } from '../archive/readDay.ts';
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { normaliseCode } from '../daemon/codes.ts';
import { formatVerifier, type NoteVerifier } from '../evidence/note.ts';
import { checkProofFile, formatProofs, type RecordProof } from '../evidence/proof.ts';
import { findLines, type Trouble } from '../trace/findLines.ts';
import { hasKey, type Key } from '../trace/recordKeys.ts';
import { asciiJson } from './asciiJson.ts';
import { EXIT, type Io, reportError, unreadable } from './command.ts';
import { keyedStreams } from './evidenceKeys.ts';
import { putProof } from './evidenceOutput.ts';

/** More records are not put into one file. */
const MAX_RECORDS = 200;

interface Match {
  readonly folder: string;
  readonly verifier: NoteVerifier;
  readonly day: string;
  readonly indexes: readonly number[];
}

export async function runProve(
  directories: readonly string[],
  keys: readonly NoteVerifier[] | null,
  name: string,
  values: { readonly day?: string | undefined; readonly output?: string | undefined; readonly json: boolean },
  io: Io,
): Promise<number> {
  const { json } = values;
  const fail = (code: number, words: string): number => {
    reportError(io, json, words);
    return code;
  };
  const found: Match[] = [];
  const trouble: Trouble = { unreadable: 0 };
  for (const { folder, verifier } of keyedStreams(directories, keys)) {
    if (typeof verifier === 'string') return fail(EXIT.cannotTell, verifier);
    try {
      found.push(...matchesOf(folder, verifier, name, values.day, trouble));
    } catch (error) {
      if (error instanceof EndlessLineError) return fail(EXIT.no, escapeText(error.message, 500));
      return unreadable(io, json, folder, error);
    }
  }
  const total = found.reduce((sum, { indexes }) => sum + indexes.length, 0);
  if (total === 0) {
    const other =
      trouble.unreadable === 0 ? '' : `; ${count(trouble.unreadable, 'line')} with it are no records`;
    return fail(EXIT.cannotTell, `no record has the code or queue id ${escapeText(name)}${other}`);
  }
  if (total > MAX_RECORDS)
    return fail(
      EXIT.cannotTell,
      `${total} records have this queue id, more than ${MAX_RECORDS}: name a day with --day`,
    );
  const proofs: RecordProof[] = [];
  for (const match of found) {
    const proven = prove(match);
    if (!Array.isArray(proven)) return fail(proven.why === 'fails' ? EXIT.no : EXIT.cannotTell, proven.words);
    proofs.push(...proven);
  }
  const text = formatProofs(proofs);
  const trusted = found.map(({ verifier }) => verifier);
  const checked = checkProofFile(Buffer.from(text), trusted);
  if ('error' in checked) return fail(EXIT.no, `the proof that was made proves nothing: ${checked.error}`);
  const code = await putProof(values.output, text, json, io);
  if (code !== EXIT.yes || values.output === undefined) return code;
  const days = new Set(found.map(({ day }) => day)).size;
  if (json) io.out(`${asciiJson({ ok: true, output: values.output, records: total })}\n`);
  else io.out(`${escapeText(values.output, 300)}: ${count(total, 'record')} of ${count(days, 'day')}\n`);
  return EXIT.yes;
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

function prove({ folder, day, indexes, verifier }: Match): RecordProof[] | NoProof {
  const lines = proveLines(folder, day, indexes, verifier);
  if (!Array.isArray(lines)) return lines;
  const next = proveNext(folder, day, verifier);
  return lines.map((line) => ({ key: formatVerifier(verifier), ...line, next }));
}
