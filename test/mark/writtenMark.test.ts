/** What is kept of a session is of that session only; all else of the written forms is in markFields.test.ts. */
import t from 'tap';
import { type MarkFields, parseMark } from '../../src/mark/markFields.ts';
import { formatMark, WrittenMark } from '../../src/mark/writtenMark.ts';
import { SAMPLE } from './sample.ts';

const OTHERS: readonly Partial<MarkFields>[] = [
  {},
  { state: 'unknown' },
  { protocol: 'TLSv1.1' },
  { cipher: 'OTHER' },
  { cipher: '' },
  { cipher: 'x'.repeat(200) },
  { bits: null },
  { bits: 1 },
  { certificate: 'none' },
  { certificateName: '' },
  { certificateName: 'another' },
  { certificateName: '', protocol: '' },
];

t.test('marks of sessions in turn, under two names', async (t) => {
  for (let round = 0; round < 3; round++)
    for (const one of OTHERS)
      for (const other of OTHERS)
        for (const name of ['X-TLS-Ward', 'X-A-Much-Longer-Name-Of-A-Mark']) {
          const fields = { ...SAMPLE, certificateName: '', ...one };
          formatMark({ ...SAMPLE, certificateName: '', ...other }, null, name);
          const first = `${name}: ${formatMark(fields, null, name)}`.split('\n');
          const why = JSON.stringify([one, other, name]);
          t.strictSame(
            parseMark(first.join('\n').slice(name.length + 1)),
            { ok: true, fields, seal: null },
            why,
          );
          t.ok(
            first.every((line) => line.length <= 76),
            why,
          );
          const fresh = new WrittenMark({ ...fields, certificateName: 'c' }, name).canonical(
            'd.example',
            'k',
          );
          const kept = new WrittenMark(fields, name).canonical('d.example', 'k');
          t.equal(
            kept,
            fresh.replace('certificate-name=c', `certificate-name=${fields.certificateName || '-'}`),
            why,
          );
        }
});

t.test('many ciphers', async (t) => {
  for (let i = 0; i < 200; i++) {
    const fields = { ...SAMPLE, certificateName: '', cipher: `CIPHER-${i % 150}` };
    t.strictSame(parseMark(formatMark(fields)), { ok: true, fields, seal: null });
  }
});
