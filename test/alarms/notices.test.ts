/**
 * An alarm in the form of each output: nothing in it can forge a header, a line or a label.
 */
import { test } from 'tap';
import type { Alarm } from '../../src/alarms/alarmState.ts';
import { KINDS } from '../../src/alarms/condition.ts';
import { alarmJson, alarmMail, alertOf } from '../../src/alarms/notices.ts';

const SINCE = Date.parse('2026-11-30T12:00:00Z');
const ALARM: Alarm = {
  kind: 'partner-out',
  subject: 'bank.example',
  severity: 'warning',
  summary: 'mail to bank.example fails: certificate expired (7 of 9 messages)',
  count: 7,
  domains: ['bank.example'],
  advice: ['tlsward trace 4F1', 'tlsward except bank.example --until +7d --reason "x"'],
  phase: 'firing',
  since: SINCE,
  badSince: SINCE,
  firedAt: SINCE + 120_000,
  goodSince: null,
  noDataSince: null,
  inhibitedBy: '',
  toldAt: null,
};

function fields(mail: string): Map<string, string> {
  const [head = ''] = mail.split('\n\n', 1);
  return new Map(
    head.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
}

test('a mail, its repetition and its end', async (t) => {
  const mail = (state: 'firing' | 'repeat' | 'resolved', alarm = ALARM): string =>
    alarmMail(
      { alarm, state, audience: 'people' },
      'ops@example.org',
      'mx.example.org',
      14_400_000,
      SINCE + 600_000,
    );
  const first = fields(mail('firing'));
  t.equal(first.get('Subject'), `[mx.example.org] alarm: ${ALARM.summary}`);
  t.equal(first.get('Auto-Submitted'), 'auto-generated');
  t.equal(first.get('Date'), 'Mon, 30 Nov 2026 12:10:00 +0000');
  for (const state of ['repeat', 'resolved'] as const) {
    const later = fields(mail(state));
    t.equal(later.get('In-Reply-To'), first.get('Message-ID'), 'one thread');
    t.not(later.get('Message-ID'), first.get('Message-ID'));
  }
  t.match(mail('firing'), /\nHow many {2}7\n.*\n.*\n.*\n\nWhat to do:\n {2}tlsward trace 4F1\n/);
  t.match(mail('firing'), 'every 4 h while it goes on');
  t.match(mail('resolved'), /nothing is to be done/);
  t.notMatch(mail('resolved'), 'tlsward trace');
  const hostile = mail('firing', {
    ...ALARM,
    summary: `x\nBcc: evil@example.org\r\n\r\n\u202e${'y'.repeat(9000)}`,
  });
  t.notMatch(hostile, /^Bcc/m);
  for (const line of hostile.split('\n')) {
    t.ok(line.length <= 2100, 'no line is longer');
    t.notMatch(line, /[^ -~]/);
  }
});

test('for Alertmanager', async (t) => {
  t.strictSame(alertOf(ALARM, 'mx.example.org', SINCE + 300_000), {
    labels: {
      alertname: 'TlswardPartnerOut',
      kind: 'partner-out',
      severity: 'warning',
      instance: 'mx.example.org',
      subject: 'bank.example',
    },
    annotations: {
      summary: ALARM.summary,
      description: KINDS['partner-out'],
      advice: ALARM.advice.join('\n'),
      count: '7',
      domains: 'bank.example',
    },
    startsAt: '2026-11-30T12:02:00.000Z',
    endsAt: '2026-11-30T12:05:00.000Z',
  });
  const bare = alertOf({ ...ALARM, subject: '', count: 0, domains: [] }, 'mx', SINCE);
  t.notOk('subject' in bare.labels, 'an empty label is no label');
});

test('as JSON', async (t) => {
  const json = alarmJson({ ...ALARM, firedAt: null, noDataSince: SINCE }, 'pending', 'mx');
  t.match(json, {
    state: 'pending',
    since: '2026-11-30T12:00:00.000Z',
    fired: null,
    noDataSince: '2026-11-30T12:00:00.000Z',
  });
  t.equal(alarmJson({ ...ALARM, summary: 'a\nb' }, 'firing', 'mx').summary, 'a\\u{a}b');
});
