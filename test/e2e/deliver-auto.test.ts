/**
 * `deliver = auto` in the world: what domains publish by DANE and MTA-STS decides how a real Postfix sends, and what could
 * not be found out never counts as nothing. Receivers, DNS with DNSSEC and policy hosts are the test's own.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { AutoDomains, type DomainSpec } from './harness/auto-scene.ts';
import { startDaemon } from './harness/daemon.ts';
import { pause, until } from './harness/deadline.ts';
import { outcome, run, site, submit } from './harness/deliver-scene.ts';
import { startDns } from './harness/dns.ts';
import { startMapStub } from './harness/map-stub.ts';
import { e2eSkip } from './harness/requirements.ts';
import { openSession } from './harness/smtp-session.ts';
import { stsPolicy } from './harness/sts-host.ts';

const skip = e2eSkip(['root', 'postfix', 'openssl', 'unbound']);
const WORD: Readonly<Record<string, string>> = { U: 'Untrusted', T: 'Trusted', V: 'Verified' };

interface Case extends DomainSpec {
  /** What `postmap -q` prints; TEMP: refuses to answer, for this reason. */
  readonly answer: RegExp;
  /** `P`, `U`, `T`, `V` as in deliver-dns.test.ts, else the code with which the mail waits. */
  readonly result: string;
}

const mx = (domain: string) => [`mx.${domain}.example`];
const enforce = (domain: string) => ({ body: stsPolicy({ mode: 'enforce', mx: mx(domain) }) });
const NOTHING = /^$/;
const DANE_ONLY = /^dane-only /;
/** The one name of the policy; wherever it stands in the answer. */
const SECURE = /^secure (?:\S+ )*match=mx\.[a-z]+\.example servername=hostname( |$)/;
const TEMP = /^TEMP /;
const AUTO = '[domain .example]\ndeliver = auto\n';

const CASES: Readonly<Record<string, Case>> = {
  // nothing published: Postfix's own level, which is may
  plain: { answer: NOTHING, result: 'P' },
  self: { server: { certificate: 'self' }, answer: NOTHING, result: 'U' },
  // DANE
  dane: { server: { certificate: 'self', tlsa: 'right' }, answer: DANE_ONLY, result: 'V' },
  badtlsa: { server: { certificate: 'right', tlsa: 'wrong' }, answer: DANE_ONLY, result: '4.7.5' },
  danenotls: { server: { tlsa: 'right' }, answer: DANE_ONLY, result: '4.7.4' },
  unusable: { server: { certificate: 'self', tlsa: 'unusable' }, answer: /^encrypt /, result: 'U' },
  unusableplain: { server: { tlsa: 'unusable' }, answer: /^encrypt /, result: '4.7.4' },
  // names in other shapes: no MX record, an alias for an MX host, some hosts of several
  implicit: {
    server: { certificate: 'self', tlsa: 'right' },
    implicit: true,
    answer: DANE_ONLY,
    result: 'V',
  },
  alias: {
    server: { certificate: 'self', tlsa: 'right' },
    mx: ['10 mail.alias.example.'],
    records: ['mail.alias.example. CNAME mx.alias.example.'],
    answer: DANE_ONLY,
    result: 'V',
  },
  some: {
    server: { certificate: 'self', tlsa: 'right' },
    mx: ['10 mx.some.example.', '20 mx.plain.example.'],
    answer: /^dane$/,
    result: 'V',
  },
  nullmx: { mx: ['0 .'], answer: NOTHING, result: '5.1.0' },
  // both: MTA-STS would refuse the first and accept the second
  both: {
    server: { certificate: 'self', tlsa: 'right' },
    sts: enforce('elsewhere'),
    answer: DANE_ONLY,
    result: 'V',
  },
  overruled: {
    server: { certificate: 'right', tlsa: 'wrong' },
    sts: enforce('overruled'),
    answer: DANE_ONLY,
    result: '4.7.5',
  },
  // MTA-STS enforced
  sts: {
    server: { certificate: 'right' },
    sts: enforce('sts'),
    answer: SECURE,
    result: 'V',
  },
  wild: {
    server: { certificate: 'right' },
    sts: { body: stsPolicy({ mode: 'enforce', mx: ['*.wild.example'] }) },
    answer: /^secure match=\.wild\.example servername=hostname( |$)/,
    result: 'V',
  },
  stsname: {
    server: { certificate: 'wrong' },
    sts: enforce('stsname'),
    answer: SECURE,
    result: '4.7.5',
  },
  stsself: {
    server: { certificate: 'self' },
    sts: enforce('stsself'),
    answer: SECURE,
    result: '4.7.5',
  },
  stsplain: { sts: enforce('stsplain'), answer: SECURE, result: '4.7.4' },
  stsother: {
    server: { certificate: 'right' },
    sts: enforce('elsewhere'),
    answer: /^secure match=mx\.elsewhere\.example servername=hostname( |$)/,
    result: '4.7.5',
  },
  stsunusable: {
    server: { certificate: 'self', tlsa: 'unusable' },
    sts: enforce('stsunusable'),
    answer: SECURE,
    result: '4.7.5',
  },
  // aliases to a provider's; another record beside ours; two of ours are none
  hosted: {
    server: { certificate: 'right' },
    records: [
      '_mta-sts.hosted.example. CNAME _mta-sts.sts.example.',
      'mta-sts.hosted.example. CNAME mta-sts.sts.example.',
    ],
    sts: enforce('hosted'),
    answer: SECURE,
    result: 'V',
  },
  beside: {
    server: { certificate: 'right' },
    records: ['_mta-sts.beside.example. TXT "unrelated"', '_mta-sts.beside.example. TXT "v=STSv1; id=7;"'],
    sts: enforce('beside'),
    answer: SECURE,
    result: 'V',
  },
  doubled: {
    records: [
      '_mta-sts.doubled.example. TXT "v=STSv1; id=7;"',
      '_mta-sts.doubled.example. TXT "v=STSv1; id=8;"',
    ],
    sts: enforce('doubled'),
    answer: NOTHING,
    result: 'P',
  },
  'sub.sts': { answer: NOTHING, result: 'P' },
  somests: {
    server: { certificate: 'self', tlsa: 'right' },
    mx: ['10 mx.somests.example.', '20 mx.plain.example.'],
    sts: enforce('somests'),
    answer: DANE_ONLY,
    result: 'V',
  },
  slow: { sts: { ...enforce('slow'), delayMs: 1500 }, answer: SECURE, result: '4.7.4' },
  // MTA-STS not enforced
  testing: { sts: { body: stsPolicy({ mode: 'testing', mx: mx('testing') }) }, answer: NOTHING, result: 'P' },
  stopped: { sts: { body: stsPolicy({ mode: 'none' }) }, answer: NOTHING, result: 'P' },
  // a record, and no policy to be had
  nohost: { sts: null, answer: NOTHING, result: 'P' },
  missing: { sts: { ...enforce('missing'), status: 404 }, answer: NOTHING, result: 'P' },
  moved: {
    sts: { status: 302, headers: { location: 'https://mta-sts.sts.example/.well-known/mta-sts.txt' } },
    answer: NOTHING,
    result: 'P',
  },
  big: {
    sts: { body: `${enforce('big').body}${'x: y\r\n'.repeat(20_000)}` },
    answer: NOTHING,
    result: 'P',
  },
  html: {
    sts: { ...enforce('html'), headers: { 'content-type': 'text/html' } },
    answer: NOTHING,
    result: 'P',
  },
  grammar: { sts: { body: 'version: STSv1\r\nmode: enforce\r\n' }, answer: NOTHING, result: 'P' },
  cut: { sts: { ...enforce('cut'), trouble: 'reset' }, answer: NOTHING, result: 'P' },
  hostself: { sts: { ...enforce('hostself'), certificate: 'self' }, answer: NOTHING, result: 'P' },
  hostname: { sts: { ...enforce('hostname'), certificate: 'wrong' }, answer: NOTHING, result: 'P' },
  hostexpired: { sts: { ...enforce('hostexpired'), certificate: 'expired' }, answer: NOTHING, result: 'P' },
  // what could not be found out is not absence
  txtforged: { sts: enforce('txtforged'), bogus: ['_mta-sts.'], answer: TEMP, result: '4.7.5' },
  txtdead: { lame: ['_mta-sts.'], answer: TEMP, result: '4.7.5' },
  tlsaforged: {
    server: { certificate: 'right', tlsa: 'right' },
    bogus: ['_25._tcp.mx.'],
    answer: TEMP,
    result: '4.7.5',
  },
  tlsadead: {
    server: { certificate: 'right' },
    sts: enforce('tlsadead'),
    lame: ['_tcp.mx.'],
    answer: TEMP,
    result: '4.7.5',
  },
  mxforged: { bogus: [''], answer: TEMP, result: '4.4.3' },
  mxdead: { lame: [''], answer: TEMP, result: '4.4.3' },
};

/** What an administrator is told by `postmap -q`: a value, nothing, or `TEMP why`. */
async function answerOf(map: string, domain: string): Promise<string> {
  const { stdout, stderr } = await run('postmap', ['-q', domain, `${map}:deliver`]);
  const trouble = /(?:temporary|permanent) error: (.*)/.exec(stderr)?.[1];
  return trouble === undefined ? stdout.trimEnd() : `TEMP ${trouble}`;
}

/** Two at a time: commands start a process each. */
async function inPairs<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const rest = [...all];
  const worker = async () => {
    for (let one = rest.shift(); one !== undefined; one = rest.shift()) await work(one);
  };
  await Promise.all([worker(), worker()]);
}

t.test('what is published, and how mail leaves', { skip }, async (t) => {
  const domains = await AutoDomains.start(t);
  for (const [name, spec] of Object.entries(CASES)) await domains.add(`${name}.example`, spec);
  const dns = await startDns(t, domains.zone());
  const options = domains.siteOptions(dns.address);
  const { postfix, daemon, map } = await site(t, domains.ca, AUTO, new Map(), options);

  const ids = new Map<string, string>();
  const answers = new Map<string, string>();
  for (const name of Object.keys(CASES)) {
    const sender = `${name}@local.example`;
    const text = `From: <${sender}>\nSubject: secret.${name}.\n\nsecret.${name}.\n`;
    ids.set(name, await submit(postfix, `bob@${name}.example`, sender, text));
  }
  // while the policy of `slow` is on its way
  const more = await Promise.all(Array.from({ length: 10 }, () => answerOf(map, 'Slow.Example.')));
  for (const answer of more) t.match(answer, SECURE);
  for (const [name, { result, answer }] of Object.entries(CASES)) {
    const { dsn, line } = await outcome(postfix, ids.get(name)!);
    const sink = domains.sinks.get(`${name}.example`)!;
    const sent = /^[PUTV]$/.test(result);
    t.equal(dsn, sent ? '2.0.0' : result, `${name}: ${line}`);
    t.strictSame(
      sink.received.map(({ protocol }) => protocol),
      sent ? [result === 'P' ? null : 'TLSv1.3'] : [],
      `${name}: what the server saw`,
    );
    t.equal(sink.clear.includes(`secret.${name}.`), result === 'P', `${name}: in plain text`);
    if (WORD[result] !== undefined) {
      const [, host] = /relay=([a-z]\S+?),/.exec(line)!;
      t.ok(postfix.log().includes(`${WORD[result]} TLS connection established to ${host}`), name);
    }
    const said = await answerOf(map, `${name}.example`);
    t.match(said, answer, `${name}: postmap`);
    answers.set(name, said);
  }
  t.equal(domains.hosts.count('slow.example'), 1, 'one fetch, whoever waited');
  t.equal(domains.hosts.count('moved.example'), 1);
  t.equal(domains.hosts.requests.filter(({ host }) => host === 'mta-sts.dane.example').length, 0);

  for (const by of ['the running daemon', 'this command']) {
    if (by === 'this command') await daemon.kill();
    await inPairs([...answers], async ([name, answer]) => {
      const { status, stdout } = await daemon.command('explain', '--deliver', `${name}.example`);
      const [first = ''] = stdout.split('\n');
      const waits = answer.startsWith('TEMP ');
      t.equal(status, waits ? 75 : 0, `${name}: explain by ${by}`);
      if (waits) t.match(first, /^TEMP tlsward: /);
      else t.equal(first, answer === '' ? 'NOTFOUND ' : `OK ${answer}`);
      t.match(stdout, `by       ${by}\n`);
    });
  }
  t.strictSame(daemon.events('bug'), []);
});

t.test('what an administrator is told, and can do', { skip }, async (t) => {
  const domains = await AutoDomains.start(t);
  for (const name of ['plain', 'dane', 'sts', 'nohost', 'txtdead']) {
    await domains.add(`${name}.example`, CASES[name]!);
  }
  const dns = await startDns(t, domains.zone());
  const { port } = domains.receivers;
  const routes = new Map([
    ['one.test', `smtp:[mx.dane.example]:${port}`],
    ['two.test', `smtp:[mx.sts.example]:${port}`],
    ['three.test', 'smtp:dane.example'],
  ]);
  const options = domains.siteOptions(dns.address, { 'sts-cache': 'sts' });
  const { postfix, daemon, map } = await site(t, domains.ca, AUTO, routes, options);
  const published = async (...args: string[]) => {
    const { status, stdout, stderr } = await daemon.command('published', ...args);
    return `${status} ${stdout}${stderr}`;
  };
  t.match(await published('dane.example'), /^0 [^]*DANE +usable TLSA records for every MX host, kept for /);
  t.match(await published('dane.example'), /MTA-STS +no record/);
  t.match(await published('sts.example'), /MTA-STS +mode enforce, id 1, mx mx\.sts\.example, max_age 7 d\n/);
  t.match(await published('sts.example'), /DANE +no TLSA records that DNSSEC vouches for/);
  t.match(await published('nohost.example'), /a record, but no policy: sts-policy-fetch-error/);
  t.match(await published('txtdead.example'), /^75 [^]*MTA-STS +not found out: .*SERVFAIL/);

  // a next hop that is a host has TLSA records at its own port, and no policy
  t.match(await published(`[mx.dane.example]:${port}`), /usable TLSA records/);
  t.match(await answerOf(map, `[mx.dane.example]:${port}`), DANE_ONLY);
  t.equal(await answerOf(map, `[mx.sts.example]:${port}`), '');
  const level = { one: 'Verified', two: 'Trusted', three: 'Verified' };
  for (const [name, word] of Object.entries(level)) {
    const from = postfix.logMark();
    const { dsn, line } = await outcome(postfix, await submit(postfix, `bob@${name}.test`));
    t.equal(dsn, '2.0.0', line);
    t.ok(postfix.log().slice(from).includes(`${word} TLS connection established to mx.`), name);
  }

  // the domain changes its mind: by itself that is seen when the record has aged
  domains.publish('sts.example', { sts: { id: '2', body: stsPolicy({ mode: 'testing', mx: mx('sts') }) } });
  await dns.set(domains.zone());
  t.match(await answerOf(map, 'sts.example'), SECURE);
  t.match(await published('sts.example', '--refresh'), /mode testing, id 2,/);
  t.equal(await answerOf(map, 'sts.example'), '');
  domains.publish('sts.example', {});
  await dns.set(domains.zone());
  t.match(await published('sts.example', '--forget'), /^0 sts\.example: forgotten/);
  await until(10_000, 'empty folder', () => readdirSync(join(daemon.dir, 'sts')).length === 0);
  t.match(await published('sts.example'), /MTA-STS +no record/);
  t.match(await published('sts.example', '--forget', '--refresh'), /^64 .*exclude each other/);
  const status = await daemon.command('status');
  t.match(status.stdout, /FOR TESTS|sts-test-opening/i, 'the opening is loud in status too');
  await daemon.kill();
  t.match(await published('sts.example'), /^69 /);
});

t.test('a resolver that does not validate', { skip }, async (t) => {
  const domains = await AutoDomains.start(t);
  await domains.add('dane.example', { server: { certificate: 'self', tlsa: 'right' } });
  await domains.add('sts.example', { server: { certificate: 'right' }, sts: enforce('sts') });
  const dns = await startDns(t, { ...domains.zone(), validating: false });
  const { daemon, map } = await site(t, domains.ca, AUTO, new Map(), domains.siteOptions(dns.address));
  t.equal(await answerOf(map, 'dane.example'), 'dane', 'left to Postfix');
  t.match(await answerOf(map, 'sts.example'), SECURE);
  t.match(await daemon.waitForEvent('dane.off'), { level: 40, why: /does not validate/ });
  const { stdout } = await daemon.command('published', 'dane.example');
  t.match(stdout, /DANE +not looked up: .*does not validate/);
});

t.test('a policy that was fetched is kept: hosts gone, records gone, daemon anew', { skip }, async (t) => {
  const domains = await AutoDomains.start(t);
  const sink = await domains.add('kept.example', { server: { certificate: 'right' }, sts: enforce('kept') });
  const plain = await domains.add('evil.example', {});
  const other = await domains.add('late.example', { sts: enforce('late') });
  const dns = await startDns(t, domains.zone());
  const options = domains.siteOptions(dns.address, { 'sts-cache': 'sts' }); // beside the configuration file
  const { postfix, daemon, map } = await site(t, domains.ca, AUTO, new Map(), options);
  const ask = (domain: string) => answerOf(map, domain);
  const secure = /^secure match=mx\.kept\.example servername=hostname( |$)/;
  const send = async (domain: string) => outcome(postfix, await submit(postfix, `bob@${domain}`));

  t.equal((await send('kept.example')).dsn, '2.0.0');
  t.equal((await send('kept.example')).dsn, '2.0.0');
  t.equal(domains.hosts.count('kept.example'), 1, 'one fetch for both');
  t.equal(sink.messages.length, 2);
  const folder = join(daemon.dir, 'sts');
  t.strictSame(readdirSync(folder), ['kept.example.json']);
  t.equal(statSync(join(folder, 'kept.example.json')).mode & 0o777, 0o600);
  t.equal(statSync(folder).mode & 0o777, 0o700);

  await domains.hosts.stop();
  await daemon.restart();
  t.equal((await send('kept.example')).dsn, '2.0.0', 'the policy host is gone, and the daemon a new one');
  await daemon.kill();
  await daemon.start();
  t.match(await ask('kept.example'), secure);
  // never fetched before: as if there were none, and the log says so
  const from = daemon.mark();
  t.equal((await send('late.example')).dsn, '2.0.0');
  t.equal(other.plain.length, 1);
  const failed = await daemon.waitForEvent('sts.failed', { from });
  t.match(failed, { domain: 'late.example', failure: 'sts-policy-fetch-error', why: /ECONNREFUSED/ });

  // an attacker who answers for the domain: another server, and no record any more
  for (const lame of [[], ['_mta-sts.']]) {
    domains.publish('kept.example', { mx: ['10 mx.evil.example.'], lame });
    await dns.set(domains.zone());
    await daemon.restart();
    const { dsn, line } = await send('kept.example');
    t.equal(dsn, '4.7.4', line);
    t.match(await ask('kept.example'), secure);
  }
  t.strictSame([plain.received, plain.clear.includes('RCPT')], [[], false], 'which got nothing');

  // nobody answers for the domain
  await dns.stop();
  await daemon.restart();
  t.match(await ask('kept.example'), /^TEMP .*DANE/, 'there may be TLSA records');
  const { dsn, line } = await send('kept.example');
  t.equal(dsn, '4.4.3', line);
  t.match(await ask('late.example'), /^TEMP /);
  domains.publish('kept.example', {});
  await dns.start();
  await dns.set(domains.zone());
  await until(20_000, 'an answer', async () => secure.test(await ask('kept.example')));
  const mark = postfix.logMark();
  await postfix.flush();
  await postfix.waitForLog(/to=<bob@kept\.example>.* status=sent /, { from: mark });
  t.strictSame(sink.plain, []);
  t.strictSame(daemon.events('bug'), []);
});

t.test('the opening for tests', { skip }, async (t) => {
  const domains = await AutoDomains.start(t);
  await domains.add('sts.example', { server: { certificate: 'right' }, sts: enforce('sts') });
  const dns = await startDns(t, domains.zone());
  const closed = domains.siteOptions(dns.address, { 'sts-test-opening': null });
  const { daemon, map } = await site(t, domains.ca, AUTO, new Map(), closed);
  t.equal(await answerOf(map, 'sts.example'), '');
  const failed = await daemon.waitForEvent('sts.failed');
  t.match(failed, { domain: 'sts.example', why: /no public address \(loopback\)/ });
  t.equal(domains.hosts.requests.length, 0);
  t.notOk(daemon.lines.some((line) => /FOR TESTS ONLY/.test(JSON.stringify(line))));

  const open = await site(t, domains.ca, AUTO, new Map(), domains.siteOptions(dns.address));
  t.match(await answerOf(open.map, 'sts.example'), /^secure match=mx\.sts\.example /);
  const loud = open.daemon.lines.filter((line) => /FOR TESTS ONLY/.test(JSON.stringify(line)));
  t.ok(loud.length > 0 && loud.every(({ level }) => level === 40), 'a warning at the start');
});

t.test('an encrypt row with the daemon killed, restarted and reloaded mid-way', { skip }, async (t) => {
  const domains = await AutoDomains.start(t);
  const strict = await domains.add('strict.example', {});
  const tls = await domains.add('tls.example', { server: { certificate: 'self' } });
  const sts = await domains.add('sts.example', { sts: enforce('sts') });
  const dane = await domains.add('dane.example', { server: { tlsa: 'right' } });
  const dns = await startDns(t, domains.zone());
  const rows = (deliver: string) =>
    `[domain strict.example]\ndeliver = ${deliver}\n[domain tls.example]\ndeliver = encrypt\n${AUTO}`;
  const options = domains.siteOptions(dns.address, { 'sts-cache': 'sts' });
  const { postfix, daemon } = await site(t, domains.ca, rows('encrypt'), new Map(), options);
  const names = ['strict', 'tls', 'sts', 'dane'];
  const busy = (async () => {
    for (let i = 0; i < 4; i++) {
      if (i % 2 === 0) await daemon.kill();
      else await daemon.stop();
      await pause(150);
      await daemon.start();
      await daemon.reload(rows(i % 2 === 0 ? 'secure' : 'encrypt'));
      t.equal((await daemon.reload('[domain broken\n')).event, 'config.rejected', 'the table stays');
      await postfix.flush();
      daemon.setTables(rows('encrypt'));
    }
  })();
  const ids: string[] = [];
  const client = await openSession(postfix.port('plain'));
  let over = false;
  const end = busy.finally(() => {
    over = true;
  });
  for (let i = 0; !over || i < 60; i++) {
    const { last } = await client.send({ from: 'alice@local.example', to: `bob@${names[i % 4]}.example` });
    ids.push(/queued as (\w+)/.exec(last.text)![1]!);
    await pause(10);
  }
  await client.quit();
  await end;
  for (const id of ids) t.match((await outcome(postfix, id)).dsn, /^(?:2\.0\.0|4\.7\.[45])$/);
  for (const sink of [strict, sts, dane]) {
    t.strictSame(sink.received, []);
    t.notMatch(sink.clear, /MAIL|RCPT|DATA/i, 'not a byte of the envelope or the message');
  }
  t.strictSame(tls.plain, []);
  t.notMatch(tls.clear, /MAIL|RCPT|DATA/i);
  const sent = tls.messages.length;
  t.ok(sent > 0, `${sent} were sent under TLS`);
  t.ok(strict.connections > 0, 'and the others were tried');
  await daemon.reload(rows('encrypt'));
  await postfix.flush();
  const mine = ids.filter((_, i) => names[i % 4] === 'tls').length;
  await tls.waitForMessages(mine);
  t.equal(tls.messages.length, mine, 'each once');
});

t.test('another policy server is asked instead', { skip }, async (t) => {
  const domains = await AutoDomains.start(t);
  const other = await startMapStub();
  t.teardown(() => other.close());
  const secure = (name: string) => `OK secure match=mx.${name}.example servername=hostname`;
  const sts = '{ policy_string = version: STSv1 } { policy_string = mode: enforce }';
  const tlspol = `policy_type=sts policy_domain=tlspol.example policy_ttl=86400 mx_host_pattern=mx.tlspol.example ${sts}`;
  const said: Readonly<Record<string, string | null>> = {
    sts: secure('sts'),
    stsname: secure('stsname'),
    tlspol: `${secure('tlspol')} ${tlspol}`,
    dane: 'OK dane-only',
    nothing: 'NOTFOUND ',
    floor: 'NOTFOUND ',
    raised: 'OK may',
    none: 'OK none',
    may: 'OK may',
    temp: 'TEMP backend down',
    perm: 'PERM no',
    bogus: 'OK perhaps',
    bare: 'OK',
    silent: null,
  };
  const want: Readonly<Record<string, { readonly answer: RegExp; readonly result: string }>> = {
    sts: { answer: /^secure .*match=mx\.sts\.example servername=hostname\b/, result: 'TLSv1.3' },
    stsname: { answer: /^secure .*match=mx\.stsname\.example servername=hostname\b/, result: '4.7.5' },
    tlspol: {
      answer: /^secure [^{_]*match=mx\.tlspol\.example servername=hostname[^{_]*$/,
      result: 'TLSv1.3',
    },
    dane: { answer: DANE_ONLY, result: 'TLSv1.3' },
    nothing: { answer: NOTHING, result: 'P' },
    floor: { answer: /^encrypt /, result: '4.7.4' },
    raised: { answer: /^encrypt /, result: '4.7.4' },
    none: { answer: NOTHING, result: 'TLSv1.3' },
    may: { answer: /^may$/, result: 'TLSv1.3' },
    temp: { answer: /^TEMP .*backend down/, result: '4.7.5' },
    perm: { answer: TEMP, result: '4.7.5' },
    bogus: { answer: TEMP, result: '4.7.5' },
    bare: { answer: TEMP, result: '4.7.5' },
    silent: { answer: TEMP, result: '4.7.5' },
  };
  for (const [name, reply] of Object.entries(said)) {
    other.replies.set(`${name}.example`, reply);
    const plain = ['nothing', 'floor', 'raised'].includes(name);
    const certificate = plain ? null : name === 'stsname' ? 'wrong' : 'right';
    await domains.add(`${name}.example`, { server: { certificate, tlsa: name === 'dane' ? 'right' : null } });
  }
  const dns = await startDns(t, domains.zone());
  const floor = ['floor', 'raised'].map(
    (name) => `[domain ${name}.example]\ndeliver = auto\ndeliver-floor = encrypt\n`,
  );
  const { dns: where } = domains.siteOptions(dns.address);
  const { postfix, daemon, map } = await site(t, domains.ca, `${floor.join('')}${AUTO}`, new Map(), {
    dns: where!,
    version: '3.7',
    service: { published: other.address },
  });
  const ids = new Map<string, string>();
  for (const name of Object.keys(want)) ids.set(name, await submit(postfix, `bob@${name}.example`));
  for (const [name, { answer, result }] of Object.entries(want)) {
    const { dsn, line } = await outcome(postfix, ids.get(name)!);
    t.equal(dsn, /^\d/.test(result) ? result : '2.0.0', `${name}: ${line}`);
    const { received } = domains.sinks.get(`${name}.example`)!;
    const protocols = received.map(({ protocol }) => protocol ?? 'P');
    t.strictSame(protocols, /^\d/.test(result) ? [] : [result], name);
    if (name === 'silent') continue; // ten more seconds
    t.match(await answerOf(map, `${name}.example`), answer, `${name}: postmap`);
  }
  t.ok(other.requests.every((request) => /^published [a-z]+\.example$/.test(request)));

  await other.close();
  await daemon.restart();
  t.match(await answerOf(map, 'sts.example'), TEMP, 'the other server is gone');
  const { dsn, line } = await outcome(postfix, await submit(postfix, 'bob@nothing.example'));
  t.equal(dsn, '4.7.5', line);
  t.equal(domains.sinks.get('nothing.example')!.messages.length, 1, 'only that from before');
  t.strictSame(daemon.events('bug'), []);
});

t.test('tlsward is the other policy server', { skip }, async (t) => {
  const domains = await AutoDomains.start(t);
  const names = [
    'plain',
    'dane',
    'badtlsa',
    'both',
    'sts',
    'stsname',
    'testing',
    'nohost',
    'txtdead',
    'tlsaforged',
  ];
  for (const name of names) await domains.add(`${name}.example`, CASES[name]!);
  const dns = await startDns(t, domains.zone());
  const options = domains.siteOptions(dns.address);
  const second = await startDaemon({
    tables: AUTO,
    doors: ['socketmap', 'control'],
    service: options.service!,
    env: { NODE_EXTRA_CA_CERTS: domains.ca.caFile },
  });
  t.teardown(() => second.close());
  const { postfix, daemon, map } = await site(t, domains.ca, AUTO, new Map(), {
    ...options,
    service: { published: `socketmap:${second.address('socketmap')}:deliver` },
  });
  const ids = new Map<string, string>();
  for (const name of names) ids.set(name, await submit(postfix, `bob@${name}.example`));
  for (const name of names) {
    const { answer, result } = CASES[name]!;
    const { dsn, line } = await outcome(postfix, ids.get(name)!);
    t.equal(dsn, /^[PUTV]$/.test(result) ? '2.0.0' : result, `${name}: ${line}`);
    t.match(await answerOf(map, `${name}.example`), answer, `${name}: postmap`);
    t.equal(domains.sinks.get(`${name}.example`)!.plain.length, result === 'P' ? 1 : 0, name);
  }
  await second.kill();
  await daemon.restart();
  t.match(await answerOf(map, 'plain.example'), TEMP, 'the second is dead');
});
