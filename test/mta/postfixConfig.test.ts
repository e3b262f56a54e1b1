/** What postconf of 3.7 and 3.10 printed, made into a configuration. */
import { test } from 'tap';
import {
  expandText,
  isYes,
  parseEntries,
  parsePostfixConfig,
  valueFor,
  writtenValue,
} from '../../src/mta/postfixConfig.ts';
import { capturedDefaults, postfixOf, RELEASES } from './postfixOf.ts';

/** As postconf 3.7.11 prints a fresh main.cf and master.cf of Debian 12 with a few lines of ours. */
const SET = `compatibility_level = 3.6
foo = check_policy_service { inet:127.0.0.1:1, timeout=5s, { default_action = DEFER 4.7.1 x, y }}
inet_interfaces = loopback-only
relayhost =
smtpd_recipient_restrictions = $foo permit
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination
`;
const MASTER = `smtp       inet  n       -       y       -       -       smtpd
tlsmgr     unix  -       -       y       1000?   1       tlsmgr
relay      unix  -       -       y       -       -       smtp -o syslog_name=postfix/$service_name
local      unix  -       n       n       -       -       local
postlog    unix-dgram n  -       n       -       1       postlogd
maildrop   unix  -       n       n       -       -       pipe flags=DRXhu user=vmail argv=/usr/bin/maildrop -d \${recipient}
127.0.0.1:10027 inet n   -       n       -       -       smtpd -o {smtpd_recipient_restrictions=permit_mynetworks, reject} -o foo=bar -v -o smtpd_milters=
/var/x/y   unix  n       -       -       -       -       smtpd -o smtpd_tls_security_level=may -o smtpd_tls_security_level=none
`;
const OVERRIDES = `relay/unix/syslog_name = postfix/$service_name
127.0.0.1:10027/inet/foo = bar
127.0.0.1:10027/inet/smtpd_milters =
127.0.0.1:10027/inet/smtpd_recipient_restrictions = permit_mynetworks, reject
/var/x/y/unix/smtpd_tls_security_level = none
`;
const COMPLAINTS = `postconf: warning: ./main.cf: undefined parameter: other
postconf: warning: ./main.cf: unused parameter: unusedp=1
postconf: warning: ./main.cf: undefined parameter: other
`;

const output = {
  directory: '/etc/postfix',
  set: SET,
  defaults: capturedDefaults('3.7.11'),
  master: MASTER,
  overrides: OVERRIDES,
  complaints: COMPLAINTS,
};

test('entries of master.cf', async (t) => {
  const config = parsePostfixConfig(output)!;
  const { entries } = config;
  t.equal(entries.length, 8);
  const [smtp, , relay, local, postlog, maildrop, reinject, slashes] = entries;
  t.match(smtp, {
    name: 'smtp',
    type: 'inet',
    command: 'smtpd',
    private: false,
    unprivileged: true,
    chroot: true,
  });
  t.equal(relay?.overrides.get('syslog_name'), 'postfix/$service_name');
  t.equal(
    expandText(config, 'postfix/$service_name', relay),
    'postfix/relay',
    'though postconf -d has it, empty',
  );
  t.match(local, { unprivileged: false, chroot: false, private: true });
  t.match(postlog, { type: 'unix-dgram', command: 'postlogd', private: false });
  t.same(maildrop?.args.slice(0, 3), ['flags=DRXhu', 'user=vmail', 'argv=/usr/bin/maildrop']);
  t.same(Object.fromEntries(reinject!.overrides), {
    foo: 'bar',
    smtpd_milters: '',
    smtpd_recipient_restrictions: 'permit_mynetworks, reject',
  });
  t.equal(slashes?.overrides.get('smtpd_tls_security_level'), 'none');
  t.equal(slashes?.chroot, false, '"-" is n since compatibility level 1');
  const old = parsePostfixConfig({ ...output, set: SET.replace('3.6', '0') })!;
  t.equal(old.entries.at(-1)?.chroot, true, 'and y before');
});

test('overrides without postconf -P', async (t) => {
  const { entries } = parsePostfixConfig({ ...output, overrides: '' })!;
  t.equal(entries[6]?.overrides.get('smtpd_recipient_restrictions'), 'permit_mynetworks, reject');
  t.equal(entries[6]?.overrides.get('smtpd_milters'), '');
  t.equal(entries[7]?.overrides.get('smtpd_tls_security_level'), 'none', 'the last one counts');
});

test('values', async (t) => {
  const config = parsePostfixConfig(output)!;
  t.equal(config.release, '3.7.11');
  t.same(config.version, { major: 3, minor: 7 });
  t.match(valueFor(config, 'smtpd_recipient_restrictions'), /^check_policy_service \{ inet:127\.0\.0\.1:1, /);
  t.equal(writtenValue(config, 'smtpd_recipient_restrictions'), '$foo permit');
  const reinject = config.entries[6]!;
  t.equal(valueFor(config, 'smtpd_recipient_restrictions', reinject), 'permit_mynetworks, reject');
  t.equal(valueFor(config, 'smtpd_milters', reinject), '');
  t.equal(valueFor(config, 'relayhost'), '');
  t.equal(valueFor(config, 'nobody_knows'), '');
  t.equal(writtenValue(config, 'nobody_knows'), undefined);
  t.equal(valueFor(config, 'syslog_name', config.entries[2]), 'postfix/relay');
  t.equal(valueFor(config, 'smtpd_timeout'), '300s');
  t.same(config.complaints, [
    './main.cf: undefined parameter: other',
    './main.cf: unused parameter: unusedp=1',
  ]);
});

test('defaults that depend on the version and the level', async (t) => {
  const at = (level: string, name: string) => valueFor(postfixOf(`compatibility_level = ${level}`), name);
  t.equal(at('3.6', 'smtpd_tls_fingerprint_digest'), 'sha256');
  t.equal(at('2', 'smtpd_tls_fingerprint_digest'), 'md5');
  t.equal(at('2', 'smtpd_relay_before_recipient_restrictions'), 'no');
  t.match(at('1', 'smtpd_relay_restrictions'), /defer_unauth_destination$/);
  t.equal(at('0', 'smtpd_relay_restrictions'), '');
  for (const release of RELEASES) {
    const config = postfixOf('', { release });
    t.equal(isYes(config, 'smtpd_tls_ask_ccert'), false, release);
    t.equal(config.defaults.has('tls_required_enable'), release === '3.10.13', release);
    t.equal(valueFor(config, 'milter_default_action'), release === '3.10.13' ? 'shutdown' : 'tempfail');
  }
});

test('what no postconf prints', async (t) => {
  t.equal(parsePostfixConfig({ ...output, defaults: 'hello\n' }), null);
  t.equal(parsePostfixConfig({ ...output, defaults: '' }), null);
});

test('one line of master.cf', async (t) => {
  const [entry] = parseEntries('smtp inet n - - - - smtpd -v -o a=b', '', true);
  t.match(entry, { name: 'smtp', chroot: true, command: 'smtpd', args: ['-v', '-o', 'a=b'] });
  t.same(parseEntries('# smtp inet n - - - - smtpd\nsmtp inet n\n\n', '', false), []);
});
