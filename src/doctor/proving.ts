/**
 * Checks of what the levels of rows need from Postfix: CAs, DNSSEC, digests, versions, and nothing that
 * switches them off.
 */
import { escapeText } from '../core/escape.ts';
import { inNetworks, LOOPBACK } from '../core/network.ts';
import { OLDEST_POSTFIX, parsePostfixVersion, REQUIRETLS_SINCE, since } from '../core/postfixVersion.ts';
import { listOf } from '../mta/listValue.ts';
import { sendingEntries } from '../mta/mailEntries.ts';
import { isParameter, isYes, type MasterEntry, valueFor } from '../mta/postfixConfig.ts';
import { mapsOf, sendingOwn } from './asked.ts';
import { type Check, finding, NO_DAEMON, notKnown } from './check.ts';
import { protectsSending, sendsAt } from './demands.ts';
import { type DoctorFacts, fileAt } from './facts.ts';
import { dropOverride, entryName, setFor, setMain, wrongValue } from './mend.ts';
import { hasCa } from './offering.ts';

/** Entries whose mail the table decides about. */
function deciding(facts: DoctorFacts): MasterEntry[] {
  return sendingOwn(facts).filter((entry) =>
    mapsOf(facts, 'smtp_tls_policy_maps', entry).some(({ ours }) => ours),
  );
}

const SERVER_CA = '/etc/ssl/certs/ca-certificates.crt';

const noCa: Check = {
  id: 'sends-without-ca',
  group: 'sending',
  gravest: 'danger',
  why: 'Without CAs no server certificate is trusted: mail of rows with verify or secure waits, 4.7.5, and comes back.',
  find(facts) {
    if (!sendsAt(facts, 'verify', 'secure', 'auto')) return null;
    return deciding(facts)
      .filter((entry) => !hasCa(facts.postfix, 'smtp', entry))
      .map((entry) =>
        finding(
          'danger',
          `${entryName(entry)}: smtp_tls_CAfile and smtp_tls_CApath are empty`,
          setFor(facts.postfix, 'smtp_tls_CAfile', SERVER_CA, entry),
        ),
      );
  },
};

const caFile: Check = {
  id: 'ca-file-missing',
  group: 'sending',
  gravest: 'danger',
  why: 'Postfix trusts no certificate when the file of its CAs is not there.',
  find(facts) {
    const { postfix } = facts;
    const files = ['smtp_tls_CAfile', 'smtpd_tls_CAfile']
      .map((name) => [name, valueFor(postfix, name)] as const)
      .filter(([, file]) => file !== '');
    if (files.length === 0) return null;
    return files.flatMap(([name, path]) => {
      const file = fileAt(facts, path);
      if (!file.known) return [notKnown(`${name}: ${file.why}`)];
      if (file.value.kind === 'file') return [];
      return [
        finding(
          'danger',
          `${name} is ${escapeText(path)}, which ${file.value.kind === 'absent' ? 'does not exist' : 'is no file'}`,
          'apt install ca-certificates',
          setMain(postfix, name, SERVER_CA),
        ),
      ];
    });
  },
};

const caPath: Check = {
  id: 'ca-path-in-chroot',
  group: 'sending',
  gravest: 'warning',
  why: 'smtp(8) opens a folder of CAs from within its chroot; a file it reads before.',
  find(facts) {
    const { postfix } = facts;
    const entries = sendingOwn(facts).filter(
      (entry) => valueFor(postfix, 'smtp_tls_CApath', entry) !== '' && entry.chroot,
    );
    if (entries.length === 0) return null;
    const queue = valueFor(postfix, 'queue_directory');
    return entries.flatMap((entry) => {
      if (valueFor(postfix, 'smtp_tls_CAfile', entry) !== '') return [];
      // Debian's start script copies the folder into the chroot
      const inside = `${queue}${valueFor(postfix, 'smtp_tls_CApath', entry)}`;
      const folder = fileAt(facts, inside);
      if (!folder.known) return [notKnown(`${escapeText(inside)}: ${folder.why}`)];
      if (folder.value.kind === 'folder') return [];
      return [
        finding(
          'warning',
          `${entryName(entry)} runs in a chroot and has smtp_tls_CApath only; there is no ${escapeText(inside)}`,
          setFor(postfix, 'smtp_tls_CAfile', SERVER_CA, entry),
        ),
      ];
    });
  },
};

const sendDigest: Check = {
  id: 'sends-by-other-digest',
  group: 'sending',
  gravest: 'danger',
  why: 'Pins of the table are SHA-256; with another digest no server ever matches, and mail waits until it comes back.',
  find(facts) {
    if (!sendsAt(facts, 'fingerprint')) return null;
    return deciding(facts)
      .filter(
        (entry) => valueFor(facts.postfix, 'smtp_tls_fingerprint_digest', entry).toLowerCase() !== 'sha256',
      )
      .map((entry) => wrongValue('danger', facts.postfix, 'smtp_tls_fingerprint_digest', 'sha256', entry));
  },
};

const dnssec: Check = {
  id: 'dane-without-dnssec',
  group: 'sending',
  gravest: 'danger',
  why: 'Without DNSSEC Postfix looks up no TLSA records: dane is no more than may, and dane-only makes mail wait.',
  find(facts) {
    if (!sendsAt(facts, 'dane', 'dane-only', 'auto')) return null;
    const { postfix } = facts;
    return deciding(facts).flatMap((entry) => {
      if (valueFor(postfix, 'smtp_dns_support_level', entry) !== 'dnssec')
        return [wrongValue('danger', postfix, 'smtp_dns_support_level', 'dnssec', entry)];
      if (listOf(valueFor(postfix, 'smtp_host_lookup', entry)).includes('dns')) return [];
      return [
        finding(
          'danger',
          `${entryName(entry)}: smtp_host_lookup does not have dns`,
          setFor(postfix, 'smtp_host_lookup', 'dns', entry),
        ),
      ];
    });
  },
};

const resolver: Check = {
  id: 'resolver-not-local',
  group: 'sending',
  gravest: 'warning',
  why: 'The word of a resolver on another host about DNSSEC can be forged on the way: Postfix believes it all the same.',
  find(facts) {
    if (!sendsAt(facts, 'dane', 'dane-only', 'auto')) return null;
    const remote = facts.system.resolvers.filter((host) => !inNetworks(LOOPBACK, host));
    if (remote.length === 0) return [];
    return [
      finding(
        'warning',
        `/etc/resolv.conf names ${escapeText(remote.join(', '))}`,
        'apt install unbound && echo "nameserver 127.0.0.1" > /etc/resolv.conf',
      ),
    ];
  },
};

const daneOff: Check = {
  id: 'dane-off',
  group: 'sending',
  gravest: 'warning',
  why: 'tlsward leaves TLSA records to Postfix: what rows with auto answer does not count them.',
  find(facts) {
    if (!sendsAt(facts, 'auto')) return null;
    if (!facts.daemon.known) return [notKnown(NO_DAEMON)];
    const { published } = facts.daemon.value;
    if (published.kind === 'other' || published.daneOff === '') return [];
    return [
      finding(
        'warning',
        `DANE is off in tlsward: ${escapeText(published.daneOff)}`,
        'resolver = 127.0.0.1 in [service] of tlsward.ini, with a validating resolver there (apt install unbound)',
      ),
    ];
  },
};

const tlsRequired: Check = {
  id: 'tls-required-enable',
  group: 'sending',
  gravest: 'danger',
  why: 'Any author switches off TLS for a message with the header field "TLS-Required: no", whatever its row says.',
  find(facts) {
    const { postfix } = facts;
    if (!protectsSending(facts) || !isParameter(postfix, 'tls_required_enable')) return null;
    const main = isYes(postfix, 'tls_required_enable')
      ? [
          finding(
            'danger',
            `tls_required_enable is yes (Postfix ${postfix.release})`,
            setMain(postfix, 'tls_required_enable', 'no'),
          ),
        ]
      : [];
    const entries = postfix.entries.filter(
      (entry) => entry.overrides.has('tls_required_enable') && isYes(postfix, 'tls_required_enable', entry),
    );
    return [
      ...main,
      ...entries.map((entry) =>
        finding(
          'danger',
          `${entryName(entry)} has -o tls_required_enable=yes`,
          dropOverride(postfix, entry, 'tls_required_enable'),
        ),
      ),
    ];
  },
};

/** Seen to be right in this release; 3.7 goes on in plaintext for as long as connections are kept. */
const COMPARES_CACHED = [3, 12] as const;

const cached: Check = {
  id: 'connection-cache',
  group: 'sending',
  gravest: 'warning',
  why: 'Postfix goes on to use cached connections, even plaintext ones, after a row has become stricter.',
  find(facts) {
    const { postfix } = facts;
    if (!protectsSending(facts) || since(postfix.version, ...COMPARES_CACHED)) return null;
    return deciding(facts).flatMap((entry) => {
      const settings = [
        ['smtp_connection_cache_on_demand', isYes(postfix, 'smtp_connection_cache_on_demand', entry), 'no'],
        [
          'smtp_connection_cache_destinations',
          valueFor(postfix, 'smtp_connection_cache_destinations', entry) !== '',
          '',
        ],
        ['smtp_tls_connection_reuse', isYes(postfix, 'smtp_tls_connection_reuse', entry), 'no'],
      ] as const;
      return settings
        .filter(([, wrong]) => wrong)
        .map(([name, , good]) => wrongValue('warning', postfix, name, good, entry));
    });
  },
};

const grammar: Check = {
  id: 'postfix-version-differs',
  group: 'sending',
  gravest: 'danger',
  why: 'Answers are written for another version: an older Postfix refuses attributes that it does not know, and all that mail waits.',
  find(facts) {
    if (deciding(facts).length === 0) return null;
    const { postfix } = facts;
    const { postfixVersion } = facts.table.service;
    const wanted = parsePostfixVersion(postfixVersion ?? '');
    const { major, minor } = postfix.version;
    const mend = `postfix-version = ${major}.${minor} in [service] of tlsward.ini, then: tlsward reload`;
    if (wanted !== null && !since(postfix.version, wanted.major, wanted.minor))
      return [
        finding(
          'danger',
          `postfix-version is ${postfixVersion ?? ''}, and this Postfix is ${postfix.release}`,
          mend,
        ),
      ];
    // answers for 3.7 lack what 3.10 reports by TLSRPT, nothing else
    if (since(postfix.version, 3, 10) && (wanted === null || !since(wanted, 3, 10)))
      return [
        finding(
          'note',
          `postfix-version is ${postfixVersion ?? 'not set'}, and this Postfix is ${postfix.release}: its TLSRPT reports lack policies`,
          mend,
        ),
      ];
    return [];
  },
};

const tooOld: Check = {
  id: 'postfix-too-old',
  group: 'sending',
  gravest: 'danger',
  why: 'tlsward is tried with Postfix 3.7 and later; older ones refuse some answers or let mail pass that should wait.',
  find({ postfix }) {
    if (since(postfix.version, OLDEST_POSTFIX.major, OLDEST_POSTFIX.minor)) return [];
    return [finding('danger', `Postfix ${postfix.release}`, 'update Postfix')];
  },
};

const requireTls: Check = {
  id: 'requiretls-too-old',
  group: 'messages',
  gravest: 'warning',
  why: 'This Postfix knows no REQUIRETLS: the rule is applied, but the next host is not asked to go on like that.',
  find(facts) {
    const rules = facts.table.rules.filter(({ requestRequireTls }) => requestRequireTls);
    if (rules.length === 0) return null;
    if (since(facts.postfix.version, ...REQUIRETLS_SINCE)) return [];
    return [
      finding(
        'warning',
        `rule ${escapeText(rules[0]!.name)} asks for REQUIRETLS, and this Postfix is ${facts.postfix.release}`,
        `update Postfix to ${REQUIRETLS_SINCE.join('.')} or later`,
      ),
    ];
  },
};

const tlsrpt: Check = {
  id: 'tlsrpt-without-collector',
  group: 'sending',
  gravest: 'note',
  why: 'Postfix hands what happened to a TLSRPT collector; without one nobody is told.',
  find(facts) {
    const { postfix } = facts;
    if (!isParameter(postfix, 'smtp_tlsrpt_enable') || !isYes(postfix, 'smtp_tlsrpt_enable')) return null;
    const socket = valueFor(postfix, 'smtp_tlsrpt_socket_name');
    return socket === ''
      ? [
          finding(
            'note',
            'smtp_tlsrpt_enable is yes, and smtp_tlsrpt_socket_name is empty',
            setMain(postfix, 'smtp_tlsrpt_enable', 'no'),
          ),
        ]
      : [];
  },
};

const ownLevels: Check = {
  id: 'route-entry-weak',
  group: 'messages',
  gravest: 'danger',
  why: 'Mail of rules leaves by these entries: with a lower level of their own, mail that needs more leaves with less.',
  find(facts) {
    const entries = sendingEntries(facts.postfix).filter(({ name }) =>
      /^tlsward-(?:encrypt|verify|fallback)$/.test(name),
    );
    if (entries.length === 0) return null;
    return entries.flatMap((entry) => {
      const level = valueFor(facts.postfix, 'smtp_tls_security_level', entry);
      const wanted = entry.name === 'tlsward-verify' ? 'verify' : 'encrypt';
      const weak =
        level === '' ||
        level === 'none' ||
        level === 'may' ||
        level === 'dane' ||
        (wanted === 'verify' && level === 'encrypt');
      const maps = mapsOf(facts, 'smtp_tls_policy_maps', entry);
      const map = maps.find(({ ours }) => ours)?.map ?? '';
      const loose = maps.length > 0 && map !== `deliver-${wanted}` && map !== 'deliver-verify';
      if (!weak && !loose) return [];
      return [
        finding(
          'danger',
          weak
            ? `${entryName(entry)}: smtp_tls_security_level is ${level === '' ? 'empty' : level}`
            : `${entryName(entry)}: smtp_tls_policy_maps does not ask for deliver-${wanted}`,
          'take the entry from contrib/postfix/message-recipient.master.cf as it is',
        ),
      ];
    });
  },
};

export const PROVING: readonly Check[] = [
  noCa,
  caFile,
  caPath,
  sendDigest,
  dnssec,
  resolver,
  daneOff,
  tlsRequired,
  cached,
  grammar,
  tooOld,
  requireTls,
  tlsrpt,
  ownLevels,
];
