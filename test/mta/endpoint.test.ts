/** Where Postfix asks: milters, policy services, socketmaps. */
import { test } from 'tap';
import { formatSocket, parseEndpoint, parseSocketmap } from '../../src/mta/endpoint.ts';

test('endpoints', async (t) => {
  const good = (text: string, socket: string, options: Record<string, string> = {}): void => {
    const found = parseEndpoint(text);
    if ('invalid' in found) {
      t.fail(`${text}: ${found.invalid}`);
      return;
    }
    t.equal(formatSocket(found.socket), socket, text);
    t.same(Object.fromEntries(found.options), options);
  };
  good('unix:tlsward/milter.sock', 'unix:tlsward/milter.sock');
  good('unix:/run/x', 'unix:/run/x');
  good('local:/run/x', 'unix:/run/x');
  good('inet:127.0.0.1:7', 'inet:127.0.0.1:7');
  good('inet:[::1]:7', 'inet:[::1]:7');
  good('127.0.0.1:7', 'inet:127.0.0.1:7');
  good('{ inet:h:1, timeout=5s, default_action=tempfail }', 'inet:h:1', {
    timeout: '5s',
    default_action: 'tempfail',
  });
  good('{ unix:p, { default_action = DEFER_IF_PERMIT 4.7.1 away, now } }', 'unix:p', {
    default_action: 'DEFER_IF_PERMIT 4.7.1 away, now',
  });
});

test('what is none', async (t) => {
  const bad = (text: string, why: RegExp) => {
    const found = parseEndpoint(text);
    t.match('invalid' in found ? found.invalid : 'it is one', why, text);
  };
  bad('unix:', /has no path/);
  bad('/run/x', /is a path: write unix:\/run\/x/);
  bad('inet:8891@localhost', /form of Sendmail/);
  bad('inet:h:', /has no port/);
  bad('{ unix:p, default_action=DEFER 4.7.1 away }', /"4\.7\.1" is not name=value/);
});

test('socketmaps', async (t) => {
  const map = (table: string) => {
    const found = parseSocketmap(table);
    return found === null
      ? null
      : 'invalid' in found
        ? found.invalid
        : [formatSocket(found.socket), found.map];
  };
  t.same(map('socketmap:unix:tlsward/socketmap.sock:deliver'), ['unix:tlsward/socketmap.sock', 'deliver']);
  t.same(map('proxy:socketmap:inet:127.0.0.1:7003:tlspol'), ['inet:127.0.0.1:7003', 'tlspol']);
  t.equal(map('hash:/etc/postfix/tls_policy'), null);
  t.match(map('socketmap:x'), /names no map/);
});
