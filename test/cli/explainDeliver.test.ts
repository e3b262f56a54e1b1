/**
 * `tlsward explain --deliver` and `tlsward simulate socketmap`: the same answer from the file and from the daemon, words
 * that say what it leads to, exit statuses.
 */
import { test } from 'tap';
import type { Io } from '../../src/cli/command.ts';
import { run as explain } from '../../src/cli/explain.ts';
import { run as simulate } from '../../src/cli/simulate.ts';
import { startDaemon } from '../daemon/startDaemon.ts';

const DIGEST = Array.from({ length: 32 }, () => 'AB').join(':');
const TABLE = `socketmap-listen = unix:socketmap.sock
[domains]
encrypt.example = encrypt
may.example = may
verify.example = verify
none.example = none
[domain secure.example]
deliver = secure
min-bits = 256
[domain named.example]
deliver = secure
server-names = a.example, .b.example
[domain watched.example]
deliver = secure
mode = observe
[domain dane.example]
deliver = dane
[domain only.example]
deliver = dane-only
deny-ciphers = 3des
[domain pinned.example]
deliver = fingerprint
fingerprint = ${DIGEST}
[domain stated.example]
deliver = may
`;

interface Said {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

async function say(run: typeof explain, argv: string[]): Promise<Said> {
  let out = '';
  let err = '';
  const io: Io = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    env: {},
    colour: false,
  };
  return { status: await run(argv, io), out, err };
}

test('explain and the daemon give the same answer', async (t) => {
  const { config } = await startDaemon(t, TABLE);
  const names = [...TABLE.matchAll(/([a-z]+\.example)(?: =|\])/g)].map((match) => match[1]!);
  t.equal(names.length, 11);
  for (const map of ['deliver', 'deliver-encrypt', 'deliver-verify', 'tls_rcpt']) {
    for (const name of [...names, 'nobody.example', '[encrypt.example]:25', 'BÜCHER.example', 'a b']) {
      const about = map === 'tls_rcpt' ? `u@${name}` : name;
      const key = map === 'tls_rcpt' ? `tls_rcpt:u@${name}` : name;
      const explained = await say(explain, ['--config', config, '--deliver', about, '--map', map]);
      const asked = await say(simulate, ['socketmap', '--config', config, '--map', map, key]);
      t.equal(
        explained.out.split('\n')[0],
        asked.out.trimEnd() === 'NOTFOUND' ? 'NOTFOUND ' : asked.out.trimEnd(),
      );
      t.equal(explained.status, asked.status);
      t.equal(explained.status, asked.out.startsWith('TEMP') ? 75 : 0, `${map} ${key}: ${asked.out}`);
    }
  }
});

test('what the answer leads to, in words', async (t) => {
  const { config } = await startDaemon(t, TABLE);
  const means = async (name: string, ...words: readonly RegExp[]): Promise<void> => {
    const { out } = await say(explain, ['--config', config, '--deliver', name]);
    for (const word of words) t.match(out, word, name);
  };
  await means('none.example', /^OK none\n/, /sends without TLS, even where it is offered\n/);
  await means(
    'stated.example',
    /^OK may\n/,
    /uses TLS where it is offered, and sends in plaintext elsewhere\n/,
  );
  await means(
    'may.example',
    /^NOTFOUND \n/,
    /says {7}nothing about deliver\n/,
    /smtp_tls_security_level: the row does not say/,
  );
  await means('nobody.example', /^NOTFOUND \n/, /row {8}none\n/, /smtp_tls_security_level: no row\n/);
  await means(
    'encrypt.example',
    /TLS only, whatever certificate/,
    /TLSv1\.2 or later/,
    /4\.7\.4 TLS is required/,
  );
  await means(
    'verify.example',
    /the host name of the MX \(smtp_tls_verify_cert_match\)/,
    /4\.7\.5 Server certificate/,
  );
  await means(
    'secure.example',
    /the next hop's domain or a name below it/,
    /256 bits or more up to TLSv1\.2/,
  );
  await means('named.example', /a trusted issuer for a\.example or \.b\.example;/);
  await means('watched.example', /^NOTFOUND \n/, /mode = observe\n/, /deliver = secure is not enforced/);
  await means('dane.example', /^OK dane\n/, /TLSA records are published/);
  await means('only.example', /^OK dane-only /, /matches TLSA records/, /; without 3DES\n/);
  await means('pinned.example', /the pinned certificate or key/);
  await means('a b', /^TEMP /, /defers the mail, 4\.7\.5 client TLS configuration problem/);
});

test('json, mistakes and absence', async (t) => {
  const { config, service, write } = await startDaemon(t, TABLE);
  const json = await say(explain, ['--config', config, '--deliver', 'encrypt.example', '--json']);
  t.match(JSON.parse(json.out), {
    answer: 'OK encrypt protocols=>=TLSv1.2 ciphers=high',
    map: 'deliver',
    row: { pattern: 'encrypt.example' },
    means: [/^Postfix sends under TLS only/, /^otherwise/],
  });
  const asked = await say(simulate, [
    'socketmap',
    '--config',
    config,
    '--json',
    'encrypt.example',
    'may.example',
  ]);
  t.strictSame(
    asked.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
    [
      {
        map: 'deliver',
        key: 'encrypt.example',
        status: 'OK',
        value: 'encrypt protocols=>=TLSv1.2 ciphers=high',
      },
      { map: 'deliver', key: 'may.example', status: 'NOTFOUND' },
    ],
  );
  const refused = async (run: typeof explain, ...argv: string[]): Promise<string> =>
    say(run, ['--config', config, ...argv]).then(
      () => 'done',
      (error: Error) => `${error.constructor.name}: ${error.message}`,
    );
  t.match(
    await refused(explain, '--deliver', 'x.example', '--map', 'x'),
    /^UsageError: --map: found "x", expected deliver/,
  );
  t.match(await refused(simulate, 'socketmap'), /^UsageError: simulate socketmap \[--map deliver\] KEY/);
  t.match(await refused(simulate, 'socketmap', '--map', 'a b', 'x'), /^UsageError: --map/);
  t.match(
    await refused(simulate, 'socketmap', '--connect', `unix:${config}`, 'x.example'),
    /^ControlError: cannot reach the socketmap/,
  );
  const folder = config.replace(/[^/]*$/, '');
  t.match(
    await refused(simulate, 'socketmap', '--connect', `unix:${folder}policy.sock`, 'x.example'),
    /^ControlError: the socketmap closed without an answer/,
    'the socket of another protocol',
  );
  write('[domains]\nx.example = encrpyt\n');
  const { status, err } = await say(explain, ['--config', config, '--deliver', 'x.example']);
  t.equal(status, 78);
  t.match(err, /found policy "encrpyt"/);
  await service.stop(0);
});
