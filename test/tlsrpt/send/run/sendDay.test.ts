/** The reports of a day, with a fake DNS and a fake mail server: to whom, once only, again, and never twice after a crash. */
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Resolver } from '../../../../src/dns/resolver.ts';
import type { Handed } from '../../../../src/mta/handOver.ts';
import type { Counted, Policy } from '../../../../src/tlsrpt/send/dayAccount.ts';
import type { Entry } from '../../../../src/tlsrpt/send/plan.ts';
import { DayFiles, type PlanHead } from '../../../../src/tlsrpt/send/run/dayFiles.ts';
import { MAX_TO_ONE, type Sending, sendDay } from '../../../../src/tlsrpt/send/run/sendDay.ts';
import { FakeResolver } from '../../../dns/fakeResolver.ts';
import { newFolder } from '../../../trace/madeDays.ts';

const DAY = '2026-11-29';
const NOW = Date.parse('2026-11-30T12:00:00Z');
const HEAD: PlanHead = {
  v: 1,
  day: DAY,
  sources: [{ host: 'mx1.example.org', source: 'handshakes' }],
  left: 0,
  unknown: 0,
  own: 0,
};
const TAKEN: Handed = { kind: 'taken', said: '250 ok' };
const REFUSED: Handed = { kind: 'refused', why: '451 later', message: false };

const counted = (domain: string, more: Partial<Policy> = {}): Counted => ({
  policy: { type: 'no-policy-found', domain, strings: [], mxHosts: [], server: '', ...more },
  successful: 1,
  failed: 0,
  failures: [],
});
const entry = (domain: string, more: Partial<Policy> = {}): Entry => ({
  domain,
  policies: [counted(domain, more)],
});
const txt = (domain: string, ...uris: readonly string[]) =>
  `TXT _smtp._tls.${domain} = v=TLSRPTv1;rua=${uris.join(',').replaceAll(', ', ',')}`;

interface Setting {
  readonly files: DayFiles;
  readonly folder: string;
  now: number;
  readonly sent: { to: string; message: string }[];
  readonly said: string[];
  /** Answers in turn; the last one stays. */
  answers: Handed[];
  run(entries: readonly Entry[], resolver: Resolver, more?: Partial<Sending>): ReturnType<typeof sendDay>;
}

function setting(t: Parameters<typeof newFolder>[0]): Setting {
  const folder = newFolder(t);
  const files = new DayFiles(folder);
  files.lock()();
  const one: Setting = {
    files,
    folder,
    now: NOW,
    sent: [],
    said: [],
    answers: [TAKEN],
    run: async (entries, resolver, more = {}) => {
      const writer = files.writer(DAY);
      try {
        return await sendDay(HEAD, entries, {
          day: DAY,
          rules: {
            reporter: { organization: 'Us', contact: 'tlsrpt@example.org', host: 'mx1.example.org' },
            https: false,
            isOwn: (domain) => domain === 'example.org',
          },
          lookups: { resolver, opening: null },
          mail: async (to, message) => {
            one.sent.push({ to, message });
            return one.answers.length > 1 ? one.answers.shift()! : one.answers[0]!;
          },
          post: async () => TAKEN,
          only: null,
          spreadMs: 0,
          log: files.sent(DAY),
          writer,
          now: () => one.now,
          signal: new AbortController().signal,
          say: ({ domain, to, state, why }) => one.said.push([domain, to, state, why].join(' ').trimEnd()),
          ...more,
        });
      } finally {
        writer.close();
      }
    },
  };
  return one;
}

const NOTHING = { sent: 0, none: 0, givenUp: 0, again: 0, waiting: 0 };

t.test('to whom', async (t) => {
  const at = setting(t);
  const resolver = new FakeResolver([
    txt('a.example', 'mailto:x@a.example'),
    'TXT _smtp._tls.b.example = absent',
    txt('c.example', 'https://c.example/v1'),
    txt('d.example', 'mailto:tlsrpt@example.org'),
  ]);
  const domains = ['a.example', 'b.example', 'c.example', 'd.example'];
  t.same(
    await at.run(
      domains.map((one) => entry(one)),
      resolver,
    ),
    { ...NOTHING, sent: 1, none: 3 },
  );
  t.same(
    at.sent.map(({ to }) => to),
    ['x@a.example'],
  );
  t.match(at.sent[0]?.message, /^TLS-Required: No$/m);
  t.same(
    await at.run(
      domains.map((one) => entry(one)),
      resolver,
    ),
    NOTHING,
    'once only',
  );
  t.equal(at.sent.length, 1);
});

t.test('a crash while it was handed over', async (t) => {
  const at = setting(t);
  const resolver = new FakeResolver([txt('a.example', 'mailto:x@a.example', 'mailto:y@a.example')]);
  const line = { at: new Date(NOW - 60_000).toISOString(), domain: 'a.example', to: 'mailto:x@a.example' };
  const log = join(at.folder, 'tlsrpt', 'sent', `${DAY}.log`);
  // and the next line was cut off
  appendFileSync(log, `${JSON.stringify({ ...line, state: 'sending', why: '' })}\n{"at":"2026`);
  at.now = NOW + 3_600_000;
  t.same(await at.run([entry('a.example')], resolver), { ...NOTHING, sent: 1 });
  t.same(
    at.sent.map(({ to }) => to),
    ['y@a.example'],
    'the other address gets it',
  );
  t.ok(readFileSync(log, 'utf8').includes('\n{"at":"2026\n'), 'the line that was cut off is left alone');
});

t.test('nobody knows whether it was taken', async (t) => {
  const at = setting(t);
  at.answers = [{ kind: 'unknown', why: 'no reply' }];
  const resolver = new FakeResolver([txt('a.example', 'mailto:x@a.example')]);
  t.same(await at.run([entry('a.example')], resolver), { ...NOTHING, givenUp: 1 });
  at.now += 86_400_000;
  t.same(await at.run([entry('a.example')], resolver), NOTHING);
  t.equal(at.sent.length, 1);
});

t.test('again, and not for ever', async (t) => {
  const at = setting(t);
  at.answers = [REFUSED, TAKEN];
  const resolver = new FakeResolver([txt('a.example', 'mailto:x@a.example')]);
  t.match(await at.run([entry('a.example')], resolver), { again: 1 });
  t.match(await at.run([entry('a.example')], resolver), { again: 1, sent: 0 }, 'not at once');
  t.equal(at.sent.length, 1);
  at.now += 900_000;
  t.match(await at.run([entry('a.example')], resolver), { again: 0, sent: 1 });
  const bad = setting(t);
  bad.answers = [REFUSED];
  for (let i = 0; i < 8; i++) {
    await bad.run([entry('a.example')], resolver);
    bad.now += 4 * 3_600_000;
  }
  t.equal(bad.sent.length, 5);
  t.match(bad.said.at(-1), /^a\.example {2}given-up nobody takes it$/);
});

t.test('DNS that does not answer, and days that pass', async (t) => {
  const at = setting(t);
  const resolver = new FakeResolver(['TXT _smtp._tls.a.example = unknown']);
  t.match(await at.run([entry('a.example')], resolver), { again: 1 });
  at.now = Date.parse('2026-12-02T00:00:00Z');
  t.match(await at.run([entry('a.example')], resolver), { givenUp: 1 });
  t.match(at.said.at(-1), /two days have passed/);
});

t.test('where a row requires TLS for the address', async (t) => {
  const at = setting(t);
  at.answers = [{ kind: 'refused', why: '550 5.7.30 no', message: true }, TAKEN];
  const resolver = new FakeResolver([txt('a.example', 'mailto:x@a.example')]);
  t.match(await at.run([entry('a.example')], resolver), { sent: 1 });
  t.same(
    at.sent.map(({ message }) => /^TLS-Required: No$/m.test(message)),
    [true, false],
  );
});

t.test('only MX hosts, and MTA-STS', async (t) => {
  const at = setting(t);
  const resolver = new FakeResolver([
    txt('a.example', 'mailto:x@a.example'),
    'MX a.example = 10 mx.a.example',
    txt('b.example', 'mailto:x@b.example'),
    'MX b.example = absent',
    txt('c.example', 'mailto:x@c.example'),
    'MX c.example = unknown',
    txt('d.example', 'mailto:x@d.example'),
    'MX d.example = 10 mx.d.example',
    'TXT _mta-sts.d.example = absent',
  ]);
  const entries = [
    entry('a.example', { server: 'relay.example' }),
    entry('b.example', { server: 'b.example' }),
    entry('c.example', { server: 'mx.c.example' }),
    entry('d.example', { server: 'mx.d.example', type: 'secure', strings: ['mx.d.example'] }),
  ];
  t.match(await at.run(entries, resolver), { none: 1, sent: 2, again: 1 });
  t.same(at.sent.map(({ to }) => to).sort(), ['x@b.example', 'x@d.example'], 'a smart host is none of them');
});

t.test('an address that a thousand domains name', async (t) => {
  const at = setting(t);
  const domains = Array.from({ length: MAX_TO_ONE + 5 }, (_, i) => `d${i}.example`);
  const resolver = new FakeResolver(domains.map((domain) => txt(domain, 'mailto:victim@v.example')));
  const counts = await at.run(
    domains.map((one) => entry(one)),
    resolver,
  );
  t.equal(at.sent.length, MAX_TO_ONE);
  t.match(counts, { sent: MAX_TO_ONE, givenUp: 5 });
});

t.test('the files', async (t) => {
  const at = setting(t);
  const entries = [entry('a.example'), entry('b.example')];
  await at.files.writePlan(HEAD, entries);
  const plan = at.files.plan(DAY);
  t.same(plan?.head, HEAD);
  t.same([...plan!.entries], entries);
  await t.rejects(at.files.writePlan(HEAD, []), { code: 'EEXIST' }, 'a day is counted once');
  t.equal(at.files.plan('2026-11-28'), null);
  const release = at.files.lock();
  t.throws(() => new DayFiles(at.folder).lock(), { code: 'ELOCKED' });
  release();
  for (let i = 0; i < 45; i++) {
    const day = new Date(Date.parse('2027-01-01') + i * 86_400_000).toISOString().slice(0, 10);
    await at.files.writePlan({ ...HEAD, day }, []);
  }
  t.equal(at.files.plan(DAY), null, 'the latest forty are kept');
  t.not(at.files.plan('2027-02-14'), null);
});
