/** Checks that all mail which arrives is shown to tlsward: on every entry, before anything that permits. */
import { escapeText } from '../core/escape.ts';
import { isInside, parseNetwork } from '../core/network.ts';
import { listOf } from '../mta/listValue.ts';
import { mailEntries } from '../mta/mailEntries.ts';
import { isYes, type MasterEntry, valueFor } from '../mta/postfixConfig.ts';
import { endsRelaying, permitsWhom, relayDecidedFirst } from '../mta/restrictions.ts';
import {
  type AskedPolicy,
  askingEntries,
  asksMilter,
  isForUsers,
  judges,
  listenersOf,
  openEntries,
  ourPolicies,
} from './asked.ts';
import { type Check, finding } from './check.ts';
import { hasRules, receivesByPin } from './demands.ts';
import type { DoctorFacts } from './facts.ts';
import { dropOverride, entryName, setMain } from './mend.ts';
import { refuseRelayingFirst } from './relayFirst.ts';

/** The entries that ask our policy service, and where; null: none does. */
function policyEntries(
  facts: DoctorFacts,
): { readonly entry: MasterEntry; readonly policies: readonly AskedPolicy[] }[] | null {
  const entries = askingEntries(facts).flatMap(({ entry }) => {
    const policies = ourPolicies(facts, entry);
    return policies.length === 0 ? [] : [{ entry, policies }];
  });
  return entries.length === 0 ? null : entries;
}

/** How an entry is made to ask tlsward: by taking an override away, or by main.cf. */
function makeAsk(facts: DoctorFacts, entry: MasterEntry): string[] {
  const { postfix } = facts;
  const milter = listenersOf(facts, 'milter').length > 0;
  const name = milter ? 'smtpd_milters' : 'smtpd_recipient_restrictions';
  if (entry.overrides.has(name)) return [dropOverride(postfix, entry, name)];
  return [
    `append contrib/postfix/${milter ? 'milter' : 'policy'}.main.cf to main.cf, or: tlsward setup postfix`,
  ];
}

const entryNotJudged: Check = {
  id: 'entry-not-judged',
  group: 'receiving',
  gravest: 'danger',
  why: 'Mail that comes in by this entry is not shown to tlsward: no row applies to it.',
  find(facts) {
    if (!judges(facts)) return null;
    const entries = openEntries(facts);
    return entries.flatMap(({ entry }) => {
      if (ourPolicies(facts, entry).length > 0 || asksMilter(facts, entry)) return [];
      const users = isForUsers(facts.postfix, entry);
      const seen = `${entryName(entry)} asks neither policy service nor milter of tlsward`;
      return [
        users
          ? finding('note', `${seen}; only users who log in reach it`, ...makeAsk(facts, entry))
          : finding('danger', seen, ...makeAsk(facts, entry)),
      ];
    });
  },
};

const noEntry: Check = {
  id: 'no-open-entry',
  group: 'receiving',
  gravest: 'note',
  why: 'Nothing from other hosts reaches this Postfix: the listeners of tlsward wait for mail that never comes.',
  find(facts) {
    if (!judges(facts)) return null;
    if (openEntries(facts).length > 0) return [];
    return [
      finding(
        'note',
        'master.cf has no smtpd that other hosts reach (inet_interfaces, addresses in master.cf)',
        'another instance? tlsward doctor --postfix-config DIR',
      ),
    ];
  },
};

const qmqp: Check = {
  id: 'qmqp-not-judged',
  group: 'receiving',
  gravest: 'danger',
  why: 'Mail by QMQP has no TLS and passes neither policy service nor smtpd_milters.',
  find(facts) {
    const entries = mailEntries(facts.postfix).filter(({ entrance }) => entrance === 'qmqpd');
    if (!judges(facts) || entries.length === 0) return null;
    return entries.map(({ entry }) => {
      const clients = valueFor(facts.postfix, 'qmqpd_authorized_clients', entry);
      return finding(
        clients === '' ? 'note' : 'danger',
        `${entryName(entry)}, for ${clients === '' ? 'nobody (qmqpd_authorized_clients is empty)' : escapeText(clients)}`,
        `postconf -MX ${entry.name}/${entry.type}`,
      );
    });
  },
};

const pickup: Check = {
  id: 'pickup-not-judged',
  group: 'messages',
  gravest: 'warning',
  why: 'Rules for single messages do not apply to mail from sendmail(1): web applications, cron, mail programs on this host.',
  find(facts) {
    const { postfix } = facts;
    const entries = mailEntries(postfix).filter(({ entrance }) => entrance === 'pickup');
    if (!hasRules(facts) || entries.length === 0) return null;
    // the milters of pickup are those that cleanup(8) is told
    if (entries.every(({ entry }) => asksMilter(facts, entry, 'non_smtpd_milters'))) return [];
    const set = valueFor(postfix, 'non_smtpd_milters');
    return [
      finding(
        'warning',
        'non_smtpd_milters does not have the milter of tlsward, and there are rules',
        setMain(postfix, 'non_smtpd_milters', `$tlsward_milter${set === '' ? '' : `, ${set}`}`),
      ),
    ];
  },
};

/** Networks that tlsward itself does not judge. */
function isTrusted(facts: DoctorFacts, text: string): boolean {
  const trusted = facts.table.service.trustedClients;
  const network = parseNetwork(text.replace(/^\[(.*)\](\/[0-9]+)?$/, '$1$2'));
  return network !== null && trusted.some((one) => isInside(network, one));
}

/** The clients that an earlier element accepts although tlsward would judge them; null: none. */
function passes(facts: DoctorFacts, entry: MasterEntry, name: string, whom: string | null): string | null {
  if (whom === null) return null;
  if (name !== 'permit_mynetworks') return whom;
  const networks = listOf(valueFor(facts.postfix, 'mynetworks', entry));
  const judged = networks.filter((one) => !isTrusted(facts, one));
  return judged.length === 0 ? null : `${whom} (${escapeText(judged.join(', '), 120)})`;
}

const permitBefore: Check = {
  id: 'permit-before-policy',
  group: 'receiving',
  gravest: 'danger',
  why: 'A permit ends its list: whom it lets pass is not judged.',
  find(facts) {
    const entries = policyEntries(facts);
    if (entries === null) return null;
    return entries.flatMap(({ entry, policies }) => {
      const found = policies.map((policy) => permitIn(facts, entry, policy));
      // asked without a permit in front in one list is enough
      if (found.some((one) => one === null)) return [];
      const { text, whom, list } = found[0]!;
      const milter = asksMilter(facts, entry);
      const seen = `${entryName(entry)}: in ${list} ${escapeText(text, 120)} lets ${whom} pass before the policy service is asked`;
      const mend =
        'put the check_policy_service of tlsward in front of it, behind reject_unauth_destination: tlsward setup postfix';
      return [
        milter ? finding('note', `${seen}; the milter judges them`, mend) : finding('danger', seen, mend),
      ];
    });
  },
};

function permitIn(
  facts: DoctorFacts,
  entry: MasterEntry,
  { restrictions, at, list }: AskedPolicy,
): { readonly text: string; readonly whom: string; readonly list: string } | null {
  for (const one of restrictions.slice(0, at)) {
    const whom = passes(facts, entry, one.name, permitsWhom(one));
    if (whom !== null) return { text: one.text, whom, list };
  }
  return null;
}

const beforeRelay: Check = {
  id: 'policy-before-relay-check',
  group: 'receiving',
  gravest: 'warning',
  why: 'Strangers who may not relay reach the policy service: each open-relay scan is judged, counted and logged.',
  find(facts) {
    const entries = policyEntries(facts);
    if (entries === null) return null;
    return entries.flatMap(({ entry, policies }) => {
      const first = policies.find(
        ({ list }) => list === 'smtpd_recipient_restrictions' || list === 'smtpd_relay_restrictions',
      );
      if (first === undefined || first.restrictions.slice(0, first.at).some(endsRelaying)) return [];
      if (first.list === 'smtpd_recipient_restrictions' && relayDecidedFirst(facts.postfix, entry)) return [];
      return [
        finding(
          'warning',
          `${entryName(entry)}: nothing before the policy service in ${first.list} ends relaying`,
          refuseRelayingFirst(facts, entry, first),
        ),
      ];
    });
  },
};

/** Lists that are asked once for each recipient, with everything known. */
const PER_RECIPIENT: readonly string[] = ['smtpd_recipient_restrictions', 'smtpd_relay_restrictions'];

const wrongList: Check = {
  id: 'policy-in-wrong-list',
  group: 'receiving',
  gravest: 'danger',
  why: 'A list before RCPT knows no recipient when smtpd_delay_reject = no, and one behind DATA none when there are several: their rows are not applied.',
  find(facts) {
    const entries = policyEntries(facts);
    if (entries === null) return null;
    return entries.flatMap(({ entry, policies }) => {
      const delayed = isYes(facts.postfix, 'smtpd_delay_reject', entry);
      const lists = policies.map(({ list }) => list);
      const good = lists.some((list) => PER_RECIPIENT.includes(list) || (delayed && isEarly(list)));
      if (good || asksMilter(facts, entry)) return [];
      return [
        finding(
          'danger',
          `${entryName(entry)}: the policy service stands only in ${lists.join(', ')}`,
          'put it into smtpd_recipient_restrictions: contrib/postfix/policy.main.cf',
        ),
      ];
    });
  },
};

function isEarly(list: string): boolean {
  return (
    list === 'smtpd_client_restrictions' ||
    list === 'smtpd_helo_restrictions' ||
    list === 'smtpd_sender_restrictions'
  );
}

const pinsNeedPolicy: Check = {
  id: 'pins-need-policy',
  group: 'receiving',
  gravest: 'danger',
  why: 'Postfix tells a milter no fingerprints: mail that only a pin could prove is deferred, 451 4.3.5, until it bounces.',
  find(facts) {
    if (!receivesByPin(facts)) return null;
    return askingEntries(facts)
      .filter(({ entry }) => ourPolicies(facts, entry).length === 0)
      .map(({ entry }) =>
        finding(
          'danger',
          `${entryName(entry)} asks the milter only, and rows have fingerprints`,
          'use contrib/postfix/both.main.cf instead of milter.main.cf',
        ),
      );
  },
};

export const JUDGING: readonly Check[] = [
  entryNotJudged,
  noEntry,
  qmqp,
  pickup,
  permitBefore,
  beforeRelay,
  wrongList,
  pinsNeedPolicy,
];
