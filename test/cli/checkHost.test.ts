/**
 * `check` finds what would keep `serve` from starting on this host, and lets sockets of our own daemon be.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { run as check } from '../../src/cli/check.ts';
import { run as status } from '../../src/cli/status.ts';
import { startDaemon } from '../daemon/startDaemon.ts';
import { say } from './runCommand.ts';

/** A configuration whose `[service]` ends in `lines`; its sockets are named from its own folder. */
function written(t: Test, lines: string): { readonly folder: string; readonly config: string } {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, 'tlsward.ini');
  writeFileSync(config, `[service]\npostconf =\ncontrol-listen = unix:c\n${lines}\n[domains]\n* = may\n`);
  return { folder, config };
}

async function listening(
  t: Test,
  where: string | { readonly port: number; readonly host: string },
): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    if (typeof where === 'string') server.listen(where, resolve);
    else server.listen(where, resolve);
  });
  t.teardown(() => server.close());
  return server;
}

test('what would keep serve from starting', async (t) => {
  const refused = async (lines: string, why: RegExp) => {
    const { config } = written(t, lines);
    const text = await say(check, [config]);
    t.match(text, { code: 78, out: '', err: /^\S+tlsward\.ini: 1 mistake\n/ }, lines);
    t.match(text.err, why);
    t.match(await say(check, [config, '--files-only']), { code: 0 }, 'the files are fine');
    const json = await say(check, [config, '--json']);
    t.match(JSON.parse(json.out), { ok: false, problems: [{ file: config, line: 0, text: why }] });
  };
  await refused(
    'policy-listen = unix:nowhere/p',
    /\[service\] policy-listen: found unix:\S+\/nowhere\/p, whose folder \S+ does not exist, expected /,
  );
  await refused(
    'milter-listen = unix:p\nsocket-group = no-such-group',
    /milter-listen: .* socket-group = no-such-group is no group/,
  );
  await refused(
    'policy-listen = inet:192.0.2.1:10031\nallow-remote = yes',
    /policy-listen: found inet:192\.0\.2\.1:10031, this machine has no such address/,
  );
  const taken = await listening(t, { port: 0, host: '127.0.0.1' });
  const { port } = taken.address() as { port: number };
  await refused(
    `milter-listen = inet:127.0.0.1:${port}`,
    /milter-listen: found inet:\S+, the port is in use/,
  );
});

test('files in the place of a socket', async (t) => {
  const { folder, config } = written(t, 'policy-listen = unix:p\nmilter-listen = unix:m');
  writeFileSync(join(folder, 'p'), '');
  await listening(t, join(folder, 'm'));
  const said = await say(check, [config]);
  t.match(said, {
    code: 78,
    err: /: 2 mistakes\n.*policy-listen: .* where a file is that is no socket.*\n.*milter-listen: .* on which another process listens/,
  });
  rmSync(join(folder, 'p'));
});

test('the folder of a key that is to be made', async (t) => {
  const { folder, config } = written(t, 'policy-listen = unix:p\nmark-key = keys/mark.key');
  t.match(await say(check, [config, '--files-only']), {
    code: 78,
    err: /keys\/mark\.key: cannot be created: the folder \S+ does not exist\n/,
  });
  mkdirSync(join(folder, 'keys'));
  t.match(await say(check, [config]), { code: 0 });
});

test('a folder that is only there while the service runs is no mistake', async (t) => {
  const folder = `/run/tlsward-${randomUUID()}`;
  const { config } = written(t, `policy-listen = unix:${folder}/policy.sock`);
  t.match(await say(check, [config]), {
    code: 0,
    err: `notice: policy-listen = unix:${folder}/policy.sock was not checked: systemd makes ${folder} when`,
  });
});

test('our own running daemon has its sockets', async (t) => {
  const { config } = await startDaemon(t, 'socketmap-listen = inet:127.0.0.1:0\n[domains]\n* = may\n');
  t.match(await say(check, [config]), { code: 0, out: /: fine; 1 row from 1 file\n$/ });
});

test('status --wait gives up when the daemon has ended, and does not ask where there is no control socket', async (t) => {
  const { config } = written(t, 'policy-listen = unix:p');
  let out = '';
  const io = {
    out: (text: string) => (out += text),
    err: () => {},
    env: { MAINPID: '4194305' },
    colour: false,
  };
  const begun = performance.now();
  await t.rejects(status(['--config', config, '--wait', '60'], io), {
    message: /process 4194305\) has ended/,
  });
  t.ok(performance.now() - begun < 30_000, 'at once');
  writeFileSync(config, '[service]\npolicy-listen = unix:p\ncontrol-listen =\n');
  t.equal(await status(['--config', config, '--wait', '60'], io), 0);
  t.equal(out, 'control-listen is empty: the daemon cannot be asked\n');
});
