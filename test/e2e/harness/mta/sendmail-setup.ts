/**
 * The files of a private Sendmail on disk: its folder with the /etc it will see, the queue, certificates, a login, and
 * sendmail.cf made by m4 from the text of sendmail-config.ts.
 *
 * Its /etc knows two accounts, a few names on loopback and no resolver, so nothing Sendmail does leaves the machine.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CertificateAuthority } from '../peers/ca.ts';
import { findCommand } from '../requirements.ts';
import { RUN } from './sendmail-config.ts';

const ETC: Readonly<Record<string, string>> = {
  passwd: 'root:x:0:0::/root:/bin/sh\nmail:x:8:8::/nonexistent:/bin/false\n',
  group: 'root:x:0:\nmail:x:8:\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\nservices: files\n',
  services: 'smtp 25/tcp\n',
  'resolv.conf': '',
  'sasl2/Sendmail.conf': `pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\nsasldb_path: ${RUN}/sasldb2\n`,
};

/** Everything but sendmail.cf. `dir` exists and is empty. */
export function makeFiles(dir: string, hostname: string, ca: CertificateAuthority): void {
  for (const name of ['tlsward', 'tlsward/first', 'dev', 'run', 'certs', 'etc', 'etc/sasl2']) {
    mkdirSync(join(dir, name), { mode: 0o755 });
  }
  mkdirSync(join(dir, 'queue'), { mode: 0o700 });
  const file = (name: string, text: string) => writeFileSync(join(dir, name), text);
  for (const [name, text] of Object.entries(ETC)) file(join('etc', name), text);
  file('etc/hosts', `127.0.0.1 client.example\n127.0.0.9 ${hostname}\n127.0.0.200 filter.example\n`);
  file('service.switch', 'hosts files\npasswd files\naliases files\n');
  file('statistics', '');
  copyFileSync(ca.caFile, join(dir, 'ca.pem'));
  copyFileSync(ca.server.certFile, join(dir, 'server.pem'));
  copyFileSync(ca.server.keyFile, join(dir, 'server.key'));
  chmodSync(join(dir, 'server.key'), 0o600);
  makeLogin(dir, hostname);
}

/** alice / secret, when the machine can make a sasldb; otherwise AUTH fails. */
function makeLogin(dir: string, realm: string): void {
  const tool = findCommand('saslpasswd2');
  if (tool === null) return;
  const database = join(dir, 'sasldb2');
  const args = ['-p', '-c', '-f', database, '-u', realm, 'alice'];
  execFileSync(tool, args, { input: 'secret', timeout: 60_000, stdio: ['pipe', 'ignore', 'pipe'] });
  chmodSync(database, 0o600);
}

/** sendmail.mc as given and sendmail.cf as m4 makes it. */
export function makeConfig(dir: string, m4: string, mc: string): void {
  const source = join(dir, 'sendmail.mc');
  writeFileSync(source, mc);
  const made = spawnSync(m4, [source], { encoding: 'latin1', timeout: 60_000, maxBuffer: 1 << 24 });
  if (made.status !== 0) throw new Error(`sendmail.mc: m4 ended with ${made.status}\n${made.stderr}`);
  writeFileSync(join(dir, 'sendmail.cf'), made.stdout, { encoding: 'latin1', mode: 0o644 });
}
