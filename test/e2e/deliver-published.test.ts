/**
 * `published = socketmap:...`: another policy server says what domains publish, one made for the test, in order or not, and
 * tlsward itself. The row's floor holds beside it, and what is no answer makes mail wait.
 */
import t from 'tap';
import { startDaemon } from './harness/daemon.ts';
import { startDns } from './harness/dns/dns.ts';
import { startMapStub } from './harness/peers/map-stub.ts';
import { e2eSkip } from './harness/requirements.ts';
import { AUTO, answerOf, CASES, DANE_ONLY, NOTHING, TEMP } from './harness/scenes/auto-cases.ts';
import { AutoDomains } from './harness/scenes/auto-scene.ts';
import { outcome, site, submit } from './harness/scenes/deliver-scene.ts';

const skip = e2eSkip(['root', 'postfix', 'openssl', 'unbound']);

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
    may: { answer: NOTHING, result: 'TLSv1.3' },
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
    protocols: ['socketmap', 'control'],
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
