/** What is read of a sendmail.cf: lines as Sendmail's own m4 writes them. */
import { test } from 'tap';
import { filtersOf, parseSendmailCf } from '../../src/mta/sendmailCf.ts';

const CF = `# a comment
V10/Berkeley
O InputMailFilters=tlsward,
	other
O DaemonPortOptions=Name=MTA-v4, Family=inet, Port=smtp
O DaemonPortOptions=Family=inet, Name=MSA, Addr=192.0.2.1, Port=submission, M=Ea, InputMailFilters=other;missing
O ServerCertFile=/etc/mail/tls/a.pem
O servercertfile = /etc/mail/tls/b.pem
Xtlsward, S=local:/run/tlsward/milter.sock, F=T, T=C:10s;S:10s;R:30s;E:2m
Xother, S=inet:8891@127.0.0.1
Kaccess hash -o -T<TMPF> /etc/mail/access
Ktls_rcpt socket -d10 -T<TMPF> local:/run/tlsward/socketmap.sock
Stls_rcpt
R<?> $+ < @ $+ >	$: <$(tls_rcpt tls_rcpt:$1@$2 $: ? $)>
`;

test('a sendmail.cf', async (t) => {
  const config = parseSendmailCf('/etc/mail/sendmail.cf', CF);
  t.equal(config.file, '/etc/mail/sendmail.cf');
  t.strictSame(config.inputFilters, ['tlsward', 'other'], 'a line that goes on');
  t.equal(config.options.get('servercertfile'), '/etc/mail/tls/b.pem', 'the last one counts');
  t.strictSame(config.filters, [
    { name: 'tlsward', socket: 'local:/run/tlsward/milter.sock', failure: 'T' },
    { name: 'other', socket: 'inet:8891@127.0.0.1', failure: '' },
  ]);
  t.strictSame(config.daemons, [
    { name: 'MTA-v4', address: '', modifiers: '', filters: null },
    { name: 'MSA', address: '192.0.2.1', modifiers: 'Ea', filters: ['other', 'missing'] },
  ]);
  t.strictSame(
    config.daemons.map((daemon) => filtersOf(config, daemon).map(({ name }) => name)),
    [['tlsward', 'other'], ['other']],
  );
  t.strictSame(config.maps[1], {
    name: 'tls_rcpt',
    kind: 'socket',
    args: ['-d10', '-T<TMPF>', 'local:/run/tlsward/socketmap.sock'],
  });
  t.strictSame([...config.asked], ['tls_rcpt']);
});

test('what says nothing', async (t) => {
  for (const text of [
    '',
    '\n',
    'not a configuration',
    ' a line that goes on with nothing',
    'O\nX\nK\nR',
    '\0\xff',
  ]) {
    const config = parseSendmailCf('x.cf', text);
    t.strictSame(config.inputFilters, []);
    t.strictSame(
      config.daemons,
      [{ name: 'MTA', address: '', modifiers: '', filters: null }],
      'listens by itself',
    );
  }
});
