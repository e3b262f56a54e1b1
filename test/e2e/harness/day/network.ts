/**
 * A network of the test's own: namespaces in which loopback has further addresses, and hosts have names. For what is
 * counted of mail between hosts: mail from and to 127.0.0.0/8 never left its host.
 */
import { spawnSync } from 'node:child_process';

/** `$1`: lines of /etc/hosts; `$2`: addresses; then the command. */
const INNER = `
hosts=$(mktemp)
printf '%s' "$1" > "$hosts"
chmod 644 "$hosts"
mount --bind "$hosts" /etc/hosts
rm -f "$hosts"
ip link set lo up
for address in $2; do ip address add "$address/32" dev lo; done
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

/** Why there can be none; false when there can. */
export function noOwnNetwork(): string | false {
  const [command, args] = inOwnNetwork({ 'a.example': '203.0.113.1' }, [], ['true']);
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return status !== 0 && `no namespaces: ${String(stderr).trim()}`;
}
