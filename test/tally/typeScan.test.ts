/** Records of some types are found without parsing the others, also where a line was not written by the writer. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { recordsOfTypes } from '../../src/tally/typeScan.ts';
import { newFolder } from '../trace/madeDays.ts';

const time = '2026-11-20T10:00:00.000Z';
const head = (n: number, type: string): string =>
  `{"v":1,"n":${n},"time":"${time}","type":"${type}","host":"h"`;
const gap = (n: number): string => `${head(n, 'gap')},"from":"${time}","to":"${time}","count":1,"why":"x"}`;

t.test('by type', async (t) => {
  const file = join(newFolder(t), 'day.jsonl');
  const lines = [
    gap(0),
    `${head(1, 'stop')}}`,
    gap(1234567890),
    // the type that a stranger would like it to have
    `${head(3, 'stop')},"x":"\\"type\\":\\"gap\\""}`,
    // in another order
    `{"type":"gap","v":1,"n":4,"time":"${time}","host":"h","from":"${time}","to":"${time}","count":1,"why":"x"}`,
    head(5, 'gap'),
    'x',
    '',
    `${head(6, 'gapx')}}`,
    `${gap(7).slice(0, -1)},"x":"${'y'.repeat(70_000)}"}`,
    gap(8),
  ];
  writeFileSync(file, `${lines.join('\n')}\n{"v":1`);
  t.same(
    [...recordsOfTypes(file, ['gap'])].map(({ n }) => n),
    [0, 1234567890, 4, 8],
  );
  t.same(
    [...recordsOfTypes(file, ['stop', 'gap'])].map(({ n }) => n),
    [0, 1, 1234567890, 3, 4, 8],
  );
  writeFileSync(file, `${gap(0)}\n${'y'.repeat(3_000_000)}`);
  t.equal([...recordsOfTypes(file, ['gap'])].length, 1, 'up to what does not end');
  t.same([...recordsOfTypes(`${file}.none`, ['gap'])], []);
});
