/**
 * The scripts that `tlsward completion` prints, as the shells themselves use them: bash and fish are asked what they would
 * offer, zsh what it hands to _arguments. A shell that is not installed is skipped, and must be there under
 * TLSWARD_E2E=required.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import { COMMANDS } from '../../src/cli/commands.ts';
import { without } from '../tools.ts';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));

function script(shell: string): string {
  return execFileSync(process.execPath, [MAIN, 'completion', shell], { encoding: 'utf8' });
}

/** A folder with the script in it. */
function folder(t: Test, name: string, text: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-complete-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, name), text);
  writeFileSync(join(dir, 'mail one.eml'), '');
  return dir;
}

const NAMES = Object.keys(COMMANDS);
const MAPS = COMMANDS.explain.options.find(({ flag }) => flag === '--map')!.argument.split('|');

/** What is typed, the last word being completed, and what every shell must offer, among others or alone. */
const CASES: readonly (readonly [typed: readonly string[], offered: readonly string[]])[] = [
  [['ex'], ['explain', 'except', 'exceptions', 'export']],
  [['explain', '--map', ''], MAPS],
  [['explain', '--mess'], ['--message']],
  [['explain', '--message', 'ma'], ['mail one.eml']],
  [
    ['--config', 'x.ini', 'simulate', ''],
    ['milter', 'policy', 'socketmap'],
  ],
  [['simulate', 'milter', '--mta', 's'], ['sendmail']],
  [['check', 'mail'], ['mail one.eml']],
  [['help', 'verify'], ['verify-mark']],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
  [['--ver'], ['--version']],
];

test('bash', { skip: without('bash', 'bash') }, async (t) => {
  const dir = folder(t, 'tlsward.bash', script('bash'));
  for (const [typed, offered] of CASES) {
    const ask = `. ./tlsward.bash; COMP_WORDS=(tlsward "$@"); COMP_CWORD=$#; _tlsward; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const said = spawnSync('bash', ['-c', ask, 'bash', ...typed], { cwd: dir, encoding: 'utf8' });
    t.equal(said.stderr, '');
    t.strictSame(said.stdout.trimEnd().split('\n'), offered, typed.join(' '));
  }
  const said = spawnSync('bash', ['-c', '. ./tlsward.bash; complete -p tlsward'], {
    cwd: dir,
    encoding: 'utf8',
  });
  t.equal(said.stdout, 'complete -F _tlsward tlsward\n');
});

test('fish', { skip: without('fish', 'fish') }, async (t) => {
  const dir = folder(t, 'tlsward.fish', script('fish'));
  for (const [typed, offered] of CASES) {
    // fish knows a subcommand by its being the first word that is no option
    if (typed[0] === '--config') continue;
    const line = ['tlsward', ...typed].join(' ');
    const env = { ...process.env, HOME: dir, XDG_CONFIG_HOME: dir };
    const ask = `source tlsward.fish; complete -C '${line}'`;
    const said = spawnSync('fish', ['--no-config', '-c', ask], { cwd: dir, encoding: 'utf8', env });
    const words = said.stdout
      .trimEnd()
      .split('\n')
      .map((row) => row.split('\t')[0]!);
    t.equal(said.stderr, '');
    for (const word of offered) t.ok(words.includes(word), `${line}: ${word}`);
  }
});

test('zsh', { skip: without('zsh', 'zsh') }, async (t) => {
  const dir = folder(t, '_tlsward', script('zsh'));
  /** What the function hands to _arguments for the words behind a command. */
  const handed = (command: string): string => {
    const ask = `_arguments() { state=words; words=(${command}); print -rl -- "$@" }; compdef() { : }; _describe() { print -rl -- $commands }
      source ./_tlsward; _tlsward`;
    const said = spawnSync('zsh', ['-fc', ask], { cwd: dir, encoding: 'utf8' });
    t.equal(said.stderr, '', command);
    return said.stdout;
  };
  t.equal(spawnSync('zsh', ['-fn', '_tlsward'], { cwd: dir }).status, 0, 'its grammar');
  for (const name of NAMES) {
    const said = handed(name);
    for (const { flag } of COMMANDS[name as keyof typeof COMMANDS].options)
      t.match(said, new RegExp(`^\\*?${flag}\\[`, 'm'), `${name} ${flag}`);
  }
  t.match(handed('explain'), `:(${MAPS.join(' ')})`);
  t.match(handed('help'), NAMES.map((name) => `${name}:`).at(-1));
});

test('arguments', async (t) => {
  for (const wrong of [[], ['tcsh'], ['bash', 'zsh'], ['constructor']]) {
    const said = spawnSync(process.execPath, [MAIN, 'completion', ...wrong], { encoding: 'utf8' });
    t.equal(said.status, 64);
    t.match(said.stderr, /bash/);
  }
});
