import t from 'tap';
import { defaultOf, KEYS } from '../../../src/config/keys/keys.ts';
import { BUILT_IN, DEFAULTS, type Settings } from '../../../src/core/settings.ts';
import { assertNotices, noticesOf, problemsOf, SERVICE, tableOf, workbench } from '../configFixture.ts';

/** Settings of the row with this canonical pattern. */
function settingsOf(t: Parameters<typeof workbench>[0], content: string, pattern: string): Settings {
  const bench = workbench(t);
  bench.write('tls.ini', SERVICE + content);
  const table = tableOf(bench.load());
  return table.row(table.find(pattern)).settings;
}

t.test('built-in policies in one word', (t) => {
  for (const [name, want] of BUILT_IN) {
    t.strictSame(settingsOf(t, `[domains]\nx.example = ${name}\n`, 'x.example'), want, name);
  }
  t.end();
});

t.test('a section without policy starts from may', (t) => {
  const settings = settingsOf(t, '[domain X.example]\nreceive = encrypt\n', 'x.example');
  t.strictSame(settings, {
    ...DEFAULTS,
    lineage: ['domain x.example', 'built-in may'],
    receive: 'encrypt',
  });
  t.end();
});

t.test('every key of a row', (t) => {
  const content = `
[policy everything]
receive        = verify
deliver        = fingerprint
min-protocol   = TLSv1.3
min-bits       = 256
deny-ciphers   = CBC, 3DES, cbc
client-names   = MX.Partner.example., .Out.partner.example
client-issuers = R3, "Example CA"
fingerprint    = ${'ab'.repeat(16)}, ${'CD:'.repeat(19)}CD
violation      = hold
mode           = observe
mark           = none
banner         = body, header
reply          = "{domain} needs TLS; see {help}"
help           = https://help.example/tls
contact        = postmaster@partner.example
reason         = "Vertrag 17; gültig"
until          = 2027-06-30
[domains]
* = everything
`;
  const want: Partial<Settings> = {
    lineage: ['policy everything', 'built-in may'],
    receive: 'verify',
    deliver: 'fingerprint',
    minProtocol: 'TLSv1.3',
    minBits: 256,
    denyCiphers: ['cbc', '3des'],
    clientNames: ['mx.partner.example', '.out.partner.example'],
    clientIssuers: ['R3', '"Example CA"'],
    fingerprints: [`${'AB:'.repeat(15)}AB`, `${'CD:'.repeat(19)}CD`],
    violation: 'hold',
    mode: 'observe',
    mark: 'none',
    banner: ['body', 'header'],
    reply: '{domain} needs TLS; see {help}',
    help: 'https://help.example/tls',
    contact: 'postmaster@partner.example',
    reason: 'Vertrag 17; gültig',
    until: '2027-06-30',
  };
  t.match(settingsOf(t, content, '*'), want);
  t.end();
});

t.test('inheritance, in any order of sections', (t) => {
  const content = `
[domain gov.example]
policy   = strict
min-bits = 192
[policy strict]
based-on   = partner
violation  = defer
banner     =
contact    =
[policy partner]
based-on   = encrypt
min-bits   = 256
banner     = header
contact    = someone
`;
  t.match(settingsOf(t, content, 'gov.example'), {
    lineage: ['domain gov.example', 'policy strict', 'policy partner', 'built-in encrypt'],
    receive: 'encrypt',
    deliver: 'encrypt',
    minBits: 192,
    violation: 'defer',
    banner: [],
    contact: null,
  });
  t.end();
});

t.test('rows of one policy share one value', (t) => {
  const bench = workbench(t);
  const content =
    '[policy p]\nreceive = encrypt\n[domains]\na.example = p\nb.example = "p"\n[domain c.example]\npolicy = p\n';
  bench.write('tls.ini', SERVICE + content);
  const { packed } = tableOf(bench.load());
  t.equal(packed.settings.length, 2);
  t.equal(packed.settingsOf[0], packed.settingsOf[1]);
  t.ok(packed.settings.every(Object.isFrozen));
  t.end();
});

t.test('a policy no row uses is no part of the table', (t) => {
  const bench = workbench(t);
  bench.write('tls.ini', `${SERVICE}[policy p]\nreceive = verify\n[domains]\na.example = may\n`);
  const loaded = bench.load();
  t.equal(tableOf(loaded).judges, false);
  t.strictSame(noticesOf(loaded, bench.folder), ['tls.ini:3: [policy p]: no row uses this policy']);
  t.end();
});

t.test('chains of policies: long ones load, endless and too long ones do not', (t) => {
  const chain = (length: number) =>
    Array.from(
      { length },
      (_, i) => `[policy p${i}]\nbased-on = ${i === 0 ? 'encrypt' : `p${i - 1}`}\n`,
    ).join('');
  const row = (name: string) => `[domains]\nx.example = ${name}\n`;
  t.equal(settingsOf(t, `${chain(32)}${row('p31')}`, 'x.example').lineage.length, 33);
  const bench = workbench(t);
  bench.write('tls.ini', `${SERVICE}${chain(3000)}${row('p2999')}`);
  t.match(
    problemsOf(bench.load(), bench.folder)[0],
    /inheritance nested too deeply, expected at most 32 policies/,
  );
  bench.write(
    'tls.ini',
    `${SERVICE}${chain(40)}[policy p40]\nbased-on = p41\n[policy p41]\nbased-on = p40\n`,
  );
  t.match(problemsOf(bench.load(), bench.folder).join('\n'), /a cycle: p40 → p41 → p40/);
  t.end();
});

t.test('verify needs something to compare with', (t) => {
  const loads = (content: string) => {
    const bench = workbench(t);
    bench.write('tls.ini', SERVICE + content);
    return bench.load().ok;
  };
  const pin = `fingerprint = ${'ab'.repeat(32)}`;
  t.equal(loads('[domain *]\nreceive = verify\n'), false);
  t.equal(loads('[domain *]\nreceive = verify\nclient-names = mx.example\n'), true);
  t.equal(loads(`[domain <>]\nreceive = verify\n${pin}\n`), true);
  t.equal(loads('[domain [192.0.2.1]]\nreceive = verify\n'), false);
  t.equal(loads('[domain .bank.example]\nreceive = verify\n'), true);
  t.equal(loads('[domain boss@bank.example]\nreceive = verify\n'), true);
  t.equal(loads('[domain boss@[192.0.2.1]]\nreceive = verify\n'), false);
  t.equal(loads('[domain [relay.example]:587]\nreceive = verify\n'), true);
  t.end();
});

t.test('notices', (t) => {
  const says = (content: string, ...want: string[]) => assertNotices(t, content, ...want);
  says('[domains]\nx.example = may\n');
  says('', 'tls.ini: the table has no rows');
  says('[domain x.example]\nuntil = 2026-11-22\n');
  says(
    '[domain x.example]\nuntil = 2026-11-21\n',
    'tls.ini:4: [domain x.example] until: expired on 2026-11-21 (still in force)',
  );
  says(
    '[domains]\n.com = may\n.bank.example = may\n.co.uk = may\n',
    'tls.ini:4: [domains] .com: anyone can register a name under this suffix',
    'tls.ini:6: [domains] .co.uk: anyone can register a name under this suffix',
  );
  says(
    '[domains]\nbаnk.example = may\n',
    'tls.ini:4: [domains] b\\u{430}nk.example: a label that mixes scripts: b\\u{430}nk (Latin and Cyrillic), in full xn--bnk-6cd.example',
  );
  says(
    '[domain x.example]\nclient-names = mx.x.example\n',
    'tls.ini:4: [domain x.example] client-names: has no effect, because receive is may and not verify',
  );
  says(
    '[policy p]\nclient-issuers = R3\n[domains]\nx.example = p\n',
    'tls.ini:4: [policy p] client-issuers: has no effect, because no row with this policy has receive = verify',
  );
  says('[policy p]\nclient-names = mx.x.example\n[domain x.example]\npolicy = p\nreceive = verify\n');
  says(
    '[domain x.example]\nhelp = https://x.example/#tls\n',
    'tls.ini:4: "#tls" is read as a comment; quote the value if it belongs to it',
  );
  t.end();
});

t.test('the deliver leg', (t) => {
  const socketmap = `${SERVICE}socketmap-listen = unix:/run/m.sock\n`;
  const says = (head: string, content: string, ...want: string[]) => {
    const bench = workbench(t);
    bench.write('tls.ini', head + content);
    const loaded = bench.load();
    t.strictSame(problemsOf(loaded, bench.folder), []);
    t.strictSame(noticesOf(loaded, bench.folder), want);
  };
  const wrong = (content: string, ...want: string[]) => {
    const bench = workbench(t);
    bench.write('tls.ini', SERVICE + content);
    t.strictSame(problemsOf(bench.load(), bench.folder), want);
  };
  says(
    SERVICE,
    '[domain a.example]\ndeliver = encrypt\n',
    'tls.ini:4: [domain a.example] deliver: has no effect, because there is no socketmap-listen',
  );
  says(socketmap, '[domain a.example]\ndeliver = encrypt\nreceive = encrypt\n');
  says(SERVICE, '[domain a.example]\nreceive = encrypt\n');
  says(
    socketmap,
    '[policy p]\nreceive = encrypt\n[policy q]\nbased-on = p\ndeliver = secure\n[domains]\na.example = p\nb.example = q\n',
    'tls.ini:5: [policy p] receive: outbound mail is not protected: there is no deliver beside receive = encrypt',
  );
  says(
    socketmap,
    '[domain a.example]\ndeliver = dane\ndeliver-floor = encrypt\n',
    'tls.ini:6: [domain a.example] deliver-floor: has no effect, because deliver is dane and not auto',
  );
  const floored = '[domain a.example]\ndeliver = auto\ndeliver-floor = verify\n';
  says(
    socketmap,
    floored,
    'tls.ini:6: [domain a.example] deliver-floor: mail to domains with neither TLSA records nor MTA-STS waits, because without a resolver this is dane-only',
  );
  says(`${socketmap}resolver = 127.0.0.1\n`, floored);
  says(`${socketmap}published = socketmap:inet:127.0.0.1:8642:QUERY\n`, floored);
  const floor = settingsOf(t, '[domain a.example]\ndeliver = auto\ndeliver-floor = verify\n', 'a.example');
  t.equal(floor.deliverFloor, 'verify');
  const names = settingsOf(t, '[domain a.example]\nserver-names = MX.A.example., .b.example\n', 'a.example');
  t.strictSame([names.serverNames, names.deliver], [['mx.a.example', '.b.example'], null]);
  t.equal(settingsOf(t, '[domain a.example]\npolicy = encrypt\ndeliver =\n', 'a.example').deliver, null);
  wrong(
    '[domain a.example]\nserver-names = hostname, *.b.example, .c\n',
    'tls.ini:4: [domain a.example] server-names: found "hostname", expected a domain name or .suffix with two labels or more',
    'tls.ini:4: [domain a.example] server-names: found "*.b.example", expected a domain name or .suffix (did you mean .b.example?)',
    'tls.ini:4: [domain a.example] server-names: found ".c", expected a domain name or .suffix with two labels or more',
  );
  const pinned = `[policy p]\ndeliver = fingerprint\nfingerprint = ${'ab'.repeat(32)}\n`;
  wrong(
    `${pinned}[domain a.example]\npolicy = p\nfingerprint =\n`,
    'tls.ini:8: [domain a.example] fingerprint: found no digest to compare with, expected a fingerprint key',
  );
  wrong(
    'postfix-version = 2.11\n',
    'tls.ini:3: [service] postfix-version: found "2.11", expected 3.0 or later',
  );
  t.end();
});

t.test('the list of keys', (t) => {
  const kebab = (field: string) => field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const fields = Object.keys(DEFAULTS).filter((field) => field !== 'lineage');
  const rowKeys = KEYS.filter((key) => key.section === 'policy, domain').map((key) => key.key);
  t.strictSame(
    fields.map((field) => kebab(field === 'fingerprints' ? 'fingerprint' : field)).sort(),
    [...rowKeys].sort(),
    'each field of Settings has a key and each key a field',
  );
  const named = KEYS.map((key) => `${key.section} ${key.key}`);
  t.equal(new Set(named).size, KEYS.length, 'no key twice');
  for (const key of KEYS) t.ok(key.meaning !== '' && key.expected !== '', key.key);
  t.throws(() => defaultOf('no-such-key'), /no such key/);

  // writing every default is the same as writing nothing
  const written = rowKeys.map((key) => `${key} = ${JSON.stringify(defaultOf(key))}\n`).join('');
  const { lineage, ...settings } = settingsOf(t, `[domain x.example]\n${written}`, 'x.example');
  const { lineage: standardLineage, ...standard } = DEFAULTS;
  t.strictSame(settings, standard);
  t.strictSame([lineage, standardLineage], [['domain x.example', 'built-in may'], ['built-in may']]);
  t.end();
});
