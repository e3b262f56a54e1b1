/**
 * Both families of addresses, in a network of the test's own where hosts have IPv6: what `tlsward probe` says is what Postfix
 * then does with a host whose IPv6 lacks STARTTLS, is dead or away, or is all that there is, by what main.cf says of families.
 */
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { ProbeReport } from '../../src/probe/report.ts';
import { inOwnNetwork, ownNetworkSkip } from './harness/day/network.ts';
import { startDns } from './harness/dns/dns.ts';
import { createCa } from './harness/peers/ca.ts';
import { Receivers } from './harness/peers/receivers.ts';
import { TlsSink } from './harness/peers/tls-sink.ts';
import { e2eSkip } from './harness/requirements.ts';
import { site, submit } from './harness/scenes/deliver-scene.ts';
import { done, inFours, prober, said } from './harness/scenes/probe-scene.ts';

const INSIDE = process.env.TLSWARD_OWN_NETWORK === '1';
const skip = e2eSkip(['root', 'postfix', 'openssl', 'unbound']) || (!INSIDE && ownNetworkSkip());

const [TLS, PLAIN, DEAD, AWAY] = [
  'fd00:25:0:0:0:0:0:1',
  'fd00:25:0:0:0:0:0:2',
  'fd00:25:0:0:0:0:0:3',
  '2001:db8:0:0:0:0:0:25',
] as const;
/** The IPv6 address of each kind, and whether it has an IPv4 address, whose server has TLS. */
const KINDS: Readonly<Record<string, readonly [v6: string, v4: boolean]>> = {
  lacks: [PLAIN, true],
  dead: [DEAD, true],
  away: [AWAY, true],
  only: [TLS, false],
  onlyplain: [PLAIN, false],
  onlydead: [DEAD, false],
  onlyaway: [AWAY, false],
};
const LEVELS = ['none', 'may', 'encrypt', 'secure'];
const CONFIGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  any: {},
  six: { smtp_address_preference: 'ipv6' },
  four: { smtp_address_preference: 'ipv4' },
  without: { inet_protocols: 'ipv4' },
};

if (!INSIDE && !skip) {
  const argv = [process.execPath, '--enable-source-maps', fileURLToPath(import.meta.url)];
  const [command, args] = inOwnNetwork({}, [TLS, PLAIN, DEAD], argv);
  const env = { ...process.env, TLSWARD_OWN_NETWORK: '1' };
  void t.spawn(command, args, { env }, 'in a network of its own');
} else {
  t.test('both families', { skip }, async (t) => {
    const ca = createCa();
    t.teardown(() => ca.remove());
    const receivers = await Receivers.start(t, ca);
    const kinds = Object.entries(KINDS);
    const domains = Object.keys(CONFIGS).flatMap((config) =>
      kinds.flatMap(([kind]) => LEVELS.map((level) => `${kind}.${config}.${level}.example`)),
    );
    const of = (kind: string) => domains.filter((domain) => domain.startsWith(`${kind}.`));
    const hosts = (wanted: (v6: string, v4: boolean) => boolean): string[] =>
      kinds.flatMap(([kind, spec]) => (wanted(...spec) ? of(kind).map((domain) => `mx.${domain}`) : []));
    await receivers.add(
      hosts((_, v4) => v4),
      { certificate: 'right' },
    );
    const names = hosts((v6) => v6 === TLS);
    const { cert, key } = ca.issue('six', { subject: `/CN=${names[0]}`, san: names });
    for (const [host, tls] of [
      [TLS, { cert, key }],
      [PLAIN, null],
    ] as const) {
      const sink = await TlsSink.start({ host, port: receivers.port, tls });
      t.teardown(() => sink.stop());
    }
    const six = kinds.flatMap(([kind, [v6]]) => of(kind).map((domain) => `mx.${domain}. AAAA ${v6}`));
    const mx = domains.map((domain) => `${domain}. MX 10 mx.${domain}.`);
    const dns = await startDns(t, { records: [...receivers.records, ...six, ...mx] });
    const rows = Object.keys(CONFIGS).flatMap((config) =>
      LEVELS.map((level) => `[domain .${config}.${level}.example]\ndeliver = ${level}\n`),
    );
    const set = await site(t, ca, rows.join('\n'), new Map(), {
      dns: { address: dns.address, port: receivers.port },
      service: { resolver: dns.address },
    });
    const probed = prober(t, set, receivers.port);
    for (const [config, main] of Object.entries(CONFIGS)) {
      await set.postfix.stop();
      await set.postfix.setMain({ smtp_address_preference: 'any', inet_protocols: 'all', ...main });
      await set.postfix.start();
      const ids = new Map<string, string>();
      const mine = domains.filter((domain) => domain.includes(`.${config}.`));
      for (const domain of mine) ids.set(domain, await submit(set.postfix, `bob@${domain}`));
      const reports = new Map<string, ProbeReport>();
      await inFours(Object.keys(KINDS), async (kind) => {
        const { report } = await probed(`${kind}.${config}.secure.example`, '--brief', '--json');
        reports.set(kind, report!);
      });
      for (const [kind, [v6, v4]] of kinds) {
        const { levels, hosts } = reports.get(kind)!;
        const seen = hosts[0]!.addresses.map(({ address }) => address);
        t.ok(seen.includes(v6) && seen.length === (v4 ? 2 : 1), `${kind}: ${seen}`);
        for (const level of LEVELS) {
          const one = levels.find((each) => each.level === level)!;
          const did = await done(set.postfix, ids.get(`${kind}.${config}.${level}.example`)!);
          const what = `${kind} at ${level} with ${config}: ${one.says}`;
          // Postfix takes any address first: the weaker end is told, and that it varies
          if (one.varies && kind === 'lacks' && level === 'may')
            t.match(`${said(one)} ${did}`, /^P [PT]$/, what);
          else t.equal(said(one), did, what);
          t.equal(one.varies, v4 && isTried(kind, level, config), `${what}: varies`);
        }
      }
    }
    t.strictSame(set.daemon.events('bug'), []);
  });
}

/** Are there addresses of the same rank that end otherwise? */
function isTried(kind: string, level: string, config: string): boolean {
  if (kind === 'away' || config === 'without' || config === 'four') return false;
  // the refused connection, or the server without STARTTLS, is tried first, and is of a rank of its own
  if (config === 'six') return false;
  return kind === 'dead' || level !== 'none';
}
