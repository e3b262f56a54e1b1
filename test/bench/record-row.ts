/**
 * The row of a record: what a record of evidence costs beside the log line that is written for a verdict anyway.
 *
 * The main thread makes both, then only the line, in turns; the difference is what a record costs there: its text, and
 * handing it to the thread of the writer. The writer's part (pseudonyms, hashes, writes, syncs and heads every 2 MiB) is
 * measured on this thread, with senders and recipients of which half are new. CPU time counts, not the time that passes.
 */
import { join } from 'node:path';
import { parsePath } from '../../src/core/address.ts';
import { verdictText } from '../../src/daemon/verdictEvidence.ts';
import { Log } from '../../src/log/log.ts';
import type { VerdictRecord } from '../../src/log/verdictFields.ts';
import { decide } from '../../src/receive/decide.ts';
import { Recorder } from '../../src/recorder/recorder.ts';
import { StreamStore } from '../../src/recorder/store.ts';
import { GOOD, tableOf, transaction } from '../core/buildTables.ts';
import { threadMs } from '../threadTime.ts';
import type { Bed, Row } from './bed.ts';
import { freshDirectory } from './bed.ts';
import { columns, type Finding, figure } from './report.ts';
import { median } from './rounds.ts';

const NAME = 'record';
const RECORDS = 40_000;
const BATCH = 64;
const GROUP = 4000;
const HOST = 'mx.example.org';

/** Verdicts as they come in: half of the addresses were seen before. */
function verdicts(): readonly VerdictRecord[] {
  const table = tableOf([['bank.example', { receive: 'encrypt', violation: 'reject' }]]);
  return Array.from({ length: RECORDS }, (_, i) => {
    const tx = {
      ...transaction(
        `<s${i % 2 === 0 ? i : i % 100}@bank.example>`,
        [`<r${i % 2 === 0 ? i : i % 100}@our.example>`],
        GOOD,
      ),
      queueId: `4dJq1x${i}`,
      sender: parsePath(`<s${i % 2 === 0 ? i : i % 100}@bank.example>`),
    };
    return {
      code: `AAAA${String(i).padStart(4, '0').slice(-4)}`,
      timeMs: Date.now() + (i >> 5),
      transaction: tx,
      verdict: decide(tx, table, { trustedClients: [] }),
      reply: null,
      generation: 1,
      tableHash: 'ab'.repeat(32),
      conn: 1,
      notes: [],
      mark: 'k1',
    };
  });
}

const settings = {
  stream: 'daemon',
  host: HOST,
  privacy: 'hashed',
  retentionDays: null,
  reserveBytes: 0,
} as const;

/** Lets the event loop turn, as between packets of a connection. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** CPU microseconds of this thread a record; `each` does one. */
async function cpuOf(
  records: readonly VerdictRecord[],
  each: (record: VerdictRecord) => void,
): Promise<number> {
  let spent = 0;
  for (let from = 0; from < records.length; from += BATCH) {
    const begun = threadMs();
    // the clock of the kernel is coarse, so a batch is what is measured
    for (let i = from; i < Math.min(records.length, from + BATCH); i++) each(records[i]!);
    spent += threadMs() - begun;
    const turned = threadMs();
    await turn();
    spent += threadMs() - turned;
  }
  return (1000 * spent) / records.length;
}

async function run(bed: Bed): Promise<Finding[]> {
  const records = verdicts();
  const log = new Log('info', { write: () => {} });
  const main: number[] = [];
  const lines: number[] = [];
  const writer: number[] = [];
  const rates: number[] = [];
  const texts = records.map((record) => verdictText(record, log.verdict(record), HOST));
  for (let round = 0; round < bed.rounds; round++) {
    const directory = join(freshDirectory(bed), 'evidence');
    const recorder = new Recorder(
      { ...settings, directory, syncMs: 200 },
      { onHead: () => {}, onTrouble: () => {} },
    );
    await recorder.opened;
    const line = await cpuOf(records, (record) => log.verdict(record));
    const both = await cpuOf(records, (record) =>
      recorder.record(verdictText(record, log.verdict(record), HOST)),
    );
    await recorder.close(60_000);
    lines.push(line);
    main.push(both - line);
    const measured = measureWriter(join(freshDirectory(bed), 'evidence'), texts);
    writer.push(measured.cpuUs);
    rates.push(measured.perSecond);
  }
  const rows = [
    ['a record', 'CPU us', 'of the log line'],
    ['log line', figure(median(lines)), '1'],
    ['record, main thread', figure(median(main)), figure(median(main) / median(lines))],
    ['record, writer', figure(median(writer)), figure(median(writer) / median(lines))],
  ];
  for (const one of columns(rows)) bed.say(one);
  return [
    { name: `${NAME}.main`, measured: median(main) },
    { name: `${NAME}.all`, measured: median(main) + median(writer) },
    { name: `${NAME}.rate`, measured: median(rates) },
    { name: `${NAME}.bytes`, measured: texts.reduce((sum, text) => sum + text.length, 0) / texts.length },
  ];
}

function measureWriter(directory: string, texts: readonly string[]): { cpuUs: number; perSecond: number } {
  const store = new StreamStore({ ...settings, directory, syncs: true, unclean: 'ignore', token: 'aa' });
  const cpu = threadMs();
  const begun = performance.now();
  for (let from = 0; from < texts.length; from += BATCH) {
    store.append(texts.slice(from, from + BATCH).join('\n'));
    store.write();
    if (from % GROUP < BATCH) store.commit();
  }
  store.close();
  const seconds = (performance.now() - begun) / 1000;
  return { cpuUs: (1000 * (threadMs() - cpu)) / texts.length, perSecond: texts.length / seconds };
}

export const recordRow: Row = { name: NAME, title: 'a record beside its log line', run };
