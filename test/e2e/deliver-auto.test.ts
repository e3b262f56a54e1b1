/**
 * `deliver = auto` in the world: what domains publish by DANE and MTA-STS decides how a real Postfix sends, and what could
 * not be found out never counts as nothing. Receivers, DNS with DNSSEC and policy hosts are the test's own.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { until } from './harness/deadline.ts';
import { startDns } from './harness/dns/dns.ts';
import { stsPolicy } from './harness/dns/sts-host.ts';
import { e2eSkip } from './harness/requirements.ts';
import { AUTO, answerOf, CASES, DANE_ONLY, mx, SECURE } from './harness/scenes/auto-cases.ts';
import { AutoDomains } from './harness/scenes/auto-scene.ts';
import { outcome, site, submit } from './harness/scenes/deliver-scene.ts';

const skip = e2eSkip(['root', 'postfix', 'openssl', 'unbound']);
const WORD: Readonly<Record<string, string>> = { U: 'Untrusted', T: 'Trusted', V: 'Verified' };

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
  for (const [name, { answer, ...spec }] of Object.entries(CASES)) {
    const result = (postfix.since(3, 10) ? spec.comparing : undefined) ?? spec.result;
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
  t.match(
    await published('dane.example'),
    /^0 [\s\S]*DANE +usable TLSA records for every MX host, kept for /,
  );
  t.match(await published('dane.example'), /MTA-STS +no record/);
  t.match(await published('sts.example'), /MTA-STS +mode enforce, id 1, mx mx\.sts\.example, max_age 7 d\n/);
  t.match(await published('sts.example'), /DANE +no TLSA records validated by DNSSEC/);
  t.match(await published('nohost.example'), /a record, but no policy: sts-policy-fetch-error/);
  t.match(await published('txtdead.example'), /^75 [\s\S]*MTA-STS +lookup failed: .*SERVFAIL/);

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
