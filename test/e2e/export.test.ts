/**
 * The dead-man table on a real Postfix: what `tlsward export postfix` wrote, listed before the socketmap. With tlsward dead
 * the exported next hops go on leaving under TLS and as strictly as before, everything else waits; with tlsward alive the
 * file changes no answer; `postmap -q` on the file says what the daemon says.
 */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { startDns } from './harness/dns/dns.ts';
import { createCa } from './harness/peers/ca.ts';
import { type Receiver, Receivers, type ServerSpec } from './harness/peers/receivers.ts';
import { e2eSkip } from './harness/requirements.ts';
import { outcome, run, site, submit } from './harness/scenes/deliver-scene.ts';

const skip = e2eSkip(['root', 'postfix', 'openssl', 'unbound']);

/** Domain: the server it has, and what becomes of its mail while tlsward is alive and while it is dead. */
const DOMAINS: Readonly<Record<string, readonly [server: ServerSpec, alive: string, dead: string]>> = {
  'encrypt.example': [{ certificate: 'self' }, '2.0.0', '2.0.0'],
  'secure.example': [{ certificate: 'right' }, '2.0.0', '2.0.0'],
  'forged.example': [{ certificate: 'wrong' }, '4.7.5', '4.7.5'],
  'plain.example': [{}, '4.7.4', '4.7.4'],
  'routed.example': [{ certificate: 'right' }, '2.0.0', '2.0.0'],
  'excepted.example': [{}, '2.0.0', '4.7.5'],
  'may.example': [{ certificate: 'right' }, '2.0.0', '4.7.5'],
  'silent.example': [{ certificate: 'right' }, '2.0.0', '4.7.5'],
  // the whole name is asks both tables before its suffix is
  'a.below.example': [{ certificate: 'self' }, '2.0.0', '4.7.5'],
  'hole.below.example': [{}, '2.0.0', '2.0.0'],
  // not in the file: the level of a row below is left to Postfix
  'a.quiet.example': [{}, '4.7.4', '4.7.5'],
  'silent.quiet.example': [{}, '2.0.0', '4.7.5'],
};

const TABLES = (port: number) => `[policy partner]
deliver = secure
[domains]
encrypt.example = encrypt
secure.example = partner
forged.example = partner
plain.example = encrypt
excepted.example = partner
.below.example = encrypt
.quiet.example = encrypt
silent.quiet.example = may
[domain [mx.routed.example]:${port}]
deliver = secure
server-names = mx.routed.example
[domain may.example]
deliver = may
[domain hole.below.example]
deliver = none
[exception excepted.example]
until = 2099-12-31
reason = their certificate is being renewed
deliver = may
`;

t.test('with tlsward dead, exported next hops leave under TLS and the rest waits', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const receivers = await Receivers.start(t, ca);
  const servers = new Map<string, Receiver>();
  for (const [domain, [spec]] of Object.entries(DOMAINS))
    servers.set(domain, await receivers.add([`mx.${domain}`], spec));
  const { port } = receivers;
  const records = Object.keys(DOMAINS).map((domain) => `${domain}. MX 10 mx.${domain}.`);
  const dns = await startDns(t, { records: [...records, ...receivers.records] });
  const routes = new Map([['routed.example', `smtp:[mx.routed.example]:${port}`]]);
  const { postfix, daemon, map } = await site(t, ca, TABLES(port), routes, {
    dns: { address: dns.address, port },
  });

  const file = postfix.file('never_plain', '');
  const made = await daemon.command('export', 'postfix', '--output', file);
  t.equal(made.status, 0, made.stderr);
  const text = readFileSync(file, 'utf8');
  const keys = [...text.matchAll(/^([^#\s]\S*) /gm)].map((match) => match[1]!);
  const wanted = ['encrypt', 'secure', 'forged', 'plain', 'hole.below'].map((name) => `${name}.example`);
  t.strictSame(keys, [...wanted, '.below.example', `[mx.routed.example]:${port}`].sort());
  t.match(
    text,
    /^# Not included: \.quiet\.example, because Postfix's own level applies to silent\.quiet\.example\.$/m,
  );
  for (const key of keys) {
    const name = key.startsWith('.') ? `any${key}` : key;
    const inFile = await run('postmap', ['-q', key, `texthash:${file}`]);
    const asked = await run('postmap', ['-q', name, `${map}:deliver`]);
    t.strictSame([inFile.status, inFile.stdout, inFile.stderr], [0, asked.stdout, ''], key);
  }
  t.equal((await daemon.command('export', 'postfix', '--check', file)).status, 0);

  const tryAll = async (): Promise<Map<string, { dsn: string; line: string }>> => {
    const ids = new Map<string, string>();
    for (const domain of Object.keys(DOMAINS)) ids.set(domain, await submit(postfix, `bob@${domain}`));
    const found = new Map<string, { dsn: string; line: string }>();
    for (const [domain, id] of ids) found.set(domain, await outcome(postfix, id));
    return found;
  };
  const received = () => [...servers].map(([domain, { sink }]) => [domain, sink.messages.length] as const);

  await postfix.setMain({
    smtp_tls_policy_maps: `texthash:${file}, socketmap:unix:tlsward/socketmap.sock:deliver`,
  });
  for (const [domain, { dsn, line }] of await tryAll()) t.equal(dsn, DOMAINS[domain]![1], `alive: ${line}`);
  const alive = new Map(received());

  await daemon.kill();
  for (const [domain, { dsn, line }] of await tryAll()) {
    const [, before, after] = DOMAINS[domain]!;
    t.equal(dsn, after, `dead: ${line}`);
    if (before !== after) t.match(line, /status=deferred \(client TLS configuration problem\)/, domain);
  }
  for (const [domain, count] of received())
    t.equal(count - alive.get(domain)!, DOMAINS[domain]![2] === '2.0.0' ? 1 : 0, `${domain}: while dead`);
  for (const key of wanted.filter((domain) => domain !== 'hole.below.example'))
    t.strictSame(servers.get(key)!.sink.plain, [], `${key}: nothing in plain text`);

  // back again, with another table: the file still answers first, and the check says that it should not
  await daemon.start();
  await daemon.reload(TABLES(port).replace('plain.example = encrypt', 'plain.example = may'));
  const differs = await daemon.command('export', 'postfix', '--check', file);
  t.equal(differs.status, 1);
  t.match(differs.stdout, /0 missing, 1 extra\n {2}- plain\.example encrypt/);
  t.equal((await outcome(postfix, await submit(postfix, 'bob@plain.example'))).dsn, '4.7.4');
});
