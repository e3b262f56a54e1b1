import { test } from 'tap';
import { readStsRecords } from '../../src/sts/record.ts';

test('records that name a version of the policy', async (t) => {
  const good = (strings: readonly string[], id: string) =>
    t.same(readStsRecords(strings), { kind: 'present', id }, JSON.stringify(strings));
  good(['v=STSv1; id=20160831085700Z;'], '20160831085700Z');
  good(['v=STSv1;id=1'], '1');
  good(['v=STSv1; id=1; '], '1');
  good(['v=STSv1 ;\tid=a1 \t; '], 'a1');
  good([`v=STSv1; id=${'a'.repeat(32)}`], 'a'.repeat(32));
  good(['v=STSv1; x=1; id=2'], '2');
  good(['v=STSv1; id=2; a.b-c_d=!"#$%&()*+,-./:<>?@[]^_`{|}~'], '2');
  good(['v=STSv1; id=first; id=second'], 'first');
  good(['v=STSv1; id=first; id=x!'], 'first');
  good(['v=spf1 -all', 'v=STSv1; id=1', '', 'v=TLSRPTv1; rua=mailto:a@b.example'], '1');
  good(['V=STSv1; id=2', 'v=STSv1; id=1', 'v=STSv10; id=3', ' v=STSv1; id=4'], '1');
});

test('what is no record', async (t) => {
  const bad = (strings: readonly string[], why: RegExp) => {
    const read = readStsRecords(strings);
    t.equal(read.kind, 'absent', JSON.stringify(strings));
    if (read.kind === 'absent') t.match(read.why, why);
  };
  bad([], /^$/);
  bad(['v=spf1 -all'], /^$/);
  bad(['v=STSv1'], /^$/);
  bad(['v=stsv1; id=1'], /^$/);
  bad(['v = STSv1; id=1'], /^$/);
  bad(['id=1; v=STSv1'], /^$/);
  bad(['v=STSv1; id=1', 'v=STSv1; id=1'], /2 STS records/);
  bad(['v=STSv1;'], /no id/);
  bad(['v=STSv1; x=1'], /no id/);
  bad(['v=STSv1; ID=1'], /no id/);
  bad(['v=STSv1; id='], /not name=value/);
  bad(['v=STSv1; id=1;;'], /not name=value/);
  bad(['v=STSv1;; id=1'], /not name=value/);
  bad(['v=STSv1; id=1 x=2'], /not name=value/);
  bad(['v=STSv1; id=1; x'], /not name=value/);
  bad(['v=STSv1; id=1; x=a=b'], /not name=value/);
  bad(['v=STSv1; id=1; x=\u00e4'], /not name=value/);
  bad(['v=STSv1; id=1; x=a\u0000b'], /not name=value/);
  bad(['v=STSv1; id=1\n'], /not name=value/);
  bad([`v=STSv1; id=1; ${'n'.repeat(33)}=1`], /not name=value/);
  bad(['v=STSv1; id=2016-08-31'], /letters and digits/);
  bad([`v=STSv1; id=${'a'.repeat(33)}`], /letters and digits/);
});
