/** Times in the text of messages. */
import { test } from 'tap';
import { localTime, mailDate } from '../../src/mail/dateText.ts';

const NOON = Date.UTC(2026, 10, 5, 12, 3, 4);

test('the field Date', async (t) => {
  t.equal(mailDate(NOON), 'Thu, 05 Nov 2026 12:03:04 +0000');
});

test('the clock of the host', async (t) => {
  const text = localTime(NOON);
  const [, day, time, zone] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d) ([+-]\d{4})$/.exec(text) ?? [];
  t.equal(Date.parse(`${day}T${time}:04${zone!.slice(0, 3)}:${zone!.slice(3)}`), NOON, text);
});
