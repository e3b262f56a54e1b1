/**
 * Checks of tlsward itself: does it run, with this table, where Postfix may reach it, and keep its key to
 * itself?
 */

import { dayOf, overdueOf } from '../config/keys/day.ts';
import { formatListen, type ListenAddress } from '../config/keys/listenAddress.ts';
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { formatPosition } from '../core/position.ts';
import { INHERITED } from '../daemon/controlReplies.ts';
import { LISTEN_KEYS, listenersOf, PROTOCOLS, socketFiles } from './asked.ts';
import { type Check, type Finding, finding, NO_DAEMON, notKnown } from './check.ts';
import { type FileFacts, fileAt, type HostFacts } from './facts.ts';
import { shellWord } from './mend.ts';

const down: Check<HostFacts> = {
  id: 'daemon-down',
  group: 'service',
  gravest: 'danger',
  why: 'While tlsward is down, mail is deferred, and what waits too long comes back to its author.',
  find({ daemon }) {
    if (daemon.known) return [];
    if (/EACCES|EPERM/.test(daemon.why))
      return [notKnown(escapeText(daemon.why, 300), 'run tlsward doctor as root')];
    return [
      finding(
        'danger',
        escapeText(daemon.why, 300),
        'systemctl start tlsward',
        'journalctl -u tlsward -n 50',
      ),
    ];
  },
};

const differs: Check<HostFacts> = {
  id: 'table-differs',
  group: 'service',
  gravest: 'warning',
  why: 'The daemon goes by another table than the files hold: changes are not in force.',
  find({ daemon, table }) {
    if (!daemon.known) return [notKnown(NO_DAEMON)];
    if (daemon.value.table.hash === table.hash) return [];
    return [
      finding(
        'warning',
        `the daemon has ${daemon.value.table.hash.slice(0, 16)} from ${escapeText(daemon.value.config)}, loaded ${daemon.value.table.loadedAt}; ${escapeText(table.file)} is ${table.hash.slice(0, 16)}`,
        'tlsward reload',
      ),
    ];
  },
};

const refused: Check<HostFacts> = {
  id: 'reload-refused',
  group: 'service',
  gravest: 'warning',
  why: 'The last reload found mistakes, and the old table stays in force.',
  find({ daemon }) {
    if (!daemon.known) return [notKnown(NO_DAEMON)];
    const { lastReload } = daemon.value.table;
    return lastReload === ''
      ? []
      : [finding('warning', escapeText(lastReload, 300), 'tlsward check', 'tlsward reload')];
  },
};

const restart: Check<HostFacts> = {
  id: 'restart-needed',
  group: 'service',
  gravest: 'warning',
  why: 'Listeners are opened at the start only: the daemon does not listen where the file says.',
  find(facts) {
    const { daemon } = facts;
    if (!daemon.known) return [notKnown(NO_DAEMON)];
    const pending = daemon.value.table.restartNeeded.map((key) =>
      finding('warning', `${escapeText(key)} was changed and is not in force`, 'systemctl restart tlsward'),
    );
    if (pending.length > 0) return pending;
    return PROTOCOLS.flatMap((protocol) => {
      const open = daemon.value.listeners
        .filter(({ name }) => name === protocol)
        .map(({ address }) => address);
      if (open.some((address) => address.startsWith(INHERITED))) return [];
      return listenersOf(facts, protocol)
        .filter((address) => !open.includes(formatListen(address)) && !isAnyPort(address))
        .map((address) =>
          finding(
            'warning',
            `${LISTEN_KEYS[protocol]} = ${formatListen(address)} is not open`,
            'systemctl restart tlsward',
          ),
        );
    });
  },
};

function isAnyPort(address: ListenAddress): boolean {
  return address.kind === 'inet' && address.port === 0;
}

const trouble: Check<HostFacts> = {
  id: 'listener-trouble',
  group: 'service',
  gravest: 'danger',
  why: 'The file of a socket is gone or is another one: the mail server does not reach the daemon, and mail is deferred.',
  find({ daemon }) {
    if (!daemon.known) return [notKnown(NO_DAEMON)];
    return daemon.value.listeners.flatMap(({ name, address, trouble: what }) =>
      what === undefined
        ? []
        : [
            finding(
              // no mail server asks the live page
              name === 'http' ? 'warning' : 'danger',
              `${escapeText(name)} ${escapeText(address)}: ${escapeText(what)}`,
              'systemctl restart tlsward',
            ),
          ],
    );
  },
};

/** May this user do it, by the permission bits? */
function permits(
  file: FileFacts,
  who: { readonly uid: number; readonly gids: readonly number[] },
  bit: 1 | 2,
): boolean {
  if (who.uid === 0) return true;
  if (file.uid === who.uid) return (file.mode & (bit << 6)) !== 0;
  if (who.gids.includes(file.gid)) return (file.mode & (bit << 3)) !== 0;
  return (file.mode & bit) !== 0;
}

/** Paths from the root down to the folder of a file. */
export function foldersAbove(path: string): string[] {
  const parts = path.split('/').slice(1, -1);
  return ['/', ...parts.map((_, i) => `/${parts.slice(0, i + 1).join('/')}`)];
}

const permission: Check = {
  id: 'socket-permission',
  group: 'service',
  gravest: 'danger',
  why: "Postfix's programs run as a user of their own; what that user cannot open defers all mail.",
  find(facts) {
    const sockets = socketFiles(facts);
    if (sockets.length === 0) return null;
    if (!facts.daemon.known) return [notKnown(NO_DAEMON)];
    const { mailOwner } = facts.system;
    if (!mailOwner.known) return [notKnown(escapeText(mailOwner.why))];
    const { value: who } = mailOwner;
    return sockets.flatMap(({ protocol, path }): Finding[] => {
      for (const folder of foldersAbove(path)) {
        const file = fileAt(facts, folder);
        if (!file.known) return [notKnown(`${escapeText(folder)}: ${file.why}`)];
        if (file.value.kind === 'absent') break;
        if (!permits(file.value, who, 1))
          return [
            finding(
              'danger',
              `${LISTEN_KEYS[protocol]}: ${who.name} may not enter ${escapeText(folder)} (mode ${octal(file.value.mode)})`,
              `chmod o+x ${shellWord(folder)}    (or give it the group ${who.name})`,
            ),
          ];
      }
      const socket = fileAt(facts, path);
      if (!socket.known) return [notKnown(`${escapeText(path)}: ${socket.why}`)];
      if (socket.value.kind === 'absent')
        return [
          finding(
            'danger',
            `${LISTEN_KEYS[protocol]}: ${escapeText(path)} does not exist`,
            'systemctl restart tlsward',
          ),
        ];
      if (permits(socket.value, who, 2)) return [];
      return [
        finding(
          'danger',
          `${LISTEN_KEYS[protocol]}: ${who.name} may not write to ${escapeText(path)} (mode ${octal(socket.value.mode)})`,
          `socket-group = ${who.name} and socket-mode = 0660 in [service] of tlsward.ini, then: systemctl restart tlsward`,
        ),
      ];
    });
  },
};

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0');
}

const key: Check<HostFacts> = {
  id: 'mark-key-readable',
  group: 'service',
  gravest: 'danger',
  why: 'Whoever reads the key can write marks that verify: "came under TLS" then proves nothing.',
  find(facts) {
    const { markKey } = facts.table.service;
    if (markKey === null) return null;
    const file = fileAt(facts, markKey);
    if (!file.known) return [notKnown(`${escapeText(markKey)}: ${file.why}`)];
    if (file.value.kind === 'absent')
      return [
        finding(
          'note',
          `${escapeText(markKey)} does not exist; the daemon makes it at its start`,
          'systemctl restart tlsward',
        ),
      ];
    if ((file.value.mode & 0o077) === 0) return [];
    return [
      finding(
        'danger',
        `${escapeText(markKey)} has mode ${octal(file.value.mode)}`,
        `chmod 600 ${shellWord(markKey)}`,
      ),
    ];
  },
};

const writable: Check<HostFacts> = {
  id: 'socket-folder-writable',
  group: 'service',
  gravest: 'danger',
  why: 'Whoever may put a socket into the folder answers for tlsward while it restarts, and the mail server believes it.',
  find(facts) {
    const folders = new Set(socketFiles(facts).map(({ path }) => foldersAbove(path).at(-1)!));
    if (folders.size === 0) return null;
    return [...folders].flatMap((folder): Finding[] => {
      const file = fileAt(facts, folder);
      if (!file.known) return [notKnown(`${escapeText(folder)}: ${file.why}`)];
      if ((file.value.mode & 0o002) === 0) return [];
      return [
        finding(
          'danger',
          `everybody may write to ${escapeText(folder)} (mode ${octal(file.value.mode)})`,
          `chmod o-w ${shellWord(folder)}`,
        ),
      ];
    });
  },
};

const overdue: Check<HostFacts> = {
  id: 'rows-overdue',
  group: 'service',
  gravest: 'warning',
  why: 'A row or exception is past its day and stays in force: what was meant for two weeks holds for ever.',
  find({ table, now }) {
    return overdueOf(table.dated, dayOf(now))
      .slice(0, 20)
      .map(({ file, line, where, until }) =>
        finding(
          'warning',
          `${formatPosition({ file, line })}: ${escapeText(where)} until ${until}`,
          where.startsWith('exception')
            ? 'tlsward exceptions, then: tlsward except DOMAIN --remove (or --until +14d --reason TEXT)'
            : 'change or remove the row, then: tlsward reload',
        ),
      );
  },
};

const files: Check<HostFacts> = {
  id: 'open-files-low',
  group: 'service',
  gravest: 'warning',
  why: 'Connections above the limit of open files are refused, and their mail is deferred.',
  find({ daemon }) {
    if (!daemon.known) return [notKnown(NO_DAEMON)];
    const { limit, connections, maxConnections } = daemon.value.openFiles;
    if (limit === null) return [notKnown('the system does not tell the limit of open files')];
    if (connections >= maxConnections) return [];
    return [
      finding(
        'warning',
        `room for ${count(connections, 'connection')}, and max-connections is ${maxConnections}`,
        'systemctl edit tlsward: LimitNOFILE=65536 under [Service]',
      ),
    ];
  },
};

const clock: Check<HostFacts> = {
  id: 'clock',
  group: 'service',
  gravest: 'warning',
  why: 'Certificates, exceptions and MTA-STS policies end by the clock; marks and logs are proof only with the right time.',
  find({ system }) {
    if (!system.clock.known) return [notKnown(escapeText(system.clock.why))];
    return system.clock.value
      ? []
      : [finding('warning', 'the clock is not kept by a time server', 'timedatectl set-ntp true')];
  },
};

const instances: Check = {
  id: 'other-instances',
  group: 'service',
  gravest: 'note',
  why: 'Each instance of Postfix has a configuration of its own; this one was looked at, the others were not.',
  find({ instances: all, postfix }) {
    if (all.length < 2) return null;
    return all
      .filter(({ directory, enabled }) => enabled && directory !== postfix.directory)
      .map(({ directory }) =>
        finding(
          'note',
          `there is another instance in ${escapeText(directory)}`,
          `tlsward doctor --postfix-config ${shellWord(directory)}`,
        ),
      );
  },
};

export const SERVING: readonly Check[] = [
  down,
  differs,
  refused,
  restart,
  trouble,
  permission,
  key,
  writable,
  overdue,
  files,
  clock,
  instances,
];

/** Those that hold for every mail server. */
export const SERVING_ANY: readonly Check<HostFacts>[] = [
  ...[down, differs, refused, restart, trouble, key],
  ...[writable, overdue, files, clock],
];
