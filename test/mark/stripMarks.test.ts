import t from 'tap';
import type { Edit, HeaderField } from '../../src/core/messageEdit.ts';
import { allAtOnce } from '../../src/core/work.ts';
import { signMark, verifyMark } from '../../src/mark/signMark.ts';
import { fieldNameKey, stripMarks } from '../../src/mark/stripMarks.ts';
import { generator } from './generator.ts';
import { key, SAMPLE } from './sample.ts';

const stripped = (...args: Parameters<typeof stripMarks>): Edit[] => allAtOnce(stripMarks(...args));

/** Does the deletions as an MTA does: by name without case and trailing white space, from the top. */
function applyEdits(
  headers: readonly HeaderField[],
  edits: readonly Edit[],
  renumbers: boolean,
): HeaderField[] {
  const left: (HeaderField | null)[] = [...headers];
  for (const edit of edits) {
    if (edit.kind !== 'deleteHeader') throw new Error(edit.kind);
    let count = 0;
    for (let i = 0; i < left.length; i++) {
      const field = renumbers ? left[i] : headers[i];
      if (field == null || field.name.trimEnd().toLowerCase() !== edit.name.toLowerCase()) continue;
      if (++count === edit.index) {
        left[i] = null;
        break;
      }
    }
  }
  return left.filter((field) => field !== null);
}

const FORGED = 'v=1; state=protected';
const SPELLINGS = [
  'X-TLS-Ward',
  'x-tls-ward',
  'X-TLS-WARD',
  'x-Tls-wArd',
  'X-TLS-Ward ',
  'X-TLS-Ward\t \t',
  'x-tls-ward\n ',
];

t.test('all copies go, on both kinds of MTA', (t) => {
  for (const copies of [0, 1, 2, 5, 300]) {
    const headers: HeaderField[] = [{ name: 'Received', value: 'from x' }];
    for (let i = 0; i < copies; i++) {
      headers.push({
        name: SPELLINGS[i % SPELLINGS.length]!,
        value: i % 3 === 0 ? `${FORGED}\n folded` : FORGED,
      });
      if (i % 2 === 0)
        headers.push(
          { name: 'X-TLS-Wardrobe', value: 'stays' },
          { name: 'Subject', value: 'X-TLS-Ward: no' },
        );
    }
    const edits = stripped(headers, ['X-TLS-Ward']);
    t.strictSame(
      edits.map((edit) => (edit.kind === 'deleteHeader' ? edit.index : 0)),
      Array.from({ length: copies }, (_, i) => copies - i),
      `${copies} copies, highest first`,
    );
    for (const renumbers of [true, false]) {
      const left = applyEdits(headers, edits, renumbers);
      t.equal(
        left.length,
        headers.length - copies,
        `${copies} copies, ${renumbers ? 'Postfix' : 'Sendmail'}`,
      );
      t.notOk(left.some((field) => fieldNameKey(field.name) === 'x-tls-ward'));
    }
  }
  t.end();
});

t.test('several names, mixed with others', (t) => {
  const headers = ['X-TLS-Ward', 'X-Banner', 'x-banner', 'From', 'X-TLS-Ward', 'To', 'X-BANNER '].map(
    (name) => ({
      name,
      value: '1',
    }),
  );
  t.strictSame(stripped(headers, ['X-TLS-Ward', 'X-Banner']), [
    { kind: 'deleteHeader', name: 'X-Banner', index: 3 },
    { kind: 'deleteHeader', name: 'X-TLS-Ward', index: 2 },
    { kind: 'deleteHeader', name: 'X-Banner', index: 2 },
    { kind: 'deleteHeader', name: 'X-Banner', index: 1 },
    { kind: 'deleteHeader', name: 'X-TLS-Ward', index: 1 },
  ]);
  t.strictSame(stripped(headers, []), []);
  t.strictSame(stripped([], ['X-TLS-Ward']), []);
  t.end();
});

t.test('a copy of ours that verifies may stay', (t) => {
  const good = signMark(SAMPLE, 'partner.example', [key(7)]);
  const headers = [
    { name: 'X-TLS-Ward', value: FORGED },
    { name: 'X-TLS-Ward', value: good },
    { name: 'x-tls-ward', value: good.replace('unprotected', 'protected').replace('receive', 'receive ') },
    { name: 'X-TLS-Ward', value: good.replace('bits=256', 'bits=128') },
  ];
  const keep = (field: HeaderField): boolean => verifyMark(field.value, 'partner.example', [key(7)]).ok;
  t.strictSame(stripped(headers, ['X-TLS-Ward'], keep), [
    { kind: 'deleteHeader', name: 'X-TLS-Ward', index: 4 },
    { kind: 'deleteHeader', name: 'X-TLS-Ward', index: 1 },
  ]);
  const first = (_field: HeaderField, index: number): boolean => index === 2;
  t.equal(stripped(headers, ['X-TLS-Ward'], first).length, 3, 'the predicate is told the index');
  t.end();
});

t.test('a name with other odd characters is another name', (t) => {
  for (const name of [
    'X-TLS-Ward\0',
    'X-TLS-Ward\xa0',
    ' X-TLS-Ward',
    'X-TLS\u2010Ward',
    'X-TLS-Ward:',
    'X TLS Ward',
  ]) {
    t.strictSame(stripped([{ name, value: FORGED }], ['X-TLS-Ward']), [], JSON.stringify(name));
  }
  const blank = ' '.repeat(200_000);
  t.equal(fieldNameKey(`X${blank}Y${blank}`).length, 200_002, 'long white space, linear time');
  t.end();
});

t.test('any message, both numberings, the same result', (t) => {
  const g = generator();
  for (let round = 0; round < 2000; round++) {
    const headers = Array.from({ length: g.integer(30) }, () => ({
      name: g.pick([...SPELLINGS, 'Subject', 'X-Banner', 'x-banner ', 'X-TLS']),
      value: g.pick(['keep', 'drop']),
    }));
    const edits = stripped(headers, ['X-TLS-Ward', 'X-Banner'], (field) => field.value === 'keep');
    const want = headers.filter(
      (field) => field.value === 'keep' || !['x-tls-ward', 'x-banner'].includes(fieldNameKey(field.name)),
    );
    for (const renumbers of [true, false]) {
      const got = applyEdits(headers, edits, renumbers);
      if (JSON.stringify(got) !== JSON.stringify(want)) t.fail(`seed ${g.seed}, round ${round}`);
    }
  }
  t.pass('2000 messages');
  t.end();
});
