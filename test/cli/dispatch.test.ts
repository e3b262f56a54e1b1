/**
 * What `main` makes of the arguments of the process: help, version, unknown words, options before the command,
 * and mistakes as text or as JSON.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import type { Io } from '../../src/cli/command.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { dispatch } from '../../src/cli/dispatch.ts';
import { commandHelp, overview } from '../../src/cli/help.ts';
import { root } from '../root.ts';

async function tlsward(...argv: string[]) {
  let out = '';
  let err = '';
  const io: Io = { out: (text) => (out += text), err: (text) => (err += text), env: {}, colour: false };
  return { code: await dispatch(argv, io), out, err };
}

test('help goes to standard output, with status 0', async (t) => {
  for (const argv of [['help'], ['--help'], ['-h']])
    t.same(await tlsward(...argv), { code: 0, out: overview(), err: '' });
  for (const argv of [
    ['help', 'except'],
    ['-h', 'except'],
    ['except', '--help'],
    ['except', '-h'],
    ['except', 'bank.example', '--until', '+1d', '--help'],
    ['--config', 'x', 'except', '-h'],
  ])
    t.same(await tlsward(...argv), { code: 0, out: commandHelp('except'), err: '' }, argv.join(' '));
  t.same(await tlsward(), { code: 64, out: '', err: overview() }, 'a bare call is a mistake');
});

test('the version is that of the package, with the version of Node', async (t) => {
  const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string };
  for (const word of ['--version', 'version'])
    t.same(await tlsward(word), {
      code: 0,
      out: `tlsward ${version}, Node.js ${process.versions.node}\n`,
      err: '',
    });
});

test('a word that is no command, an option that is none', async (t) => {
  for (const argv of [['chekc'], ['help', 'chekc'], ['chekc', '--help']])
    t.match(await tlsward(...argv), {
      code: 64,
      out: '',
      err: /^tlsward: no command "chekc" \(did you mean check\?\); tlsward help lists them\n$/,
    });
  t.match(await tlsward('--versoin'), {
    code: 64,
    err: /^tlsward: no option "--versoin" \(did you mean --version\?\)/,
  });
  t.match(await tlsward('\u001b[2J'), { code: 64, err: /^tlsward: no command "\\u\{1b\}\[2J"/ });
  t.match(await tlsward('except'), { code: 64, err: /; tlsward help except shows the options\n$/ });
  t.match(await tlsward('import', 'exim', 'x'), {
    code: 64,
    err: /^tlsward import: found "exim", expected postfix or sendmail/,
  });
});

test('options that every command has may stand before it', async (t) => {
  const folder = t.testdir({ 'bad.ini': '[servce]\n' });
  const file = `${folder}/bad.ini`;
  for (const argv of [
    ['--config', file, 'check'],
    [`--config=${file}`, 'check'],
    ['check', '--config', file],
  ])
    t.match(await tlsward(...argv), { code: 78, out: '', err: /bad\.ini: 2 mistakes\n/ }, argv.join(' '));
  const { code, out } = await tlsward('--json', '--config', file, 'check');
  t.match([code, JSON.parse(out)], [78, { ok: false }]);
  t.match(await tlsward('--control', 'x', 'status'), { code: 64, err: /no option "--control"/ });
});

test('with --json mistakes are JSON on standard output', async (t) => {
  const control = `${t.testdir()}/none.sock`;
  for (const [argv, code, error] of [
    [['status', 'x', '--json'], 64, 'tlsward status: found "x", expected options only'],
    [['--json', 'chekc'], 64, 'tlsward: no command "chekc" (did you mean check?); tlsward help lists them'],
    [['status', '--json', '--control', control], 69, /^tlsward status: cannot reach the daemon/],
  ] as const) {
    const said = await tlsward(...argv);
    t.match({ ...said, out: JSON.parse(said.out) }, { code, out: { ok: false, error }, err: '' });
  }
});

test('a configuration that is not there has status 78 with every command that needs one', async (t) => {
  const folder = t.testdir({ 'm.eml': 'Subject: x\n\nx\n' });
  const mail = `${folder}/m.eml`;
  const session = ['--from', 'a@bank.example', '--to', 'b@x.example'];
  // serve takes signals for itself (test/cli/serve.test.ts), and setup writes a first one where there is none
  const commands = [
    ['check'],
    ['doctor', '--no-dns'],
    ['explain', ...session],
    ['explain', '--deliver', 'bank.example'],
    ['reload'],
    ['status'],
    ['simulate', 'policy', ...session],
    ['simulate', 'socketmap', 'bank.example'],
    ['except', 'bank.example', '--until', '+1d', '--reason', 'test'],
    ['exceptions'],
    ['export', 'postfix'],
    ['replay'],
    ['probe', 'bank.example'],
    ['published', 'bank.example'],
    ['lookup', 'ZZZZZZZZ'],
    ['verify-mark', mail],
    ['trace', 'ZZZZZZZZ'],
    ['collect'],
    ['evidence', 'verify'],
    ['hops', mail],
    ['ship', '--server', 'http://127.0.0.1:1'],
    ['report'],
    ['suggest'],
    ['alarms'],
    ['notices', 'run'],
    ['top', '--once'],
    ['tlsrpt', 'read', mail],
  ];
  const needed = Object.entries(COMMANDS).filter(
    ([name, { exit }]) => 78 in exit && name !== 'serve' && name !== 'setup',
  );
  t.same(
    [...new Set(commands.map(([name]) => name))].sort(),
    needed.map(([name]) => name).sort(),
    'these need one',
  );
  for (const argv of commands) {
    const said = await tlsward(...argv, '--config', `${folder}/none.ini`);
    t.match(said, { code: 78, out: '', err: /none\.ini"/ }, argv.join(' '));
    const json = await tlsward(...argv, '--json', '--config', `${folder}/none.ini`);
    t.match([json.code, JSON.parse(json.out), json.err], [78, { ok: false }, ''], argv.join(' '));
  }
});

test('who may not read the configuration hears who may', {
  skip: process.getuid?.() !== 0 && 'only root can become someone else',
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const file = join(folder, 'tlsward.ini');
  writeFileSync(file, '[domains]\n* = may\n', { mode: 0o600 });
  // the modules that answer are loaded while they can be read
  await tlsward('check', '--config', file);
  process.seteuid?.(65_534);
  try {
    const said = await tlsward('check', '--config', file);
    t.match(said, {
      code: 78,
      err: /which may not be read, .* \(run this as root or as the user of the daemon: sudo -u tlsward /,
    });
  } finally {
    process.seteuid?.(0);
  }
});
