/** TXT records of TLSRPT: the grammar of RFC 8460 section 3, and what a stranger may publish in its place. */
import t from 'tap';
import { readTlsrptRecords } from '../../../src/tlsrpt/send/txtRecord.ts';

const uris = (...records: string[]) => {
  const read = readTlsrptRecords(records);
  return read.kind === 'present' ? read.uris : read.why;
};

t.test('records that count', async (t) => {
  t.same(uris('v=TLSRPTv1;rua=mailto:a@b.example'), ['mailto:a@b.example']);
  t.same(uris('v=TLSRPTv1 ; rua=mailto:a@b.example , https://c.example/v1?x=1 ;'), [
    'mailto:a@b.example',
    'https://c.example/v1?x=1',
  ]);
  t.same(uris('v=TLSRPTv1; ext=x; rua=mailto:a@b.example; rua=mailto:c@d.example'), ['mailto:a@b.example']);
  t.same(
    uris('v=spf1 -all', 'v=TLSRPTv1; rua=mailto:a@b.example'),
    ['mailto:a@b.example'],
    'others do not count',
  );
  t.same(uris('v=TLSRPTv10; rua=mailto:x@y.example', 'v=TLSRPTv1; rua=mailto:a@b.example'), [
    'mailto:a@b.example',
  ]);
});

t.test('records that count as none', async (t) => {
  t.equal(uris(), '');
  t.equal(uris('V=TLSRPTv1; rua=mailto:a@b.example'), '');
  t.match(
    uris('v=TLSRPTv1; rua=mailto:a@b.example', 'v=TLSRPTv1; rua=mailto:a@b.example'),
    /2 TLSRPT records/,
  );
  t.match(uris('v=TLSRPTv1;'), /no rua/);
  t.match(uris('v=TLSRPTv1; rua='), /empty/);
  t.match(uris('v=TLSRPTv1; rua = mailto:a@b.example'), /not name=value/);
  t.match(uris('v=TLSRPTv1; hello; rua=mailto:a@b.example'), /not name=value/);
  t.match(uris(`v=TLSRPTv1; rua=${'x'.repeat(5000)}`), /a TLSRPT record of \d+ bytes/);
});

t.test('fifty URIs are twenty', async (t) => {
  const many = Array.from({ length: 50 }, (_, i) => `mailto:a${i}@b.example`).join(',');
  const read = readTlsrptRecords([`v=TLSRPTv1; rua=${many}`]);
  t.match(read, { kind: 'present', more: 30 });
  t.equal(read.kind === 'present' && read.uris.length, 20);
});
