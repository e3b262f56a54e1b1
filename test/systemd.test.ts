/**
 * The unit files: accepted by systemd without a word, as confined as the manual says, and in step with the program (its
 * limits, socket names and install path) and with the Postfix fragments.
 *
 * What needs the systemd tools is skipped where they are absent, with the reason on stderr too; with CI or
 * TLSWARD_E2E=required in the environment their absence is a failure.
 */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { COMMANDS } from '../src/cli/commands.ts';
import { defaultOf } from '../src/config/keys/keys.ts';
import { inNetworks, parseNetwork } from '../src/core/network.ts';
import { judgeAddress } from '../src/sts/addressFilter.ts';
import { root } from './root.ts';
import { without } from './tools.ts';
import { installDropIn, one, readUnit, run, UNIT_DIR, unitNames, unitRoot, unitText } from './units.ts';

const service = readUnit('tlsward.service');
const SOCKET_FOLDER = '/var/spool/postfix/tlsward';
/** What the units of other commands start; V8's threads are fewer where mail waits for them. */
const PROGRAM = one(service, 'Service.ExecStart')
  .replace(' --v8-pool-size=1', '')
  .replace(/ serve$/, '');

function repoText(path: string): string {
  return readFileSync(new URL(path, root), 'utf8');
}

/** "30", "35s", "5m" in seconds. */
function seconds(text: string): number {
  const match = /^([0-9]+)(s|m)?$/.exec(text);
  if (match === null) throw new Error(`no time: ${text}`);
  return Number(match[1]) * (match[2] === 'm' ? 60 : 1);
}

t.test(
  'systemd-analyze verify has nothing to say',
  { skip: without('systemd-analyze', 'systemd') },
  async (t) => {
    const dir = unitRoot();
    t.teardown(() => rmSync(dir, { recursive: true }));
    const verify = () => run('systemd-analyze', 'verify', `--root=${dir}`, '--man=no', ...unitNames());
    t.strictSame(verify(), { status: 0, text: '' });
    const file = join(dir, 'etc/systemd/system/tlsward.service');
    writeFileSync(file, unitText('tlsward.service').replace('LockPersonality=', 'LockPersonalty='));
    t.match(verify().text, /Unknown key( name)? 'LockPersonalty'/, 'and it would say something');
  },
);

t.test('the drop-in for lookups', async (t) => {
  const name = 'tlsward-published.conf';
  const dropIn = readUnit(name);
  const [reset, ...lists] = dropIn.get('Service.IPAddressDeny') ?? [];
  t.equal(reset, '', 'takes back what the unit denies');
  t.equal(one(service, 'Service.IPAddressDeny'), 'any');
  t.equal(one(service, 'Service.IPAddressAllow'), 'localhost', 'which stays');
  t.notOk(dropIn.has('Service.IPAddressAllow'));
  const denied = lists.flatMap((list) => list.split(' '));
  t.ok(denied.includes('multicast'), 'a word of systemd.resource-control(5)');
  const networks = denied.filter((word) => word !== 'multicast');
  for (const network of networks) {
    t.not(parseNetwork(network), null, network);
    // the program refuses what the unit denies, so nothing fails there that it thinks is allowed
    t.equal(judgeAddress(network.split('/')[0]!, null).kind, 'refused', network);
  }
  for (const inside of ['10.0.0.1', '172.31.0.1', '192.168.1.1', '169.254.169.254', 'fd00::1', 'fe80::1'])
    t.ok(
      inNetworks(
        networks.map((network) => parseNetwork(network)).filter((network) => network !== null),
        inside,
      ),
      inside,
    );
  t.ok(repoText('contrib/doc/install.md').includes(`systemd/${name}`));
  t.match(repoText('contrib/tables/tlsward.ini'), new RegExp(name.replace('.', '\\.')));
  const skipped = without('systemd-analyze', 'systemd');
  if (skipped !== false) return;
  const dir = unitRoot();
  t.teardown(() => rmSync(dir, { recursive: true }));
  installDropIn(dir, name);
  const verify = () => run('systemd-analyze', 'verify', `--root=${dir}`, '--man=no', 'tlsward.service');
  t.strictSame(verify(), { status: 0, text: '' });
  const file = join(dir, 'etc/systemd/system/tlsward.service.d/published.conf');
  writeFileSync(file, unitText(name).replace('10.0.0.0/8', '10.0.0.0/88'));
  t.match(verify().text, /10\.0\.0\.0\/88/, 'and it would say something');
});

t.test('the drop-in that lets systemd watch the daemon', async (t) => {
  const name = 'tlsward-notify.conf';
  const dropIn = readUnit(name);
  t.equal(one(dropIn, 'Service.Type'), 'notify');
  t.equal(one(dropIn, 'Service.NotifyAccess'), 'main');
  t.match(one(dropIn, 'Service.OpenFile'), /^\/run\/systemd\/notify:notify$/);
  t.match(repoText('src/daemon/notify.ts'), ".get('notify')", 'the name that the daemon looks for');
  t.ok(seconds(one(dropIn, 'Service.WatchdogSec')) >= 20, 'twice the time of a check');
  t.ok(repoText('contrib/doc/install.md').includes(`systemd/${name}`));
  t.ok(repoText('contrib/debian/build').includes(`systemd/${name}`));
  const sockets = ['policy', 'milter', 'socketmap'];
  t.notOk(sockets.includes('notify'), 'no listener has it');
});

t.test('exposure is what the manual says', { skip: without('systemd-analyze', 'systemd') }, async (t) => {
  const dir = unitRoot();
  t.teardown(() => rmSync(dir, { recursive: true }));
  const args = ['security', `--root=${dir}`, '--offline=true', '--no-pager', 'tlsward.service'];
  const measured = /Overall exposure level for tlsward\.service: ([0-9.]+)/.exec(
    run('systemd-analyze', ...args).text,
  );
  t.ok(measured, 'systemd-analyze gives a figure');
  const level = Number(measured?.[1]);
  t.ok(level <= 2, `exposure level ${level}`);
  t.equal(
    run('systemd-analyze', ...args, `--threshold=${level * 10 - 1}`).status,
    1,
    'it is not lower still',
  );
  if (!existsSync(new URL('contrib/doc/install.md', root))) return;
  const stated = /exposure\s+level\s+([0-9]+\.[0-9])/.exec(repoText('contrib/doc/install.md'));
  t.ok(stated, 'install.md says "exposure level X.Y"');
  t.ok(level <= Number(stated?.[1]), `measured ${level}, install.md says ${stated?.[1]}`);
});

t.test('confinement that Node.js survives', async (t) => {
  t.notOk(service.has('Service.MemoryDenyWriteExecute'), 'V8 needs writable and executable memory');
  t.match(
    unitText('tlsward.service'),
    /^# .*MemoryDenyWriteExecute=yes.*on purpose: V8/m,
    'and the file says why',
  );
  const yes = [
    ...['NoNewPrivileges', 'ProtectHome', 'PrivateTmp', 'PrivateDevices', 'ProtectKernelTunables'],
    ...['ProtectControlGroups', 'RestrictNamespaces', 'RestrictSUIDSGID', 'LockPersonality'],
  ];
  for (const key of yes) t.equal(one(service, `Service.${key}`), 'yes', key);
  t.equal(one(service, 'Service.ProtectSystem'), 'strict');
  t.equal(one(service, 'Service.CapabilityBoundingSet'), '');
  t.equal(one(service, 'Service.User'), 'tlsward');
  t.equal(one(service, 'Service.ReadWritePaths'), `-${SOCKET_FOLDER}`);
  t.match(one(service, 'Service.RestrictAddressFamilies'), /^AF_UNIX AF_INET AF_INET6$/);
  t.equal(service.get('Service.SystemCallFilter')?.[0], '@system-service');
});

t.test('in step with the program', async (t) => {
  const { bin } = JSON.parse(repoText('package.json')) as { bin: { tlsward: string } };
  const program = `/usr/lib/tlsward/${bin.tlsward}`;
  t.equal(
    one(service, 'Service.ExecStart'),
    `/usr/bin/node --max-semi-space-size=4 --v8-pool-size=1 ${program} serve`,
  );
  t.equal(one(service, 'Service.ExecStartPre'), `/usr/bin/node ${program} check --files-only`);
  t.equal(one(service, 'Service.ExecStartPost'), `/usr/bin/node ${program} status --wait 60`);
  t.ok(seconds(one(service, 'Service.TimeoutStartSec')) > 60 + 10, 'longer than that waits');
  t.equal(one(service, 'Service.ExecReload'), `/usr/bin/node ${program} reload`);
  t.equal(one(service, 'Service.Type'), 'exec', 'Node.js cannot notify');
  t.equal(one(service, 'Service.Restart'), 'always');
  t.ok(seconds(one(service, 'Service.TimeoutStopSec')) >= seconds(defaultOf('shutdown-timeout')) + 5);
  t.ok(Number(one(service, 'Service.LimitNOFILE')) >= Number(defaultOf('max-connections')) + 1000);
  const runtime = `/run/${one(service, 'Service.RuntimeDirectory')}/`;
  t.ok(defaultOf('control-listen').startsWith(`unix:${runtime}`));
});

t.test('the unit that ships evidence', async (t) => {
  const unit = readUnit('tlsward-ship.service');
  const command = one(unit, 'Service.ExecStart');
  t.ok(command.startsWith(`${PROGRAM} ship `), command);
  const flags = [...command.matchAll(/ (--[a-z]+)/g)].map((match) => match[1]).slice(1);
  const known: readonly string[] = COMMANDS.ship.options.map(({ flag }) => flag);
  t.strictSame(
    flags.filter((flag) => !known.includes(flag ?? '')),
    [],
  );
  const environment = (unit.get('Service.Environment') ?? []).join(' ');
  for (const [, name] of command.matchAll(/\$\{([A-Z]+)\}/g)) t.match(environment, `${name}=`);
  t.equal(one(unit, 'Service.RestartPreventExitStatus'), '78', 'what a server refuses, somebody must mend');
  const folder = one(unit, 'Unit.ConditionPathIsDirectory');
  t.ok(command.includes(` --evidence ${folder}`));
  t.equal(`/var/lib/${one(unit, 'Service.StateDirectory')}`, `${folder}/ship`, 'the one folder it writes to');
  // as confined as the daemon: what is yes there is yes here, and more
  for (const [key, values] of service)
    if (values.length === 1 && values[0] === 'yes') t.equal(one(unit, key), 'yes', key);
  for (const key of ['User', 'ProtectSystem', 'IPAddressDeny', 'IPAddressAllow', 'CapabilityBoundingSet'])
    t.equal(one(unit, `Service.${key}`), one(service, `Service.${key}`), key);
  t.notOk(unit.has('Service.ReadWritePaths'));
});

t.test('the unit of the alarms', async (t) => {
  const unit = readUnit('tlsward-alarms.service');
  t.equal(one(unit, 'Service.ExecStart'), `${PROGRAM} alarms run`);
  t.equal(one(unit, 'Service.Restart'), 'always', 'whoever looks must look');
  const state = dirname(defaultOf('state'));
  t.ok(
    one(unit, 'Service.StateDirectory')
      .split(' ')
      .map((name) => `/var/lib/${name}`)
      .includes(state),
    state,
  );
  for (const [key, values] of service)
    if (values.length === 1 && values[0] === 'yes') t.equal(one(unit, key), 'yes', key);
  for (const key of ['User', 'ProtectSystem', 'IPAddressDeny', 'IPAddressAllow', 'CapabilityBoundingSet'])
    t.equal(one(unit, `Service.${key}`), one(service, `Service.${key}`), key);
  t.notOk(unit.has('Service.ReadWritePaths'));
  t.notOk(unit.has('Unit.Requires'), 'a daemon that is down does not end it');
});

t.test('the unit that tells authors', async (t) => {
  const unit = readUnit('tlsward-notices.service');
  t.equal(one(unit, 'Service.ExecStart'), `${PROGRAM} notices run`);
  t.equal(one(unit, 'Service.SupplementaryGroups'), 'postdrop', 'which may ask showq(8)');
  t.equal(one(unit, 'Service.RestartPreventExitStatus'), '65 78', 'what somebody must mend');
  for (const status of [65, 78] as const) t.type(COMMANDS.notices.exit[status], 'string');
  const state = COMMANDS.notices.options.flatMap((option) =>
    option.flag === '--state' ? [option.default] : [],
  );
  t.equal(`/var/lib/${one(unit, 'Service.StateDirectory')}`, `${state[0]}/notices`, 'all that it writes');
  for (const [key, values] of service)
    if (values.length === 1 && values[0] === 'yes') t.equal(one(unit, key), 'yes', key);
  for (const key of ['User', 'ProtectSystem', 'IPAddressDeny', 'IPAddressAllow', 'CapabilityBoundingSet'])
    t.equal(one(unit, `Service.${key}`), one(service, `Service.${key}`), key);
  t.notOk(unit.has('Service.ReadWritePaths'));
  t.notOk(unit.has('Service.PrivateUsers'), 'groups of the host must be those of the unit');
  t.ok(repoText('contrib/doc/notices.md').includes('tlsward-notices'));
  for (const script of ['postinst', 'prerm', 'postrm'])
    t.match(repoText(`contrib/debian/${script}`), 'tlsward-notices.service', script);
});

t.test('the unit that sends a report, and its timer', async (t) => {
  const unit = readUnit('tlsward-report.service');
  const command = one(unit, 'Service.ExecStart');
  t.equal(command, `${PROGRAM} report --mail \${ADDRESS} --since \${SINCE}`);
  const known: readonly string[] = COMMANDS.report.options.map(({ flag }) => flag);
  for (const [, flag = ''] of command.matchAll(/ (--(?:mail|since))/g)) t.ok(known.includes(flag), flag);
  t.equal(one(unit, 'Service.Environment'), 'ADDRESS= SINCE=7d', 'nobody gets mail who was not named');
  t.equal(one(unit, 'Service.Type'), 'oneshot');
  for (const [key, values] of service)
    if (values.length === 1 && values[0] === 'yes') t.equal(one(unit, key), 'yes', key);
  for (const key of ['User', 'ProtectSystem', 'IPAddressDeny', 'IPAddressAllow', 'CapabilityBoundingSet'])
    t.equal(one(unit, `Service.${key}`), one(service, `Service.${key}`), key);
  for (const key of ['Service.ReadWritePaths', 'Service.StateDirectory', 'Install.WantedBy'])
    t.notOk(unit.has(key), key);
  const timer = readUnit('tlsward-report.timer');
  t.equal(one(timer, 'Install.WantedBy'), 'timers.target');
  t.notOk(timer.has('Timer.Unit'), 'it starts the service of its name');
  t.equal(one(timer, 'Timer.Persistent'), 'yes');
  for (const name of ['tlsward-report.service', 'tlsward-report.timer', 'report --mail'])
    t.ok(repoText('contrib/doc/report.md').includes(name), name);
  for (const script of ['postinst', 'prerm', 'postrm'])
    t.match(repoText(`contrib/debian/${script}`), 'tlsward-report.timer', script);
});

t.test('the unit that probes partners, and its timer', async (t) => {
  const unit = readUnit('tlsward-probe.service');
  t.equal(one(unit, 'Service.ExecStart'), `${PROGRAM} probe --all-required --brief`);
  t.equal(one(unit, 'Service.Type'), 'oneshot');
  t.equal(one(unit, 'Service.SuccessExitStatus'), '2');
  t.match(COMMANDS.probe.exit[2], /certificate is another one/);
  const state = COMMANDS.probe.options.flatMap((option) =>
    option.flag === '--state' ? [option.default] : [],
  );
  t.equal(`/var/lib/${one(unit, 'Service.StateDirectory')}`, `${state[0]}/probe`);
  for (const [key, values] of service)
    if (values.length === 1 && values[0] === 'yes') t.equal(one(unit, key), 'yes', key);
  for (const key of ['User', 'ProtectSystem', 'CapabilityBoundingSet'])
    t.equal(one(unit, `Service.${key}`), one(service, `Service.${key}`), key);
  for (const key of ['Service.ReadWritePaths', 'Install.WantedBy']) t.notOk(unit.has(key), key);
  const timer = readUnit('tlsward-probe.timer');
  t.equal(one(timer, 'Install.WantedBy'), 'timers.target');
  t.notOk(timer.has('Timer.Unit'), 'it starts the service of its name');
  for (const name of ['tlsward-probe.timer', 'probe --all-required'])
    t.ok(repoText('contrib/doc/probe.md').includes(name), name);
  for (const script of ['postinst', 'prerm', 'postrm'])
    t.match(repoText(`contrib/debian/${script}`), 'tlsward-probe.timer', script);
});

t.test('the unit that sends TLS reports, and its timer', async (t) => {
  const unit = readUnit('tlsward-tlsrpt-send.service');
  t.equal(one(unit, 'Service.ExecStart'), `${PROGRAM} tlsrpt send --spread 8`);
  const flags: readonly string[] = COMMANDS.tlsrpt.options.map(({ flag }) => flag);
  t.ok(flags.includes('--spread'));
  t.equal(one(unit, 'Service.Type'), 'oneshot');
  t.equal(one(unit, 'Service.SuccessExitStatus'), '75', 'what is tried again is no failure');
  t.match(COMMANDS.tlsrpt.exit[75], /tried again/);
  t.equal(defaultOf('tlsrpt-send'), 'no', 'nothing is sent that nobody asked for');
  const state = COMMANDS.tlsrpt.options.flatMap((option) =>
    option.flag === '--state' ? [option.default] : [],
  );
  t.equal(
    `/var/lib/${one(unit, 'Service.StateDirectory')}`,
    `${state[0]}/tlsrpt`,
    'the one folder it writes to',
  );
  for (const [key, values] of service)
    if (values.length === 1 && values[0] === 'yes') t.equal(one(unit, key), 'yes', key);
  for (const key of ['User', 'ProtectSystem', 'CapabilityBoundingSet'])
    t.equal(one(unit, `Service.${key}`), one(service, `Service.${key}`), key);
  for (const key of ['Service.ReadWritePaths', 'Install.WantedBy']) t.notOk(unit.has(key), key);
  const timer = readUnit('tlsward-tlsrpt-send.timer');
  t.equal(one(timer, 'Install.WantedBy'), 'timers.target');
  t.notOk(timer.has('Timer.Unit'), 'it starts the service of its name');
  for (const name of ['tlsward-tlsrpt-send.timer', 'tlsrpt send'])
    t.ok(repoText('contrib/doc/tlsrpt-send.md').includes(name), name);
  for (const script of ['postinst', 'prerm', 'postrm'])
    t.match(repoText(`contrib/debian/${script}`), 'tlsward-tlsrpt-send.timer', script);
});

t.test('the collector: as confined as the daemon, with the groups that may read logs', async (t) => {
  const collect = readUnit('tlsward-collect.service');
  const { bin } = JSON.parse(repoText('package.json')) as { bin: { tlsward: string } };
  const start = `/usr/bin/node --max-semi-space-size=16 /usr/lib/tlsward/${bin.tlsward} collect --journal`;
  t.equal(one(collect, 'Service.ExecStart'), start);
  for (const key of [
    'User',
    'Group',
    'StateDirectory',
    'StateDirectoryMode',
    'LimitCORE',
    'CapabilityBoundingSet',
  ])
    t.equal(one(collect, `Service.${key}`), one(service, `Service.${key}`), key);
  t.equal(one(collect, 'Service.SupplementaryGroups'), 'adm systemd-journal');
  const confinement =
    /^Service\.(?:NoNew|Protect|Private|Restrict(?!Address)|Lock|Remove|Keyring|SecureBits|IPAddressDeny)/;
  for (const [key, values] of service) if (confinement.test(key)) t.same(collect.get(key), values, key);
  const socket = readUnit('tlsward-tlsrpt.socket');
  t.equal(one(socket, 'Socket.Service'), 'tlsward-collect.service');
  t.equal(one(socket, 'Socket.ListenDatagram'), `${SOCKET_FOLDER}/tlsrpt.sock`);
  t.equal(one(socket, 'Socket.FileDescriptorName'), 'tlsrpt');
  t.equal(one(socket, 'Socket.SocketGroup'), 'postfix');
  t.equal(one(collect, 'Service.NonBlocking'), 'yes', 'a read from it would hold the process');
  t.equal(one(collect, 'Service.RestrictAddressFamilies'), 'AF_UNIX', 'it has no network');
  t.equal(one(collect, 'Service.PrivateNetwork'), 'yes');
  t.notOk(collect.has('Unit.Requires'), 'neither waits for the other');
  const skipped = without('systemd-analyze', 'systemd');
  if (skipped !== false) return;
  const dir = unitRoot();
  t.teardown(() => rmSync(dir, { recursive: true }));
  const args = ['security', `--root=${dir}`, '--offline=true', '--no-pager', 'tlsward-collect.service'];
  const measured = /Overall exposure level for \S+: ([0-9.]+)/.exec(run('systemd-analyze', ...args).text);
  t.ok(Number(measured?.[1]) <= 2, `exposure level ${measured?.[1]}`);
});

t.test('sockets in step with program and fragments', async (t) => {
  const protocols = { policy: 'policy', milter: 'milter', socketmap: 'deliver' };
  const services = [
    'tlsward.service',
    'tlsward-collect.service',
    'tlsward-ship.service',
    'tlsward-alarms.service',
    'tlsward-notices.service',
    'tlsward-report.service',
    'tlsward-report.timer',
    'tlsward-probe.service',
    'tlsward-probe.timer',
    'tlsward-tlsrpt-send.service',
    'tlsward-tlsrpt-send.timer',
  ];
  const reports = ['tlsward-tlsrpt.socket'];
  t.equal(unitNames().length, services.length + reports.length + Object.keys(protocols).length);
  for (const [protocol, fragment] of Object.entries(protocols)) {
    const socket = readUnit(`tlsward-${protocol}.socket`);
    const path = `${SOCKET_FOLDER}/${protocol}.sock`;
    t.equal(one(socket, 'Socket.ListenStream'), path);
    t.equal(one(socket, 'Socket.FileDescriptorName'), protocol);
    t.equal(one(socket, 'Socket.Service'), 'tlsward.service');
    t.equal(one(socket, 'Socket.SocketUser'), one(service, 'Service.User'));
    t.equal(one(socket, 'Socket.SocketGroup'), 'postfix');
    t.equal(one(socket, 'Socket.SocketMode'), defaultOf('socket-mode'));
    t.match(repoText('contrib/tables/tlsward.ini'), new RegExp(`unix:${path}$`, 'm'));
    // relative to the queue folder /var/spool/postfix
    t.match(
      repoText(`contrib/postfix/${fragment}.main.cf`),
      new RegExp(`unix:tlsward/${protocol}\\.sock[,:]`),
    );
  }
  // the names the daemon looks for among the descriptors it inherits
  const names = repoText('src/daemon/protocols.ts');
  for (const protocol of [...Object.keys(protocols), 'control'])
    t.ok(names.includes(`'${protocol}'`), protocol);
});

const noAccounts = without('systemd-sysusers', 'systemd') || without('systemd-tmpfiles', 'systemd');
const skip = noAccounts || (process.getuid?.() !== 0 && 'giving files to another user needs root');
t.test('user and folders on a fresh system', { skip }, async (t) => {
  const dir = unitRoot();
  t.teardown(() => rmSync(dir, { recursive: true }));
  t.equal(run('systemd-sysusers', `--root=${dir}`, join(UNIT_DIR, 'tlsward.sysusers.conf')).status, 0);
  const account = /^tlsward:[^:]*:(\d+):(\d+):[^:]*:[^:]*:\/usr\/sbin\/nologin$/m.exec(
    readFileSync(join(dir, 'etc/passwd'), 'utf8'),
  );
  t.ok(account, 'a user without a shell');
  const [uid, gid] = [Number(account?.[1]), Number(account?.[2])];
  const config = join(UNIT_DIR, 'tlsward.tmpfiles.conf');
  t.strictSame(run('systemd-tmpfiles', `--root=${dir}`, '--create', config), { status: 0, text: '' });
  const facts = (path: string) => {
    const { mode, uid, gid } = statSync(join(dir, path));
    return [(mode & 0o7777).toString(8), uid, gid];
  };
  t.strictSame(facts('etc/tlsward'), ['750', 0, gid]);
  t.strictSame(facts('etc/tlsward/domains.d'), ['750', 0, gid]);
  t.strictSame(facts(SOCKET_FOLDER), ['2750', uid, 105]);
});

t.test('files named in comments exist', async (t) => {
  for (const name of ['tlsward.sysusers.conf', 'tlsward.tmpfiles.conf']) {
    t.ok(unitText('tlsward.service').includes(name), name);
    t.ok(existsSync(join(UNIT_DIR, name)), name);
  }
  t.ok(existsSync(fileURLToPath(new URL('contrib/', root))));
});
