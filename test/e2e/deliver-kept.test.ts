/**
 * `deliver = auto` and mandatory rows while things go wrong around them: policy hosts and records vanish, an attacker answers
 * for the domain, the daemon is restarted, killed and reloaded. What was once required stays required.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { pause, until } from './harness/deadline.ts';
import { startDns } from './harness/dns/dns.ts';
import { openSession } from './harness/peers/smtp-session.ts';
import { e2eSkip } from './harness/requirements.ts';
import { AUTO, answerOf, enforce, SECURE } from './harness/scenes/auto-cases.ts';
import { AutoDomains } from './harness/scenes/auto-scene.ts';
import { outcome, site, submit } from './harness/scenes/deliver-scene.ts';

const skip = e2eSkip(['root', 'postfix', 'openssl', 'unbound']);

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
    // 3.10 and later compare the MX with the patterns themselves, and do not connect
    t.equal(dsn, postfix.since(3, 10) ? '4.3.0' : '4.7.4', line);
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

t.test('a resolver and a policy host that do not answer hold up nobody else', { skip }, async (t) => {
  const domains = await AutoDomains.start(t);
  const silent = await domains.add('silent.example', {});
  const row = await domains.add('row.example', { server: { certificate: 'self' } });
  const hang = await domains.add('hang.example', { sts: { trouble: 'hang' } });
  await domains.add('sts.example', { server: { certificate: 'right' }, sts: enforce('sts') });
  const dns = await startDns(t, domains.zone());
  const tables = `[domain row.example]\ndeliver = encrypt\n${AUTO}`;
  const options = domains.siteOptions(dns.address);
  const { postfix, map } = await site(t, domains.ca, tables, new Map(), options);
  const began = performance.now();
  const hanging = answerOf(map, 'hang.example');
  t.match(await answerOf(map, 'sts.example'), SECURE, 'a policy host hangs, another does not');
  await until(10_000, 'request', () => domains.hosts.count('hang.example') > 0);

  process.kill(dns.pid, 'SIGSTOP');
  const asked = answerOf(map, 'silent.example');
  let over = false;
  void asked.then(() => {
    over = true;
  });
  t.match(await answerOf(map, 'row.example'), /^encrypt /);
  t.match(
    await answerOf(map, 'sts.example'),
    /^(?:secure|TEMP) /,
    'a policy holds, while DANE is known or waits',
  );
  t.equal(over, false, 'the first is still waiting');
  t.match(await asked, /^TEMP /);
  process.kill(dns.pid, 'SIGCONT');
  t.equal((await outcome(postfix, await submit(postfix, 'bob@row.example'))).dsn, '2.0.0');
  t.strictSame([row.messages.length, row.plain, silent.connections], [1, [], 0]);

  t.equal(await hanging, '', 'a policy that cannot be had is none');
  const took = performance.now() - began;
  t.ok(took > 5_000 && took < 120_000, `after ${Math.round(took)} ms`);
  t.equal((await outcome(postfix, await submit(postfix, 'bob@hang.example'))).dsn, '2.0.0');
  t.equal(hang.plain.length, 1);
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
  await open.daemon.waitForEvent('config.notice');
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
      await postfix.flush(0); // Postfix itself holds back a destination that failed
      await pause(300);
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
  t.ok(strict.connections > 0, 'and the others were tried');
  await daemon.reload(rows('encrypt'));
  await postfix.flush();
  const mine = ids.filter((_, i) => names[i % 4] === 'tls').length;
  await tls.waitForMessages(mine);
  t.equal(tls.messages.length, mine, 'each once');
});
