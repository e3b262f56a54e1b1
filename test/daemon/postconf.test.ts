/** The Postfix that is served: what postconf says and does not say, programs that are none, and the warnings made of it. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Test, test } from 'tap';
import type { ServiceSettings } from '../../src/config/keys/serviceSettings.ts';
import { askPostconf, type PostconfAnswer, readPostconf, sourcesOf } from '../../src/daemon/postconf.ts';
import { type PostfixFacts, postfixWarnings } from '../../src/daemon/postfixWarnings.ts';
import { PostfixWatch, type Watched } from '../../src/daemon/postfixWatch.ts';
import type { Log } from '../../src/log/log.ts';

const OLD = 'mail_version = 3.7.11\nsmtpd_forbid_bare_newline = no\n';
const NEW = 'mail_version = 3.10.13\ntls_required_enable = yes\nsmtpd_forbid_bare_newline = normalize\n';

test('its answer', async (t) => {
  const three = (main: string, master = '') => {
    const answer = readPostconf(main, master);
    return answer === null ? null : [answer.version, answer.tlsRequiredEnable, answer.forbidBareNewline];
  };
  t.strictSame(three(OLD), ['3.7.11', null, 'no']);
  t.strictSame(three(NEW), ['3.10.13', 'yes', 'normalize']);
  const off = NEW.replace('= yes', '= NO ');
  t.strictSame(three(off), ['3.10.13', 'no', 'normalize']);
  t.strictSame(three(off, 'smtp/unix/tls_required_enable = no\n'), ['3.10.13', 'no', 'normalize']);
  t.strictSame(three(off, 'smtp/unix/tls_required_enable = yes\n'), ['3.10.13', 'yes', 'normalize']);
  t.strictSame(
    three(NEW, 'smtp/unix/tls_required_enable = no\n'),
    ['3.10.13', 'yes', 'normalize'],
    'one of many',
  );
  t.strictSame(
    three(off, 'smtp/unix/tls_required_enable = $x\n'),
    ['3.10.13', 'yes', 'normalize'],
    'not known: not no',
  );
  t.strictSame(three('mail_version = 3.12-20260821\n'), ['3.12', null, null], 'a snapshot');
  for (const text of ['', 'hello', 'mail_version =', 'mail_version = x', '= = =', '\0\n'.repeat(9)])
    t.equal(three(text), null);
});

function program(t: Test, text: string, mode = 0o755): string {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-postconf-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'postconf');
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

test('programs', async (t) => {
  const ask = (text: string, mode?: number) => askPostconf(program(t, text, mode));
  t.match(await ask(`#!/bin/sh\n[ "$1" = -P ] || printf '${NEW.replaceAll('\n', '\\n')}'\n`), {
    version: '3.10.13',
  });
  t.match(await ask(`#!/bin/sh\necho oh >&2; printf '${OLD.replaceAll('\n', '\\n')}'\n`), {
    version: '3.7.11',
  });
  t.equal(await ask('#!/bin/sh\nexit 1\n'), null, 'one that fails');
  t.equal(await ask('#!/bin/sh\ncat /dev/zero\n'), null, 'one that does not stop talking');
  t.equal(await ask('not a program', 0o644), null);
  t.equal(await ask('#!/no/such/shell\n'), null);
  t.equal(await askPostconf('/no/such/program'), null);
  t.equal(await askPostconf('/tmp'), null);
  const begun = performance.now();
  let turns = 0;
  const timer = setInterval(() => turns++, 20);
  t.equal(await ask('#!/bin/sh\nexec sleep 60\n'), null, 'one that hangs');
  clearInterval(timer);
  t.ok(performance.now() - begun < 50_000);
  t.ok(turns > 20, 'and everything else goes on meanwhile');
  t.match(
    await ask('#!/bin/sh\necho "mail_version = $0 $#" "$(pwd)" "$HOME"; echo "mail_version = 3.11"\n'),
    { version: '3.11' },
  );
});

const NOTHING: PostfixFacts = {
  configured: null,
  tlsRequiredEnable: null,
  protects: true,
  receives: true,
  postconf: null,
  seen: [],
};

test('warnings', async (t) => {
  const says = (facts: Partial<PostfixFacts>, ...want: RegExp[]) => {
    const warnings = postfixWarnings({ ...NOTHING, ...facts });
    t.equal(warnings.length, want.length, JSON.stringify(warnings));
    for (const [i, pattern] of want.entries()) t.match(warnings[i], pattern);
  };
  const old = readPostconf(OLD.replace('= no', '= yes'), '');
  const since = readPostconf(NEW, '');
  const off = readPostconf(NEW.replace('= yes', '= no'), '');
  const open = /lets any author switch off TLS .* tls_required_enable = no /;
  says({});
  says({ postconf: old });
  says({ postconf: since }, /^Postfix 3\.10\.13 lets .*; according to postconf it is yes$/);
  says({ postconf: since, protects: false });
  says({ postconf: since, tlsRequiredEnable: false }, open); // what is there counts, not what is said of it
  says({ postconf: off });
  says({ postconf: off, seen: ['3.10.13'] });
  says({ configured: '3.10' }, /^Postfix 3\.10 lets .* its value is not known$/);
  says({ configured: '3.11', tlsRequiredEnable: true }, /according to tls-required-enable it is yes$/);
  says({ configured: '3.11', tlsRequiredEnable: false });
  says({ configured: '3.9' });
  says({ seen: ['3.7.11', '3.11.7'] }, /^Postfix 3\.11\.7 lets/);
  says({ seen: ['3.11.7'], tlsRequiredEnable: false });

  const waits = /^postfix-version is 3\.10, and a Postfix here is 3\.7\.11: mail .* waits, 4\.7\.5/;
  says({ configured: '3.10', tlsRequiredEnable: false, postconf: old }, waits);
  says({ configured: '3.10', tlsRequiredEnable: false, seen: ['3.10.1', '3.7.11'] }, waits);
  says({ configured: '3.11', tlsRequiredEnable: false, seen: ['3.10.1'] }, /it may refuse/);
  says({ configured: '3.7', postconf: off });

  const smuggling = /can smuggle messages past every check: main\.cf needs smtpd_forbid_bare_newline = yes$/;
  says({ postconf: readPostconf(OLD, '') }, smuggling);
  says({ postconf: readPostconf(OLD, ''), receives: false });
  says({ postconf: readPostconf('mail_version = 3.7.4\n', '') }, /3\.7\.4 cannot refuse .* update to/);
  says(
    { postconf: readPostconf(`${NEW.replace('= yes', '= no')}smtpd_forbid_bare_newline = no\n`, '') },
    /= normalize$/,
  );
});

test('what an answer was made from', async (t) => {
  const path = program(t, 'x');
  const configDirectory = dirname(path);
  const answer: PostconfAnswer = { ...readPostconf(OLD, '')!, configDirectory };
  const later = Date.now() + 10_000;
  t.equal(sourcesOf(path, answer, later), '', 'files that are not there');
  for (const name of ['main.cf', 'master.cf']) writeFileSync(join(configDirectory, name), 'a = b\n');
  const sources = sourcesOf(path, answer, later);
  t.not(sources, '');
  t.equal(sourcesOf(path, answer, later), sources);
  t.equal(sourcesOf(path, { ...answer, configDirectory: '' }, later), '', 'it did not say where');
  t.equal(sourcesOf(path, answer, Date.now() - 10_000), '', 'a file was changed after the question');
  writeFileSync(join(configDirectory, 'master.cf'), 'a = longer\n');
  t.not(sourcesOf(path, answer, later), sources);
  t.equal(readPostconf(`${OLD}config_directory = /etc/Postfix\n`, '')?.configDirectory, '/etc/Postfix');
  t.equal(readPostconf(`${OLD}config_directory = here\n`, '')?.configDirectory, '', 'not a full path');
});

test('a reload asks again only when a file was changed', async (t) => {
  const postconf = program(t, 'x');
  const configDirectory = dirname(postconf);
  for (const name of ['main.cf', 'master.cf']) writeFileSync(join(configDirectory, name), 'a = b\n');
  let asked = 0;
  const said: string[] = [];
  const watched = {
    service: { postconf, postfixVersion: null, policyListen: ['x'], milterListen: [], socketmapListen: [] },
    packed: { settings: [] },
    rules: [],
  } as unknown as Watched & { readonly service: ServiceSettings };
  const log = { postfixWarning: (text: string) => void said.push(text) } as unknown as Log;
  const ask = async (): Promise<PostconfAnswer> => {
    asked++;
    return { ...readPostconf(OLD, '')!, configDirectory };
  };
  // the files are older than the question
  await new Promise((resolve) => setTimeout(resolve, 30));
  const watch = new PostfixWatch(watched, log, ask);
  watch.start();
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(asked, 1);
  const first = said.length;
  t.ok(first > 0);
  watch.reload(watched);
  t.equal(asked, 1);
  t.equal(said.length, 2 * first, 'what is wrong is said again with each table');
  writeFileSync(join(configDirectory, 'main.cf'), 'a = longer\n');
  watch.reload(watched);
  t.equal(asked, 2);
  watch.reload({ ...watched, service: { ...watched.service, postconf: '/no/such/program' } });
  t.equal(asked, 3, 'another program');
});
