/** CSV that a spreadsheet does not run. */
import t from 'tap';
import { csvLine } from '../../src/trace/csv.ts';

t.test('cells', async (t) => {
  for (const [cell, written] of [
    ['=1+1', "'=1+1"],
    ['+49 30', '"\'+49 30"'],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\\u{9}=1"],
    ['\r=1', "'\\u{d}=1"],
    ['  =1', '"\'  =1"'],
    ['\n=1', "'\\u{a}=1"],
    ['a=1', 'a=1'],
    ['no; =1+1', '"no; \'=1+1"'],
    ['no;"=1+1"', '"no;""\'=1+1"""'],
    ['a;b; c=1', '"a;b; c=1"'],
    ['a,"b"', '"a,""b"""'],
    ['a b', '"a b"'],
    ['', ''],
    ['\u202egnp', '\\u{202e}gnp'],
    ['\uff1d1', '\\u{ff1d}1'],
  ] as const)
    t.equal(csvLine([cell]), `${written}\r\n`);
  t.equal(csvLine([1, -1, undefined, 'x']), '1,-1,,x\r\n');
  t.ok(csvLine(['x'.repeat(100_000)]).length < 32_100, 'a cell that a spreadsheet takes');
});
