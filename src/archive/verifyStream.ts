/**
 * Verifies the days of a stream, the newest first: the first line of each says how the day before ended, which counts
 * as much as that line itself is proven.
 */
import type { NoteVerifier } from '../evidence/note.ts';
import { codeOf } from '../files/systemError.ts';
import { firstLine, type Previous, previousIn } from './dayRecord.ts';
import { daysOf, linesFile } from './layout.ts';
import type { Finding } from './locate.ts';
import { type DayQuestion, type DayReport, verifyDay } from './verifyDay.ts';

/** `gone`: there are no lines; `unread`: the system does not let us read them. */
interface Begun {
  readonly day: string;
  readonly previous: Previous | 'gone' | 'unread';
}

const LINES_GONE: Finding = {
  kind: 'missing',
  words: 'its lines are gone, and those of an older day are not',
};

/**
 * The days of a stream, oldest first; `only`: those, null for all. Throws the error of readdir(3). A day of `only`
 * that is not there is left out. `onDay`: called before each day is read.
 */
export function verifyStream(
  stream: string,
  verifier: NoteVerifier,
  only: readonly string[] | null,
  onDay: (day: string) => void = () => {},
): DayReport[] {
  const days = begunDays(stream);
  const oldest = days.findIndex(({ previous }) => previous !== 'gone');
  const reports: DayReport[] = [];
  let proven = false;
  for (let i = days.length - 1; i >= 0; i--) {
    const { day, previous } = days[i]!;
    const before = days[i - 1]?.day;
    const wanted = only === null || only.includes(day);
    // one that is not asked for still says how the day before it ended
    if (!wanted && (before === undefined || !only.includes(before))) continue;
    const after = days[i + 1];
    onDay(day);
    const { report } = verifyDay({
      stream,
      day,
      verifier,
      next: after === undefined ? null : nextOf(day, after, proven),
      closed: after !== undefined,
      hasLines: previous !== 'gone',
    });
    proven = report.proven > 0;
    if (!wanted) continue;
    const findings =
      previous !== 'gone' ? chainFindings(previous, before) : i > oldest && oldest >= 0 ? [LINES_GONE] : [];
    reports.push(
      findings.length === 0
        ? report
        : { ...report, result: 'fails', findings: [...report.findings, ...findings] },
    );
  }
  return reports.reverse();
}

/** Days with lines or checkpoints. A file without a line and without a checkpoint is a day that has not begun. */
function begunDays(stream: string): Begun[] {
  const lines = daysOf(stream);
  const heads = daysOf(stream, '.ckpt');
  const days = [...new Set([...lines, ...heads])].sort();
  return days.flatMap((day): Begun[] => {
    if (!lines.includes(day)) return [{ day, previous: 'gone' }];
    const previous = previousOf(linesFile(stream, day));
    return previous === null && !heads.includes(day) ? [] : [{ day, previous: previous ?? 'unreadable' }];
  });
}

/** Null: the file has no line. */
function previousOf(file: string): Begun['previous'] | null {
  try {
    const line = firstLine(file);
    return line === null ? null : previousIn(line);
  } catch (error) {
    if (codeOf(error) === '') throw error;
    return 'unread';
  }
}

function nextOf(day: string, { day: by, previous }: Begun, proven: boolean): DayQuestion['next'] {
  return typeof previous !== 'string' && previous.day === day ? { by, head: previous, proven } : null;
}

/** Does the first line of a day name the day before it? */
function chainFindings(previous: Begun['previous'], before: string | undefined): Finding[] {
  const chain = (words: string): Finding[] => [{ kind: 'chain', words }];
  if (previous === 'unread' || previous === 'gone') return [];
  if (previous === 'unreadable') return chain('the first line is not the record with which a day begins');
  if (previous === 'none')
    return before === undefined ? [] : chain(`the first line names no day before, and there is ${before}`);
  if (previous.day === before) return [];
  const there =
    before === undefined || before < previous.day ? 'nothing of that day is there' : `there is ${before}`;
  return chain(`the first line names ${previous.day} as the day before, and ${there}`);
}
