/** Checks of what rules for single messages need in main.cf and master.cf. */
import { escapeText } from '../core/escape.ts';
import { sendingEntries } from '../mta/mailEntries.ts';
import { valueFor } from '../mta/postfixConfig.ts';
import { fenceStands, fenceTable } from '../rules/fence.ts';
import { askingEntries, asksMilter, mapsOf, sendingOwn } from './asked.ts';
import { type Check, finding } from './check.ts';
import { hasRules } from './demands.ts';
import type { DoctorFacts } from './facts.ts';
import { entryName, setMain } from './mend.ts';

function byRecipient(facts: DoctorFacts): boolean {
  return hasRules(facts) && facts.table.service.messageRoute === 'recipient';
}

const fence: Check = {
  id: 'fence-missing',
  group: 'messages',
  gravest: 'danger',
  why: 'Copies and aliases of a message that a rule speaks of could leave by another way; tlsward defers such messages, 4.3.5, until the header check that stops them is there.',
  find(facts) {
    if (!hasRules(facts)) return null;
    const header = facts.table.service.routeHeader;
    return sendingOwn(facts)
      .filter((entry) => !fenceStands(valueFor(facts.postfix, 'smtp_header_checks', entry), header))
      .filter((entry) => entry.overrides.get('smtp_header_checks') !== '')
      .map((entry) =>
        finding(
          'danger',
          `${entryName(entry)}: smtp_header_checks does not begin with ${escapeText(fenceTable(header), 120)}`,
          'append contrib/postfix/message-fence.main.cf to main.cf',
        ),
      );
  },
};

const fenceMacro: Check = {
  id: 'fence-not-told',
  group: 'messages',
  gravest: 'danger',
  why: 'Postfix does not tell tlsward that $tlsward_fence is the first header check, so that every message that a rule speaks of is deferred, 4.3.5.',
  find(facts) {
    if (!hasRules(facts)) return null;
    const { postfix } = facts;
    if (askingEntries(facts).length === 0) return null;
    const value = valueFor(postfix, 'milter_macro_defaults');
    if (value.includes('{tlsward_fence}')) return [];
    return [
      finding(
        'danger',
        'milter_macro_defaults does not have {tlsward_fence}',
        setMain(
          postfix,
          'milter_macro_defaults',
          '{ {tlsward_fence} = $smtp_header_checks } { {tlsward_filter} = $content_filter }',
        ),
      ),
    ];
  },
};

const transportMap: Check = {
  id: 'transport-map-missing',
  group: 'messages',
  gravest: 'danger',
  why: 'Recipients with a suffix find no way: mail that rules speak of is refused or goes where it should not.',
  find(facts) {
    if (!byRecipient(facts)) return null;
    const maps = mapsOf(facts, 'transport_maps');
    const first = maps[0];
    if (first?.ours === true && first.map === 'transport') return [];
    const set = valueFor(facts.postfix, 'transport_maps');
    return [
      finding(
        'danger',
        `transport_maps ${first === undefined ? 'is empty' : `begins with ${escapeText(first.text, 120)}`}`,
        setMain(
          facts.postfix,
          'transport_maps',
          `socketmap:unix:tlsward/socketmap.sock:transport${set === '' ? '' : `, ${set}`}`,
        ),
      ),
    ];
  },
};

const routeEntries: Check = {
  id: 'route-entry-missing',
  group: 'messages',
  gravest: 'danger',
  why: 'Mail that a rule sends by an entry which is not there waits, "mail transport unavailable", until it comes back.',
  find(facts) {
    if (!hasRules(facts)) return null;
    const names = ['tlsward-encrypt', 'tlsward-verify'];
    if (facts.table.rules.some(({ cannot }) => cannot === 'fallback')) names.push('tlsward-fallback');
    if (byRecipient(facts)) names.push('tlsward-row');
    const there = sendingEntries(facts.postfix).map(({ name }) => name);
    const missing = names.filter((name) => !there.includes(name));
    if (missing.length === 0) return [];
    const file = byRecipient(facts) ? 'message-recipient' : 'message-header';
    return [
      finding(
        'danger',
        `master.cf has no ${missing.join(', ')}`,
        `append contrib/postfix/${file}.master.cf to master.cf`,
      ),
    ];
  },
};

const headerChecks: Check = {
  id: 'route-header-not-read',
  group: 'messages',
  gravest: 'danger',
  why: 'With message-route = header a FILTER in milter_header_checks routes the message; without it mail leaves by its domain alone.',
  find(facts) {
    const { service } = facts.table;
    if (!hasRules(facts) || service.messageRoute !== 'header') return null;
    const { postfix } = facts;
    return ['milter_header_checks', 'header_checks'].flatMap((name) => {
      const value = valueFor(postfix, name);
      if (value.includes(`${service.routeHeader}: encrypt`) && value.includes('FILTER')) return [];
      return [
        finding(
          'danger',
          `${name} has no FILTER for ${escapeText(service.routeHeader)}`,
          setMain(postfix, name, '$tlsward_route'),
        ),
      ];
    });
  },
};

const rulesNeedMilter: Check = {
  id: 'rules-need-milter',
  group: 'messages',
  gravest: 'danger',
  why: 'Rules look at the message, which only a milter is shown: the policy service cannot apply them.',
  find(facts) {
    if (!hasRules(facts)) return null;
    return askingEntries(facts)
      .filter(({ entry }) => !asksMilter(facts, entry))
      .map(({ entry }) =>
        finding(
          'danger',
          `${entryName(entry)} asks the policy service only, and there are rules`,
          'use contrib/postfix/both.main.cf instead of policy.main.cf',
        ),
      );
  },
};

export const ROUTING: readonly Check[] = [
  fence,
  fenceMacro,
  transportMap,
  routeEntries,
  headerChecks,
  rulesNeedMilter,
];
