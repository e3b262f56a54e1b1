/**
 * The life of an alarm in simulated time: it fires once, repeats, is over once, does not flap, keeps quiet, is explained
 * by others, and survives a restart in the middle.
 */
import { type Test, test } from 'tap';
import { type Alarm, isQuiet, step } from '../../src/alarms/alarmState.ts';
import type { Condition, Kind, Level } from '../../src/alarms/condition.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function condition(kind: Kind, subject: string, level: Level, more: Partial<Condition> = {}): Condition {
  return {
    kind,
    subject,
    level,
    severity: 'warning',
    clearMs: 10 * MINUTE,
    summary: `${kind} of ${subject}`,
    count: 7,
    domains: [subject],
    advice: ['tlsward status'],
    ...more,
  };
}

/** Looks once a minute; `told`: `MINUTE STATE AUDIENCE KIND`. */
class Play {
  told: string[] = [];
  alarms: readonly Alarm[] = [];
  minute = 0;
  quiet = (_minute: number): boolean => false;
  restarts = false;

  /** `conditions` hold for so many minutes. */
  hold(minutes: number, conditions: readonly Condition[], unjudged: readonly Kind[] = []): void {
    for (let i = 0; i < minutes; i++) {
      const timing = { forMs: 2 * MINUTE, repeatMs: 4 * HOUR, quiet: this.quiet(this.minute) };
      // what a restart reads is what was written
      const before = this.restarts ? (JSON.parse(JSON.stringify(this.alarms)) as Alarm[]) : this.alarms;
      const { alarms, notices } = step(before, { conditions, unjudged }, this.minute * MINUTE, timing);
      this.alarms = alarms;
      for (const { alarm, state, audience } of notices)
        this.told.push(`${this.minute} ${state} ${audience} ${alarm.kind}`);
      this.minute++;
    }
  }

  is(t: Test, want: readonly string[], message = 'told'): void {
    t.strictSame(this.told, want, message);
    this.told = [];
  }
}

const BAD = condition('partner-out', 'bank.example', 'bad');
const BETWEEN = condition('partner-out', 'bank.example', 'between');
const GOOD = condition('partner-out', 'bank.example', 'good');
const UNKNOWN = condition('partner-out', 'bank.example', 'unknown');

for (const restarts of [false, true]) {
  test(`fires once, repeats, is over once${restarts ? ', with a restart before each look' : ''}`, async (t) => {
    const play = new Play();
    play.restarts = restarts;
    play.hold(60, [BAD]);
    play.is(t, ['2 firing machines partner-out', '2 firing people partner-out']);
    play.hold(8 * 60, [BAD]);
    play.is(t, ['242 repeat people partner-out', '482 repeat people partner-out']);
    play.hold(60, [GOOD]);
    play.is(t, ['550 resolved machines partner-out', '550 resolved people partner-out']);
    t.strictSame(play.alarms, [], 'nothing is left of it');
    play.hold(5, [BAD]);
    play.is(
      t,
      ['602 firing machines partner-out', '602 firing people partner-out'],
      'and then it is another',
    );
  });
}

test('what does not last is no alarm', async (t) => {
  const play = new Play();
  for (let i = 0; i < 10; i++) {
    play.hold(2, [BAD]);
    play.hold(1, [GOOD]);
  }
  play.is(t, []);
});

test('flapping: neither between the thresholds nor good for a short time ends it', async (t) => {
  const play = new Play();
  play.hold(5, [BAD]);
  play.is(t, ['2 firing machines partner-out', '2 firing people partner-out']);
  for (let i = 0; i < 10; i++) {
    play.hold(9, [GOOD]);
    play.hold(1, [BAD]);
  }
  play.hold(30, [BETWEEN]);
  play.hold(9, [GOOD]);
  play.hold(1, [BETWEEN]);
  play.hold(10, [GOOD]);
  play.is(t, []);
  play.hold(1, [GOOD]);
  play.is(t, ['155 resolved machines partner-out', '155 resolved people partner-out']);
});

test('no data is a state of its own, for a day', async (t) => {
  const play = new Play();
  play.hold(3, [BAD]);
  play.told = [];
  play.hold(60, [UNKNOWN]);
  t.match(play.alarms, [{ phase: 'firing', noDataSince: 3 * MINUTE }]);
  play.hold(60, [], ['partner-out']);
  t.match(play.alarms, [{ phase: 'firing', noDataSince: 3 * MINUTE }], 'nothing is said of it, either');
  play.hold(1, [BAD]);
  t.match(play.alarms, [{ noDataSince: null }]);
  play.hold(24 * 60 + 1, [UNKNOWN]);
  t.strictSame(
    play.told.filter((line) => line.includes('resolved')),
    ['1564 resolved machines partner-out', '1564 resolved people partner-out'],
  );
  play.told = [];
  play.hold(2, [BAD]);
  play.hold(1, [UNKNOWN]);
  play.hold(2, [BAD]);
  play.is(t, [], 'without data nothing begins');
});

test('a subject that a look does not name is fine, unless it could not be judged', async (t) => {
  const play = new Play();
  const reload = condition('reload-refused', '', 'bad', { clearMs: 0 });
  play.hold(3, [reload]);
  play.told = [];
  play.hold(10, [], ['reload-refused']);
  play.is(t, []);
  play.hold(1, []);
  play.is(t, [], 'two looks at least');
  play.hold(1, []);
  play.is(t, ['14 resolved machines reload-refused', '14 resolved people reload-refused']);
});

test('quiet hours: people are told at their end, of critical alarms at once', async (t) => {
  const play = new Play();
  play.quiet = (minute) => minute < 600;
  const critical = condition('daemon-down', '', 'bad', { severity: 'critical' });
  play.hold(30, [BAD, critical]);
  play.is(t, [
    '2 firing machines partner-out',
    '2 firing machines daemon-down',
    '2 firing people daemon-down',
  ]);
  const passing = condition('partner-in', 'law.example', 'bad');
  play.hold(30, [BAD, critical, passing]);
  play.hold(60, [BAD, critical]);
  play.is(
    t,
    ['32 firing machines partner-in', '61 resolved machines partner-in'],
    'came and went: the log has it',
  );
  play.hold(600 - play.minute, [BAD, critical]);
  play.told = [];
  play.hold(1, [BAD, critical]);
  play.is(t, ['600 firing people partner-out']);
  play.quiet = (minute) => minute < 2000;
  play.hold(20, [GOOD, critical]);
  play.is(t, ['611 resolved machines partner-out']);
  play.hold(100, [GOOD, critical]);
  play.told = [];
  play.hold(2000 - play.minute, []);
  play.told = [];
  play.hold(1, []);
  play.is(t, ['2000 resolved people partner-out'], 'the end is told when it may be');
  t.strictSame(play.alarms, []);
});

test('what comes back before people heard that it was over has never been over for them', async (t) => {
  const play = new Play();
  play.hold(3, [BAD]);
  play.quiet = () => true;
  play.hold(12, [GOOD]);
  play.told = [];
  play.hold(3, [BAD]);
  play.is(t, ['15 firing machines partner-out']);
  play.quiet = () => false;
  play.hold(10, [BAD]);
  play.is(t, []);
  play.hold(12, [GOOD]);
  play.is(t, ['38 resolved machines partner-out', '38 resolved people partner-out']);
});

test('one cause, one alarm', async (t) => {
  const play = new Play();
  const network = condition('starttls-stripped', '', 'bad', { severity: 'critical' });
  play.hold(10, [BAD, network]);
  play.is(t, ['2 firing machines starttls-stripped', '2 firing people starttls-stripped']);
  t.match(
    play.alarms.find(({ kind }) => kind === 'partner-out'),
    { phase: 'pending', inhibitedBy: 'starttls-stripped' },
  );
  play.hold(20, [BAD]);
  play.is(
    t,
    [
      '11 resolved machines starttls-stripped',
      '11 resolved people starttls-stripped',
      '11 firing machines partner-out',
      '11 firing people partner-out',
    ].sort((a, b) => (a.includes('partner') === b.includes('partner') ? 0 : a.includes('partner') ? -1 : 1)),
    'what is left is an alarm of its own',
  );
  play.hold(8 * 60, [BAD, network]);
  t.notOk(
    play.told.some((line) => line.includes('repeat people partner-out')),
    'and is not repeated while it is explained',
  );
  play.told = [];
  const certificate = condition('partner-certificate', 'law.example', 'bad');
  const failing = condition('partner-out', 'law.example', 'bad');
  const other = condition('partner-certificate', 'other.example', 'bad');
  const fresh = new Play();
  fresh.hold(10, [certificate, failing, other]);
  t.strictSame(
    fresh.told.filter((line) => line.includes('machines')),
    ['2 firing machines partner-out', '2 firing machines partner-certificate'],
    'of the same subject only',
  );
});

test('many partners at once are one alarm', async (t) => {
  const play = new Play();
  const each = Array.from({ length: 30 }, (_, i) => condition('partner-out', `p${i}.example`, 'bad'));
  const many = condition('partners-failing', '', 'bad', { severity: 'critical' });
  play.hold(60, [many, ...each]);
  play.is(t, ['2 firing machines partners-failing', '2 firing people partners-failing']);
  play.hold(12, [condition('partners-failing', '', 'good', { clearMs: 10 * MINUTE }), ...each.slice(0, 2)]);
  t.equal(
    play.told.filter((line) => line.includes('firing people partner-out')).length,
    2,
    'those that are left',
  );
});

test('quiet hours by the clock', async (t) => {
  t.notOk(isQuiet(null, 0));
  const night = { from: 22 * 60, to: 6 * 60 };
  for (const [minute, quiet] of [
    [21 * 60 + 59, false],
    [22 * 60, true],
    [0, true],
    [359, true],
    [360, false],
  ] as const)
    t.equal(isQuiet(night, minute), quiet, String(minute));
  t.ok(isQuiet({ from: 60, to: 120 }, 60));
  t.notOk(isQuiet({ from: 60, to: 120 }, 120));
});
