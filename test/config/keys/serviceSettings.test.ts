import { Buffer } from 'node:buffer';
import t from 'tap';
import { KEYS } from '../../../src/config/keys/keys.ts';
import { formatListen } from '../../../src/config/keys/listenAddress.ts';
import type { ServiceSettings } from '../../../src/config/keys/serviceSettings.ts';
import { inNetworks } from '../../../src/core/network.ts';
import { noticesOf, problemsOf, workbench } from '../configFixture.ts';

function serviceOf(t: Parameters<typeof workbench>[0], content: string): ServiceSettings {
  const bench = workbench(t);
  bench.write('tls.ini', `[service]\n${content}\n[domains]\n* = may\n`);
  const loaded = bench.load();
  if (!loaded.ok) throw new Error(problemsOf(loaded, bench.folder).join('\n'));
  const { exceptions } = loaded.service;
  return { ...loaded.service, exceptions: exceptions?.replace(bench.folder, '') ?? null };
}

t.test('defaults', (t) => {
  const { policyListen, controlListen, trustedClients, ...rest } = serviceOf(
    t,
    'policy-listen = unix:/run/p.sock',
  );
  t.strictSame(policyListen, [{ kind: 'unix', path: '/run/p.sock' }]);
  t.strictSame(controlListen, [{ kind: 'unix', path: '/run/tlsward/control.sock' }]);
  t.equal(trustedClients.length, 2);
  t.match(rest, {
    milterListen: [],
    socketmapListen: [],
    httpListen: [],
    socketMode: 0o660,
    socketGroup: null,
    hostName: null,
    markName: 'X-TLS-Ward',
    logFormat: 'json',
    logLevel: 'info',
    postfixVersion: null,
    resolver: [],
    stsCache: null,
    published: null,
    stsTestOpening: null,
    maxConnections: 20_000,
    maxConnectionsPerClient: 1000,
    idleTimeoutMs: 3_600_000,
    requestTimeoutMs: 30_000,
    maxRequestBytes: 65_536,
    maxAttributes: 200,
    maxPacketBytes: 1_048_577,
    maxRecipients: 10_000,
    shutdownTimeoutMs: 25_000,
    recentVerdicts: 4096,
  });
  t.end();
});

t.test('writing every default is the same as writing nothing', (t) => {
  const keys = KEYS.filter((key) => key.section === 'service' && key.key !== 'policy-listen');
  const written = keys.map((key) => `${key.key} = ${JSON.stringify(key.default)}`).join('\n');
  t.strictSame(
    serviceOf(t, `policy-listen = unix:/run/p.sock\n${written}`),
    serviceOf(t, 'policy-listen = unix:/run/p.sock'),
  );
  t.end();
});

t.test('values', (t) => {
  const service = serviceOf(
    t,
    `policy-listen = inet:0.0.0.0:8891, inet:[2001:db8::1]:8891, inet:127.0.0.1:0
milter-listen = unix:m.sock, inet:127.0.0.1:0
socketmap-listen = inet:mx.example:8893
control-listen =
allow-remote = yes
socket-mode = 600
socket-group = postfix
host-name = MX.bücher.example.
trusted-clients = 10.0.0.0/8, 2001:db8::/32
mark-name = X-Our-TLS
log-level = debug
postfix-version = 3.11
max-connections = 5
max-request = 128K
max-packet = 2M
idle-timeout = 2h
request-timeout = 90
shutdown-timeout = 0
recent-verdicts = 0`,
  );
  t.strictSame(service.policyListen.map(formatListen), [
    'inet:0.0.0.0:8891',
    'inet:[2001:db8::1]:8891',
    'inet:127.0.0.1:0',
  ]);
  t.match(formatListen(service.milterListen[0]!), /^unix:\/.*\/m\.sock$/);
  t.strictSame(service.controlListen, []);
  t.equal(service.socketMode, 0o600);
  t.equal(service.socketGroup, 'postfix');
  t.equal(service.hostName, 'mx.xn--bcher-kva.example');
  t.ok(inNetworks(service.trustedClients, '10.1.2.3'));
  t.notOk(inNetworks(service.trustedClients, '127.0.0.1'), 'the default is replaced, not added to');
  t.equal(service.markName, 'X-Our-TLS');
  t.equal(service.logLevel, 'debug');
  t.equal(service.postfixVersion, '3.11');
  t.equal(service.maxConnections, 5);
  t.equal(service.maxRequestBytes, 131_072);
  t.equal(service.maxPacketBytes, 2_097_152);
  t.equal(service.idleTimeoutMs, 7_200_000);
  t.equal(service.requestTimeoutMs, 90_000);
  t.equal(service.shutdownTimeoutMs, 0);
  t.equal(service.recentVerdicts, 0);
  t.end();
});

t.test('trusted-clients, present and empty, is nobody', (t) => {
  const { trustedClients } = serviceOf(t, 'milter-listen = unix:/run/m.sock\ntrusted-clients =');
  t.strictSame(trustedClients, []);
  t.end();
});

t.test('what domains publish: resolver, cache, another server', (t) => {
  const service = serviceOf(
    t,
    `socketmap-listen = inet:127.0.0.1:0
resolver = 127.0.0.53, 127.0.0.1:5353, ::1, [::1]:53
sts-cache = sts
sts-test-opening = 127.0.0.0/8 8443`,
  );
  t.strictSame(
    service.resolver.map(({ host, port }) => `${host} ${port}`),
    ['127.0.0.53 53', '127.0.0.1 5353', '::1 53', '::1 53'],
  );
  t.match(service.stsCache, /^\/.*\/sts$/);
  t.match(service.stsTestOpening, { port: 8443, text: '127.0.0.0/8 8443' });
  const other = (text: string) =>
    serviceOf(t, `socketmap-listen = inet:127.0.0.1:0\npublished = ${text}`).published;
  t.strictSame(other('socketmap:inet:127.0.0.1:8642:QUERY'), {
    address: { kind: 'inet', host: '127.0.0.1', port: 8642 },
    map: 'QUERY',
  });
  t.strictSame(other('socketmap:inet:[::1]:8461:postfix')?.address, {
    kind: 'inet',
    host: '::1',
    port: 8461,
  });
  t.strictSame(other('socketmap:unix:/run/s.sock:m'), {
    address: { kind: 'unix', path: '/run/s.sock' },
    map: 'm',
  });
  const bench = workbench(t);
  bench.write(
    'tls.ini',
    `[service]
policy-listen = unix:/run/p.sock
resolver = 127.0.0.1
published = socketmap:inet:tlspol:8642:QUERY
sts-test-opening = 127.0.0.0/8 8443
sts-cache =
[domains]
* = may
`,
  );
  t.strictSame(noticesOf(bench.load(), bench.folder), [
    'tls.ini:3: [service] resolver: has no effect, because published names another policy server',
    'tls.ini:4: [service] published: the answers come over a network and can be changed on the way',
    'tls.ini:5: [service] sts-test-opening: FOR TESTS ONLY: MTA-STS policies are fetched from internal addresses (127.0.0.0/8 8443); remove it on a mail server',
    'tls.ini:5: [service] sts-test-opening: has no effect, because published names another policy server',
  ]);
  t.end();
});

t.test('reports about TLS', (t) => {
  const of = (text: string) => serviceOf(t, `policy-listen = inet:127.0.0.1:0\n${text}`);
  t.match(of(''), { tlsrptSend: 'no', tlsrptOrganization: null, tlsrptContact: null });
  const keys =
    'evidence = e\ntlsrpt-send = https\ntlsrpt-organization = Us, Inc.\ntlsrpt-contact = Tls@b.Example';
  t.match(of(keys), { tlsrptSend: 'https', tlsrptOrganization: 'Us, Inc.', tlsrptContact: 'tls@b.example' });
  t.end();
});

t.test('evidence', (t) => {
  const of = (text: string) => serviceOf(t, `policy-listen = inet:127.0.0.1:0\n${text}`);
  t.match(of(''), {
    evidence: null,
    privacy: 'hashed',
    retentionDays: null,
    evidenceSyncMs: 200,
    evidenceFailure: 'continue',
    checkpointCommand: null,
    checkpointMail: null,
  });
  const all = of(
    'evidence = kept\nprivacy = full\nretention = 400d\nevidence-failure = defer\ncheckpoint-mail = A@b.Example\n' +
      'checkpoint-command = /usr/bin/keep  --to x',
  );
  t.match(all.evidence, /^\/.*\/kept$/);
  t.match(all, {
    privacy: 'full',
    retentionDays: 400,
    evidenceFailure: 'defer',
    checkpointCommand: ['/usr/bin/keep', '--to', 'x'],
    checkpointMail: 'a@b.example',
  });
  const sync = (text: string) => of(`evidence = e\nevidence-sync = ${text}`).evidenceSyncMs;
  t.strictSame(['always', 'never', '1s', '10ms'].map(sync), [0, null, 1000, 10]);
  const bench = workbench(t);
  bench.write('tls.ini', '[service]\npolicy-listen = unix:/run/p.sock\nretention = 1d\n[domains]\n* = may\n');
  t.strictSame(noticesOf(bench.load(), bench.folder), [
    'tls.ini:3: [service] retention: has no effect without evidence',
  ]);
  t.end();
});

t.test('refused values', (t) => {
  const bad = (line: string, want: RegExp) => {
    const bench = workbench(t);
    bench.write('tls.ini', `[service]\npolicy-listen = unix:/run/p.sock\n${line}\n[domains]\n* = may\n`);
    const problems = problemsOf(bench.load(), bench.folder);
    t.equal(problems.length, 1, line);
    t.match(problems[0], want);
  };
  bad('idle-timeout = 1000', /expected 1001 to/);
  bad('request-timeout = 0', /expected 1 to/);
  bad('request-timeout = 1.5', /a time such as/);
  bad('max-packet = 64K', /expected 65537 to/);
  bad('max-recipients = -1', /a whole number/);
  bad('socket-mode = 0888', /octal/);
  bad('resolver = 192.0.2.1', /found "192\.0\.2\.1", expected a loopback address .*forged on the way/);
  bad('resolver = localhost', /expected a loopback address/);
  bad('resolver = 127.0.0.1:0', /expected a port from 1/);
  bad('resolver = 127.0.0.1:99999', /expected a port from 1/);
  bad('resolver = ::1:53', /expected a loopback address/);
  bad('published = inet:127.0.0.1:8642:QUERY', /did you mean socketmap:inet:127\.0\.0\.1:8642:QUERY\?/);
  bad('published = socketmap:inet:127.0.0.1:8642', /expected socketmap:inet:HOST:PORT:NAME/);
  bad(
    `published = socketmap:unix:/${'x'.repeat(107)}:m`,
    /108 bytes in full, expected a path of at most 107 bytes/,
  );
  bad('published = socketmap:inet:127.0.0.1:0:m', /expected a port from 1/);
  bad('published = "socketmap:unix:/x y: m"', /expected socketmap:inet/);
  bad('sts-test-opening = 127.0.0.1/8 8443', /expected a network and a port/);
  bad('sts-test-opening = 127.0.0.0/8', /expected a network and a port/);
  bad('sts-test-opening = yes', /expected a network and a port/);
  bad('evidence-sync = 5ms', /expected a time from 10ms to 60s/);
  bad('evidence-sync = 61s', /expected a time from 10ms to 60s/);
  bad('evidence-sync = sometimes', /always, never, or a time/);
  bad('retention = 0d', /expected 1d or more/);
  bad('retention = 1y', /a number of days/);
  bad('checkpoint-command = keep-head', /expected an absolute path/);
  bad('checkpoint-mail = auditor', /expected an address/);
  bad('checkpoint-mail = -oQ/tmp@x.example', /expected an address/);
  bad('checkpoint-mail = "a b"@x.example', /expected an address/);
  bad('socket-mode = 1777', /octal/);
  for (const name of [
    'from',
    'Received',
    'Content-Type',
    'Resent-To',
    'DKIM-Signature',
    'Authentication-Results',
  ]) {
    bad(`mark-name = ${name}`, /removed/);
  }
  bad('mark-name = X TLS', /header field/);
  bad('mark-name = "X-TLS:"', /header field/);
  bad('mark-name =', /header field/);
  bad('trusted-clients = 192.0.2.1/33', /network/);
  bad('milter-listen = unix:/run/p.sock', /duplicate/);
  bad('control-listen = unix:/run/p.sock', /duplicate/);
  bad('control-listen = inet:127.0.0.1:8899', /expected a unix socket/);
  bad('constructor = x', /reserved/);
  bad('include = "a,,b"', /one comma/);
  t.end();
});

t.test('a socket that everyone may use is mentioned', (t) => {
  const bench = workbench(t);
  bench.write(
    'tls.ini',
    '[service]\npolicy-listen = unix:/run/p.sock\nsocket-mode = 0666\n[domains]\n* = may\n',
  );
  const want = ['tls.ini:3: [service] socket-mode: every user of this machine can connect'];
  t.strictSame(noticesOf(bench.load(), bench.folder), want);
  t.end();
});

t.test('the default control socket may not be used twice either', (t) => {
  const bench = workbench(t);
  bench.write(
    'tls.ini',
    Buffer.from('[service]\npolicy-listen = unix:/run/tlsward/control.sock\n[domains]\n* = may\n'),
  );
  t.match(
    problemsOf(bench.load(), bench.folder)[0],
    /^tls\.ini:1: \[service\] control-listen: found duplicate/,
  );
  t.end();
});
