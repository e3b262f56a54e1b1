/**
 * systemd/tlsward-ship.service run by a real systemd, with all its confinement, beside a real ClickHouse server in the same machine:
 * it sends, it waits while the server is away, it ends for good when the server refuses, and keys are out of its reach.
 */
import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { root } from '../root.ts';
import { EvidenceFolder } from '../ship/evidenceFolder.ts';
import { UNIT_DIR } from '../units.ts';
import { boot, bootable, journalOf, mustRun } from './harness/booted.ts';
import { Clickhouse } from './harness/clickhouse.ts';
import { until } from './harness/deadline.ts';
import { removeFolder } from './harness/folder.ts';
import { installProgram } from './harness/installed.ts';
import { e2eSkip } from './harness/requirements.ts';

const reason = bootable() || e2eSkip(['clickhouse']);
if (reason) process.stderr.write(`SKIPPED: units are not started for real: ${reason}\n`);
const EVIDENCE = '/var/lib/tlsward/evidence';

t.test('the unit that ships', { skip: reason }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-ship-'));
  chmodSync(dir, 0o755);
  installProgram(join(dir, 'lib'));
  cpSync(UNIT_DIR, join(dir, 'systemd'), { recursive: true });
  cpSync(fileURLToPath(new URL('contrib/clickhouse/', root)), join(dir, 'sql'), { recursive: true });
  new EvidenceFolder(join(dir, 'evidence'), 'daemon').fill('2026-11-29', 10_500);
  // a booted machine has a /tmp of its own
  const server = new Clickhouse([8123, 9000], '/var/tmp');
  const machine = await boot([
    `${join(dir, 'lib')}:/usr/lib/tlsward`,
    ...['systemd', 'sql', 'evidence'].map((name) => `${join(dir, name)}:/srv/${name}`),
    `${server.dir}:${server.dir}`,
    `${process.execPath}:/usr/bin/node`,
  ]);
  t.teardown(async () => {
    await machine.close();
    removeFolder(server.dir);
    rmSync(dir, { recursive: true });
  });
  const journal = () => journalOf(machine, 'tlsward-ship');
  const ok = mustRun(machine, journal);
  const wait = (what: string, probe: () => Promise<boolean>) =>
    until(60_000, what, probe, () => '', 200).catch(async (error: Error) => {
      throw new Error(`${error.message}\n${await journal()}`, { cause: error });
    });
  const sql = (text: string) =>
    ok(`HOME=/tmp clickhouse-client --user ship --password 'a p4ssw0rd' --multiquery <<'EOF'\n${text}\nEOF`);
  const count = async () => Number(await sql('SELECT count() FROM tlsward.evidence FINAL'));
  const startServer = async () => {
    await ok(`systemd-run --unit=ch --collect clickhouse-server --config-file=${server.dir}/config.xml`);
    await wait(
      'server',
      async () =>
        (await machine.sh('clickhouse-client --user ship --password "a p4ssw0rd" -q "SELECT 1"')).status ===
        0,
    );
  };
  /** Restarts, exit status, state. */
  const state = () =>
    ok('systemctl show -p NRestarts,ExecMainStatus,ActiveState --value tlsward-ship | paste -sd " "');

  // as at any boot, but not in a container: without it what LoadCredential= mounts is not seen
  await ok('mount --make-rshared /');
  await ok(`
    cp /srv/systemd/tlsward-ship.service /etc/systemd/system/
    cp /srv/systemd/tlsward.sysusers.conf /usr/lib/sysusers.d/tlsward.conf
    systemd-sysusers tlsward.conf
    mkdir -p /etc/tlsward /etc/systemd/system/tlsward-ship.service.d
    cp ${server.dir}/credentials /etc/tlsward/clickhouse; chmod 0600 /etc/tlsward/clickhouse
    printf '[Service]\\nEnvironment=INTERVAL=1\\n' >/etc/systemd/system/tlsward-ship.service.d/test.conf
    systemctl daemon-reload`);
  await ok('systemctl start tlsward-ship');
  t.match(
    await ok('systemctl show -p ConditionResult --value tlsward-ship'),
    'no',
    'there is no evidence yet',
  );
  await ok(`
    install -d -o tlsward -g tlsward -m 0700 /var/lib/tlsward
    cp -r /srv/evidence ${EVIDENCE}
    mkdir ${EVIDENCE}/pseudonyms; echo secret >${EVIDENCE}/daemon/evidence.key; echo secret >${EVIDENCE}/pseudonyms/2026-11.key
    chown -R tlsward:tlsward ${EVIDENCE}; chmod 0600 ${EVIDENCE}/daemon/evidence.key`);
  await startServer();
  await sql(await ok('cat /srv/sql/schema.sql'));

  await t.test('it sends', async (t) => {
    await ok('systemctl start tlsward-ship');
    await wait('records', async () => (await count()) === 10_500);
    t.match(await state(), /^0 0 active$/);
    t.match(await ok(`stat -c '%U %a' ${EVIDENCE}/ship ${EVIDENCE}`), /^tlsward 750\ntlsward /);
    t.match(await ok(`ls ${EVIDENCE}/ship`), /^daemon-[0-9a-f]{8}\.json$/);
  });

  await t.test('it reads no key and writes nothing else', async (t) => {
    const pid = await ok('systemctl show -p MainPID --value tlsward-ship');
    const inside = (script: string) =>
      machine.sh(
        `nsenter -t ${pid} -m setpriv --reuid=tlsward --regid=tlsward --clear-groups sh -c '${script}'`,
      );
    for (const file of ['daemon/evidence.key', 'pseudonyms/2026-11.key'])
      t.match(await inside(`cat ${EVIDENCE}/${file}`), { status: 1, text: /Permission denied/ }, file);
    t.match(await inside(`cat ${EVIDENCE}/daemon/evidence.pub`), { status: 0, text: /^tlsward\// });
    t.match(await inside(`touch ${EVIDENCE}/daemon/x`), { status: 1, text: /Read-only file system/ });
    t.match(await inside(`touch ${EVIDENCE}/ship/x && rm ${EVIDENCE}/ship/x`), { status: 0 });
  });

  await t.test('the server goes away and is back', async (t) => {
    await ok('systemctl kill -s KILL ch; while systemctl -q is-active ch; do sleep 0.1; done');
    await ok(`rm ${EVIDENCE}/ship/*.json`); // all of it is new
    await wait('line in the log', async () => (await journal()).includes('is away, so records wait'));
    t.match(await state(), /^0 0 active$/, 'the unit goes on');
    await startServer();
    await wait('line in the log', async () => (await journal()).includes('is back, and what waited is sent'));
    t.equal(await count(), 10_500);
  });

  await t.test('the server refuses', async (t) => {
    await sql('DROP TABLE tlsward.evidence');
    await ok(`rm ${EVIDENCE}/ship/*.json`);
    await wait('end', async () => (await state()).endsWith('failed'));
    t.match(await state(), /^0 78 failed$/, 'and it is not started again');
    t.match(await journal(), /does not take records: 404: Code: 60/);
    t.notMatch(await journal(), 'p4ssw0rd');
  });
});
