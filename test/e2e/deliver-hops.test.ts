/**
 * Which next hops a row at `none` reaches: those that an entry of Postfix's own table reaches, asked by a real smtp(8).
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createCa } from './harness/peers/ca.ts';
import { TlsSink } from './harness/peers/tls-sink.ts';
import { e2eSkip } from './harness/requirements.ts';
import { outcome, site, submit } from './harness/scenes/deliver-scene.ts';

const skip = e2eSkip(['root', 'postfix', 'openssl']);

t.test("a row that lowers reaches what an entry of Postfix's own table reaches", { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const plain = await TlsSink.start({ tls: null });
  t.teardown(() => plain.stop());
  const routes = new Map([
    ['brackets.example', `smtp:[localhost]:${plain.port}`],
    ['port.example', `smtp:localhost:${plain.port}`],
  ]);
  // "localhost" has no MX, so a next hop without brackets is tried as a host
  const main = { smtp_tls_security_level: 'encrypt', disable_dns_lookups: 'yes' };
  const rows = (key: string) => `[domain ${key}]\ndeliver = none\n`;
  const { postfix, daemon } = await site(t, ca, rows('localhost'), routes, { main });
  const asked = postfix.main('smtp_tls_policy_maps') ?? '';
  const table = join(postfix.dir, 'lowered');
  const sent = async (domain: string) => (await outcome(postfix, await submit(postfix, `bob@${domain}`))).dsn;
  for (const [key, brackets, port] of [
    ['localhost', '4.7.4', '4.7.4'],
    ['[localhost]', '4.7.4', '4.7.4'],
    [`[localhost]:${plain.port}`, '2.0.0', '4.7.4'],
    [`localhost:${plain.port}`, '4.7.4', '2.0.0'],
  ] as const) {
    writeFileSync(table, `${key} none\n`, { mode: 0o644 });
    await daemon.reload(rows(key));
    for (const maps of [`texthash:${table}`, asked]) {
      await postfix.setMain({ smtp_tls_policy_maps: maps });
      t.equal(await sent('brackets.example'), brackets, `${key} for [localhost]:port, ${maps}`);
      t.equal(await sent('port.example'), port, `${key} for localhost:port, ${maps}`);
    }
  }
});
