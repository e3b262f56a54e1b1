/**
 * Checks that Postfix asks the table before mail leaves, by each transport, and by the key that rows are
 * written for.
 */
import { formatListen } from '../config/keys/listenAddress.ts';
import { escapeText } from '../core/escape.ts';
import { MAPS } from '../maps/mapAnswer.ts';
import { formatSocket } from '../mta/endpoint.ts';
import { listOf } from '../mta/listValue.ts';
import { isYes, type MasterEntry, valueFor } from '../mta/postfixConfig.ts';
import { type AskedMap, listenersOf, mapsOf, pathFor, sendingOwn } from './asked.ts';
import { type Check, type Finding, finding, notKnown } from './check.ts';
import { protectsHop, protectsSending } from './demands.ts';
import { type DoctorFacts, fileAt } from './facts.ts';
import { dropMain, dropOverride, entryName, setFor, setMain, wrongValue } from './mend.ts';

const POLICY_MAPS = 'smtp_tls_policy_maps';

/** Does tlsward answer for mail that leaves by this Postfix, or should it? */
function answers(facts: DoctorFacts): boolean {
  return facts.table.service.socketmapListen.length > 0;
}

const noListener: Check = {
  id: 'no-socketmap-listener',
  group: 'sending',
  gravest: 'warning',
  why: 'Rows say how mail must leave, and nobody can ask for them: it leaves as if they were not there.',
  find(facts) {
    if (!protectsSending(facts)) return null;
    if (answers(facts)) return [];
    // rows with deliver may be meant for Sendmail on another port; a Postfix that asks no map does not follow
    // them
    return [
      finding(
        'warning',
        'rows have deliver = encrypt or stricter, and socketmap-listen is not set',
        `socketmap-listen = unix:${valueFor(facts.postfix, 'queue_directory')}/tlsward/socketmap.sock in [service] of tlsward.ini`,
      ),
    ];
  },
};

const notAsked: Check = {
  id: 'policy-maps-not-asked',
  group: 'sending',
  gravest: 'danger',
  why: 'Mail of this transport leaves without regard to the table, in plaintext if the other side offers nothing else.',
  find(facts) {
    if (!answers(facts)) return null;
    return sendingOwn(facts).flatMap((entry) => {
      const maps = mapsOf(facts, POLICY_MAPS, entry);
      if (maps.some(({ ours }) => ours) || maps.some(isMeant) || toThisHost(facts, entry)) return [];
      const own = entry.overrides.has(POLICY_MAPS);
      const set = valueFor(facts.postfix, POLICY_MAPS);
      return [
        finding(
          protectsSending(facts) ? 'danger' : 'note',
          `${entryName(entry)}: ${POLICY_MAPS} is ${maps.length === 0 ? 'empty' : escapeText(maps.map(({ text }) => text).join(', '), 150)}`,
          own
            ? dropOverride(facts.postfix, entry, POLICY_MAPS)
            : setMain(
                facts.postfix,
                POLICY_MAPS,
                `socketmap:unix:tlsward/socketmap.sock:deliver${set === '' ? '' : `, ${set}`}`,
              ),
        ),
      ];
    });
  },
};

/**
 * An entry that hands mail to a filter on this host needs no row: it says so by level none and an empty map.
 */
function toThisHost({ postfix }: DoctorFacts, entry: MasterEntry): boolean {
  const filter = listOf(valueFor(postfix, 'content_filter'))[0] ?? '';
  return (
    entry.overrides.get(POLICY_MAPS) === '' &&
    (entry.overrides.get('smtp_tls_security_level') === 'none' || filter.startsWith(`${entry.name}:`))
  );
}

function isMeant({ text, ours }: AskedMap): boolean {
  return !ours && text.includes('socketmap:') && text.includes('tlsward');
}

const elsewhere: Check = {
  id: 'policy-maps-elsewhere',
  group: 'sending',
  gravest: 'danger',
  why: 'Postfix asks where tlsward does not listen: all mail waits, 4.7.5 "client TLS configuration problem".',
  find(facts) {
    if (!answers(facts)) return null;
    return sendingOwn(facts).flatMap((entry) =>
      mapsOf(facts, POLICY_MAPS, entry)
        .filter(isMeant)
        .map(({ text, socket, invalid }): Finding => {
          const where = listenersOf(facts, 'socketmap').map(formatListen).join(', ');
          if (invalid !== null || socket === null)
            return finding(
              'danger',
              `${entryName(entry)}: ${escapeText(invalid ?? text)}`,
              `the form is socketmap:unix:PATH:deliver`,
            );
          const path =
            socket.kind === 'unix'
              ? ` (${pathFor(facts.postfix, socket.path, entry)}${entry.chroot ? ', in its chroot' : ''})`
              : '';
          return finding(
            'danger',
            `${entryName(entry)} asks ${escapeText(formatSocket(socket) + path)}; socketmap-listen is ${where}`,
            setFor(facts.postfix, POLICY_MAPS, 'socketmap:unix:tlsward/socketmap.sock:deliver', entry),
            `and socketmap-listen = unix:${valueFor(facts.postfix, 'queue_directory')}/tlsward/socketmap.sock in tlsward.ini`,
          );
        }),
    );
  },
};

const wrongMap: Check = {
  id: 'policy-maps-wrong-map',
  group: 'sending',
  gravest: 'danger',
  why: 'tlsward answers the name that stands behind the socket; one that is not for Postfix makes all mail wait.',
  find(facts) {
    if (!answers(facts)) return null;
    return sendingOwn(facts).flatMap((entry) =>
      mapsOf(facts, POLICY_MAPS, entry)
        .filter(({ ours, map }) => ours && MAPS.get(map)?.grammar !== 'postfix')
        .map(({ text, map }) =>
          finding(
            'danger',
            `${entryName(entry)}: ${POLICY_MAPS} asks for the map "${escapeText(map)}"`,
            setFor(
              facts.postfix,
              POLICY_MAPS,
              valueFor(facts.postfix, POLICY_MAPS, entry).replace(
                text,
                `${text.slice(0, text.length - map.length)}deliver`,
              ),
              entry,
            ),
          ),
        ),
    );
  },
};

/** The first line of what `tlsward export postfix` writes. */
const EXPORTED = /tlsward export postfix/;

const shadowed: Check = {
  id: 'policy-maps-shadowed',
  group: 'sending',
  gravest: 'warning',
  why: 'The first map that knows a domain decides: one in front of tlsward can answer less than the row demands.',
  find(facts) {
    if (!answers(facts)) return null;
    return sendingOwn(facts).flatMap((entry) => {
      const maps = mapsOf(facts, POLICY_MAPS, entry);
      const at = maps.findIndex(({ ours }) => ours);
      const before = maps
        .slice(0, Math.max(at, 0))
        .filter(({ text, ours }) => !ours && !isExport(facts, text));
      if (before.length === 0) return [];
      const order = [...maps.filter(({ ours }) => ours), ...maps.filter(({ ours }) => !ours)];
      return [
        finding(
          protectsSending(facts) ? 'warning' : 'note',
          `${entryName(entry)}: in ${POLICY_MAPS} before tlsward: ${before.map(({ text }) => escapeText(text, 100)).join(', ')}`,
          setFor(facts.postfix, POLICY_MAPS, order.map(({ text }) => text).join(', '), entry),
          'what it holds becomes rows by: tlsward import postfix FILE',
        ),
      ];
    });
  },
};

/** The path of a table that is a text file, or made from one. */
export function tablePath(text: string): string | null {
  const [, path] =
    /^(?:proxy:)?(?:texthash|hash|lmdb|btree|cdb|dbm|regexp|pcre|cidr):(\/[^{}]*)$/.exec(text) ?? [];
  return path ?? null;
}

function isExport(facts: DoctorFacts, text: string): boolean {
  const path = tablePath(text);
  const file = path === null ? null : fileAt(facts, path);
  return file?.known === true && EXPORTED.test(file.value.firstLine);
}

const plainLevel: Check = {
  id: 'sends-without-tls',
  group: 'sending',
  gravest: 'warning',
  why: 'Where the table says nothing, mail leaves in plaintext although the other side offers TLS.',
  find(facts) {
    const { postfix } = facts;
    return sendingOwn(facts).flatMap((entry) => {
      const level = valueFor(postfix, 'smtp_tls_security_level', entry);
      const old = isYes(postfix, 'smtp_use_tls', entry) || isYes(postfix, 'smtp_enforce_tls', entry);
      if ((level !== '' && level !== 'none') || (level === '' && old) || toThisHost(facts, entry)) return [];
      return [wrongValue('warning', postfix, 'smtp_tls_security_level', 'may', entry)];
    });
  },
};

/** `smtp:[relay]:587` is the next hop `[relay]:587`; '' when it names none. */
function hopOf(transport: string): string {
  const colon = transport.indexOf(':');
  return colon < 0 ? '' : transport.slice(colon + 1).trim();
}

const relayKey: Check = {
  id: 'relayhost-without-row',
  group: 'sending',
  gravest: 'danger',
  why: 'With a relayhost Postfix asks for its name only: the rows of recipient domains are never looked at.',
  find(facts) {
    if (!answers(facts)) return null;
    const { postfix } = facts;
    const hops = [
      valueFor(postfix, 'relayhost'),
      hopOf(valueFor(postfix, 'default_transport')),
      hopOf(valueFor(postfix, 'relay_transport')),
    ].filter((hop) => hop !== '' && !hop.startsWith('unix:') && !hop.startsWith('/'));
    if (hops.length === 0) return null;
    const unprotected = [...new Set(hops)].filter((hop) => !protectsHop(facts, hop));
    return unprotected.map((hop) =>
      finding(
        protectsSending(facts) ? 'danger' : 'note',
        `all mail goes to ${escapeText(hop)}, and no row of the table demands TLS for it`,
        `${escapeText(hop)} = encrypt    (in [domains] of the table; or verify)`,
      ),
    );
  },
};

const TRANSPORTS = [
  'transport_maps',
  'sender_dependent_relayhost_maps',
  'sender_dependent_default_transport_maps',
] as const;

const transportKey: Check = {
  id: 'transport-changes-key',
  group: 'sending',
  gravest: 'note',
  why: 'A next hop from a transport table is the key that Postfix asks for: rows of recipient domains do not apply to it.',
  find(facts) {
    if (!answers(facts) || !protectsSending(facts)) return null;
    return TRANSPORTS.flatMap((name) => {
      const others = mapsOf(facts, name).filter(({ ours }) => !ours);
      if (others.length === 0) return [];
      return [
        finding(
          'note',
          `${name} has ${escapeText(others.map(({ text }) => text).join(', '), 150)}`,
          'give each next hop in it a row: tlsward explain --deliver NEXTHOP shows what holds',
          `postmap -q DOMAIN ${escapeText(others[0]!.text, 100)}    (what the table answers)`,
        ),
      ];
    });
  },
};

const fallbackRelay: Check = {
  id: 'fallback-relay',
  group: 'sending',
  gravest: 'warning',
  why: 'Mail whose host offers no TLS goes on to the fallback relay at once, under the row of the relay.',
  find(facts) {
    if (!answers(facts) || !protectsSending(facts)) return null;
    const hops = listOf(valueFor(facts.postfix, 'smtp_fallback_relay'));
    if (hops.length === 0) return null;
    return hops
      .filter((hop) => !protectsHop(facts, hop))
      .map((hop) =>
        finding(
          'warning',
          `smtp_fallback_relay is ${escapeText(hop)}, and no row demands TLS for it`,
          `${escapeText(hop)} = encrypt    (in [domains] of the table)`,
        ),
      );
  },
};

const perSite: Check = {
  id: 'obsolete-tls-settings',
  group: 'sending',
  gravest: 'note',
  why: 'Postfix ignores smtp_tls_per_site, smtp_use_tls and smtp_enforce_tls beside their successors.',
  find({ postfix }) {
    return ['smtp_tls_per_site', 'smtp_use_tls', 'smtp_enforce_tls']
      .filter((name) => postfix.set.has(name) && (postfix.set.get(name) ?? '') !== '')
      .map((name) =>
        finding('note', `${name} is ${escapeText(postfix.set.get(name) ?? '')}`, dropMain(postfix, name)),
      );
  },
};

const unreadableMap: Check = {
  id: 'policy-map-missing',
  group: 'sending',
  gravest: 'danger',
  why: 'A table that cannot be opened makes all mail wait, 4.7.5 "client TLS configuration problem".',
  find(facts) {
    const paths = [
      ...new Set(
        sendingOwn(facts).flatMap((entry) =>
          mapsOf(facts, POLICY_MAPS, entry).flatMap(({ text }) => {
            const path = tablePath(text);
            return path === null ? [] : [path];
          }),
        ),
      ),
    ];
    if (paths.length === 0) return null;
    return paths.flatMap((path) => {
      const file = fileAt(facts, path);
      if (!file.known) return [notKnown(`${escapeText(path)}: ${file.why}`)];
      if (file.value.kind !== 'absent') return [];
      return [
        finding(
          'danger',
          `${POLICY_MAPS} names ${escapeText(path)}, which does not exist`,
          `tlsward export postfix --output ${escapeText(path)}    (or take it out of ${POLICY_MAPS})`,
        ),
      ];
    });
  },
};

export const SENDING: readonly Check[] = [
  noListener,
  notAsked,
  elsewhere,
  wrongMap,
  shadowed,
  plainLevel,
  relayKey,
  transportKey,
  fallbackRelay,
  perSite,
  unreadableMap,
];
