/**
 * What `tlsward probe` says is what Postfix then does, for what probe.test.ts does not have: TLSA records of every kind that
 * counts or does not, lookups that DNSSEC calls forged, next hops in brackets with names and pins of their rows, floors.
 */
import t from 'tap';
import type { ProbeReport } from '../../src/probe/report.ts';
import { startDns } from './harness/dns/dns.ts';
import { createCa } from './harness/peers/ca.ts';
import { Receivers, type ServerSpec } from './harness/peers/receivers.ts';
import { TlsSink } from './harness/peers/tls-sink.ts';
import { e2eSkip } from './harness/requirements.ts';
import { SERVERS, site, submit, tlsOf } from './harness/scenes/deliver-scene.ts';
import { done, inFours, prober, said } from './harness/scenes/probe-scene.ts';

const skip = e2eSkip(['root', 'postfix', 'openssl', 'unbound']);

/** With what is forged: names in front of the domain, or nothing. */
const KINDS: Readonly<Record<string, ServerSpec & { readonly forged?: readonly string[] }>> = {
  // usage 3: names, dates and issuers do not count
  key: { certificate: 'self', tlsa: 'right' },
  certificate: { certificate: 'wrong', tlsa: 'certificate' },
  long: { certificate: 'self', tlsa: 'long' },
  whole: { certificate: 'self', tlsa: 'whole' },
  expired: { certificate: 'expired', tlsa: 'right' },
  several: { certificate: 'self', tlsa: 'several' },
  weaker: { certificate: 'self', tlsa: 'weaker' },
  wrong: { certificate: 'right', tlsa: 'wrong' },
  // usage 2: the anchor must be sent, and names and dates count
  anchor: { certificate: 'right', chain: true, tlsa: 'anchor' },
  anchorkey: { certificate: 'right', chain: true, tlsa: 'anchorkey' },
  anchoralone: { certificate: 'right', tlsa: 'anchorkey' },
  anchorname: { certificate: 'wrong', chain: true, tlsa: 'anchorkey' },
  anchorexpired: { certificate: 'expired', chain: true, tlsa: 'anchor' },
  otheranchor: { certificate: 'right', chain: true, tlsa: 'otheranchor' },
  // no record that can be used
  unusable: { certificate: 'self', tlsa: 'unusable' },
  unusableplain: { tlsa: 'unusable' },
  // lookups that fail, because what was found is forged
  tlsaforged: { certificate: 'right', tlsa: 'right', forged: ['_25._tcp.mx.', '_PORT._tcp.mx.'] },
  addressforged: { certificate: 'right', forged: ['mx.'] },
  mxforged: { certificate: 'right', forged: [''] },
  // an MX host without an address
  nowhere: {},
};
const LEVELS = ['may', 'secure', 'dane', 'dane-only'];

t.test('TLSA records', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const receivers = await Receivers.start(t, ca);
  const cells = Object.keys(KINDS).flatMap((kind) => LEVELS.map((level) => `${kind}.${level}`));
  for (const [kind, spec] of Object.entries(KINDS))
    await receivers.add(
      LEVELS.map((level) => `mx.${kind}.${level}.example`),
      spec,
    );
  const bogus = cells.flatMap((cell) => {
    const { forged = [] } = KINDS[cell.split('.')[0]!]!;
    return forged.map((name) => `${name.replace('PORT', String(receivers.port))}${cell}.example.`);
  });
  const mx = cells.map(
    (cell) =>
      `${cell}.example. MX 10 ${cell.startsWith('nowhere.') ? 'none.example.' : `mx.${cell}.example.`}`,
  );
  const dns = await startDns(t, { records: [...receivers.records, ...mx], bogus });
  const rows = LEVELS.map((level) => `[domain .${level}.example]\ndeliver = ${level}\n`);
  const set = await site(t, ca, rows.join('\n'), new Map(), {
    dns: { address: dns.address, port: receivers.port },
    service: { resolver: dns.address },
    main: { maximal_queue_lifetime: '0', bounce_queue_lifetime: '0' },
  });
  const ids = new Map<string, string>();
  for (const cell of cells) ids.set(cell, await submit(set.postfix, `bob@${cell}.example`));
  const probed = prober(t, set, receivers.port);
  const reports = new Map<string, ProbeReport>();
  await inFours(Object.keys(KINDS), async (kind) => {
    const { report } = await probed(`${kind}.dane-only.example`, '--brief', '--json');
    reports.set(kind, report!);
  });
  for (const kind of Object.keys(KINDS)) {
    const { levels, row, closing } = reports.get(kind)!;
    for (const level of LEVELS) {
      const did = await done(set.postfix, ids.get(`${kind}.${level}`)!);
      const told = levels.filter((one) => one.level === level);
      for (const one of level === 'dane-only' ? [...told, row!] : told) {
        const says = said(one);
        // what DNSSEC calls forged may be in order for another resolver: it is not told, and Postfix waits
        if (kind === 'tlsaforged' && level.startsWith('dane'))
          t.match(`${says} ${did}`, /^unknown 4\./, kind);
        else t.equal(says, did, `${kind} at ${level}: ${one.says}`);
      }
      const leaves = /^[PUTV]$/.test(did);
      const holds = /today mail leaves at ([^;]*)/.exec(closing)?.[1]?.split(/, | \(/) ?? [];
      t.equal(holds.includes(level), leaves, `${kind} at ${level}: ${closing}`);
    }
  }
  t.strictSame(set.daemon.events('bug'), []);
});

t.test('next hops in brackets', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const self = ca.issue('mx-pinned', { subject: '/CN=localhost', issuer: 'self' });
  const says: Readonly<Record<string, string>> = {
    none: 'deliver = none',
    may: 'deliver = may',
    encrypt: 'deliver = encrypt',
    verify: 'deliver = verify',
    secure: 'deliver = secure',
    named: 'deliver = secure\nserver-names = mx.other.example',
    pinned: `deliver = fingerprint\nfingerprint = ${self.fingerprint}`,
    silent: 'receive = may',
    // floors: a server that speaks TLS 1.2, with a cipher of 128 bits
    version: 'deliver = encrypt\nmin-protocol = TLSv1.3',
    bits: 'deliver = encrypt\nmin-bits = 256',
    denied: 'deliver = encrypt\ndeny-ciphers = AESGCM',
    reached: 'deliver = encrypt\nmin-protocol = TLSv1.2\nmin-bits = 128',
  };
  const floors = ['version', 'bits', 'denied', 'reached'];
  const sinks = new Map<string, TlsSink>();
  for (const level of Object.keys(says)) {
    const kinds = floors.includes(level) ? ['old'] : SERVERS;
    for (const kind of kinds) {
      const pinned = level === 'pinned' && kind === 'self' ? { cert: self.cert, key: self.key } : null;
      const old = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' } as const;
      const tls =
        kind === 'old'
          ? { ...tlsOf('right', ca)!, ...old }
          : (pinned ?? tlsOf(kind as (typeof SERVERS)[0], ca));
      const sink = await TlsSink.start({ tls });
      t.teardown(() => sink.stop());
      sinks.set(`${level}.${kind}`, sink);
    }
  }
  const names = [...sinks.keys()];
  const hop = (name: string) => `[localhost]:${sinks.get(name)!.port}`;
  const routes = new Map(names.map((name) => [`${name}.example`, `smtp:${hop(name)}`]));
  const rows = names.map((name) => `[domain ${hop(name)}]\n${says[name.split('.')[0]!]}\n`);
  // Postfix goes by /etc/hosts here, the probe by DNS
  const dns = await startDns(t, { records: [] });
  const set = await site(t, ca, rows.join('\n'), routes, { service: { resolver: dns.address } });
  const ids = new Map<string, string>();
  for (const name of names) ids.set(name, await submit(set.postfix, `bob@${name}.example`));
  const probed = prober(t, set, null);
  const reports = new Map<string, ProbeReport>();
  await inFours(names, async (name) => {
    const { report, status } = await probed(hop(name), '--brief', '--json');
    reports.set(name, report!);
    t.equal(status, report!.row!.ends === 'sent' ? 0 : 1, `${name}: exit status`);
  });
  for (const name of names) {
    const { row } = reports.get(name)!;
    t.equal(said(row!), await done(set.postfix, ids.get(name)!), `${name}: ${row!.row} ${row!.says}`);
  }
  t.strictSame(set.daemon.events('bug'), []);
});
