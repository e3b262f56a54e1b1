/**
 * A network of the test's own: namespaces in which loopback has further addresses, and hosts have names. For what is
 * counted of mail between hosts: mail from and to 127.0.0.0/8 never left its host.
 */
import { spawnSync } from 'node:child_process';
import { skipReason } from '../requirements.ts';

/** `$1`: lines of /etc/hosts; `$2`: addresses of either family; then the command. */
const INNER = `
hosts=$(mktemp)
printf '%s' "$1" > "$hosts"
chmod 644 "$hosts"
mount --bind "$hosts" /etc/hosts
rm -f "$hosts"
ip link set lo up
for address in $2; do
  case $address in *:*) length=128 ;; *) length=32 ;; esac
  ip address add "$address/$length" dev lo
done
shift 2
exec "$@"
`;

/** The command line that runs `argv` there; `names`: the address of each host. */
export function inOwnNetwork(
  names: Readonly<Record<string, string>>,
  more: readonly string[],
  argv: readonly string[],
): [command: string, args: string[]] {
  const hosts = [
    '127.0.0.1 localhost',
    ...Object.entries(names).map(([name, address]) => `${address} ${name}`),
  ];
  const addresses = [...Object.values(names), ...more].join(' ');
  const inner = ['sh', '-ec', INNER, 'inner', `${hosts.join('\n')}\n`, addresses, ...argv];
  return ['unshare', ['--net', '--mount', '--fork', '--kill-child', ...inner]];
}

/** For tap's `skip`: false when there can be one, else the reason. Throws when TLSWARD_E2E=required. */
export function ownNetworkSkip(): string | false {
  const [command, args] = inOwnNetwork({ 'a.example': '203.0.113.1' }, [], ['true']);
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  const why = `namespaces (Debian: util-linux, iproute2): ${error?.message ?? String(stderr).trim()}`;
  return skipReason(status === 0 ? [] : [why], process.env.TLSWARD_E2E === 'required');
}
