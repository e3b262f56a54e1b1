/**
 * What `tlsward probe` says that a level would come to is what Postfix then does: for each kind of server of the deliver
 * matrix at each level, and for each domain of `deliver = auto` that publishes DANE, MTA-STS, both or neither.
 */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { LEVELS } from '../../src/probe/levels.ts';
import type { ProbeReport } from '../../src/probe/report.ts';
import { root } from '../root.ts';
import { startDns } from './harness/dns/dns.ts';
import { createCa } from './harness/peers/ca.ts';
import { Receivers, type ServerSpec } from './harness/peers/receivers.ts';
import { TlsSink } from './harness/peers/tls-sink.ts';
import { e2eSkip } from './harness/requirements.ts';
import { AUTO, CASES } from './harness/scenes/auto-cases.ts';
import { AutoDomains } from './harness/scenes/auto-scene.ts';
import { site, submit } from './harness/scenes/deliver-scene.ts';
import { command, done, inFours, prober, said } from './harness/scenes/probe-scene.ts';

const skip = e2eSkip(['root', 'postfix', 'openssl', 'unbound']);

const SERVERS: Readonly<Record<string, ServerSpec>> = {
  plain: {},
  self: { certificate: 'self' },
  wrong: { certificate: 'wrong' },
  right: { certificate: 'right' },
  expired: { certificate: 'expired' },
  refused: { starttls: 'refused' },
  garbled: { starttls: 'garbled' },
  injected: { certificate: 'right', starttls: 'injected' },
  dane: { certificate: 'self', tlsa: 'right' },
  badtlsa: { certificate: 'self', tlsa: 'wrong' },
  danenotls: { tlsa: 'right' },
  unusable: { certificate: 'self', tlsa: 'unusable' },
  unsigned: { certificate: 'self', tlsa: 'wrong' },
};
const KINDS = [...Object.keys(SERVERS), 'half', 'two', 'nullmx'];
const PINNED = 'pinned';

t.test('each level against each kind of server', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const receivers = await Receivers.start(t, ca);
  const levels = [...LEVELS, PINNED];
  let pin = '';
  for (const [kind, spec] of Object.entries(SERVERS)) {
    const names = levels.flatMap((level) => {
      const name = `mx.${kind}.${level}.${kind === 'unsigned' ? 'test' : 'example'}`;
      return kind === 'right' ? [name, `mx.two.${level}.example`] : [name];
    });
    const { certificate } = await receivers.add(names, spec);
    if (kind === 'self') pin = certificate!.fingerprint;
  }
  const domains = new Map<string, string>();
  const records = [...receivers.records];
  for (const level of levels) {
    for (const kind of KINDS) {
      const domain = `${kind}.${level}.${kind === 'unsigned' || kind === 'half' ? 'test' : 'example'}`;
      domains.set(`${kind}.${level}`, domain);
      const hosts: Readonly<Record<string, readonly string[]>> = {
        nullmx: ['0 .'],
        half: [`10 mx.dane.${level}.example.`],
        two: [`10 mx.plain.${level}.example.`, `20 mx.two.${level}.example.`],
      };
      records.push(...(hosts[kind] ?? [`10 mx.${domain}.`]).map((host) => `${domain}. MX ${host}`));
    }
  }
  const dns = await startDns(t, { records });
  const rows = levels.flatMap((level) =>
    ['example', 'test'].map((zone) => {
      const says = level === PINNED ? `deliver = fingerprint\nfingerprint = ${pin}` : `deliver = ${level}`;
      return `[domain .${level}.${zone}]\n${says}\n`;
    }),
  );
  const set = await site(t, ca, rows.join('\n'), new Map(), {
    dns: { address: dns.address, port: receivers.port },
    service: { resolver: dns.address },
    main: { maximal_queue_lifetime: '0', bounce_queue_lifetime: '0' },
  });
  const ids = new Map<string, string>();
  for (const [cell, domain] of domains) ids.set(cell, await submit(set.postfix, `bob@${domain}`));
  const reports = new Map<string, ProbeReport>();
  const probed = prober(t, set, receivers.port);
  // one domain of each kind says it for all levels; its row says it for one
  await inFours(KINDS, async (kind) => {
    for (const level of ['secure', PINNED]) {
      const { report, status } = await probed(domains.get(`${kind}.${level}`)!, '--brief', '--json');
      reports.set(`${kind}.${level}`, report!);
      const row = said(report!.row!);
      t.equal(status, /^[PUTV]$/.test(row) ? 0 : 1, `${kind}: exit status`);
    }
  });
  for (const kind of KINDS) {
    const { levels: all, row, hosts } = reports.get(`${kind}.secure`)!;
    const starttls = hosts[0]?.addresses[0]?.checks.find(({ check }) => check === 'starttls');
    if (kind === 'injected')
      t.match(starttls, { ok: false, says: '34 bytes were sent before the handshake' }, 'the attack is seen');
    else t.notMatch(starttls?.says, 'before the handshake', kind);
    for (const level of LEVELS) {
      const told = said(all.find((one) => one.level === level)!);
      t.equal(told, await done(set.postfix, ids.get(`${kind}.${level}`)!), `${kind} at ${level}`);
    }
    t.equal(said(row!), await done(set.postfix, ids.get(`${kind}.secure`)!), `${kind}: row`);
    const pinned = reports.get(`${kind}.${PINNED}`)!.row!;
    t.equal(said(pinned), await done(set.postfix, ids.get(`${kind}.${PINNED}`)!), `${kind} pinned`);
  }
});

t.test('what domains publish, by their row', { skip }, async (t) => {
  const domains = await AutoDomains.start(t);
  // those whose MX cannot be looked up keep a probe waiting for DNS as long as a delivery
  const cases = Object.entries(CASES);
  for (const [name, spec] of cases) await domains.add(`${name}.example`, spec);
  const dns = await startDns(t, domains.zone());
  const set = await site(t, domains.ca, AUTO, new Map(), domains.siteOptions(dns.address));
  const ids = new Map<string, string>();
  for (const [name] of cases) ids.set(name, await submit(set.postfix, `bob@${name}.example`));
  const probed = prober(t, set, domains.receivers.port);
  const reports = new Map<string, ProbeReport>();
  await inFours(cases, async ([name]) => {
    const { report } = await probed(`${name}.example`, '--brief', '--json');
    reports.set(name, report!);
  });
  for (const [name] of cases) {
    const { row } = reports.get(name)!;
    t.equal(said(row!), await done(set.postfix, ids.get(name)!), `${name}: ${row!.row} ${row!.says}`);
  }

  // what the page shows, of these domains
  const page = readFileSync(new URL('contrib/doc/probe.md', root), 'utf8');
  const [, shown = ''] = /```text\n\$ tlsward probe sts\.example\n([\s\S]*?)```/.exec(page) ?? [];
  const { out } = await probed('sts.example');
  t.equal(same(out), same(shown), 'the example of the page');
});

t.test('partners from one day to the next', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const receivers = await Receivers.start(t, ca);
  const clinic = await receivers.add(['mx.clinic.example'], { certificate: 'expired' });
  const bank = await receivers.add(['mx.bank.example'], { certificate: 'right', tlsa: 'right' });
  const domains = ['clinic', 'bank'];
  const dns = await startDns(t, {
    records: [...receivers.records, ...domains.map((name) => `${name}.example. MX 10 mx.${name}.example.`)],
  });
  const table = '[domain bank.example]\ndeliver = secure\n[domain clinic.example]\ndeliver = verify\n';
  const set = await site(t, ca, table, new Map(), {
    dns: { address: dns.address, port: receivers.port },
    service: { resolver: dns.address },
  });
  const { daemon, postfix } = set;
  const state = ['--state', daemon.dir];
  const probed = prober(t, set, receivers.port);
  const first = await probed('--all-required', '--brief', ...state);
  t.equal(first.status, 1);
  const listed = await command('certificates', ...state);
  t.equal(listed.status, 1, 'one has ended');

  // the bank renews its certificate, with another key; Postfix does as the lines say
  const { host, port } = bank.sink;
  await bank.sink.stop();
  const { cert, key } = ca.issue('renewed', { subject: '/CN=mx.bank.example', san: ['mx.bank.example'] });
  const sink = await TlsSink.start({ host, port, tls: { cert, key } });
  t.teardown(() => sink.stop());
  const second = await probed('--all-required', '--brief', ...state);
  t.equal(second.status, 1);
  for (const [name, want] of [
    ['bank', 'V'],
    ['clinic', '4.7.5'],
  ] as const)
    t.equal(await done(postfix, await submit(postfix, `bob@${name}.example`)), want, name);
  t.strictSame(clinic.sink.received, []);

  const page = readFileSync(new URL('contrib/doc/probe.md', root), 'utf8');
  const shown = (command: string): string[] => {
    const [, block = ''] = page.split(`$ ${command}\n`);
    return same(block.split('```')[0]!).trimEnd().split('\n').sort();
  };
  t.strictSame(same(second.out).trimEnd().split('\n').sort(), shown('tlsward probe --all-required --brief'));
  const lines = same(listed.out).trimEnd().split('\n').sort();
  t.strictSame(lines, shown('tlsward certificates'), 'the examples of the page');
  t.strictSame(daemon.events('bug'), []);
});

/** Without what differs from day to day. */
function same(text: string): string {
  return text
    .replace(/ +[0-9]+ ms/g, ' N ms')
    .replace(/[0-9]{4}-[0-9]{2}-[0-9]{2}/g, 'DAY')
    .replace(/[0-9]+ days/g, 'N days')
    .replace(/DAY (?:N days|ended) +/g, 'DAY N days ')
    .replace(/(?<=3 1 1 )[0-9a-f]{16}/g, 'DIGEST')
    .replace(/(?:127|192\.0\.2)\.[0-9.]+/g, 'ADDRESS')
    .replace(/port [0-9]+/g, 'port N')
    .replace(/\/\S*\/(?:ca\.pem|[a-z]+\.ini:[0-9]+)/g, 'FILE')
    .replace(/not tried: .*/g, 'not tried: ...');
}
