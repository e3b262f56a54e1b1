import { test } from 'tap';
import {
  answeredVersion,
  isSince,
  leadingPostfixVersion,
  OLDEST_POSTFIX,
  since,
} from '../../src/core/postfixVersion.ts';

test('versions are compared by number', async (t) => {
  t.ok(since({ major: 3, minor: 10 }, 3, 9));
  t.ok(since({ major: 3, minor: 10 }, 3, 10));
  t.notOk(since({ major: 3, minor: 9 }, 3, 10));
  t.ok(since({ major: 4, minor: 0 }, 3, 11));
  t.notOk(since({ major: 2, minor: 11 }, 3, 0));
  t.ok(isSince('3.10.13', 3, 10));
  t.notOk(isSince('3.9', 3, 10));
  t.ok(isSince('3.12-20260101', 3, 12));
  for (const text of ['', 'postfix', '3', '3.', 'v3.12']) t.notOk(isSince(text, 3, 0), text);
});

test('the version that a text begins with', async (t) => {
  for (const [text, want] of [
    ['3.7', '3.7'],
    ['3.10.5', '3.10.5'],
    ['3.12-20260101', '3.12'],
    ['3.10.5 on mx', '3.10.5'],
    [' 3.7', ''],
    ['333.7', ''],
  ] as const)
    t.equal(leadingPostfixVersion(text), want, text);
});

test('answers are for the oldest version where none is configured', async (t) => {
  t.equal(answeredVersion(null), OLDEST_POSTFIX);
  t.equal(answeredVersion(''), OLDEST_POSTFIX);
  t.strictSame(answeredVersion('3.10.5'), { major: 3, minor: 10 });
});
