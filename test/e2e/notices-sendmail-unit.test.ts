/**
 * The drop-in that systemd/tlsward-notices.service gives for Sendmail, run by a real systemd with all the confinement of
 * the unit: Sendmail's mailq lists a queue that only root may read, as the user of the unit.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { root } from '../root.ts';
import { boot, bootable, mustRun } from './harness/booted.ts';
import { sendmailPrograms, sendmailSkip } from './harness/mta/sendmail-fetch.ts';
import { makeConfig } from './harness/mta/sendmail-setup.ts';

const skip = bootable() || sendmailSkip();
if (skip) process.stderr.write(`SKIPPED: units are not started for real: ${skip}\n`);

const UNIT = readFileSync(new URL('systemd/tlsward-notices.service', root), 'utf8');
/** The lines of the comment, as an administrator takes them over. */
const DROP_IN = [...UNIT.matchAll(/^# {3}(\[Service\]|[A-Za-z]+=.*)$/gm)].map(([, line]) => line).join('\n');
const MAILQ = '/usr/lib/test-sendmail/sendmail -C/etc/mail/sendmail.cf';

function mcOf(cf: string): string {
  return `include(\`${cf}/m4/cf.m4')dnl
include(\`${cf}/debian/autoconf.m4')dnl
OSTYPE(\`debian')dnl
define(\`confDOMAIN_NAME', \`mx.local.example')dnl
undefine(\`ALIAS_FILE')dnl
FEATURE(\`no_default_msa')dnl
FEATURE(\`nocanonify')dnl
MAILER(\`smtp')dnl
`;
}

t.test('mailq of Sendmail in the unit', { skip }, async (t) => {
  t.match(DROP_IN, /^\[Service\]\n/);
  const programs = sendmailPrograms();
  const tree = programs.sendmail.replace(/\/usr\/libexec\/.*/, '');
  const libraries = programs.libraries.replaceAll(tree, '/srv/sendmail');
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-notices-unit-'));
  chmodSync(dir, 0o755);
  makeConfig(dir, programs.m4, mcOf(programs.cf));
  writeFileSync(join(dir, 'unit'), UNIT);
  writeFileSync(join(dir, 'drop-in'), `${DROP_IN}\n`);
  // what the unit would ask for the queue, and once
  const once = `[Service]\nType=oneshot\nRestart=no\nEnvironment=LD_LIBRARY_PATH=${libraries}\nExecStart=\nExecStart=${MAILQ} -bp -v\n`;
  writeFileSync(join(dir, 'once'), once);
  const sysusers = new URL('systemd/tlsward.sysusers.conf', root);
  writeFileSync(join(dir, 'tlsward.conf'), readFileSync(sysusers));
  const machine = await boot([`${dir}:/srv/test`, `${tree}:/srv/sendmail`]);
  t.teardown(async () => {
    await machine.close();
    rmSync(dir, { recursive: true });
  });
  const said = async () => (await machine.sh('journalctl --sync; journalctl -n 30 --no-pager -o cat')).text;
  const ok = mustRun(machine, said);
  await ok(`echo '127.0.0.1 mx.local.example mx' >/etc/hosts; hostname mx
    cp /srv/test/tlsward.conf /usr/lib/sysusers.d/; systemd-sysusers tlsward.conf
    getent group smmsp || groupadd -r smmsp; getent passwd smmsp || useradd -r -g smmsp smmsp
    install -d -m 2750 -g smmsp /var/spool/mqueue; install -D -m 644 /srv/test/sendmail.cf /etc/mail/sendmail.cf
    install -D -m 755 -g smmsp ${programs.sendmail.replace(tree, '/srv/sendmail')} ${MAILQ.split(' ')[0]}
    printf 'Subject: x\\n\\ntext\\n' | LD_LIBRARY_PATH=${libraries} ${MAILQ} -odq -f alice@local.example bob@plain.example
    units=/etc/systemd/system; install -m 644 /srv/test/unit $units/tlsward-notices.service
    install -D -m 644 /srv/test/drop-in $units/tlsward-notices.service.d/10.conf
    install -m 644 /srv/test/once $units/tlsward-notices.service.d/20.conf
    systemctl daemon-reload`);
  await machine.sh('systemctl start tlsward-notices');
  t.equal((await ok('systemctl show -p Result --value tlsward-notices')).trim(), 'success', await said());
  const listed = await ok('journalctl --sync; journalctl -u tlsward-notices --no-pager -o cat');
  t.match(listed, /alice@local\.example[\s\S]*bob@plain\.example[\s\S]*Total requests: 1/);
});
