/**
 * `tlsward import`: lines of real tables to rows, each line that cannot be mapped named with its reason, the output a table
 * that loads; and by chance: what the deliver map then answers is never weaker than what the line asked for.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { run } from '../../src/cli/import.ts';
import { logicalLines } from '../../src/cli/importPostfix.ts';
import { formatProblem } from '../../src/config/ini/problem.ts';
import { loadConfig } from '../../src/config/load/load.ts';
import { PolicyTable } from '../../src/core/table.ts';
import { protocolRank } from '../../src/core/tls.ts';
import { decideNextHop } from '../../src/deliver/deliver.ts';
import { lowest } from '../../src/deliver/intersectTlsParameters.ts';
import { type AnsweredLevel, atLeast } from '../../src/deliver/level.ts';
import { answerMap } from '../../src/maps/mapAnswer.ts';
import { parseTlsPolicy } from '../../src/wire/tlsPolicyParse.ts';
import { newSeed, Random } from '../config/configFixture.ts';
import { replyOf } from '../maps/replyOf.ts';
import { say as saying } from './runCommand.ts';

const SERVICE = '[service]\nsocketmap-listen = inet:127.0.0.1:8453\n\n';
const VERSION = { major: 3, minor: 7 };
const SHA1 = Array.from({ length: 20 }, () => 'ab').join(':');
const SHA256 = Array.from({ length: 32 }, () => 'CD').join(':');

interface Testing {
  testdir(tree: Record<string, string>): string;
}

const say = (argv: string[]) => saying(run, argv);

/** Imports one text; paths are cut to the file's name. */
async function imported(t: Testing, mta: string, text: string, ...options: string[]) {
  const folder = t.testdir({ source: text });
  const said = await say([mta, join(folder, 'source'), ...options]);
  const short = (output: string) => output.replaceAll(`${folder}/`, '');
  return { ...said, out: short(said.out), err: short(said.err), folder };
}

/** The table that the output makes below a [service]; throws with its mistakes. */
function tableOf(folder: string, ini: string): PolicyTable {
  const file = join(folder, 'tlsward.ini');
  writeFileSync(file, SERVICE + ini);
  const loaded = loadConfig(file, '2026-11-22');
  if (!loaded.ok) throw new Error(`${loaded.problems.map(formatProblem).join('\n')}\n${ini}`);
  return new PolicyTable(loaded.packed, 1, loaded.hash);
}

function answer(table: PolicyTable, map: string, key: string): string {
  const reply = replyOf(answerMap(map, key, table, VERSION));
  return reply.status === 'OK' ? reply.value : reply.status;
}

test('a table of Postfix', async (t) => {
  const source = `# partners
bank.example      encrypt
.Bank.Example     encrypt
clinic.example    secure match=nexthop:dot-nexthop
law.example       secure
gov.example       secure match=gov.example:.gov.example
   protocols=>=TLSv1.2
# a comment inside

   ciphers=high
named.example     verify match=nexthop
host.example      secure match=hostname
old.example       encrypt protocols=!SSLv2:!SSLv3:!TLSv1,exclude=aNULL:RC4:3DES
[relay.example]:587   secure match=nexthop
mx.example:submission fingerprint match=${SHA1}|${SHA256}
[192.0.2.1]       may
free.example      none ciphers=high
only.example      DANE-ONLY
`;
  const { code, out, err, folder } = await imported(t, 'postfix', source);
  t.equal(code, 0, err);
  t.equal(err, '13 of 13 lines mapped to 13 rows with 11 policies\n');
  t.match(
    out,
    /^; 13 of 13 lines of .*source, by tlsward import postfix\n\n\[policy imported-1\]\ndeliver = encrypt\n\n/,
  );
  t.match(
    out,
    /^bank\.example = imported-1\n\.bank\.example = imported-1\nclinic\.example = imported-2\nlaw\.example = imported-2\n/m,
  );
  t.match(out, /^"?\[relay\.example\]:587"? = imported-/m);
  const table = tableOf(folder, out);
  const says = (key: string, want: string) => t.equal(answer(table, 'deliver', key), want, key);
  const floor = 'protocols=>=TLSv1.2 ciphers=high';
  says('bank.example', `encrypt ${floor}`);
  says('x.bank.example', `encrypt ${floor}`);
  says('clinic.example', `secure ${floor}`);
  says('gov.example', `secure match=gov.example:.gov.example ${floor}`);
  says('named.example', `verify match=named.example ${floor}`);
  says('host.example', `verify ${floor}`);
  says('[relay.example]:587', `secure match=relay.example ${floor}`);
  says('mx.example:submission', `fingerprint match=${SHA1.toUpperCase()}|${SHA256} ${floor}`);
  says('[192.0.2.1]', 'may');
  says('free.example', 'none');
  says('only.example', `dane-only ${floor}`);
  t.match(
    answer(table, 'deliver', 'old.example'),
    /^encrypt protocols=>=TLSv1\.1 ciphers=high exclude=aNULL:RC4:.*:3DES/,
  );
  const named = await imported(t, 'postfix', 'a.example encrypt\n', '--name', 'from-x');
  t.match(named.out, /^\[policy from-x-1\]$/m);
});

test('what cannot be mapped is named', async (t) => {
  const cases: readonly (readonly [line: string, why: RegExp])[] = [
    ['/^bank/ encrypt', /cannot contain regular expressions/],
    ['if /x/', /cannot contain regular expressions/],
    ['bank.example', /a key without a value/],
    ['* encrypt', /next hops only/],
    ['boss@bank.example encrypt', /next hops only/],
    ['192.0.2.0/24 encrypt', /networks belong in trusted-clients/],
    ['-x.example encrypt', /not a pattern of the table: a label has no hyphen/],
    ['a.example encrpyt', /no TLS level: "encrpyt"/],
    ['a.example MUST', /a word of smtp_tls_per_site/],
    ['a.example MUST_NOPEERMATCH', /a word of smtp_tls_per_site/],
    ['a.example encrypt match=a.example', /match= at level encrypt/],
    ['a.example secure match=hostname:a.example', /match=hostname beside other names/],
    ['.a.example secure match=nexthop', /match=nexthop for \.a\.example, which is not a single name/],
    ['[192.0.2.1] secure match=nexthop:a.example', /not a single name/],
    ['a.example secure match=localhost', /match=localhost is not a name with two labels/],
    ['a.example secure tafile=/etc/x.pem', /the table has no key for tafile=/],
    ['a.example secure servername=hostname', /the table has no key for servername=/],
    ['a.example encrypt connection_reuse=no', /the table has no key for connection_reuse=/],
    ['a.example secure policy_type=sts', /the table has no key for policy_type=/],
    ['a.example may protocols=>=TLSv1.2', /protocols= at level may, where Postfix falls back/],
    ['a.example dane exclude=RC4', /exclude= at level dane/],
    ['a.example encrypt protocols=TLSv1.2', /more than a lowest version/],
    ['a.example encrypt protocols=>=TLSv1:<=TLSv1.2', /more than a lowest version/],
    ['a.example encrypt ciphers=null', /TLS without encryption/],
    ['a.example encrypt exclude=kECDHr', /exclude=kECDHr is not a cipher that deny-ciphers knows/],
    ['a.example fingerprint', /fingerprint without match=/],
    [`a.example fingerprint match=${'ab:'.repeat(17)}ab`, /not a digest of a known length/],
    ['a.example encrypt no', /an attribute that is not known/],
  ];
  for (const [line, why] of cases) {
    const { code, out, err } = await imported(t, 'postfix', `# one\n${line}\n`);
    t.equal(code, 1, line);
    t.ok(err.startsWith(`not mapped: source:2: ${line.slice(0, 60)}`), err);
    t.match(err, why);
    t.match(err, /\n0 of 1 lines mapped to 0 rows with 0 policies\n$/);
    t.notMatch(out, /^\[/m);
  }
  const twice = await imported(t, 'postfix', 'a.example encrypt\nA.example encrypt\nA.Example secure\n');
  t.equal(twice.code, 1);
  t.match(
    twice.err,
    /^not mapped: source:3: A\.Example secure: a\.example is already mapped to another requirement: source:1\n2 of 3 lines mapped to 1 row with 1 policy\n$/,
  );
  t.match((await imported(t, 'postfix', '  a.example encrypt\n')).err, /begins with white space/);
  t.match((await imported(t, 'postfix', 'a\u001b[31m.example encrypt\n')).err, /a\\u\{1b\}\[31m/, 'escaped');
});

test('lines as Postfix joins them', async (t) => {
  const lines = logicalLines('f', '# c\n\na 1\n 2\n#x\n\n\t3\nb 4 \r\n  # y\n 5');
  t.strictSame(
    lines.map(({ line, text }) => [line, text]),
    [
      [3, 'a 1 2 3'],
      [8, 'b 4 5'],
    ],
  );
});

test('an access map of Sendmail', async (t) => {
  const source = `# access
From:spam.example       REJECT
example.net             RELAY
Connect:192.0.2         OK
TLS_Rcpt:bank.example   ENCR:112
tls_rcpt:boss@law.example  TEMP+ENCR:256
TLS_Rcpt:clinic.example PERM+VERIFY:128+CN
TLS_Rcpt:gov.example    VERIFY:256+CN:mx1.gov.example
TLS_Rcpt:chain.example  VERIFY
TLS_Rcpt:               ENCR:1
`;
  const { code, out, err, folder } = await imported(t, 'sendmail', source);
  t.equal(code, 0, err);
  t.match(
    err,
    /^note: source:7: .*: mail that may not be sent is deferred; with PERM it bounced\nnote: source:9: .*: stricter: /,
  );
  t.match(err, /\n6 of 6 lines mapped to 10 rows with 6 policies; 3 more lines are not about TLS\n$/);
  const table = tableOf(folder, out);
  const says = (recipient: string, want: string) =>
    t.equal(answer(table, 'tls_rcpt', `tls_rcpt:${recipient}`), want, recipient);
  says('x@bank.example', 'TEMP+ENCR:112');
  says('x@sub.bank.example', 'TEMP+ENCR:112');
  says('boss@law.example', 'TEMP+ENCR:256');
  says('x@law.example', 'TEMP+ENCR:1');
  says('x@clinic.example', 'TEMP+VERIFY:128+CN');
  says('x@gov.example', 'TEMP+VERIFY:256+CN:mx1.gov.example');
  says('x@chain.example', 'TEMP+VERIFY:128+CN');
  says('x@other.example', 'TEMP+ENCR:1');
});

test('lines of Sendmail that are no rows', async (t) => {
  const cases: readonly (readonly [line: string, why: RegExp])[] = [
    ['TLS_Srv:mx.example ENCR:128', /a requirement on a server by its host name/],
    ['TLS_Clt:mx.example VERIFY', /a requirement on a client by its host name/],
    ['Try_TLS:mx.example NO', /deliver = none/],
    ['TLS_Srv_Features:x Options=1', /options of a TLS session/],
    ['Srv_Features:x v', /what Sendmail offers/],
    ['TLS_Rcpt:boss@ ENCR:128', /a user in any domain/],
    ['TLS_Rcpt:x.example ENCR', /asks for nothing/],
    ['TLS_Rcpt:x.example ENCR:0', /asks for nothing/],
    ['TLS_Rcpt:x.example ENCR:600', /min-bits goes up to 512/],
    ['TLS_Rcpt:x.example OK', /not \[PERM\+ or TEMP\+\]/],
    ['TLS_Rcpt:x.example VERIFY+CI:/C=x', /a row compares the name/],
    ['TLS_Rcpt:x.example ENCR:128+CN', /a row compares the name/],
    ['TLS_Rcpt:x.example VERIFY+CN:a++CS:b', /more than one thing/],
    ['TLS_Rcpt:x.example VERIFY+CN:a', /not a name with two labels/],
    [' TLS_Rcpt:x.example VERIFY', /begins with white space/],
  ];
  for (const [line, why] of cases) {
    const { code, err } = await imported(t, 'sendmail', `${line}\n`);
    t.equal(code, 1, line);
    t.match(err, why, line);
  }
});

test('files and arguments', async (t) => {
  const folder = t.testdir({
    a: 'a.example encrypt\n',
    b: 'b.example encrypt\nc.example MUST\n',
    db: 'a\0b',
  });
  const both = await say(['postfix', `hash:${join(folder, 'a')}`, join(folder, 'b'), '--json']);
  t.equal(both.code, 1);
  t.match(JSON.parse(both.out), {
    ok: false,
    rows: [
      { pattern: 'a.example', policy: 'imported-1' },
      { pattern: 'b.example', policy: 'imported-1' },
    ],
    policies: { 'imported-1': { deliver: 'encrypt' } },
    unmapped: [{ line: 2, text: 'c.example MUST' }],
    ini: /^; /,
  });
  t.match(await say(['postfix', join(folder, 'absent')]), {
    code: 65,
    out: '',
    err: /: cannot be read: no such file or directory$/m,
  });
  t.match(await say(['postfix', join(folder, 'db')]), { code: 65, err: /give the source/ });
  t.match(await say(['postfix', 'socketmap:inet:127.0.0.1:1:x']), { code: 65, err: /not the source file/ });
  t.match((await say(['exim', 'x'])).code, /^UsageError: found .*, expected postfix or sendmail/);
  t.match((await say(['postfix'])).code, /^UsageError: FILE is missing: the source/);
  t.match((await say(['postfix', 'x', '--name', 'A b'])).code, /^UsageError: --name/);
});

/** Everything that the answer must promise, if the line promised it. Returns what it does not. */
function weaker(original: string, said: string, host: string): string | null {
  const one = parseTlsPolicy(original, { major: 99, minor: 0 });
  const other = parseTlsPolicy(said, VERSION);
  if (one.kind !== 'policy' || other.kind !== 'policy') return 'unreadable';
  const { level } = other;
  if (!atLeast(level as AnsweredLevel, one.level as AnsweredLevel)) return 'level';
  if (one.level === 'none') return null;
  const values = (policy: typeof one, name: string) =>
    policy.attributes.filter((attribute) => attribute.name === name).map(({ value }) => value);
  const standard = (of: string) =>
    of === 'verify' ? ['hostname'] : of === 'secure' ? ['nexthop', 'dot-nexthop'] : [];
  const names = (policy: typeof one) => {
    const list = values(policy, 'match').flatMap((value) => value.split(/[|]|:(?![0-9A-Fa-f]{2}(?::|$|\|))/));
    const words = list.length > 0 ? list : standard(policy.level);
    const spelled = words.map((word) => word.toLowerCase());
    return spelled.map((word) => (word === 'nexthop' ? host : word === 'dot-nexthop' ? `.${host}` : word));
  };
  const allowed = new Set(names(one));
  if (allowed.size > 0 && !names(other).every((name) => allowed.has(name))) return 'match';
  const rank = (policy: typeof one) => protocolRank(lowest(values(policy, 'protocols')[0] ?? '') ?? '') ?? -1;
  if (rank(other) < rank(one)) return 'protocols';
  const grades = ['low', 'medium', 'high'];
  const grade = (policy: typeof one) => grades.indexOf(values(policy, 'ciphers')[0]?.toLowerCase() ?? '');
  if (grade(other) < grade(one)) return 'ciphers';
  const excluded = new Set(values(other, 'exclude').flatMap((value) => value.split(':')));
  const lost = values(one, 'exclude')
    .flatMap((value) => value.split(':'))
    .find((word) => !excluded.has(word));
  return lost === undefined ? null : `exclude ${lost}`;
}

test('no answer is weaker than the line it comes from', async (t) => {
  // the comparison itself can tell
  t.equal(weaker('secure', 'encrypt', 'a.example'), 'level');
  t.equal(weaker('secure match=nexthop', 'secure match=a.example', 'a.example'), null);
  t.equal(weaker('secure match=nexthop', 'secure', 'a.example'), 'match');
  t.equal(weaker('encrypt protocols=>=TLSv1.3', 'encrypt protocols=>=TLSv1.2', ''), 'protocols');
  t.equal(weaker('encrypt ciphers=high', 'encrypt', ''), 'ciphers');
  t.equal(weaker('encrypt exclude=RC4:MD5', 'encrypt exclude=MD5', ''), 'exclude RC4');
  const random = new Random(newSeed());
  t.comment(`seed ${random.seed}`);
  const levels = ['none', 'may', 'encrypt', 'dane', 'dane-only', 'fingerprint', 'verify', 'secure', 'Secure'];
  const some = <T>(list: readonly T[]) => list.filter(() => random.below(3) === 0);
  const value = (): string => {
    const level = random.pick(levels);
    const parts = [level];
    const names = some(['nexthop', 'dot-nexthop', 'hostname', 'mx.a.example', '.b.example', 'x']);
    if (level === 'fingerprint' && random.below(8) > 0)
      parts.push(`match=${SHA1}${random.pick(['', `|${SHA256}`])}`);
    else if (names.length > 0 && random.below(3) > 0) parts.push(`match=${names.join(':')}`);
    if (random.below(3) === 0)
      parts.push(
        `protocols=${random.pick(['>=TLSv1.2', '>=TLSv1', '!SSLv2:!SSLv3', '!SSLv2:!SSLv3:!TLSv1:!TLSv1.1', 'TLSv1.3', 'TLSv1.2', '>=tlsv1.3', '!TLSv1.2'])}`,
      );
    if (random.below(4) === 0)
      parts.push(`ciphers=${random.pick(['low', 'medium', 'HIGH', 'null', 'export'])}`);
    const excluded = some([
      'aNULL',
      'RC4',
      '3DES',
      'MD5',
      'eNULL',
      'DES',
      'kRSA',
      'AES128-SHA',
      'EXP',
      'CAMELLIA',
    ]);
    if (excluded.length > 0 && random.below(2) === 0) parts.push(`exclude=${excluded.join(':')}`);
    if (random.below(12) === 0)
      parts.push(random.pick(['servername=hostname', 'bogus=1', 'connection_reuse=no']));
    return parts.join(random.pick([' ', ', ', '\t']));
  };
  const keys = [
    'a.example',
    '.a.example',
    'x.a.example',
    '[mx.a.example]',
    '[mx.a.example]:587',
    'mx.a.example:25',
    '[192.0.2.1]',
    'B.example.',
  ];
  let compared = 0;
  for (let run_ = 0; run_ < 150; run_++) {
    const originals = new Map(keys.map((key) => [key, value()]));
    const text = [...originals].map(([key, said]) => `${key}\t${said}\n`).join('');
    const { out, err, code, folder } = await imported(t, 'postfix', text, '--json');
    const { rows, unmapped, ini } = JSON.parse(out) as {
      rows: { pattern: string }[];
      unmapped: { text: string }[];
      ini: string;
    };
    if (rows.length + unmapped.length !== keys.length || (code === 0) !== (unmapped.length === 0))
      t.fail(`every line is one or the other: ${text}${err}`);
    const table = tableOf(folder, ini);
    for (const [key, original] of originals) {
      if (unmapped.some((line) => line.text.startsWith(`${key}\t`) || line.text.startsWith(`${key} `)))
        continue;
      const asked = key.startsWith('.') ? `deep.er${key}` : key;
      const said = answer(table, 'deliver', asked);
      const host = asked.replace(/^\[|\](?::\w+)?$|:\w+$|\.$/g, '').toLowerCase();
      const fault = weaker(original, said, host);
      if (fault !== null) t.fail(`${key} ${original}: ${said}: ${fault}`);
      compared++;
    }
  }
  t.ok(compared > 200, `${compared} compared`);
});

/** What Postfix's own table gives (smtp_tls_policy.c): the whole key, and for a valid host name its parents. */
function lookUp(originals: ReadonlyMap<string, string>, key: string): { key: string; said: string } | null {
  const folded = key.toLowerCase();
  const labels = folded.split('.');
  const valid =
    labels.every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label)) &&
    /[a-z_-]/.test(folded);
  for (let at = 0; at >= 0; at = valid ? folded.indexOf('.', at + 1) : -1) {
    const said = originals.get(folded.slice(at));
    if (said !== undefined) return { key: folded.slice(at), said };
  }
  return null;
}

const SPELLINGS = [
  ...['a.example', 'x.a.example', 'y.x.a.example', 'b.example', 'example', 'a_b.example', 'bcher.example'],
  ...['xn--bcher-kva.example', 'b\u00fccher.example', 'mx.b\u00fccher.example', 'mx.xn--bcher-kva.example'],
].flatMap((name) => [
  ...[name, `.${name}`, `[${name}]`, `[${name}]:25`, `[${name}]:smtp`, `${name}:25`, `${name}:smtp`],
  ...[
    `${name}.`,
    `[${name}.]`,
    `${name}.:25`,
    `[${name}]:025`,
    name.toUpperCase(),
    `[${name.toUpperCase()}]:25`,
  ],
]);
const ADDRESSES = ['192.0.2.1', '[192.0.2.1]', '[192.0.2.1]:25', '[2001:db8::1]', '[IPv6:2001:db8::1]'];
const HOPS = [...SPELLINGS, ...ADDRESSES, '[2001:db8:0:0::1]:25', 'a..example', '-a.example', 'other.test'];

test('imported and asked is never weaker than the table itself, for every spelling of a next hop', async (t) => {
  t.same(lookUp(new Map([['.example', 'none']]), 'Y.X.example'), { key: '.example', said: 'none' });
  t.equal(lookUp(new Map([['.example', 'none']]), 'x.example.'), null, 'a final dot is no valid host name');
  t.equal(lookUp(new Map([['.example', 'none']]), '[x.example]'), null);
  const random = new Random(newSeed());
  t.comment(`seed ${random.seed}`);
  const values = [
    'none',
    'may',
    'encrypt',
    'dane',
    'dane-only',
    `fingerprint match=${SHA1}`,
    'verify',
    'secure',
  ];
  values.push('encrypt protocols=>=TLSv1.3', 'secure tafile=/x', 'none', 'may');
  let compared = 0;
  let answered = 0;
  for (let round = 0; round < 120; round++) {
    const originals = new Map<string, string>();
    let text = '';
    for (let i = 3 + random.below(12); i > 0; i--) {
      const key = random.pick(HOPS);
      const said = random.pick(values);
      text += `${key}\t${said}\n`;
      // the first of several counts: DICT_FLAG_DUP_WARN
      if (!originals.has(key.toLowerCase())) originals.set(key.toLowerCase(), said);
    }
    const level = random.pick<AnsweredLevel>(['may', 'may', 'none', 'dane', 'encrypt', 'secure']);
    const { out, folder } = await imported(t, 'postfix', text, '--json', '--level', level);
    const { unmapped, notes, ini } = JSON.parse(out) as Record<'unmapped' | 'notes', { text: string }[]> & {
      ini: string;
    };
    const keysOf = (lines: readonly { text: string }[]): Set<string> =>
      new Set(lines.map((line) => line.text.split(/\s/, 1)[0]!.toLowerCase()));
    const left = keysOf(unmapped);
    const noted = new Set(
      [...keysOf(notes)].map((key) => (key.includes('2001') ? '[ipv6:2001:db8:0:0:0:0:0:1]' : key)),
    );
    const table = tableOf(folder, ini);
    for (const key of HOPS.filter((hop) => !hop.startsWith('.'))) {
      const found = lookUp(originals, key);
      // spellings that nobody uses, compared with what is usual only
      if (level !== 'may' && level !== 'none' && /:025$|\.(?:\]|:|$)|[^ -~]/.test(key)) continue;
      // a line that was named, which somebody has to write by hand
      if (found !== null && left.has(found.key)) continue;
      const decision = decideNextHop(table, key, 'none');
      if (decision.kind === 'trouble' || decision.kind === 'needs') continue;
      const said = decision.kind === 'policy' ? answer(table, 'deliver', key) : level;
      if (found === null && decision.kind === 'policy' && noted.has(decision.row?.pattern ?? '')) continue;
      const host = key.replace(/^\[|\](?::\w+)?$|:\w+$|\.$/g, '').toLowerCase();
      // of levels that authenticate in another way none is stricter
      const own = said.split(' ', 1)[0] as AnsweredLevel;
      const lowered = atLeast(own, level) ? null : 'level';
      const fault = found === null ? lowered : weaker(found.said, said, host);
      if (fault !== null)
        t.fail(`${key} at ${level}: ${found?.said ?? 'not found'}, then ${said}: ${fault}\n${text}${ini}`);
      compared++;
      if (found !== null) answered++;
    }
  }
  t.ok(compared > 5000 && answered > 500, `${compared} compared, ${answered} of them found in the table`);
});

test('lines that reach further, and rows that speak for a line that is none', async (t) => {
  const text =
    'a.example encrypt\n.b.example dane\n[c.example] secure\nd.example:25 encrypt\ne.example none\n';
  const said = await imported(t, 'postfix', text, '--level', 'dane');
  t.equal(said.code, 0);
  t.match(
    said.err,
    /source:1: a\.example encrypt: the row also applies to a\.example in brackets or with a port/,
  );
  t.match(said.err, /source:3: \[c\.example\] secure: the row also applies to \[c\.example\] with a port/);
  t.notMatch(said.err, /source:[245]:/);
  t.notMatch((await imported(t, 'postfix', text)).err, /note:/, 'at may nothing is lowered');
  t.match((await imported(t, 'postfix', text, '--level', 'x')).code, /UsageError: --level: found "x"/);
  for (const [line, why] of [
    [
      'a.example. encrypt',
      /at level encrypt the row would also apply to a\.example, which means something else/,
    ],
    ['B\u00dcCHER.example secure', /would also apply to xn--bcher-kva\.example, which means something else/],
    ['xn--bcher-kva.example may', /at level may the row would also apply to the name in UTF-8/],
    ['[IPv6:2001:db8::1] none', /would also apply to an address that has other spellings/],
  ] as const)
    t.match(await imported(t, 'postfix', `${line}\n`), { code: 1, err: why });
  const covered = await imported(
    t,
    'postfix',
    '.example may\nx.a.example secure tafile=/x\n.a.example encrypt\n',
  );
  t.notMatch(covered.err, /until you write/, 'the row in its place has mandatory TLS');
  const open = await imported(t, 'postfix', '.example may\nx.a.example secure tafile=/x\n');
  t.match(open.err, /no key for tafile=; until you write a row, \.example applies to it: deliver = may/);
});

test('an access map imported is never weaker than the map itself', async (t) => {
  const random = new Random(newSeed());
  t.comment(`seed ${random.seed}`);
  const keys = [
    '',
    'u@a.example',
    'a.example',
    'x.a.example',
    'b.example',
    '[192.0.2.1]',
    'A.Example',
    '.a.example',
  ];
  const values = [
    'ENCR:128',
    'ENCR:256',
    'ENCR:56',
    'VERIFY',
    'VERIFY:256',
    'PERM+VERIFY+CN:mx.a.example',
    'ENCR',
  ];
  const people = [
    'u@a.example',
    'v@a.example',
    'u@x.a.example',
    'w@y.x.a.example',
    'u@b.example',
    'u@c.test',
  ];
  const demand = (said: string) => {
    const match = /(VERIFY|ENCR)(?::([0-9]+))?/.exec(said);
    const cn = /\+CN:([^ +]+)/.exec(said)?.[1] ?? '';
    return { verify: match?.[1] === 'VERIFY', bits: Number(match?.[2] ?? 0), cn };
  };
  let compared = 0;
  for (let round = 0; round < 60; round++) {
    const map = new Map<string, string>();
    let text = '';
    for (let i = 1 + random.below(6); i > 0; i--) {
      const key = random.pick(keys);
      const said = random.pick(values);
      text += `TLS_Rcpt:${key}\t${said}\nTLS_Srv:${key}\tVERIFY\nTLS_Clt:${key}\tVERIFY\n`;
      if (!map.has(key.toLowerCase())) map.set(key.toLowerCase(), said);
    }
    const { out, folder } = await imported(t, 'sendmail', text, '--json');
    const { unmapped, ini } = JSON.parse(out) as { unmapped: { text: string }[]; ini: string };
    t.ok(unmapped.length >= map.size * 2, 'entries about hosts are named');
    const left = new Set(
      unmapped.flatMap(({ text: line }) => /^TLS_Rcpt:(\S*)/.exec(line)?.[1]?.toLowerCase() ?? []),
    );
    const table = tableOf(folder, ini);
    for (const person of [...people, 'u@[192.0.2.1]']) {
      const domain = person.slice(person.indexOf('@') + 1);
      const tried = [person, domain];
      for (let dot = domain.indexOf('.'); dot >= 0 && !domain.startsWith('['); ) {
        // with FEATURE(`lookupdotdomain') first the one with the dot
        tried.push(domain.slice(dot), domain.slice(dot + 1));
        dot = domain.indexOf('.', dot + 1);
      }
      const found = [...tried, ''].find((key) => map.has(key));
      if (found === undefined || left.has(found)) continue;
      const wanted = demand(map.get(found)!);
      const reply = replyOf(answerMap('tls_rcpt', `tls_rcpt:${person}`, table, VERSION));
      if (reply.status === 'TEMP') continue;
      const got = demand(reply.status === 'OK' ? reply.value : '');
      const bad =
        (wanted.verify && !got.verify) ||
        got.bits < wanted.bits ||
        (wanted.cn !== '' && got.cn !== wanted.cn);
      if (bad) t.fail(`${person}: ${map.get(found)} came to ${JSON.stringify(reply)}\n${text}${ini}`);
      compared++;
    }
  }
  t.ok(compared > 100, `${compared} compared`);
});
