/** Which requests are answered, and with what: hosts, methods, paths, codes. */
import { test } from 'tap';
import { isOwnHost } from '../../src/http/hostHeader.ts';
import { type Asked, routeOf } from '../../src/http/route.ts';

const NAMES = ['mx.example.org'];

const asked = (some: Partial<Asked>): Asked => ({
  method: 'GET',
  target: '/',
  hosts: ['localhost'],
  hasBody: false,
  fetchSite: '',
  fetchMode: '',
  local: '127.0.0.1',
  ...some,
});

/** The name of the route, with a code; or the status of a refusal. */
const routed = (some: Partial<Asked>): string => {
  const route = routeOf(asked(some), NAMES);
  if (route.kind === 'refused') return String(route.status);
  return route.kind === 'lookup' ? `lookup ${route.code}` : route.kind;
};

test('a host is ours or it is not', async (t) => {
  for (const host of [
    'localhost',
    'LOCALHOST:8925',
    'localhost.',
    '127.0.0.1',
    '127.8.9.10:1',
    '[::1]:8925',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]',
    'mx.example.org',
    'MX.example.org.:9',
    '192.0.2.7:8925',
  ])
    t.ok(isOwnHost(host, NAMES, '192.0.2.7'), host);
  for (const host of [
    '',
    'attacker.example',
    'localhost.attacker.example',
    '127.0.0.1.attacker.example',
    'localhost@attacker.example',
    'localhost:80:80',
    'localhost:x',
    '192.0.2.8',
    '[::2]',
    '::1',
    '[::1',
    'local host',
    'localhost,attacker.example',
    '2130706433',
    '0x7f000001',
    '0',
    'example.org',
    `${'a.'.repeat(200)}localhost`,
  ])
    t.notOk(isOwnHost(host, NAMES, '192.0.2.7'), host);
  t.ok(isOwnHost('[2001:db8::5]:1', [], '2001:db8::5'), 'the address that the client connected to');
  t.ok(isOwnHost('192.0.2.7', [], '::ffff:192.0.2.7'), 'of a socket for both families, too');
  t.notOk(isOwnHost('192.0.2.7', [], ''), 'a unix socket has none');
});

test('paths are exact', async (t) => {
  const paths = { '/': 'page', '/events': 'events', '/report': 'report', '/metrics': 'metrics' };
  for (const [target, kind] of Object.entries({ ...paths, '/healthz': 'healthz', '/readyz': 'readyz' })) {
    t.equal(routed({ target }), kind);
    t.equal(routed({ target: `${target}?x=1` }), kind);
    t.equal(routed({ target, method: 'HEAD' }), kind);
  }
  for (const target of [
    '//',
    '/.',
    '/../etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/events/',
    '/Events',
    '/events;x',
    '/events%00',
    '/lookup/',
    '/constructor',
    '/__proto__',
    '\\',
    '*',
    '',
    'http://localhost/',
    'http://attacker.example/metrics',
    'localhost:80',
    '/#',
  ])
    t.equal(routed({ target }), '404', target);
  t.equal(routed({ target: `/?${'x'.repeat(1100)}` }), '414');
});

test('nothing but GET and HEAD, and no body', async (t) => {
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH', 'PROPFIND', 'get', ''])
    t.equal(routed({ method }), '405', method);
  t.equal(routed({ hasBody: true }), '400');
});

test('the host is looked at first', async (t) => {
  t.equal(routed({ hosts: [] }), '400');
  t.equal(routed({ hosts: ['localhost', 'localhost'] }), '400');
  t.equal(routed({ hosts: ['attacker.example'], target: '/nothing', method: 'POST' }), '421');
});

test('pages of other sites may link here, and nothing else', async (t) => {
  t.equal(routed({ fetchSite: 'cross-site', fetchMode: 'no-cors' }), '403');
  t.equal(routed({ fetchSite: 'cross-site', fetchMode: 'cors', target: '/events' }), '403');
  t.equal(routed({ fetchSite: 'cross-site', fetchMode: 'navigate' }), 'page');
  t.equal(routed({ fetchSite: 'same-origin', fetchMode: 'cors', target: '/events' }), 'events');
});

test('a code is letters and digits', async (t) => {
  const code = (query: string): string => routed({ target: `/lookup${query}` });
  t.equal(code('?code=3FQ8M2TX'), 'lookup 3FQ8M2TX');
  t.equal(code('?code=%5B3fq8+m2tx%5D'), 'lookup [3fq8 m2tx]');
  for (const query of [
    '',
    '?',
    '?code=',
    '?other=3FQ8M2TX',
    '?code=%0d%0aSet-Cookie:+x',
    '?code=3FQ8M2TX%00',
    '?code=<script>',
    '?code=%C0%AF',
    '?code=%',
    `?code=${'A'.repeat(33)}`,
  ])
    t.equal(code(query), 'lookup ', query);
});
