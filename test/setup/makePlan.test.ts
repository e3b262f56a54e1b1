/**
 * Plans for forty set-ups, compared line by line with the files that are kept (TLSWARD_KEEP_PLANS=yes writes them anew, to
 * be read before they are committed); and what holds for every plan: a second one is empty, no element of a list is lost,
 * nothing is lowered, who may relay stays as it was.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'tap';
import { listOf } from '../../src/mta/listValue.ts';
import { sendingEntries } from '../../src/mta/mailEntries.ts';
import { type PostfixConfig, valueFor, writtenValue } from '../../src/mta/postfixConfig.ts';
import { serviceOf, withChange } from '../../src/setup/draft.ts';
import { makePlan } from '../../src/setup/makePlan.ts';
import { type Change, changeName, type Plan } from '../../src/setup/plan.ts';
import { planSummary, planText } from '../../src/setup/planText.ts';
import { newSeed, Random } from '../config/configFixture.ts';
import { postfixOf, RELEASES } from '../mta/postfixOf.ts';
import { type PlanCase, planCases, usualWanted } from './planCases.ts';

const cases = planCases();

function textOf({ config, wanted }: PlanCase): string {
  const plan = makePlan(config, wanted);
  return `${planText(plan, (_, text) => text)}\n${planSummary(plan)}\n`;
}

test('each case has the plan that is kept', async (t) => {
  t.ok(cases.length >= 40);
  for (const one of cases) {
    const text = textOf(one);
    if (process.env.TLSWARD_KEEP_PLANS === 'yes') writeFileSync(one.plan, text);
    t.equal(text, readFileSync(one.plan, 'utf8'), one.name);
  }
});

/** Postfix with the whole plan carried out. */
function done(config: PostfixConfig, { changes }: Plan): PostfixConfig {
  return changes.reduce(withChange, config);
}

/** A list without what is ours, as Postfix sees it. */
function others(value: string): string[] {
  const ours = /tlsward|:845[123]\b/;
  const kept: string[] = [];
  const words = listOf(value);
  for (let i = 0; i < words.length; i++) {
    const pair = words[i] === 'check_policy_service';
    const text = pair ? `${words[i]} ${words[++i]}` : words[i]!;
    if (!ours.test(text)) kept.push(text);
  }
  return kept;
}

const LISTS = [
  'smtpd_recipient_restrictions',
  'smtpd_milters',
  'smtp_tls_policy_maps',
  'smtp_header_checks',
  'smtp_generic_maps',
  'transport_maps',
  'milter_macro_defaults',
];
/** From weak to strict; a level that is not here is compared as it is. */
const STRICTNESS = ['', 'none', 'may', 'encrypt', 'dane', 'verify', 'secure', 'fingerprint', 'dane-only'];
/** Every one of these decides who may relay, or is none of our business. */
const UNTOUCHED = [
  'smtpd_relay_restrictions',
  'smtpd_client_restrictions',
  'smtpd_helo_restrictions',
  'smtpd_sender_restrictions',
  'smtpd_relay_before_recipient_restrictions',
  'mynetworks',
  'mydestination',
  'relay_domains',
  'milter_default_action',
  'milter_protocol',
  'non_smtpd_milters',
  'content_filter',
];

/** What holds for every plan; returns what is wrong. */
function faults(config: PostfixConfig, wanted: PlanCase['wanted']): string[] {
  const wrong: string[] = [];
  const plan = makePlan(config, wanted);
  const after = done(config, plan);
  const again = makePlan(after, wanted);
  if (again.changes.length > 0) wrong.push(`a second plan: ${again.changes.map(changeName).join(', ')}`);
  for (const change of plan.changes) wrong.push(...changeFaults(change));
  for (const name of UNTOUCHED)
    if (writtenValue(after, name) !== writtenValue(config, name)) wrong.push(`${name} was changed`);
  for (const entry of [undefined, ...config.entries]) {
    const then = after.entries.find((one) => entry !== undefined && serviceOf(one) === serviceOf(entry));
    if (entry !== undefined && then === undefined) wrong.push(`${serviceOf(entry)} is gone`);
    const where = entry === undefined ? 'main.cf' : serviceOf(entry);
    for (const name of LISTS) {
      // the entry that feeds the content filter gives the message on as it is
      if (name === 'smtp_header_checks' && then?.overrides.get(name) === '') continue;
      const was = others(writtenValue(config, name, entry) ?? '').join(' ');
      const is = others(writtenValue(after, name, then) ?? '').join(' ');
      if (was !== is) wrong.push(`${where} ${name}: ${was} became ${is}`);
    }
    for (const name of ['smtp_tls_security_level', 'smtpd_tls_security_level']) {
      const [was, is] = [valueFor(config, name, entry), valueFor(after, name, then)];
      if (STRICTNESS.indexOf(is) < STRICTNESS.indexOf(was)) wrong.push(`${where} ${name}: ${was} to ${is}`);
    }
  }
  if (sendingEntries(after).length < sendingEntries(config).length) wrong.push('a transport is gone');
  return wrong;
}

function changeFaults({ before, after, why, target, service, name }: Change): string[] {
  const where = changeName({ target, service, name });
  return [
    ...(before === after ? [`${where} does not change`] : []),
    ...(after === null ? [`${where} is taken out`] : []),
    ...(/^[A-Z].*\.$/.test(why) || why.startsWith(service) ? [] : [`${where}: "${why}" is no sentence`]),
    ...(after !== null && /[\n\r]/.test(after) ? [`${where} has a line end`] : []),
  ];
}

test('every plan keeps what is there', async (t) => {
  for (const { name, config, wanted } of cases) t.same(faults(config, wanted), [], name);
});

/** Pieces of which lists are made by chance. */
const RESTRICTIONS = [
  'permit_mynetworks',
  'permit_sasl_authenticated',
  'reject_unauth_destination',
  'defer_unauth_destination',
  'reject_rbl_client zen.spamhaus.org',
  'warn_if_reject reject_rbl_client bl.spamcop.net',
  'check_policy_service unix:private/policyd',
  'check_policy_service { inet:127.0.0.1:10023, timeout=3s }',
  'check_client_access hash:/etc/postfix/access',
  'check_recipient_access static:{reject}',
  '$tlsward_policy',
  'check_policy_service unix:tlsward/policy.sock',
  'check_policy_service { unix:/var/spool/postfix/tlsward/policy.sock, default_action=OK }',
  'partners',
  '$other_list',
  'reject_unlisted_recipient',
  'permit',
  'reject',
];
const FILTERS = [
  'inet:127.0.0.1:11332',
  'local:opendkim/opendkim.sock',
  '{ unix:clamav/clamav.sock, default_action=accept }',
  '$tlsward_milter',
  'unix:/var/spool/postfix/tlsward/milter.sock',
];
const MAPS = [
  'hash:/etc/postfix/tls_policy',
  'socketmap:inet:127.0.0.1:8461:postfix',
  'socketmap:unix:tlsward/socketmap.sock:deliver',
];

function some(random: Random, pieces: readonly string[], most: number): string {
  const list = Array.from({ length: random.below(most + 1) }, () => random.pick(pieces));
  return [...new Set(list)].join(random.pick([', ', ' ', ',']));
}

test('by chance: every plan keeps what is there', async (t) => {
  const seed = newSeed();
  const random = new Random(seed);
  const bad: string[] = [];
  const levels = ['', 'none', 'may', 'encrypt', 'dane'];
  for (let i = 0; i < 600; i++) {
    const main = [
      `compatibility_level = ${random.pick(['0', '2', '3.6', '3.10'])}`,
      `smtpd_relay_restrictions = ${some(random, RESTRICTIONS.slice(0, 4), 3)}`,
      `smtpd_recipient_restrictions = ${some(random, RESTRICTIONS, 6)}`,
      'smtpd_restriction_classes = partners',
      `partners = ${some(random, RESTRICTIONS.slice(0, 6), 3)}`,
      `other_list = ${some(random, RESTRICTIONS.slice(0, 6), 3)}`,
      `smtpd_milters = ${some(random, FILTERS, 3)}`,
      `smtp_tls_policy_maps = ${some(random, MAPS, 2)}`,
      `smtp_tls_security_level = ${random.pick(levels)}`,
      `smtpd_tls_security_level = ${random.pick(levels.slice(0, 4))}`,
      `milter_default_action = ${random.pick(['accept', 'tempfail'])}`,
      `milter_protocol = ${random.pick(['2', '6'])}`,
      `transport_maps = ${random.pick(['', 'hash:/etc/postfix/transport'])}`,
      `smtp_header_checks = ${random.pick(['', 'pcre:/etc/postfix/checks'])}`,
      `smtpd_tls_cert_file = ${random.pick(['', '/etc/ssl/mx.pem'])}`,
    ].join('\n');
    const overrides = [
      `-o smtpd_recipient_restrictions=${some(random, RESTRICTIONS.slice(0, 4), 3).replaceAll(/[ ,]+/g, ',')}`,
      `-o smtpd_milters=${random.pick(['', 'inet:127.0.0.1:8891', '$tlsward_milter'])}`,
      '-o receive_override_options=no_milters',
    ].filter(() => random.below(2) === 0);
    const master = `smtp inet n - y - - smtpd
submission inet n - y - - smtpd ${overrides.join(' ')}
127.0.0.1:10025 inet n - n - - smtpd -o smtpd_milters=
smtp unix - - y - - smtp
slow unix - - y - - smtp -o smtp_header_checks=${random.pick(['', 'pcre:/etc/postfix/slow'])}
`;
    const config = postfixOf(main, { master, release: random.pick(RELEASES) });
    const wishes = random.pick([['inbound', 'outbound'], ['inbound'], ['outbound'], ['messages']] as const);
    const wrong = faults(config, usualWanted(config, { wishes }));
    if (wrong.length > 0) bad.push(`${i}: ${wrong.join('; ')}\n${main}\n${master}`);
  }
  t.same(bad.slice(0, 3), [], `seed ${seed}`);
});
