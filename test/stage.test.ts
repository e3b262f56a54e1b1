/** What a page may leave open about its examples, and what it may not. */
import { test } from 'tap';
import { Stage, stepsOf } from './stage.ts';

test('examples and files of a page, in their order', async (t) => {
  const page = [
    '```ini\n; /etc/tlsward/tlsward.ini\n[service]\n```',
    '```sh\npostfix reload\n```',
    '```console\n$ npx tlsward help\n...\n```',
    '```console\n$ tlsward reload\nreloaded\n\n  more\n$ tlsward status\n```',
    '```ini\n[service] ; a table by itself\n```',
  ];
  t.strictSame(stepsOf(`${page.join('\n\n')}\n`), [
    { path: '/etc/tlsward/tlsward.ini', text: '; /etc/tlsward/tlsward.ini\n[service]\n' },
    {
      examples: [
        { command: 'tlsward reload', shown: 'reloaded\n\n  more' },
        { command: 'tlsward status', shown: '' },
      ],
    },
  ]);
});

test('what fits', async (t) => {
  const stage = new Stage();
  t.teardown(() => stage.close());
  const cases: readonly (readonly [shown: string, printed: string, fits: boolean])[] = [
    ['accept', 'accept', true],
    ['accept', 'reject', false],
    ['accept', 'accept\nmore', false],
    ['accept\n...', 'accept\nmore\nand more', true],
    ['accept\n...', 'accept', true],
    ['...\nlast', 'first\nlast', true],
    ['...\nlast', 'last\nfirst', false],
    ['hash ..., loaded', 'hash 12, loaded', true],
    ['hash ..., loaded', 'hash 12\n, loaded', false],
    ['a.b (c) [d]', 'a.b (c) [d]', true],
    ['a.b', 'axb', false],
    ['until 2026-12-13 (14 days)', 'until 2031-01-02 (14 days)', true],
    ['until 2026-12-13 (14 days)', 'until never (14 days)', false],
    ['at 2026-11-29T...Z', 'at 2031-01-02T03:04:05.678Z', true],
    ['refused, ... for\n   plaintext\n...', 'refused, 1 Dec for plaintext\n   more', true],
    ['refused, ... for\n   plaintext', 'refused, 30 Nov 2026\n   for plaintext', true],
    ['refused, ... for\n   plaintext', 'refused, 30 Nov 2026 for\n   TLS', false],
  ];
  for (const [shown, printed, fits] of cases)
    t.equal(stage.fits(shown, printed), fits, `${shown}; ${printed}`);
});

test('a command gets the code that was printed this time, and paths of the page', async (t) => {
  const stage = new Stage();
  t.teardown(() => stage.close());
  t.ok(stage.fits('refused [4T8M0001]', 'refused [ZZZZ9999]'));
  t.equal(await stage.run('echo 4T8M0001 /etc/tlsward/tlsward.ini'), 'ZZZZ9999 /etc/tlsward/tlsward.ini');
  await stage.write('/etc/postfix/tls_policy', 'bank.example encrypt\n');
  t.equal(await stage.run('cat /etc/postfix/tls_policy'), 'bank.example encrypt');
  await stage.write('/var/lib/tlsward/mail.log', '2026-11-29T10:00:00Z mx postfix/qmgr[1]: start\n');
  t.equal(
    await stage.run('grep -c "^2026-11-29T10" /var/lib/tlsward/mail.log'),
    '1',
    'a day that is not long ago',
  );
  t.equal(await stage.run("grep -c '^2026-11-''29' /var/lib/tlsward/mail.log"), '0');
  t.equal(await stage.run('tlsward --version | cut -d" " -f1'), 'tlsward');
});
