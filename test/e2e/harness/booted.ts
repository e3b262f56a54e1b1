/**
 * A machine of its own for unit files: systemd started as PID 1 in fresh namespaces, on a copy-on-write view of this
 * machine's files or of a Debian root (postfix-root.ts), with its own /run, /tmp, /dev, network (loopback only), process
 * numbers and control groups.
 *
 * Nothing it does reaches the machine outside: files go to an overlay in memory, its processes die with it, and it dies
 * with the test, because a shell waits for the end of a pipe that only the test holds. Needs root with the right to mount
 * (CAP_SYS_ADMIN), overlayfs, and control groups that may be written; `bootable` says what is missing.
 * Sources: namespaces(7), cgroups(7), systemd's "Container Interface" ($container), pivot_root(8).
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { patient, until } from './deadline.ts';
import { exited } from './processes.ts';
import { command, findCommand } from './requirements.ts';

const SYSTEMD = ['/lib/systemd/systemd', '/usr/lib/systemd/systemd'];

/**
 * $1: folder for the overlay. Each further argument: SOURCE:TARGET, a bind mount.
 * Moves itself into control groups of its own first, so that systemd's tree begins there. On a machine with version 1
 * each hierarchy is mounted where systemd looks for it, and the unified one beside them.
 */
const OUTER = `
dir=$1; shift
groups=
while IFS=: read -r _ controllers path; do
  case $controllers in
    '') mounted=$([ -e /sys/fs/cgroup/cgroup.procs ] && echo /sys/fs/cgroup || echo /sys/fs/cgroup/unified) ;;
    *) mounted=/sys/fs/cgroup/\${controllers#name=} ;;
  esac
  [ -d "$mounted$path" ] && groups="$groups $mounted$path/tlsward-test-$$"
done </proc/self/cgroup
(
  for group in $groups; do
    mkdir -p "$group" && echo 0 >"$group/cgroup.procs" # 0: the process that writes
  done 2>/dev/null
  exec unshare --pid --fork --mount --cgroup --uts --ipc --net --kill-child sh -ec "$INNER" inner "$dir" "$@"
) &
pid=$!
echo "$pid"
read -r _
kill -KILL "$pid" 2>/dev/null
wait "$pid" 2>/dev/null
for try in 1 2 3 4 5 6 7 8 9 10; do
  for group in $groups; do find "$group" -depth -type d -exec rmdir {} \\; 2>/dev/null; done
  for group in $groups; do [ ! -e "$group" ] || { sleep 0.2; continue 2; }; done
  break
done
`;

/** As root of the new namespaces: builds the file tree, then becomes systemd. */
const INNER = `
dir=$1; shift
mount --make-rprivate /
mount -t tmpfs tmpfs "$dir"
mkdir "$dir/upper" "$dir/work" "$dir/root"
root=$dir/root
mount -t overlay overlay -o "lowerdir=$LOWER,upperdir=$dir/upper,workdir=$dir/work" "$root"
for bind in "$@"; do
  source=\${bind%%:*}; target=$root\${bind#*:}
  if [ -d "$source" ]; then mkdir -p "$target"; else mkdir -p "\${target%/*}"; [ -e "$target" ] || : >"$target"; fi
  mount --bind "$source" "$target"
done
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for number in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/\${number%:*}" "$root/dev/\${number#*:}"; done
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t sysfs -o ro sysfs "$root/sys"
if [ -e /sys/fs/cgroup/cgroup.procs ]; then
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
  mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
  while IFS=: read -r _ controllers path; do
    case $controllers in
      '') mkdir "$root/sys/fs/cgroup/unified"; mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/unified" ;;
      name=*) name=\${controllers#name=}; mkdir "$root/sys/fs/cgroup/$name"
        mount -t cgroup -o "none,$controllers" cgroup "$root/sys/fs/cgroup/$name" ;;
      *) mkdir "$root/sys/fs/cgroup/$controllers"
        mount -t cgroup -o "$controllers" cgroup "$root/sys/fs/cgroup/$controllers" ;;
    esac
  done </proc/self/cgroup
fi
ip link set lo up 2>/dev/null || ifconfig lo up 2>/dev/null || true
units=$root/etc/systemd/system
mkdir -p "$units" "$root/etc/systemd/journald.conf.d"
printf '[Unit]\\nDescription=only the journal\\nWants=systemd-journald.service\\n' >"$units/test-only.target"
printf '[Journal]\\nReadKMsg=no\\nStorage=volatile\\n' >"$root/etc/systemd/journald.conf.d/test.conf"
cd "$root"
mkdir -p .outside
pivot_root . .outside
cd /
umount -l /.outside
exec env -i container=tlsward-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
  "$SYSTEMD" --system --unit=test-only.target --log-target=journal --show-status=0
`;

/** false, or why systemd cannot be started here. */
export function bootable(): string | false {
  const missing = ['unshare', 'nsenter', 'pivot_root', 'systemctl'].filter(
    (name) => findCommand(name) === null,
  );
  if (missing.length > 0) return `no command ${missing.join(', ')}`;
  if (SYSTEMD.every((path) => !existsSync(path))) return 'systemd is not installed';
  if (process.getuid?.() !== 0) return 'not running as root';
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-probe-'));
  const script = `
    mount --make-rprivate / && mount -t tmpfs tmpfs "$0" && mkdir "$0/u" "$0/w" "$0/r" &&
    mount -t overlay overlay -o "lowerdir=/,upperdir=$0/u,workdir=$0/w" "$0/r" && mount -t proc proc "$0/r/proc"`;
  const spaces = ['--pid', '--fork', '--mount', '--cgroup', '--uts', '--ipc', '--net'];
  const probe = spawnSync(command('unshare'), [...spaces, 'sh', '-c', script, dir], { encoding: 'utf8' });
  const hierarchy = ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup'].find((path) =>
    existsSync(join(path, 'cgroup.procs')),
  );
  const writable =
    hierarchy !== undefined && spawnSync('test', ['-w', join(hierarchy, 'cgroup.procs')]).status === 0;
  rmSync(dir, { recursive: true, force: true });
  if (probe.status !== 0) return `namespaces or overlays are not permitted: ${probe.stderr.trim()}`;
  return writable ? false : 'control groups cannot be written';
}

export interface Booted {
  /** Runs a shell script in there, as root; status and everything printed. */
  sh(script: string): Promise<{ status: number; text: string }>;
  /** Ends it and everything in it; resolves when nothing is left. */
  close(): Promise<void>;
}

/** Starts it. `binds` are `SOURCE:TARGET` paths to show in there; `lower` is the folder whose files it sees. */
export async function boot(binds: readonly string[], lower = '/'): Promise<Booted> {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-boot-'));
  const found = SYSTEMD.find((path) => existsSync(join(lower, path)));
  const env = { PATH: process.env.PATH, INNER, SYSTEMD: found, LOWER: lower };
  const outer: ChildProcess = spawn('sh', ['-c', OUTER, 'outer', dir, ...binds], {
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [outer.stdout, outer.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const close = async (): Promise<void> => {
    outer.stdin?.end();
    await exited(outer);
    rmSync(dir, { recursive: true, force: true });
  };
  /** The child of unshare, once it has become systemd; earlier children are commands that prepare. */
  const first = (): number | null => {
    const unshare = Number(output.split('\n')[0]);
    try {
      const children = readFileSync(`/proc/${unshare}/task/${unshare}/children`, 'utf8');
      const child = Number(children.split(' ')[0]);
      return readFileSync(`/proc/${child}/comm`, 'utf8').trim() === 'systemd' ? child : null;
    } catch {
      return null; // not there yet, or gone again
    }
  };
  try {
    const pid = await until(10_000, 'first process', first, () => output);
    const enter = ['-t', String(pid), '-m', '-p', '-u', '-i', '-n', '-C', '-r', '-w', '/usr/bin/env', '-i'];
    const sh = (script: string) =>
      new Promise<{ status: number; text: string }>((resolve) => {
        const argv = [
          ...enter,
          'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
          'LC_ALL=C',
          'sh',
          '-c',
          `exec 2>&1\n${script}`,
        ];
        execFile(
          command('nsenter'),
          argv,
          { timeout: patient(120_000), maxBuffer: 1 << 24, encoding: 'utf8' },
          (error, stdout) => {
            const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
            resolve({ status: code, text: stdout });
          },
        );
      });
    let state = '';
    const running = async (): Promise<boolean> => {
      state = (await sh('systemctl is-system-running')).text;
      return /^(running|degraded)/.test(state);
    };
    await until(30_000, 'systemd', running, () => state, 200);
    return { sh, close };
  } catch (error) {
    await close();
    throw new Error(`systemd did not start: ${String(error)}\n${output}`, { cause: error });
  }
}

/** The last lines of a unit in the journal there, as text. */
export async function journalOf({ sh }: Booted, unit: string, lines = 40): Promise<string> {
  return (await sh(`journalctl --sync; journalctl -u ${unit} -n ${lines} --no-pager -o cat`)).text;
}

/**
 * Runs scripts that must succeed, and resolves to what they printed, without the last line end; one that fails is reported
 * with what `said` tells of it.
 */
export function mustRun({ sh }: Booted, said: () => Promise<string>): (script: string) => Promise<string> {
  return async (script) => {
    const { status, text } = await sh(script);
    if (status !== 0) throw new Error(`${script}\nstatus ${status}\n${text}\n${await said()}`);
    return text.trimEnd();
  };
}
