import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import t from 'tap';
import { dayOf } from '../../../src/config/keys/day.ts';
import { loadConfig } from '../../../src/config/load/load.ts';
import { parsePath } from '../../../src/core/address.ts';
import {
  newSeed,
  noticesOf,
  problemsOf,
  Random,
  SERVICE,
  TODAY,
  tableOf,
  workbench,
} from '../configFixture.ts';

/** The sample of the design, word for word. */
const SAMPLE = `[service]
policy-listen    = unix:/var/spool/postfix/tlsward/policy.sock
milter-listen    = unix:/var/spool/postfix/tlsward/milter.sock
socketmap-listen = unix:/var/spool/postfix/tlsward/socketmap.sock
host-name        = mx.example.org        ; who we are in marks; default: what the MTA says
trusted-clients  = 127.0.0.0/8, ::1      ; content filters that re-inject; not judged
include          = domains.d/*.ini

[policy partner]                          ; a policy of your own
receive      = encrypt                    ; mail from or for the domain must arrive like this
deliver      = secure                     ; mail to the domain must leave like this
min-protocol = TLSv1.2
min-bits     = 128
violation    = reject                     ; tag, defer, reject or hold
mark         = header
banner       = subject, header

[domains]                                 ; one line, one domain
bank.example     = partner                ; the domain itself
.bank.example    = partner                ; its subdomains, at any depth
clinic.example   = encrypt                ; a built-in policy: mandatory TLS in one word
boss@law.example = partner                ; one address
*                = may                    ; everyone else

[domain gov.example]                      ; one partner with its own settings
policy       = partner                    ; start from this
receive      = verify
client-names = mx1.gov.example, .out.gov.example
contact      = postmaster@gov.example
reason       = contract 2026-17
until        = 2027-06-30                 ; after this day the row is reported as overdue
mode         = observe                    ; decide and record, but do not enforce
`;

t.test('the sample', (t) => {
  const bench = workbench(t);
  bench.write('tls.ini', SAMPLE);
  bench.write('domains.d/more.ini', '[domains]\nmore.example = partner\n');
  const loaded = bench.load();
  t.strictSame(problemsOf(loaded, bench.folder), []);
  t.ok(
    loaded.notices.every((notice) => notice.text.includes('does not serve')),
    noticesOf(loaded, '').join('\n'),
  );
  const table = tableOf(loaded);
  const policyOf = (address: string) => {
    const [row] = table.rowsFor(parsePath(address));
    return `${row?.pattern} ${row?.settings.lineage[0]} ${row?.at.line}`;
  };
  t.equal(policyOf('x@bank.example'), 'bank.example policy partner 19');
  t.equal(policyOf('x@a.b.bank.example'), '.bank.example policy partner 20');
  t.equal(policyOf('x@clinic.example'), 'clinic.example built-in encrypt 21');
  t.equal(policyOf('Boss@LAW.example'), 'boss@law.example policy partner 22');
  t.equal(policyOf('clerk@law.example'), '* built-in may 23');
  t.equal(policyOf('x@gov.example'), 'gov.example domain gov.example 25');
  t.equal(policyOf('x@more.example'), 'more.example policy partner 2');
  t.end();
});

t.test('the hash covers the files in the order they were read', (t) => {
  const bench = workbench(t);
  const files = [
    ['tls.ini', `${SERVICE}include = d/*.ini\n[domains]\n* = may\n`],
    ['d/1.ini', '\ufeff[domains]\r\na.example = may\r\n'],
    ['d/2.ini', '; nothing\n'],
  ] as const;
  const hash = createHash('sha256');
  for (const [name, content] of files) {
    bench.write(name, content);
    hash.update(content);
  }
  t.equal(tableOf(bench.load()).hash, hash.digest('hex'));
  t.end();
});

t.test('line ends, byte order mark and a missing last line end make no difference', (t) => {
  const bench = workbench(t);
  const rows =
    '[domains]\na.example = may ; c\n.b.a.example=encrypt\n[192.0.2.1] = verify\nA.example.org = none';
  const patterns = (content: string) => {
    bench.write('tls.ini', content);
    const table = tableOf(bench.load());
    return Array.from({ length: table.rows }, (_, i) => {
      const { pattern, settings, at } = table.row(i);
      return `${pattern} ${settings.lineage} ${at.line}`;
    });
  };
  const want = patterns(SERVICE + rows);
  t.equal(want.length, 4);
  t.strictSame(patterns(`${SERVICE}${rows}\n`), want);
  t.strictSame(patterns((SERVICE + rows).replaceAll('\n', '\r\n')), want);
  t.strictSame(patterns(`\ufeff${SERVICE}${rows}`), want);
  t.end();
});

t.test('the arrays of a table are shared memory', (t) => {
  const bench = workbench(t);
  bench.write('tls.ini', SAMPLE);
  const { packed } = tableOf(bench.load());
  for (const array of [
    packed.names,
    packed.starts,
    packed.slots,
    packed.settingsOf,
    packed.fileOf,
    packed.lineOf,
  ]) {
    t.ok(array.buffer instanceof SharedArrayBuffer);
  }
  t.end();
});

t.test('a hundred thousand rows, each where it was written', (t) => {
  const bench = workbench(t);
  const policies = ['none', 'may', 'encrypt', 'verify', 'partner'];
  const lines = Array.from({ length: 100_000 }, (_, i) => `d${i}.x${i % 7}.example = ${policies[i % 5]}`);
  bench.write('tls.ini', `${SERVICE}[policy partner]\nreceive = encrypt\n[domains]\n${lines.join('\n')}\n`);
  const table = tableOf(bench.load());
  t.equal(table.rows, 100_000);
  let wrong = 0;
  for (let i = 0; i < 100_000; i += 97) {
    const { settings, at } = table.row(table.find(`d${i}.x${i % 7}.example`));
    const policy = settings.lineage[0]?.split(' ')[1];
    if (policy !== policies[i % 5] || at.line !== i + 6) wrong++;
  }
  t.equal(wrong, 0);
  t.end();
});

/** The fast path finds a word by a hash of its bytes, which other words can have. */
t.test('policies whose names have the same hash stay apart', (t) => {
  const hash = (text: string) =>
    [...Buffer.from(text)].reduce((sum, byte) => (Math.imul(sum, 31) + byte) | 0, 0);
  const [a, b] = ['pao', 'pc1'];
  t.equal(hash(a), hash(b));
  const bench = workbench(t);
  bench.write(
    'tls.ini',
    `${SERVICE}[policy ${a}]\nmin-bits = 1\n[policy ${b}]\nmin-bits = 2\n[domains]\na.example = ${a}\nb.example = ${b}\na2.example = ${a}\nb2.example = ${b}\n`,
  );
  const table = tableOf(bench.load());
  const bits = ['a.example', 'b.example', 'a2.example', 'b2.example'].map(
    (name) => table.row(table.find(name)).settings.minBits,
  );
  t.strictSame(bits, [1, 2, 1, 2]);
  t.end();
});

/** The promise of the loader: whatever is in the file, an answer, and never one without a reason. */
t.test('never throws', (t) => {
  const random = new Random(newSeed());
  t.comment(`seed ${random.seed}`);
  const bench = workbench(t);
  const pieces = [
    ...SAMPLE.split(/(?<=\n)/),
    '[policy partner]\n',
    'based-on = partner\n',
    'policy = partner\n',
    'include = *.ini, ../x, /\n',
    '[domain *]\n',
    '[domain __proto__]\n',
    '__proto__ = __proto__\n',
    'constructor = may\n',
    '[',
    ']',
    '=',
    '"',
    "'",
    ';',
    '\\',
    '\n',
    '\r',
    '\0',
    '\ufeff',
    '\ud800',
    'é',
    '{domain}',
    'x'.repeat(20_000),
  ];
  let good = 0;
  for (let run = 0; run < 1500; run++) {
    const content = Buffer.from(Array.from({ length: random.below(40) }, () => random.pick(pieces)).join(''));
    for (let flips = random.below(3); flips > 0 && content.length > 0; flips--) {
      content[random.below(content.length)] = random.below(256);
    }
    const file = bench.write(
      'tls.ini',
      random.below(4) === 0 ? content : Buffer.concat([Buffer.from(SERVICE), content]),
    );
    const loaded = loadConfig(file, TODAY);
    if (loaded.ok) good++;
    else if (loaded.problems.length === 0)
      t.fail('refused without a reason', { content: content.toString() });
    const printed = [...problemsOf(loaded, ''), ...noticesOf(loaded, '')].join('');
    if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(printed)) t.fail('a control character is printed', { printed });
  }
  t.ok(good > 0, `${good} of 1500 were good`);
  t.equal(({} as Record<string, unknown>).policy, undefined, 'no object got a property it should not have');
  t.end();
});

t.test('days', (t) => {
  t.equal(dayOf(new Date(2026, 10, 2, 23, 59)), '2026-11-02');
  const bench = workbench(t);
  const file = bench.write('tls.ini', `${SERVICE}[domain x.example]\nuntil = 2001-01-01\n`);
  t.equal(loadConfig(file).notices[0]?.kind, 'overdue', 'today is the default');
  t.end();
});
