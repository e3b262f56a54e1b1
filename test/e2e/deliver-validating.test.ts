/**
 * A resolver that does not validate, from the start or from some time on: DANE is left to Postfix, said within seconds, and no
 * domain is taken for one without TLSA records.
 */
import t from 'tap';
import { startDns } from './harness/dns/dns.ts';
import { e2eSkip } from './harness/requirements.ts';
import { AUTO, answerOf, DANE_ONLY, enforce, SECURE } from './harness/scenes/auto-cases.ts';
import { AutoDomains } from './harness/scenes/auto-scene.ts';
import { site } from './harness/scenes/deliver-scene.ts';

const skip = e2eSkip(['root', 'postfix', 'openssl', 'unbound']);

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
  t.match(stdout, /DANE +left to Postfix: .*does not validate/);
});

t.test('a resolver that ceases to validate while we run', { skip }, async (t) => {
  const domains = await AutoDomains.start(t);
  const names = ['known', 'fresh', 'later'];
  for (const name of names)
    await domains.add(`${name}.example`, { server: { certificate: 'self', tlsa: 'right' } });
  await domains.add('plain.test', {});
  const dns = await startDns(t, domains.zone());
  const { daemon, map } = await site(
    t,
    domains.ca,
    '[domain *]\ndeliver = auto\n',
    new Map(),
    domains.siteOptions(dns.address),
  );
  const validating = async (validates: boolean) => {
    await dns.set({ ...domains.zone(), validating: validates });
    await dns.stop();
    await dns.start();
  };
  const off = async () => {
    const { stdout } = await daemon.command('status', '--json');
    return (JSON.parse(stdout) as { published: { daneOff: string } }).published.daneOff;
  };
  t.match(await answerOf(map, 'known.example'), DANE_ONLY);
  t.equal(await answerOf(map, 'plain.test'), '', 'unsigned, says a resolver that validates');
  t.equal(await off(), '');

  const from = daemon.mark();
  await validating(false);
  const began = performance.now();
  t.match(await answerOf(map, 'fresh.example'), /^(?:TEMP .*|dane$)/, 'not as if it had no TLSA records');
  t.match(await daemon.waitForEvent('dane.off', { from }), { level: 40, why: /no AD flag for the root/ });
  t.match(await off(), /does not validate/);
  const tookMs = performance.now() - began;
  // the question was answered without it; an hour is how long what was proven is kept
  t.ok(tookMs < 60_000, `log and status say so after ${tookMs} ms`);
  t.equal(await answerOf(map, 'fresh.example'), 'dane', 'left to Postfix');
  t.equal(await answerOf(map, 'plain.test'), '', 'what was proven before is kept for its time');
  t.match(await answerOf(map, 'known.example'), DANE_ONLY, 'so is this');

  const mark = daemon.mark();
  await validating(true);
  // nobody asks: it is noticed all the same
  await daemon.waitForEvent('dane.on', { from: mark });
  t.match(await answerOf(map, 'fresh.example'), DANE_ONLY);
  t.match(await answerOf(map, 'later.example'), DANE_ONLY);
  t.equal(await off(), '');
  const last = daemon.mark();
  await validating(false);
  await daemon.waitForEvent('dane.off', { from: last });
  t.match(await off(), /does not validate/, 'nor does it take a question to see that it stops');
  t.strictSame(daemon.events('bug'), []);
});
