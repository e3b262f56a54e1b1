/** Files and certificates as the checks see them. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { certificatesIn, gatherChain, gatherFiles } from '../../../src/doctor/gather/gatherFiles.ts';
import { CERTIFICATE_PEM, QUOTED_PEM, SPKI_SHA256 } from './certificate.ts';

test('files', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-gather-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const at = (name: string) => join(dir, name);
  writeFileSync(at('map'), '# tlsward export postfix\na b\n');
  chmodSync(at('map'), 0o640);
  mkdirSync(at('folder'), { mode: 0o700 });
  symlinkSync(at('map'), at('link'));
  const server = createServer().listen(at('socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => server.close());
  const names = ['map', 'folder', 'link', 'socket', 'gone', 'map/below'];
  const files = await gatherFiles(names.map(at), new Set([at('map')]));
  const of = (name: string) => {
    const file = files.get(at(name));
    return file?.known ? file.value : file;
  };
  t.match(of('map'), {
    kind: 'file',
    mode: 0o640,
    firstLine: '# tlsward export postfix',
    uid: process.getuid?.(),
  });
  t.match(of('folder'), { kind: 'folder', mode: 0o700 });
  t.match(of('link'), { kind: 'file', real: at('map'), firstLine: '' });
  t.match(of('socket'), { kind: 'socket' });
  t.match(of('gone'), { kind: 'absent' });
  t.match(of('map/below'), { kind: 'absent' });
});

test('certificates', async (t) => {
  const chain = certificatesIn(`some text\n${CERTIFICATE_PEM}\n${CERTIFICATE_PEM}`);
  if (!chain.known) throw new Error(chain.why);
  t.equal(chain.value.length, 2);
  const [first] = chain.value;
  t.same(first?.names, ['mx.example.org', '*.mail.example.org']);
  t.equal(first?.notAfter.toISOString().slice(0, 4), '2046');
  t.ok(
    first?.digests.some(
      ({ selector, matching, hex }) => selector === 1 && matching === 1 && hex === SPKI_SHA256,
    ),
  );
  t.equal(first?.digests.length, 6);
  const quoted = certificatesIn(QUOTED_PEM);
  t.same(quoted.known && quoted.value[0]?.names, ['mx.example.org'], 'a comma within quotes ends nothing');
  t.same(certificatesIn('-----BEGIN PRIVATE KEY-----'), { known: true, value: [] }, 'a key alone');
  t.match(certificatesIn('-----BEGIN CERTIFICATE-----\nAAAA'), { known: false, why: /ends/ });
  t.match(certificatesIn('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'), { known: false });
  t.match(await gatherChain('/no/such/file.pem'), { known: false, why: 'does not exist' });
  t.match(await gatherChain('/tmp'), { known: false });
});
