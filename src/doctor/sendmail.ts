/**
 * Checks of a sendmail.cf: does every listener that other hosts reach ask the filter, does mail wait while it is down, is
 * TLS offered, and is the table asked about mail that leaves? As contrib/sendmail has it.
 */

import { isLoopback, type ListenAddress } from '../config/keys/listenAddress.ts';
import { escapeText } from '../core/escape.ts';
import type { Settings } from '../core/settings.ts';
import {
  filtersOf,
  type SendmailConfig,
  type SendmailDaemon,
  type SendmailFilter,
} from '../mta/sendmailCf.ts';
import { listenersOf } from './asked.ts';
import { type Check, type Finding, finding, notKnown } from './check.ts';
import { certificateByName, demandsCertificate, demandsTls, protectsSending } from './demands.ts';
import { fileAt, type SendmailFacts } from './facts.ts';
import { shellWord } from './mend.ts';

type SendmailCheck = Check<SendmailFacts>;

const MAKE = 'then: make -C /etc/mail && systemctl restart sendmail';
const SETUP = 'tlsward setup sendmail    (prints the lines for sendmail.mc)';
/** Of `F=`: T answers 451, 4 answers 421; both make the client come back. */
const FAIL_SAFE = ['T', '4'];

/** `local:/path` or `inet:8452@127.0.0.1`; null: none that can be read. */
export function sendmailSocket(text: string): ListenAddress | null {
  const inet = /^inet6?:([0-9]{1,5})@\[?([^\]@]+)\]?$/.exec(text);
  if (inet !== null) return { kind: 'inet', host: inet[2]!, port: Number(inet[1]) };
  const path = /^(?:(?:local|unix):)?(\/.+)$/.exec(text);
  return path === null ? null : { kind: 'unix', path: path[1]! };
}

function same(a: ListenAddress | null, b: ListenAddress): boolean {
  if (a === null) return false;
  if (a.kind === 'unix' || b.kind === 'unix') return a.kind === b.kind && pathOf(a) === pathOf(b);
  return a.port === b.port && (a.host === b.host || (isLoopback(a) && isLoopback(b)));
}

const pathOf = (address: ListenAddress): string => (address.kind === 'unix' ? address.path : '');

function isOurs(facts: SendmailFacts, { socket }: SendmailFilter): boolean {
  const at = sendmailSocket(socket);
  return listenersOf(facts, 'milter').some((address) => same(at, address));
}

/** Listeners that other hosts reach. */
function openDaemons({ sendmail }: SendmailFacts): readonly SendmailDaemon[] {
  return sendmail.daemons.filter(
    ({ address }) => !/^(?:127\.|localhost$|\[?(?:IPv6:)?::1\]?$)/i.test(address),
  );
}

const isSet = ({ options }: SendmailConfig, ...names: readonly string[]): boolean =>
  names.some((name) => (options.get(name.toLowerCase()) ?? '') !== '');

const notAsked: SendmailCheck = {
  id: 'sendmail-not-asked',
  group: 'receiving',
  gravest: 'danger',
  why: 'Mail that comes in by this listener is not shown to tlsward: no row applies to it.',
  find(facts) {
    return openDaemons(facts)
      .filter((daemon) => !filtersOf(facts.sendmail, daemon).some((filter) => isOurs(facts, filter)))
      .map(({ name, filters, modifiers }) => {
        const words = `${escapeText(name === '' ? 'a listener' : name)} does not ask the filter at milter-listen`;
        // a login is required: the users of this host
        const severity = modifiers.includes('a') ? 'note' : 'danger';
        return filters === null
          ? finding(severity, words, SETUP, MAKE)
          : finding(severity, words, `name tlsward in InputMailFilters= of its DAEMON_OPTIONS, ${MAKE}`);
      });
  },
};

const elsewhere: SendmailCheck = {
  id: 'sendmail-filter-elsewhere',
  group: 'receiving',
  gravest: 'danger',
  why: 'Sendmail asks where tlsward does not listen: all mail is deferred, or passes where F= is not set.',
  find(facts) {
    const named = facts.sendmail.filters.filter(({ name }) => name.startsWith('tlsward'));
    if (named.length === 0) return null;
    return named
      .filter((filter) => !isOurs(facts, filter))
      .map(({ name, socket }) =>
        finding('danger', `${escapeText(name)}: ${escapeText(socket)} is no milter-listen`, SETUP, MAKE),
      );
  },
};

const failsOpen: SendmailCheck = {
  id: 'sendmail-filter-fails-open',
  group: 'receiving',
  gravest: 'danger',
  why: 'This is what happens to mail while tlsward is down: without F= it passes unjudged, with F=R it is refused for good.',
  find(facts) {
    const ours = facts.sendmail.filters.filter((filter) => isOurs(facts, filter));
    if (ours.length === 0) return null;
    return ours
      .filter(({ failure }) => !FAIL_SAFE.includes(failure))
      .map(({ name, failure }) =>
        finding(
          'danger',
          `${escapeText(name)} has ${failure === '' ? 'no F=' : `F=${escapeText(failure)}`}`,
          `F=T in its INPUT_MAIL_FILTER line, ${MAKE}`,
        ),
      );
  },
};

const unsafe: SendmailCheck = {
  id: 'sendmail-socket-unsafe',
  group: 'service',
  gravest: 'danger',
  why: 'Sendmail takes no socket in a folder that group or others may write to: it acts as if the filter were down.',
  find(facts) {
    const paths = listenersOf(facts, 'milter').flatMap((one) => (one.kind === 'unix' ? [one.path] : []));
    const used = facts.sendmail.filters.map(({ socket }) => sendmailSocket(socket));
    const ours = paths.filter((path) => used.some((one) => one !== null && pathOf(one) === path));
    if (ours.length === 0) return null;
    return ours.flatMap((path): Finding[] => {
      const folder = path.slice(0, path.lastIndexOf('/')) || '/';
      const file = fileAt(facts, folder);
      if (!file.known) return [notKnown(`${escapeText(folder)}: ${file.why}`)];
      if ((file.value.mode & 0o022) === 0) return [];
      const mend = `chmod go-w ${shellWord(folder)}    (or milter-listen = unix:/run/tlsward/milter.sock)`;
      return [finding('danger', `group or others may write to ${escapeText(folder)}`, mend)];
    });
  },
};

const noTls: SendmailCheck = {
  id: 'sendmail-tls-not-offered',
  group: 'receiving',
  gravest: 'danger',
  why: 'Partners whose row demands TLS are refused for good, although STARTTLS was never offered to them.',
  find(facts) {
    const severity = demandsTls(facts) ? 'danger' : 'warning';
    const whole = isSet(facts.sendmail, 'ServerCertFile') && isSet(facts.sendmail, 'ServerKeyFile');
    if (!whole)
      return [
        finding(
          severity,
          'ServerCertFile or ServerKeyFile is not set',
          `confSERVER_CERT and confSERVER_KEY in sendmail.mc, ${MAKE}`,
        ),
      ];
    return openDaemons(facts)
      .filter(({ modifiers }) => modifiers.includes('S'))
      .map(({ name }) =>
        finding(severity, `${escapeText(name)} has M=S`, `take S out of M= in its DAEMON_OPTIONS, ${MAKE}`),
      );
  },
};

const noCa: SendmailCheck = {
  id: 'sendmail-no-ca',
  group: 'receiving',
  gravest: 'danger',
  why: 'Sendmail asks for client certificates only when it knows issuers: rows with receive = verify refuse everybody.',
  find(facts) {
    if (!demandsCertificate(facts)) return null;
    if (isSet(facts.sendmail, 'CACertFile') && isSet(facts.sendmail, 'CACertPath')) return [];
    return [
      finding(
        'danger',
        'CACertFile or CACertPath is not set',
        `confCACERT and confCACERT_PATH in sendmail.mc, ${MAKE}`,
      ),
    ];
  },
};

const pins: SendmailCheck = {
  id: 'sendmail-pins',
  group: 'receiving',
  gravest: 'danger',
  why: 'Sendmail tells a milter no fingerprints: mail that only a pin could prove is deferred, 451 4.3.5, until it bounces.',
  find(facts) {
    if (!demandsCertificate(facts)) return null;
    const byName = certificateByName(facts).length;
    const all = facts.table.packed.settings.filter(({ receive }) => receive === 'verify').length;
    if (byName === all) return [];
    return [
      finding('danger', 'rows have a fingerprint and no client-names', 'client-names = ... in those rows'),
    ];
  },
};

const mapMissing: SendmailCheck = {
  id: 'sendmail-map-missing',
  group: 'sending',
  gravest: 'danger',
  why: 'Mail leaves without regard to the table, in plaintext if the other side offers nothing else.',
  find(facts) {
    if (!protectsSending(facts)) return null;
    const { maps, asked } = facts.sendmail;
    const ours = maps.filter(({ kind, args }) => kind === 'socket' && isOurMap(facts, args));
    const used = ours.filter(({ name }) => asked.has(name));
    if (used.length > 0) return [];
    const seen =
      ours.length > 0
        ? `no rule asks ${ours.map(({ name }) => escapeText(name)).join(', ')}`
        : 'no map is at socketmap-listen';
    return [finding('danger', seen, SETUP, MAKE)];
  },
};

function isOurMap(facts: SendmailFacts, args: readonly string[]): boolean {
  const at = sendmailSocket(args.at(-1) ?? '');
  return listenersOf(facts, 'socketmap').some((address) => same(at, address));
}

const mapFailsOpen: SendmailCheck = {
  id: 'sendmail-map-fails-open',
  group: 'sending',
  gravest: 'danger',
  why: 'Without -T a failed lookup looks like one without a row: mail can leave unprotected while tlsward is down.',
  find(facts) {
    const ours = facts.sendmail.maps.filter(({ kind, args }) => kind === 'socket' && isOurMap(facts, args));
    if (ours.length === 0) return null;
    return ours
      .filter(({ args }) => !args.some((word) => word.startsWith('-T')))
      .map(({ name }) =>
        finding(
          'danger',
          `${escapeText(name)} has no -T`,
          `-T<TMPF> in the K line of ${escapeText(name)}, ${MAKE}`,
        ),
      );
  },
};

const level: SendmailCheck = {
  id: 'sendmail-level',
  group: 'sending',
  gravest: 'warning',
  why: 'Sendmail checks neither TLSA records nor pins, and compares one name: with dane mail leaves as with may, with the others it waits.',
  find(facts) {
    if (!protectsSending(facts)) return null;
    const rows = facts.table.packed.settings;
    const asked: string[] = ['dane', 'dane-only', 'fingerprint'].filter((name) =>
      rows.some(({ deliver }) => deliver === name),
    );
    const names = ({ serverNames }: Settings): boolean =>
      serverNames.length === 1 && !serverNames[0]!.startsWith('.');
    if (rows.some((row) => row.deliver === 'secure' && !names(row))) asked.push('secure');
    if (asked.length === 0) return [];
    return [
      finding(
        'warning',
        `rows with deliver = ${asked.join(', ')}`,
        'deliver = encrypt, or deliver = secure and one host in server-names, in those rows',
      ),
    ];
  },
};

export const SENDMAIL: readonly SendmailCheck[] = [
  ...[notAsked, elsewhere, failsOpen, unsafe, noTls, noCa, pins],
  ...[mapMissing, mapFailsOpen, level],
];
