/**
 * What `main` makes of the arguments of the process: help, version, unknown words, options before the command,
 * and mistakes as text or as JSON.
 */
import { readFileSync } from 'node:fs';
import { test } from 'tap';
import type { Io } from '../../src/cli/command.ts';
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
