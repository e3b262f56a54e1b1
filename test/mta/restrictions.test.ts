/** Restriction lists: their elements, and who gets past them. */
import { test } from 'tap';
import {
  endsRelaying,
  permitsWhom,
  type Restriction,
  restrictionsFor,
  restrictionsOf,
} from '../../src/mta/restrictions.ts';
import { postfixOf } from './postfixOf.ts';

test('elements', async (t) => {
  const texts = (value: string) => restrictionsOf(value).map(({ text }) => text);
  t.same(texts('permit_mynetworks, reject_unauth_destination'), [
    'permit_mynetworks',
    'reject_unauth_destination',
  ]);
  t.same(texts('check_policy_service { unix:a, timeout=1s } permit'), [
    'check_policy_service { unix:a, timeout=1s }',
    'permit',
  ]);
  t.same(texts('check_client_access hash:/a reject_rbl_client x.example=127.0.0.2 sleep 1'), [
    'check_client_access hash:/a',
    'reject_rbl_client x.example=127.0.0.2',
    'sleep 1',
  ]);
  const [table] = restrictionsOf('hash:/etc/postfix/access');
  t.match(table, { name: 'check_table', argument: 'hash:/etc/postfix/access' });
  const [warned, next] = restrictionsOf('warn_if_reject reject_rbl_client x.example, reject');
  t.match(warned, { name: 'reject_rbl_client', warnOnly: true });
  t.match(next, { name: 'reject', warnOnly: false });
});

test('classes and $name', async (t) => {
  const config = postfixOf(`
smtpd_restriction_classes = strict, loop
strict = check_policy_service unix:a
  permit_mynetworks
loop = loop
wanted = check_policy_service { unix:b, { default_action = DEFER x y } }
smtpd_recipient_restrictions = reject_unauth_destination strict $wanted loop
`);
  const found = restrictionsFor(config, 'smtpd_recipient_restrictions').map(({ text, via }) => [via, text]);
  t.same(found.slice(0, 4), [
    ['', 'reject_unauth_destination'],
    ['strict', 'check_policy_service unix:a'],
    ['strict', 'permit_mynetworks'],
    ['', 'check_policy_service { unix:b, { default_action = DEFER x y } }'],
  ]);
  t.same(found.slice(4), [['loop', 'loop']], 'a circle ends');
});

test('who gets past', async (t) => {
  const whom = (value: string) => restrictionsOf(value).map((one) => permitsWhom(one) !== null);
  t.same(whom('permit permit_mynetworks permit_sasl_authenticated permit_dnswl_client x.example'), [
    true,
    true,
    true,
    true,
  ]);
  t.same(whom('check_client_access hash:/a, check_sender_access static:{reject no}, cidr:/b'), [
    true,
    false,
    true,
  ]);
  t.same(whom('check_client_access static:ok check_recipient_access fail:x'), [true, false]);
  t.same(whom('reject_unauth_destination reject_rbl_client x.example check_policy_service unix:a'), [
    false,
    false,
    false,
  ]);
});

test('what keeps strangers from relaying', async (t) => {
  const ends = (value: string) => restrictionsOf(value).map((one: Restriction) => endsRelaying(one));
  t.same(ends('reject_unauth_destination defer_unauth_destination reject permit warn_if_reject reject'), [
    true,
    true,
    true,
    false,
    false,
  ]);
});
