/** Programs of Postfix, played by scripts: what they say is passed on, and the queue is searched for recipients. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { PostfixControl } from '../../../src/setup/apply/postfixControl.ts';

function scripts(dir: string, texts: Readonly<Record<string, string>>): PostfixControl {
  const at = (name: string): string => {
    const path = join(dir, name);
    writeFileSync(path, `#!/bin/sh\n${texts[name] ?? 'exit 0'}\n`, { mode: 0o755 });
    return path;
  };
  return new PostfixControl('/etc/none', {
    postconf: at('postconf'),
    postfix: at('postfix'),
    postqueue: at('postqueue'),
  });
}

test('what programs say', async (t) => {
  const dir = t.testdir({});
  const good = scripts(dir, {});
  t.equal(await good.write(['-e', 'a = b']), null);
  t.equal(await good.check(), null);
  t.equal(await good.running(), true);
  const bad = scripts(dir, {
    postconf: 'echo "postconf: fatal: $*" >&2; exit 1',
    postfix: '[ "$3" = status ] && exit 1; echo "postfix/postfix-script: fatal: no master.cf" >&2; exit 1',
  });
  t.equal(await bad.write(['-e', 'a = b']), 'postconf failed: postconf: fatal: -c /etc/none -e a = b');
  t.equal(await bad.check(), 'postfix check failed: postfix/postfix-script: fatal: no master.cf');
  t.equal(await bad.running(), false);
  const none = new PostfixControl('/etc/none', { postconf: '/none', postfix: '/none', postqueue: '/none' });
  t.equal(await none.reload(), 'postfix reload is not here');
  t.equal(await none.queued(/x/), null);
});

test('recipients in the queue', async (t) => {
  const lines = [
    '{"queue_id":"1","recipients":[{"address":"a@x.example"},{"address":"b@y.example.tlsward-encrypt"}]}',
    '{"queue_id":"2","recipients":[{"address":"a@x.example"}]}',
    '{"queue_id":"3"}',
    'not JSON',
  ];
  const control = scripts(t.testdir({}), { postqueue: lines.map((line) => `echo '${line}'`).join('\n') });
  t.equal(await control.queued(/\.tlsward-[a-z]+>?$/), 1);
  t.equal(await control.queued(/@x\.example$/), 2);
});
