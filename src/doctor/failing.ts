/** Checks of what Postfix does while tlsward is away or silent, and of what stands between them. */
import { escapeText } from '../core/escape.ts';
import { isSince } from '../core/postfixVersion.ts';
import { acceptsBareNewline, refusesBareNewline } from '../daemon/postfixWarnings.ts';
import { listOf } from '../mta/listValue.ts';
import { mailEntries } from '../mta/mailEntries.ts';
import { isParameter, isYes, type MasterEntry, valueFor } from '../mta/postfixConfig.ts';
import { askedAs, askingEntries, asksMilter, miltersOf, ourPolicies } from './asked.ts';
import { type Check, type Finding, finding, type Severity } from './check.ts';
import { hasRules } from './demands.ts';
import type { DoctorFacts } from './facts.ts';
import { entryName, setFor, wrongValue } from './mend.ts';

/** An option of an endpoint, and where it comes from. */
interface Setting {
  readonly value: string;
  readonly from: string;
  /** How it is set right where it comes from. `inBraces`: what is written there, by default `name=good`. */
  mend(good: string, inBraces?: string): string;
}

interface OwnEndpoint {
  readonly entry: MasterEntry;
  option(name: string, parameter: string): Setting;
}

function own(facts: DoctorFacts, protocol: 'policy' | 'milter'): OwnEndpoint[] {
  const { postfix } = facts;
  const braces = `in the braces of the ${protocol === 'policy' ? 'service' : 'milter'} (contrib/postfix/${protocol}.main.cf)`;
  return askingEntries(facts).flatMap(({ entry }) =>
    askedAs(facts, protocol, entry).flatMap(({ endpoint, protocol: spoken }) => {
      if (spoken !== protocol || 'invalid' in endpoint) return [];
      const option = (name: string, parameter: string): Setting => {
        const value = endpoint.options.get(name);
        if (value === undefined)
          return {
            value: valueFor(postfix, parameter, entry),
            from: parameter,
            mend: (good) => setFor(postfix, parameter, good, entry),
          };
        const mend = (good: string, inBraces = `${name}=${good}`): string => `write ${inBraces} ${braces}`;
        return { value, from: name, mend };
      };
      return [{ entry, option }];
    }),
  );
}

/** `5s`, `2m`; a number alone is seconds. NaN for what is no time. */
function seconds(text: string): number {
  const [, number, unit = 's'] = /^([0-9]{1,9})([smhdw]?)$/.exec(text.trim().toLowerCase()) ?? [];
  const factors: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
  return number === undefined ? Number.NaN : Number(number) * (factors[unit === '' ? 's' : unit] ?? 1);
}

const MILTER_ACTIONS: Readonly<Record<string, readonly [Severity, string]>> = {
  accept: ['danger', 'the rest of the session passes unjudged, also after tlsward is back'],
  reject: ['danger', 'all mail is refused for good'],
  quarantine: ['warning', 'mail is taken unjudged and put on hold'],
  shutdown: ['note', 'clients are disconnected with 421 instead of an answer'],
};

const milterDefault: Check = {
  id: 'milter-default-action',
  group: 'receiving',
  gravest: 'danger',
  why: 'This is what happens to mail while tlsward is down or restarts.',
  find(facts) {
    const endpoints = own(facts, 'milter');
    if (endpoints.length === 0) return null;
    return endpoints.flatMap(({ entry, option }) => {
      const { value, from, mend } = option('default_action', 'milter_default_action');
      const [severity, what] = MILTER_ACTIONS[value.toLowerCase()] ?? [];
      if (severity === undefined) return [];
      return [
        finding(severity, `${entryName(entry)}: ${from} is ${escapeText(value)}: ${what}`, mend('tempfail')),
      ];
    });
  },
};

/** First words of an action that let mail pass. Text alone is taken for a restriction, and fails. */
const LETS_PASS =
  /^(?:dunno|ok|permit|prepend|warn|info|bcc|filter|redirect|hold|discard|2[0-9]{2}|[0-9]+$)/i;
const REFUSES = /^(?:reject|5[0-9]{2})/i;

const DEFER = 'DEFER_IF_PERMIT 4.7.1 TLS policy service unavailable';

const policyDefault: Check = {
  id: 'policy-default-action',
  group: 'receiving',
  gravest: 'danger',
  why: 'This is what Postfix does with a recipient while the policy service does not answer.',
  find(facts) {
    const endpoints = own(facts, 'policy');
    if (endpoints.length === 0) return null;
    return endpoints.flatMap(({ entry, option }) => {
      const { value, from, mend } = option('default_action', 'smtpd_policy_service_default_action');
      const passing = LETS_PASS.test(value);
      if (!passing && !REFUSES.test(value)) return [];
      return [
        finding(
          'danger',
          `${entryName(entry)}: ${from} is ${escapeText(value)}: ${passing ? 'mail passes unjudged' : 'mail is refused for good'}`,
          mend(DEFER, `{ default_action = ${DEFER} }`),
        ),
      ];
    });
  },
};

/** Shorter than this a loaded host answers too late; longer than that clients give up first. */
const SHORTEST_SECONDS = 2;
const LONGEST_POLICY_SECONDS = 60;
const LONGEST_MILTER_SECONDS = 120;

const policyTimeout: Check = {
  id: 'policy-timeout',
  group: 'receiving',
  gravest: 'warning',
  why: 'While tlsward hangs, an smtpd waits this long for each recipient; too short, and a busy host defers mail for nothing.',
  find(facts) {
    const endpoints = own(facts, 'policy');
    if (endpoints.length === 0) return null;
    return endpoints.flatMap(({ entry, option }): Finding[] => {
      const { value, from, mend } = option('timeout', 'smtpd_policy_service_timeout');
      const tries = Number(option('try_limit', 'smtpd_policy_service_try_limit').value) || 1;
      const each = seconds(value);
      const long = each * tries > LONGEST_POLICY_SECONDS;
      if (!long && !(each < SHORTEST_SECONDS)) return [];
      return [
        finding(
          long ? 'note' : 'warning',
          `${entryName(entry)}: ${from} is ${escapeText(value)}, ${tries} times`,
          mend('5s', 'timeout=5s, try_limit=2'),
        ),
      ];
    });
  },
};

const MILTER_TIMES = [
  ['connect_timeout', 'milter_connect_timeout', '5s'],
  ['command_timeout', 'milter_command_timeout', '10s'],
  ['content_timeout', 'milter_content_timeout', '30s'],
] as const;

const milterTimeout: Check = {
  id: 'milter-timeout',
  group: 'receiving',
  gravest: 'warning',
  why: 'While tlsward hangs, a session waits this long; too short, and a busy host defers mail for nothing.',
  find(facts) {
    const endpoints = own(facts, 'milter');
    if (endpoints.length === 0) return null;
    return endpoints.flatMap(({ entry, option }) =>
      MILTER_TIMES.flatMap(([name, parameter, good]): Finding[] => {
        const { value, from, mend } = option(name, parameter);
        const each = seconds(value);
        const long = each > LONGEST_MILTER_SECONDS;
        if (!long && !(each < SHORTEST_SECONDS)) return [];
        return [
          finding(
            long ? 'note' : 'warning',
            `${entryName(entry)}: ${from} is ${escapeText(value)}`,
            mend(good),
          ),
        ];
      }),
    );
  },
};

const milterProtocol: Check = {
  id: 'milter-protocol',
  group: 'receiving',
  gravest: 'danger',
  why: 'Older versions of the milter protocol cannot do what tlsward needs; it refuses them, and mail is deferred.',
  find(facts) {
    const endpoints = own(facts, 'milter');
    if (endpoints.length === 0) return null;
    return endpoints.flatMap(({ entry, option }) => {
      const { value, from, mend } = option('protocol', 'milter_protocol');
      const version = /^[0-9]+/.exec(value)?.[0];
      if (version === undefined || Number(version) >= 6) return [];
      return [finding('danger', `${entryName(entry)}: ${from} is ${escapeText(value)}`, mend('6'))];
    });
  },
};

const milterOrder: Check = {
  id: 'milter-order',
  group: 'messages',
  gravest: 'warning',
  why: 'Rules replace recipients; a filter behind tlsward that refuses or drops single ones then does not know them.',
  find(facts) {
    if (!hasRules(facts) || facts.table.service.messageRoute !== 'recipient') return null;
    return askingEntries(facts).flatMap(({ entry }) => {
      const milters = miltersOf(facts, entry);
      const at = milters.findIndex(({ protocol }) => protocol === 'milter');
      const behind = at < 0 ? [] : milters.slice(at + 1);
      if (behind.length === 0) return [];
      const names = behind.map(({ text }) => escapeText(text, 80)).join(', ');
      return [
        finding(
          'warning',
          `${entryName(entry)}: behind tlsward in smtpd_milters: ${names}`,
          'put filters that refuse or drop recipients in front of tlsward; those that only sign or mark may stay',
        ),
      ];
    });
  },
};

const bareNewline: Check = {
  id: 'bare-newline',
  group: 'receiving',
  gravest: 'danger',
  why: 'A client that ends lines with a bare newline smuggles messages past every check (SMTP smuggling).',
  find(facts) {
    const entries = askingEntries(facts);
    if (entries.length === 0) return null;
    const { postfix } = facts;
    if (!isParameter(postfix, 'smtpd_forbid_bare_newline'))
      return [
        finding(
          'danger',
          `Postfix ${postfix.release} cannot be told to refuse bare newlines`,
          'update Postfix to 3.7.9, 3.8.4 or later',
        ),
      ];
    const good = refusesBareNewline(postfix.release);
    return entries.flatMap(({ entry }) => {
      const value = valueFor(postfix, 'smtpd_forbid_bare_newline', entry).toLowerCase();
      if (!acceptsBareNewline(value)) return [];
      return [wrongValue('danger', postfix, 'smtpd_forbid_bare_newline', good, entry)];
    });
  },
};

const softBounce: Check = {
  id: 'soft-bounce',
  group: 'receiving',
  gravest: 'warning',
  why: 'soft_bounce turns every refusal into a deferral: partners without TLS come back for days instead of learning why.',
  find({ postfix }) {
    return isYes(postfix, 'soft_bounce') ? [wrongValue('warning', postfix, 'soft_bounce', 'no')] : [];
  },
};

const complaints: Check = {
  id: 'postfix-complaints',
  group: 'receiving',
  gravest: 'warning',
  why: 'Postfix ignores a parameter that it does not know, so that a setting with a typing mistake has no effect.',
  find({ postfix }) {
    const seen = postfix.complaints.filter(
      (text) => text.includes('unused parameter') && /tls|milter|restrictions|policy/i.test(text),
    );
    return seen.map((text) => finding('warning', escapeText(text, 300), 'correct its name in main.cf'));
  },
};

const twice: Check = {
  id: 'parameter-set-twice',
  group: 'receiving',
  gravest: 'note',
  why: 'The last line counts: what an earlier one says, checks and filters of your own among it, has no effect.',
  find({ postfix }) {
    const seen = postfix.complaints.filter((text) => text.includes('overriding earlier entry'));
    if (seen.length === 0) return [];
    // postconf says it each time that it reads the file
    return seen.map((text) =>
      finding('note', escapeText(text, 300), 'make one line of both in main.cf (tlsward setup postfix does)'),
    );
  },
};

const compatibility: Check = {
  id: 'compatibility-level',
  group: 'receiving',
  gravest: 'note',
  why: 'Below 3.6 relaying is decided behind smtpd_recipient_restrictions, and fingerprints are MD5.',
  find({ postfix }) {
    const level = valueFor(postfix, 'compatibility_level');
    if (isSince(level.includes('.') ? level : `${level}.0`, 3, 6)) return [];
    return [wrongValue('note', postfix, 'compatibility_level', '3.6')];
  },
};

const hiddenList: Check = {
  id: 'recipient-list-hidden',
  group: 'receiving',
  gravest: 'note',
  why: 'An entry with a list of its own does not see what main.cf says: the policy service that stands there is not asked.',
  find(facts) {
    const { postfix } = facts;
    const entries = mailEntries(postfix).filter(({ entrance }) => entrance === 'smtpd');
    if (facts.table.service.policyListen.length === 0) return null;
    return entries.flatMap(({ entry }) => {
      const list = 'smtpd_recipient_restrictions';
      if (!entry.overrides.has(list) || !asksInMain(facts, list) || ourPolicies(facts, entry).length > 0)
        return [];
      // what is not judged at all is entry-not-judged
      if (!asksMilter(facts, entry)) return [];
      return [
        finding(
          'note',
          `${entryName(entry)} has a ${list} of its own; the milter judges its mail without fingerprints`,
          `add $tlsward_policy to the -o ${list} of the entry`,
        ),
      ];
    });
  },
};

function asksInMain(facts: DoctorFacts, list: string): boolean {
  return listOf(valueFor(facts.postfix, list)).includes('check_policy_service');
}

export const FAILING: readonly Check[] = [
  milterDefault,
  policyDefault,
  policyTimeout,
  milterTimeout,
  milterProtocol,
  milterOrder,
  bareNewline,
  softBounce,
  complaints,
  twice,
  compatibility,
  hiddenList,
];
