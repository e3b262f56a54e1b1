/** From macros to the TLS state, line by line; and what CONNECT, MAIL and RCPT carry. */
import t from 'tap';
import { addressOf, clientAddress, clientOf, loginOf } from '../../src/session/milterEnvelope.ts';
import { type TlsSources, tlsOf } from '../../src/session/milterTls.ts';
import type { ConnectCommand } from '../../src/wire/milterDecode.ts';
import { joinMacros } from '../../src/wire/milterMacros.ts';
import { showTls } from './milterTranscript.ts';

/** `a=b c=d` to macros; names get their braces, `''` is an empty value. */
function macros(text: string): string {
  const pairs = text.split(' ').filter(Boolean);
  return joinMacros(
    pairs.map((pair): [string, string] => {
      const [name = '', value = ''] = pair.split(/=(.*)/s);
      return [name.length === 1 ? name : `{${name}}`, value.replace("''", '').replaceAll('~', ' ')];
    }),
  );
}

const T13 = 'tls_version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 cipher_bits=256';
const SEEN = 'TLSv1.3 TLS_AES_256_GCM_SHA384 256';
const PROOF = 'client_addr=192.0.2.1';

interface Case extends Partial<Pick<TlsSources, 'listsSent' | 'postfix'>> {
  readonly helo?: string;
  readonly mail?: string;
}

function judge(given: Case): ReturnType<typeof tlsOf> {
  return tlsOf({
    heloMacros: macros(given.helo ?? ''),
    mailMacros: macros(given.mail ?? ''),
    listsSent: given.listsSent ?? true,
    postfix: given.postfix ?? true,
  });
}

t.test('TLS or not', async (t) => {
  const is = (want: string, given: Case): void => {
    t.equal(showTls(judge(given)), want, JSON.stringify(given));
  };
  // the list of MAIL was honoured: it alone decides
  is('plain', { mail: PROOF });
  is('plain', { mail: PROOF, helo: T13 });
  is('plain', { mail: "client_addr=''" });
  is(`${SEEN} unproven`, { mail: `${PROOF} ${T13}` });
  is(`${SEEN} unproven`, { mail: `${T13} ${PROOF}`, helo: 'tls_version=SSLv3' });
  // without proof HELO can show TLS, never plain text
  is('unknown', {});
  is('unknown', { helo: 'cipher=AES' });
  is('unknown', { mail: 'i=123', helo: '' });
  is(`${SEEN} unknown`, { helo: T13 });
  is(`${SEEN} unknown`, { mail: T13 });
  // the same macro proves nothing if we never asked: an administrator may have listed it
  is('unknown', { mail: PROOF, listsSent: false });
  is(`${SEEN} unknown`, { mail: `${PROOF} ${T13}`, listsSent: false });
  is(`${SEEN} unknown`, { mail: PROOF, helo: T13, listsSent: false });
  // an empty value is not an absent one
  is('  ? unproven', { mail: `${PROOF} tls_version=''` });
  is('TLSv1.2  ? unproven', { mail: `${PROOF} tls_version=TLSv1.2` });
  is('TLSv1.2  ? unproven', { mail: `${PROOF} tls_version=TLSv1.2 cipher_bits=''` });
  is('TLSv1.2 x ? unproven', { mail: `${PROOF} tls_version=TLSv1.2 cipher=x cipher_bits=-1` });
  is('TLSv1.2  ? unproven', { mail: `${PROOF} tls_version=TLSv1.2 cipher_bits=0` });
  // what Postfix says of a NULL cipher
  is('TLSv1.2 NULL-SHA256 0 unproven', {
    mail: `${PROOF} tls_version=TLSv1.2 cipher=NULL-SHA256 cipher_bits=0`,
  });
  is('TLSv1.2 x 56 unproven', { mail: `${PROOF} tls_version=TLSv1.2 cipher=x cipher_bits=56` });
});

t.test('certificates', async (t) => {
  const is = (want: string, mail: string, given: Case = {}): void => {
    t.equal(showTls(judge({ ...given, mail: `${PROOF} ${T13} ${mail}` })), `${SEEN} ${want}`, mail);
  };
  const postfix = { postfix: true };
  is('unproven', '', postfix);
  is('trusted mx.example by CA', 'cert_issuer=CA cert_subject=mx.example', postfix);
  is('trusted "" by "Experiment Root CA"', "cert_issuer=Experiment~Root~CA cert_subject=''", postfix);
  is('trusted "" by CA', 'cert_issuer=CA', postfix);
  is('trusted mx.example by ""', "cert_issuer='' cert_subject=mx.example", postfix);
  is(
    'trusted "bücher.example" by "Bücher CA"',
    'cert_issuer=B\xc3\xbccher~CA cert_subject=b\xc3\xbccher.example',
    postfix,
  );
  is('trusted a+2Eb by CA', 'cert_issuer=CA cert_subject=a+2Eb', postfix);
  // subject alone does not happen in Postfix; it proves nothing
  is('unproven', 'cert_subject=mx.example', postfix);

  const sendmail = { postfix: false };
  const names =
    'cert_issuer=/CN=Experiment+20Root cert_subject=/CN=mx.example cn_subject=mx.example cn_issuer=Experiment+20Root';
  is('trusted mx.example by "Experiment Root"', `verify=OK ${names}`, sendmail);
  is('untrusted', `verify=FAIL ${names}`, sendmail);
  is('none', `verify=NO cn_subject='' cn_issuer=''`, sendmail);
  is('none', 'verify=NONE', sendmail);
  is('unknown', 'verify=NOT', sendmail);
  for (const word of ['TEMP', 'PROTOCOL', 'SOFTWARE', 'CONFIG', 'TRUSTED', 'ok', "''"])
    is('unknown', `verify=${word} ${names}`, sendmail);
  // subject and issuer without {verify} are those of any certificate
  is('unknown', names, sendmail);
  is('unknown', '', sendmail);
  is('unknown', 'verify=OK cert_subject=/CN=mx.example', sendmail);
  is(
    'trusted "" by "Experiment Root"',
    'verify=OK cn_subject=BadCertificateUnknown cn_issuer=Experiment+20Root',
    sendmail,
  );
  is('trusted "bücher.example" by ""', 'verify=OK cn_subject=b+C3+BCcher.example', sendmail);
  // {verify} wins whatever the version macro says
  is('untrusted', `verify=FAIL ${names}`, postfix);
});

t.test('every "unknown" says what to mend', async (t) => {
  const why = (given: Case): string => {
    const tls = judge(given);
    if (tls.kind === 'unknown') return tls.why;
    if (tls.kind === 'tls' && tls.certificate.kind === 'unknown') return tls.certificate.why;
    throw new Error(showTls(tls));
  };
  t.match(why({}), /milter_protocol = 6.*\{tls_version\} in milter_helo_macros/);
  t.match(why({ helo: T13 }), /milter_protocol = 6/);
  t.match(why({ mail: `${PROOF} ${T13}`, postfix: false }), /\{verify\} in confMILTER_MACROS_ENVFROM/);
  t.match(why({ mail: `${PROOF} ${T13} verify=NOT`, postfix: false }), /confTLS_SRV_OPTIONS/);
  t.match(why({ mail: `${PROOF} ${T13} verify=OK`, postfix: false }), /\{cn_subject\}/);
  t.match(why({ mail: `${PROOF} ${T13} verify=TEMP`, postfix: false }), /TEMP/);
});

t.test('clients', async (t) => {
  const connect = (
    hostname: string,
    family: ConnectCommand['family'],
    port: number,
    address: string,
  ): ConnectCommand => ({
    kind: 'CONNECT',
    hostname,
    family,
    port,
    address,
  });
  const is = (command: ConnectCommand, want: object): void => {
    t.match(clientOf(command, 'j\0mx.example\0v\0Postfix 3.7.11\0'), want, JSON.stringify(command));
  };
  const smtp = { arrival: 'smtp' };
  const local = { arrival: 'local' };
  is(connect('a.example', '4', 25, '192.0.2.1'), {
    ...smtp,
    name: 'a.example',
    address: '192.0.2.1',
    port: 25,
  });
  is(connect('[192.0.2.1]', '4', 25, '192.0.2.1'), { ...smtp, name: '', address: '192.0.2.1' });
  is(connect('unknown', 'U', 0, ''), { ...smtp, name: '', address: '', port: 0 });
  is(connect('unknown', '4', 0, 'unknown'), { ...smtp, address: '' });
  is(connect('x', 'L', 0, '/run/socket'), { ...smtp, address: '' });
  is(connect('localhost', '4', 0, '127.0.0.1'), { ...local, address: '127.0.0.1' });
  is(connect('localhost', '6', 0, '::1'), { ...local, address: '::1' });
  is(connect('localhost', '6', 0, 'IPv6:::1'), { ...local, address: '::1' });
  // one of the three marks is missing: an ordinary client on this host
  is(connect('localhost', '4', 40000, '127.0.0.1'), smtp);
  is(connect('localhost', '4', 0, '192.0.2.1'), smtp);
  is(connect('host.example', '4', 0, '127.0.0.1'), smtp);
  is(connect('localhost', 'U', 0, ''), smtp);
  t.match(clientOf(connect('a', 'U', 0, ''), ''), { mtaName: '', postfix: false });
  t.match(clientOf(connect('a', 'U', 0, ''), 'v\x008.17.1.9\0'), { mtaName: '', postfix: false });
  t.match(clientOf(connect('a', 'U', 0, ''), 'j\0mx\0v\0Postfix\0'), { mtaName: 'mx', postfix: true });
  t.equal(clientAddress('2001:DB8::1'), '2001:db8::1');
  t.equal(clientAddress('ipv6:2001:db8:0:0:0:0:0:1'), '2001:db8:0:0:0:0:0:1');
  t.equal(clientAddress('::ffff:192.0.2.1'), '192.0.2.1');
  t.equal(clientAddress('IPv6:::FFFF:c000:201'), '192.0.2.1');
  t.equal(clientAddress('fe80::1%eth0'), 'fe80::1%eth0', 'what cannot be read stays');
  t.equal(loginOf(null, true), '');
  t.equal(loginOf('a+2Bb', true), 'a+2Bb');
  t.equal(loginOf('a+2Bb', false), 'a+b');
  t.equal(loginOf('j\xc3\xbcrgen', true), 'jürgen');
});

t.test('paths', async (t) => {
  const is = (argument: string, kind: string, mailbox: string, text = argument): void => {
    t.match(addressOf(argument), { kind, mailbox, text }, JSON.stringify(argument));
  };
  is('<a@b.example>', 'mailbox', 'a@b.example');
  is('a@b.example', 'mailbox', 'a@b.example');
  is('<>', 'null', '');
  t.equal(addressOf('').kind, 'null');
  is('<postmaster>', 'domainless', '');
  is('<@x.example,@y.example:a@B.Example>', 'mailbox', 'a@b.example');
  is('<a@b.example> SIZE=9', 'mailbox', 'a@b.example', '<a@b.example>');
  is('<a@b.example> AUTH=<> SIZE=9', 'mailbox', 'a@b.example', '<a@b.example>');
  is('<> SIZE=9', 'null', '', '<>');
  is('<"> x"@b.example> SIZE=9', 'mailbox', '> x@b.example', '<"> x"@b.example>');
  is('<"\\"> x"@b.example> SIZE=9', 'mailbox', '"> x@b.example', '<"\\"> x"@b.example>');
  is('<"a b"@b.example>', 'mailbox', 'a b@b.example');
  is('<a@b.example>x y', 'malformed', '');
  is('<a@b.example SIZE=9', 'malformed', '');
  is('<"a@b.example SIZE=9>', 'malformed', '');
  is('a b@b.example', 'malformed', '');
  // UTF-8 that came as bytes
  is('<a@b\xc3\xbccher.example>', 'mailbox', 'a@xn--bcher-kva.example', '<a@bücher.example>');
  is('<a@b\xc3\xbccher.example> SMTPUTF8', 'mailbox', 'a@xn--bcher-kva.example', '<a@bücher.example>');
});
