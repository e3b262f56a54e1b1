/**
 * `tlsward setup postfix` on a real Postfix that has a filter, block lists, dane and a policy table: the plan touches
 * nothing, --apply leaves all of it in place and mail is judged, --undo gives back every byte, also by undo.sh and after
 * somebody else's change; a canary that fails undoes by itself; --remove takes out what was put in by hand.
 */
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Daemon } from './harness/daemon.ts';
import { startPostfix } from './harness/mta/postfix.ts';
import { createCa } from './harness/peers/ca.ts';
import { openSession } from './harness/peers/smtp-session.ts';
import { mainFile } from './harness/program.ts';
import { e2eSkip } from './harness/requirements.ts';

const skip = e2eSkip(['root', 'postfix', 'openssl']);
const MAIN = mainFile();
const COMMAND_MS = 90_000;

const TABLE = `[policy watched]
based-on = encrypt
mode = observe
[domain *]
policy = watched
[domains]
strict.example = encrypt
`;

/** What names a part of tlsward; folders of the test have the word in them, too. */
const OURS = /tlsward_|tlsward-(?:encrypt|verify|row|fallback)|tlsward\/[a-z]+\.sock/;

interface Said {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

t.test('setup postfix', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const postfix = await startPostfix({
    ca,
    main: {
      // nobody listens there, and it lets mail pass: a filter that must stay in the list
      smtpd_milters: '{ inet:127.0.0.1:1, connect_timeout=1s, default_action=accept }',
      smtpd_recipient_restrictions:
        'reject_non_fqdn_recipient,\n permit_sasl_authenticated,\n reject_unauth_destination,\n check_client_access static:DUNNO',
      smtp_tls_security_level: 'dane',
      smtp_dns_support_level: 'dnssec',
      smtp_tls_policy_maps: 'inline:{bank.example=encrypt}',
    },
    listeners: { plain: { smtpd_tls_security_level: 'none' } },
  });
  t.teardown(() => postfix.close());
  /** Runs a program that finds the commands of this Postfix. */
  const run = (...words: readonly string[]): Promise<Said> => {
    const [program = '', ...args] = postfix.among(words);
    const options = { timeout: COMMAND_MS, encoding: 'utf8' } as const;
    return new Promise((resolve) => {
      execFile(program, args, options, (error, out, err) => {
        resolve({ status: error === null ? 0 : Number(error.code ?? -1), out, err });
      });
    });
  };
  const folder = join(postfix.dir, 'etc');
  const sockets = join(postfix.queueDirectory, 'tlsward');
  mkdirSync(sockets, { mode: 0o755 });
  const protocols = ['policy', 'milter', 'socketmap', 'control'] as const;
  const daemon = await Daemon.create({ tables: TABLE, protocols, socketDir: sockets });
  t.teardown(() => daemon.close());
  await daemon.start();
  const state = join(postfix.dir, 'state');
  mkdirSync(state);

  const setup = (...args: string[]): Promise<Said> =>
    run(
      process.execPath,
      MAIN,
      'setup',
      'postfix',
      '--config',
      daemon.configFile,
      '--postfix-config',
      folder,
      '--state',
      state,
      ...args,
    );
  const WISHES = ['--inbound', '--outbound'];
  const files = (): string[] =>
    ['main.cf', 'master.cf'].map((name) => readFileSync(join(folder, name), 'utf8'));
  /** postconf shows config_directory of -c or not, whatever main.cf says. */
  const inForce = async (): Promise<string> =>
    (await run('postconf', '-c', folder, '-n')).out.replace(/^config_directory = .*\n/m, '');
  const value = async (name: string): Promise<string> =>
    (await run('postconf', '-c', folder, '-h', name)).out.trim();
  /** The folder of the last change. */
  const newestRecord = (): string => {
    const records = readdirSync(join(state, 'setup')).filter((name) => name !== 'current');
    return join(state, 'setup', records.sort().at(-1)!);
  };
  const before = files();
  const settings = await inForce();

  /** Sends one message in plain text; the last reply. */
  const send = async (to: string): Promise<string> => {
    const client = await openSession(postfix.port('plain'));
    try {
      const { last } = await client.send({ from: 'alice@partner.example', to });
      return `${last.code} ${last.text}`;
    } finally {
      await client.quit();
    }
  };

  await t.test('the plan touches nothing', async (t) => {
    const said = await setup(...WISHES);
    t.equal(said.status, 0, said.err);
    t.match(
      said.out,
      /^ {4}new {2}reject_non_fqdn_recipient, \$tlsward_policy, permit_sasl_authenticated, /m,
    );
    t.match(said.out, /^ {2}note {5}inline:\{bank\.example=encrypt\} is asked first/m);
    t.match(said.out, /nothing has been changed: add --apply to write it\n$/);
    t.strictSame(files(), before);
    t.strictSame(readdirSync(state), []);
    const json = JSON.parse((await setup(...WISHES, '--json')).out);
    t.match(json, { ok: true, wishes: ['inbound', 'outbound'], table: null, obstacles: [], done: null });
    t.ok(json.changes.length > 5, `${json.changes.length} changes`);
  });

  await t.test('--apply keeps what is there, and mail is judged', async (t) => {
    const said = await setup(...WISHES, '--apply');
    t.equal(said.status, 0, `${said.out}${said.err}`);
    for (const name of ['policy', 'milter', 'socketmap', 'map', 'smtp'])
      t.match(said.out, new RegExp(`^works +${name}: `, 'm'), name);
    t.equal(
      await value('smtpd_recipient_restrictions'),
      'reject_non_fqdn_recipient, $tlsward_policy, permit_sasl_authenticated, reject_unauth_destination, check_client_access static:DUNNO',
    );
    t.equal(
      await value('smtpd_milters'),
      '{ inet:127.0.0.1:1, connect_timeout=1s, default_action=accept }, $tlsward_milter',
    );
    t.equal(await value('smtp_tls_security_level'), 'dane');
    t.equal(
      await value('smtp_tls_policy_maps'),
      'inline:{bank.example=encrypt}, socketmap:unix:tlsward/socketmap.sock:deliver',
    );
    const mark = daemon.mark();
    t.match(await send('bob@local.example'), /^250 /);
    const verdict = await daemon.waitForLine((line) => line.event === 'tx.verdict' && 'would' in line, {
      from: mark,
    });
    t.match(verdict, { would: 'reject', recipients: 'bob@local.example' });
    t.match(await send('bob@strict.example'), /^(?:554|454|530) /, 'relaying is still refused');
    const again = await setup(...WISHES, '--apply');
    t.equal(again.status, 0);
    t.match(again.out, /Nothing to change\.\n$/);
  });

  await t.test('--undo gives back every byte', async (t) => {
    const said = await setup('--undo');
    t.equal(said.status, 0, said.err);
    t.match(said.out, /main\.cf and master\.cf are again what they were\./);
    t.strictSame(files(), before);
    t.equal(await inForce(), settings);
    t.match(await send('bob@local.example'), /^250 /);
    const twice = await setup('--undo');
    t.equal(twice.status, 1);
    t.match(twice.err, /nothing to undo/);
  });

  await t.test('undo.sh gives back every byte without tlsward', async (t) => {
    t.equal((await setup(...WISHES, '--apply')).status, 0);
    t.not(files()[0], before[0]);
    const said = await run('sh', join(newestRecord(), 'undo.sh'));
    t.equal(said.status, 0, said.err);
    t.strictSame(files(), before);
    // tlsward has not heard of it, and has nothing left to do
    t.match((await setup('--undo')).out, /are again what they were/);
    t.strictSame(files(), before);
  });

  await t.test("somebody else's change is left alone", async (t) => {
    const wishes = [...WISHES, '--messages'];
    t.equal((await setup(...wishes, '--apply')).status, 0);
    t.match(await run('postconf', '-c', folder, '-M', 'tlsward-encrypt/unix'), { status: 0 });
    const wrote = await inForce();
    /** Setup wrote it for this version, with another value. */
    const changed = postfix.since(3, 10) ? 'tls_required_enable = yes' : 'smtpd_forbid_bare_newline = no';
    const [name = '', own = ''] = changed.split(' = ');
    /** Somebody changes two things, one of which setup wrote; `undo` must leave both and take back the rest. */
    const meddle = async (undo: () => Promise<Said>): Promise<void> => {
      await run('postconf', '-c', folder, '-e', 'message_size_limit = 12345678', changed);
      const said = await undo();
      t.match(`${said.out}${said.err}`, new RegExp(name), 'named');
      t.equal(await value('message_size_limit'), '12345678');
      t.equal(await value(name), own);
      t.notMatch(await inForce(), OURS);
      t.notMatch(files()[0], OURS, 'no parameter is left, be it one that nothing uses');
      t.notMatch(files()[1], OURS, 'no entry is left');
      await run('postconf', '-c', folder, '-X', 'message_size_limit', name);
      t.equal(await inForce(), settings, 'the rest is what it was');
    };
    const script = join(newestRecord(), 'undo.sh');
    await meddle(() => run('sh', script));
    t.equal((await setup(...wishes, '--apply')).status, 0);
    t.equal(await inForce(), wrote);
    await meddle(() => setup('--undo'));
  });

  await t.test('a canary that fails undoes by itself', async (t) => {
    const here = files();
    chmodSync(join(sockets, 'policy.sock'), 0o600); // root may connect, and user postfix may not
    const said = await setup(...WISHES, '--apply');
    t.equal(said.status, 69, said.out);
    t.match(said.err, /the proof failed: smtp: .*45[01] .*/);
    t.match(said.err, /are again what they were/);
    t.strictSame(files(), here);
    chmodSync(join(sockets, 'policy.sock'), 0o666);
    t.match(await send('bob@local.example'), /^250 /);
  });

  await t.test('--remove takes out what came in by hand', async (t) => {
    t.equal((await setup(...WISHES, '--messages', '--apply')).status, 0);
    await run(
      'postconf',
      '-c',
      folder,
      '-e',
      `non_smtpd_milters = inet:127.0.0.1:1, unix:${sockets}/milter.sock`,
      'smtpd_recipient_restrictions = check_policy_service unix:tlsward/policy.sock, reject_unauth_destination',
    );
    const said = await setup('--remove');
    t.equal(said.status, 0, `${said.out}${said.err}`);
    t.match(said.out, /systemctl disable --now tlsward/);
    t.notMatch(await inForce(), OURS);
    t.notMatch(files()[1], OURS);
    t.equal(await value('non_smtpd_milters'), 'inet:127.0.0.1:1');
    t.equal(await value('smtpd_recipient_restrictions'), 'reject_unauth_destination');
    t.match(await send('bob@local.example'), /^250 /);
    t.match((await setup('--remove')).out, /Nothing of tlsward is in main\.cf/);
  });

  await t.test('one that was killed is taken back first', async (t) => {
    const here = await inForce();
    const filters = await value('smtpd_milters');
    t.equal((await setup(...WISHES, '--apply')).status, 0);
    const file = join(newestRecord(), 'setup.json');
    // as it is while postconf is at work: not all is written, and nobody has noted how the files were left
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), after: null }));
    await run('postconf', '-c', folder, '-e', `smtpd_milters = ${filters}`);
    const refused = await setup('--remove');
    t.equal(refused.status, 73);
    t.match(refused.err, /an earlier setup was interrupted .* take it back first/);
    const said = await setup('--undo');
    t.equal(said.status, 0, `${said.out}${said.err}`);
    t.equal(await inForce(), here);
  });

  await t.test('without a daemon nothing is touched, and a first table is written once', async (t) => {
    await daemon.stop();
    const here = files();
    const said = await setup(...WISHES, '--apply');
    t.equal(said.status, 69);
    t.match(said.err, /tlsward does not answer .* Postfix was not touched\./);
    t.strictSame(files(), here);
    const file = join(postfix.dir, 'tlsward', 'tlsward.ini');
    const argv = ['setup', 'postfix', '--config', file, '--postfix-config', folder, '--state', state];
    const plan = await run(process.execPath, MAIN, ...argv);
    t.match(plan.out, /^ {4}policy-listen = unix:.*\/queue\/tlsward\/policy\.sock$/m);
    t.notOk(existsSync(file));
    const first = await run(process.execPath, MAIN, ...argv, '--apply');
    t.equal(first.status, 69, first.err);
    const text = readFileSync(file, 'utf8');
    t.match(text, /^local-domains = local\.example$/m);
    t.match(text, /^mode = observe$/m);
    const asked = ['explain', '--config', file, '--from', 'a@b.example', '--to', 'c@local.example'];
    t.match(
      await run(process.execPath, MAIN, ...asked),
      { status: 0, out: /^accept/ },
      'it loads, and observes',
    );
    await run(process.execPath, MAIN, ...argv, '--apply');
    t.equal(readFileSync(file, 'utf8'), text, 'never written over');
  });
});
