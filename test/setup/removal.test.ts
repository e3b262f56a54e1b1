/**
 * Taking tlsward out again: after any plan the lists are what they were, whatever way ours came in; while mail of rules waits,
 * its way out stays.
 */
import { test } from 'tap';
import { listOf } from '../../src/mta/listValue.ts';
import { type PostfixConfig, writtenValue } from '../../src/mta/postfixConfig.ts';
import { withChange } from '../../src/setup/draft.ts';
import { makePlan } from '../../src/setup/makePlan.ts';
import { changeName } from '../../src/setup/plan.ts';
import { removalPlan } from '../../src/setup/removal.ts';
import { inOrder, reversed, stepsOf } from '../../src/setup/steps.ts';
import { postfixOf } from '../mta/postfixOf.ts';
import { planCases, usualWanted } from './planCases.ts';

const OURS = /tlsward[_-]|tlsward\/[a-z]+\.sock/;

function everything(config: PostfixConfig): string {
  const values = [...config.set].map(([name, value]) => `${name}=${value}`);
  const entries = config.entries.flatMap(({ name, type, overrides }) => [
    `${name}/${type}`,
    ...[...overrides].map(([key, value]) => `${key}=${value}`),
  ]);
  return [...values, ...entries].join('\n');
}

const LISTS = ['smtpd_recipient_restrictions', 'smtpd_milters', 'smtp_tls_policy_maps', 'transport_maps'];

test('what a plan put in goes out again', async (t) => {
  for (const { name, config, wanted } of planCases()) {
    if (['fragments', 'by-hand-weak'].includes(name)) continue; // ours was there before
    const plan = makePlan(config, wanted);
    const with_ = plan.changes.reduce(withChange, config);
    const without = removalPlan(with_, wanted, 0).changes.reduce(withChange, with_);
    t.notMatch(everything(without), OURS, name);
    for (const list of LISTS) {
      const was = listOf(writtenValue(config, list) ?? '');
      t.same(listOf(writtenValue(without, list) ?? ''), was, `${name}: ${list}`);
      for (const entry of config.entries.filter((one) => one.overrides.has(list))) {
        const then = without.entries.find((one) => one.name === entry.name && one.type === entry.type);
        t.same(
          listOf(then?.overrides.get(list) ?? 'gone'),
          listOf(entry.overrides.get(list)!),
          `${name}: ${entry.name}`,
        );
      }
    }
    t.same(removalPlan(without, wanted, 0).changes, [], `${name}: nothing is left to take out`);
    const back = reversed(plan.changes).reduce(withChange, with_);
    t.same([...back.set].sort(), [...config.set].sort(), `${name}: undone`);
    t.equal(everything(back).split('\n').length, everything(config).split('\n').length);
  }
});

test('what came in by hand', async (t) => {
  const config = postfixOf(
    `mine = check_policy_service unix:tlsward/policy.sock
smtpd_recipient_restrictions = reject_unauth_destination, $mine, warn_if_reject reject_rbl_client bl.example,
  check_policy_service { unix:/var/spool/postfix/tlsward/policy.sock, timeout=3s }
smtpd_milters = unix:tlsward/milter.sock
non_smtpd_milters = $smtpd_milters
milter_macro_defaults = { {tlsward_fence} = $smtp_header_checks } { {other} = x }
header_checks = pcre:/etc/postfix/own, $tlsward_route
tlsward_route = regexp:{{/^X-TLS-Ward-Route: encrypt/ FILTER tlsward-encrypt:}}
smtp_tls_policy_maps = hash:/etc/postfix/tls_policy, proxy:socketmap:unix:tlsward/socketmap.sock:deliver`,
    {
      master: `smtp inet n - y - - smtpd
  -o cleanup_service_name=tlsward-in
submission inet n - y - - smtpd
  -o smtpd_milters=$tlsward_milter
tlsward-in unix n - n - 0 cleanup
127.0.0.1:10027 inet n - n - - smtpd
  -o milter_macro_daemon_name=tlsward-again
smtp unix - - y - - smtp
`,
    },
  );
  const wanted = usualWanted(config, {});
  const plan = removalPlan(config, wanted, 0);
  const after = plan.changes.reduce(withChange, config);
  t.equal(
    after.set.get('smtpd_recipient_restrictions'),
    'reject_unauth_destination, warn_if_reject reject_rbl_client bl.example',
  );
  t.notOk(after.set.has('smtpd_milters'), 'empty, as by default');
  t.equal(after.set.get('non_smtpd_milters'), '$smtpd_milters');
  t.equal(after.set.get('milter_macro_defaults'), '{ {other} = x }');
  t.equal(after.set.get('header_checks'), 'pcre:/etc/postfix/own');
  t.equal(after.set.get('smtp_tls_policy_maps'), 'hash:/etc/postfix/tls_policy');
  t.equal(after.entries.find(({ name }) => name === 'submission')?.overrides.get('smtpd_milters'), '');
  t.same(
    after.entries.map(({ name }) => name),
    ['smtp', 'submission', 'smtp'],
  );
  t.match(
    plan.remarks.map(({ text }) => text).join('\n'),
    /These still name tlsward.*mine/,
    'said, not guessed',
  );
});

test('while mail of rules waits, it can leave', async (t) => {
  const config = postfixOf('');
  const wanted = usualWanted(config, { wishes: ['messages'] });
  const full = makePlan(config, wanted).changes.reduce(withChange, config);
  const plan = removalPlan(full, wanted, 3);
  const after = plan.changes.reduce(withChange, full);
  t.match(plan.remarks[0]?.text, /^3 messages in the queue have recipients with a suffix of tlsward/);
  for (const name of ['transport_maps', 'tlsward_clean', 'tlsward_unmark', 'smtp_delivery_status_filter'])
    t.equal(after.set.get(name), full.set.get(name), name);
  t.ok(after.entries.some(({ name }) => name === 'tlsward-encrypt'));
  t.notOk(after.set.has('smtpd_milters'), 'but no new mail gets a suffix');
});

test('nothing is used before it is there, and nothing goes while it is used', async (t) => {
  const config = postfixOf('smtpd_milters = inet:127.0.0.1:11332', {
    master: `smtp inet n - y - - smtpd
submission inet n - y - - smtpd -o smtpd_milters= -o smtpd_recipient_restrictions=reject
smtp unix - - y - - smtp
`,
  });
  const { changes } = makePlan(config, usualWanted(config, { wishes: ['messages'] }));
  const forth = inOrder(changes).map(changeName);
  const at = (name: string): number => forth.indexOf(name);
  t.ok(at('tlsward_milter') < at('smtpd_milters'));
  t.ok(at('tlsward_clean') < at('tlsward-encrypt/unix'));
  t.ok(at('tlsward-encrypt/unix') < at('transport_maps'));
  t.ok(at('tlsward_milter') < at('submission/inet -o smtpd_milters'));
  t.ok(at('submission/inet -o smtpd_milters') >= 0);
  const back = inOrder(reversed(changes)).map(changeName);
  t.ok(back.indexOf('transport_maps') < back.indexOf('tlsward-encrypt/unix'));
  t.ok(back.indexOf('tlsward-encrypt/unix') < back.indexOf('tlsward_clean'));
  t.ok(back.indexOf('submission/inet -o smtpd_milters') < back.indexOf('tlsward_milter'));
  const steps = stepsOf(changes);
  t.equal(steps.flatMap((step) => step.slice(1)).length, changes.length, 'each change is written once');
  t.same(
    steps.map(([option]) => option),
    ['-e', '-M', '-M', '-M', '-M', '-e', '-P'],
  );
});
