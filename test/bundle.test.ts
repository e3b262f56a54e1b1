/**
 * The program as it is installed (bundle.ts): what a bundler can break, since all else is tested with the modules themselves.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from 'tap';
import { COMMAND_FILES } from '../src/cli/commandFiles.ts';
import { bundle } from './bundle.ts';
import { daemonProcess } from './daemon/process.ts';
import { root } from './root.ts';

const run = promisify(execFile);
// as deep as the one that is installed
const DIR = fileURLToPath(new URL(`build/bundle-${process.pid}/`, root));
const MAIN = join(DIR, 'main.js');
const SOURCE = fileURLToPath(new URL('../src/main.js', import.meta.url));
/** Mistakes that schemas find, in each kind of section. */
const WRONG = ['service', 'alarms', 'policy partner', 'domain a.example', 'exception b', 'rule c']
  .map(
    (title) => `[${title}]\nno-such = 1\nreceive = encrpyt\nmin-bits = many\nlog-level = loud\nmail-to = @\n`,
  )
  .join('');
const env = { ...process.env, NODE_OPTIONS: '' };

test('the bundle', async (t) => {
  t.teardown(() => rmSync(DIR, { recursive: true, force: true }));
  await bundle(DIR);
  const inLib = readdirSync(join(DIR, 'lib'), { withFileTypes: true });
  t.same(
    inLib.filter((entry) => entry.isDirectory()),
    [],
    'all as deep as modules in build/src, for paths beside them',
  );
  const files = inLib.map(({ name }) => name).filter((name) => name.endsWith('.js'));

  await t.test('an old Node.js can read its first file, which loads nothing at once', async (t) => {
    const code = readFileSync(MAIN, 'utf8');
    t.match(code, /^#!\/usr\/bin\/env -S node /);
    t.notMatch(code, /^import |\?\?|\?\.|\bawait\b|^\S.*\brequire\("node:/m);
  });

  await t.test('no class has another name, since errors are known by it', async (t) => {
    for (const name of files)
      t.notMatch(readFileSync(join(DIR, 'lib', name), 'utf8'), /\bclass \w+\$\d/, name);
  });

  await t.test('every command loads and says what is wrong with its options', async (t) => {
    for (const name of Object.keys(COMMAND_FILES)) {
      const { stdout, stderr } = await run(process.execPath, [MAIN, name, '--no-such'], { env }).catch(
        (error) => error,
      );
      t.match(`${stdout}${stderr}`, /unknown option --no-such/, name);
    }
  });

  await t.test('sections are checked in the same words', async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'tlsward-'));
    t.teardown(() => rmSync(dir, { recursive: true }));
    const config = join(dir, 'tlsward.ini');
    writeFileSync(config, WRONG);
    const [ours, theirs] = await Promise.all(
      [MAIN, SOURCE].map((main) =>
        run(process.execPath, [main, 'check', '--config', config, '--json'], { env }).catch((error) => error),
      ),
    );
    t.equal(ours.stdout, theirs.stdout);
    t.ok(ours.stdout.split('expected').length > 10, ours.stdout);
  });

  await t.test('it finds its files', async (t) => {
    const { stdout } = await run(process.execPath, [MAIN, '--version'], { env });
    t.match(stdout, /^tlsward \d/);
    t.match((await run(process.execPath, [MAIN, 'check', '--sample'], { env })).stdout, /fine/);
  });

  await t.test(
    'the daemon has its threads: it records, counts and reads its table again, and has a page',
    async (t) => {
      const dir = mkdtempSync(join(tmpdir(), 'tlsward-'));
      t.teardown(() => rmSync(dir, { recursive: true }));
      const evidence = join(dir, 'evidence');
      const daemon = await daemonProcess(t, `evidence = ${evidence}\nhttp-listen = unix:h\n`, { main: MAIN });
      await daemon.logged({ event: 'config.loaded' });
      t.equal(
        readdirSync(join(DIR, 'lib')).filter((name) => name.endsWith('.cache')).length,
        1,
        'a code cache',
      );
      t.match(await daemon.ask('status'), { evidence: { writer: 'open' } });
      t.match(await daemon.ask('reload'), { ok: true });
      const asked = get({ socketPath: join(daemon.folder, 'h'), path: '/metrics' });
      const [answer] = (await once(asked, 'response')) as [IncomingMessage];
      answer.resume();
      t.equal(answer.statusCode, 200);
      t.same(
        daemon.log.filter(({ level }) => level === 50),
        [],
      );
    },
  );
});
