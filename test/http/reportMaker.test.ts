/** The report behind the live page: one process at a time, its page or the reason why there is none. */
import { test } from 'tap';
import { ReportMaker, Turn } from '../../src/http/reportMaker.ts';
import { reportPolicy } from '../../src/http/reportPolicy.ts';

/** A maker whose process runs this script, with what it told. */
function maker(script: string): { readonly reports: ReportMaker; readonly told: string[] } {
  const told: string[] = [];
  const reports = new ReportMaker([process.execPath, '-e', script], {
    made: (_ms, bytes) => told.push(`made ${bytes}`),
    failed: (_ms, why) => told.push(`failed ${why}`),
  });
  return { reports, told };
}

test('one process for all who ask, and its page for a minute', async (t) => {
  const { reports, told } = maker('process.stdout.write(String(process.pid))');
  const made = await Promise.all([reports.get(), reports.get(), reports.get()]);
  const again = await reports.get();
  t.equal(new Set([...made, again].map(({ page }) => page?.toString())).size, 1);
  t.strictSame(told, [`made ${again.page?.length}`]);
  t.equal(reports.usedBytes, again.page?.length);
});

test('what keeps it from being made is said', async (t) => {
  const failing = maker('console.error("no records\\u202e"); process.exit(75)');
  t.match(await failing.reports.get(), { page: null, why: 'no records' });
  t.match(failing.told, [/^failed no records/]);
  const silent = maker('process.exit(3)');
  t.match(await silent.reports.get(), { page: null, why: 'it ended with 3' });
  const endless = maker('const line = "x".repeat(1 << 20); for (;;) require("fs").writeSync(1, line)');
  t.match(await endless.reports.get(), { page: null, why: /^it is longer than / });
  t.equal(endless.reports.usedBytes, 0);
  const told: string[] = [];
  const absent = new ReportMaker(['/nowhere/at/all'], {
    made: () => told.push('made'),
    failed: () => told.push('failed'),
  });
  t.match(await absent.get(), { page: null, why: /ENOENT/ });
  t.strictSame(told, ['failed'], 'once');
  t.match(await maker('x'.repeat(1 << 20)).reports.get(), { page: null, why: /E2BIG/ }, 'spawn throws');
});

test('makers that share a turn run one process after another', async (t) => {
  const turn = new Turn();
  const lone = (name: string) =>
    new ReportMaker(
      [
        process.execPath,
        '-e',
        `const begun = Date.now(); setTimeout(() => { console.log(begun, Date.now(), '${name}'); process.exit(1) }, 50)`,
      ],
      { made: () => {}, failed: () => t.fail('1 is a status that is fine') },
      { turn, statuses: [0, 1] },
    );
  const [one, two] = [lone('one'), lone('two')];
  const made = await Promise.all([one.get(), two.get()]);
  const [first, second] = made.map(({ page }) => `${page}`.split(' '));
  t.strictSame([first?.[2], second?.[2]], ['one\n', 'two\n']);
  t.ok(Number(second?.[0]) >= Number(first?.[1]), 'the second begins when the first has ended');
  const never = lone('never');
  never.close();
  t.match(await never.get(), { page: null, why: 'the daemon stops' });
});

test('a stop ends the process', async (t) => {
  const { reports, told } = maker('setInterval(() => {}, 1000)');
  const made = reports.get();
  await new Promise((resolve) => setImmediate(resolve));
  reports.close();
  t.match(await made, { page: null, why: 'it ended with SIGKILL' });
  t.strictSame(told, [], 'which is no failure');
});

test('it has nothing of the environment of the daemon', async (t) => {
  process.env.TLSWARD_SECRET_OF_TEST = 'x';
  // where coverage is measured Node itself hands this one on
  const { reports } = maker(
    'process.stdout.write(Object.keys(process.env).filter((name) => name !== "NODE_V8_COVERAGE").sort().join())',
  );
  t.match((await reports.get()).page?.toString(), /^LANG(?:,TZ)?$/);
  delete process.env.TLSWARD_SECRET_OF_TEST;
});

test('the policy of a page is taken over only in the form that we write', async (t) => {
  const meta = (policy: string): Buffer =>
    Buffer.from(`<meta http-equiv="Content-Security-Policy" content="${policy}">`);
  const hash = `'sha256-${'A'.repeat(43)}='`;
  const good = `default-src 'none'; style-src ${hash}; script-src ${hash}; base-uri 'none'; form-action 'none'`;
  t.equal(reportPolicy(meta(good)), good);
  const nothing = "default-src 'none'; base-uri 'none'; form-action 'none'";
  for (const policy of [
    "default-src 'self'",
    "default-src 'none'; script-src 'unsafe-inline'",
    "default-src 'none'; script-src https://x.example",
    "default-src 'none'\r\nSet-Cookie: x",
    '',
  ])
    t.equal(reportPolicy(meta(policy)), nothing, policy);
  t.equal(reportPolicy(Buffer.concat([Buffer.alloc(5000, 32), meta(good)])), nothing, 'too late in the page');
});
