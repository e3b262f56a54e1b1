/** Checks that each socket and each map by which Postfix asks while it receives leads to a listener of tlsward. */
import { formatListen } from '../config/keys/listenAddress.ts';
import { escapeText } from '../core/escape.ts';
import { formatSocket } from '../mta/endpoint.ts';
import { mailEntries } from '../mta/mailEntries.ts';
import { type MasterEntry, valueFor } from '../mta/postfixConfig.ts';
import {
  allAsked,
  askedAs,
  judges,
  LISTEN_KEYS,
  listenersOf,
  openEntries,
  ourPolicies,
  pathFor,
  protocolAt,
} from './asked.ts';
import { type Check, type Finding, finding } from './check.ts';
import type { DoctorFacts } from './facts.ts';
import { entryName } from './mend.ts';

/** What `find` finds of every smtpd of master.cf, those on loopback too; null: no mail that arrives is asked about. */
function ofSmtpd(
  facts: DoctorFacts,
  find: (entry: MasterEntry) => readonly Finding[],
): readonly Finding[] | null {
  if (!judges(facts)) return null;
  return mailEntries(facts.postfix).flatMap(({ entrance, entry }) =>
    entrance === 'smtpd' ? find(entry) : [],
  );
}

/** Does it look as if it were meant for us? */
function isMeant(text: string): boolean {
  return text.toLowerCase().includes('tlsward');
}

const WANTED = [
  ['policy', 'check_policy_service'],
  ['milter', 'smtpd_milters'],
] as const;

const wrongSocket: Check = {
  id: 'endpoint-elsewhere',
  group: 'receiving',
  gravest: 'danger',
  why: 'Postfix asks where tlsward does not listen: all mail of the entry is deferred, or passes where the default action lets it.',
  find(facts) {
    return ofSmtpd(facts, (entry) =>
      WANTED.flatMap(([protocol]) =>
        askedAs(facts, protocol, entry).flatMap(({ endpoint, text, protocol: spoken }): Finding[] => {
          if ('invalid' in endpoint || spoken !== null || !isMeant(text)) return [];
          const where = listenersOf(facts, protocol).map(formatListen).join(', ');
          const { socket } = endpoint;
          const path = socket.kind === 'unix' ? ` (${pathFor(facts.postfix, socket.path, entry)})` : '';
          return [
            finding(
              'danger',
              `${entryName(entry)} asks ${formatSocket(socket)}${escapeText(path)}; ${LISTEN_KEYS[protocol]} is ${where === '' ? 'not set' : where}`,
              inChroot(facts, socket, entry)
                ? `the entry runs in a chroot: ${LISTEN_KEYS[protocol]} = unix:${pathFor(facts.postfix, socket.kind === 'unix' ? socket.path : '', entry)} in tlsward.ini`
                : `make ${LISTEN_KEYS[protocol]} of tlsward.ini and main.cf the same, then: systemctl restart tlsward`,
            ),
          ];
        }),
      ),
    );
  },
};

/** Would the same path be ours if the entry were not in a chroot? */
function inChroot(facts: DoctorFacts, socket: Parameters<typeof protocolAt>[1], entry: MasterEntry): boolean {
  return entry.chroot && protocolAt(facts, socket, { chroot: false }) !== null;
}

const outsideChroot: Check = {
  id: 'socket-outside-chroot',
  group: 'receiving',
  gravest: 'danger',
  why: 'A program in the chroot sees the path below the queue folder, where there is no socket.',
  find(facts) {
    return ofSmtpd(facts, (entry) =>
      allAsked(facts, entry).flatMap(({ endpoint, protocol, text }) => {
        if ('invalid' in endpoint || protocol !== null || isMeant(text)) return [];
        const { socket } = endpoint;
        if (socket.kind !== 'unix' || !inChroot(facts, socket, entry)) return [];
        return [
          finding(
            'danger',
            `${entryName(entry)} runs in a chroot and asks ${formatSocket(socket)}, which is ${pathFor(facts.postfix, socket.path, entry)} there`,
            `listen at unix:${valueFor(facts.postfix, 'queue_directory')}/tlsward/NAME.sock (tlsward.ini), and name unix:tlsward/NAME.sock in main.cf`,
          ),
        ];
      }),
    );
  },
};

const wrongProtocol: Check = {
  id: 'endpoint-wrong-protocol',
  group: 'receiving',
  gravest: 'danger',
  why: 'The listener of the other protocol answers nothing that Postfix understands: all mail is deferred.',
  find(facts) {
    return ofSmtpd(facts, (entry) =>
      WANTED.flatMap(([protocol, place]) =>
        askedAs(facts, protocol, entry)
          .filter(({ protocol: spoken }) => spoken !== null && spoken !== protocol)
          .map(({ text, protocol: spoken }) =>
            finding(
              'danger',
              `${entryName(entry)}: ${place} names ${escapeText(text, 120)}, which is ${LISTEN_KEYS[spoken!]}`,
              `name ${listenersOf(facts, protocol).map(formatListen).join(', ') || `the address of ${LISTEN_KEYS[protocol]}`} there`,
            ),
          ),
      ),
    );
  },
};

const invalidEndpoint: Check = {
  id: 'endpoint-invalid',
  group: 'receiving',
  gravest: 'danger',
  why: 'smtpd stops at the mistake before it greets anybody: no mail comes in.',
  find(facts) {
    return ofSmtpd(facts, (entry) =>
      allAsked(facts, entry).flatMap(({ endpoint, text }) =>
        'invalid' in endpoint && !isFileOrNone(text)
          ? [
              finding(
                'danger',
                `${entryName(entry)}: ${escapeText(endpoint.invalid)} in ${escapeText(text, 120)}`,
                'braces around an option with spaces: { default_action = DEFER_IF_PERMIT 4.7.1 text }',
              ),
            ]
          : [],
      ),
    );
  },
};

/** `none` switches milters off for a client. */
function isFileOrNone(text: string): boolean {
  return text.toLowerCase() === 'none' || text.toLowerCase() === 'disable';
}

const milterMaps: Check = {
  id: 'milter-maps',
  group: 'receiving',
  gravest: 'note',
  why: 'smtpd_milter_maps overrides smtpd_milters for single clients, so that mail of some may not be judged.',
  find(facts) {
    if (listenersOf(facts, 'milter').length === 0) return null;
    const { postfix } = facts;
    return openEntries(facts).flatMap(({ entry }) => {
      const maps = valueFor(postfix, 'smtpd_milter_maps', entry);
      if (maps === '' || ourPolicies(facts, entry).length > 0) return [];
      return [
        finding(
          'note',
          `${entryName(entry)}: smtpd_milter_maps is ${escapeText(maps)}`,
          'see to it that each answer in it has the milter of tlsward',
        ),
      ];
    });
  },
};

/** In the order in which findings of the same severity are shown. */
export const ASKING: readonly Check[] = [
  wrongSocket,
  outsideChroot,
  wrongProtocol,
  invalidEndpoint,
  milterMaps,
];
