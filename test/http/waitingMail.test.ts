/** Waiting mail for the live page: what the process says, kept and bounded; what it cannot say is said. */
import { test } from 'tap';
import { Turn } from '../../src/http/reportMaker.ts';
import { WaitingMail } from '../../src/http/waitingMail.ts';
import { until } from '../until.ts';

const GROUP = { domain: 'bank.example', cause: 'certificate expired', tls: true, level: 'secure' };
const SAID = {
  ok: true,
  recipients: 3,
  groups: [{ ...GROUP, recipients: 3, oldest: '2026-11-30T06:11:00.000Z' }],
};

function waitingOf(script: string): { readonly waiting: WaitingMail; readonly told: string[] } {
  const told: string[] = [];
  const command = [process.execPath, '-e', script] as const;
  return { waiting: new WaitingMail(command, new Turn(), (_ms, why) => told.push(why)), told };
}

/** What it says when it has read. */
async function readBy(waiting: WaitingMail): Promise<ReturnType<WaitingMail['look']>> {
  const first = waiting.look();
  await until(() => waiting.look() !== first);
  return waiting.look();
}

const saying = (value: object, status = 0): string =>
  `process.stdout.write(${JSON.stringify(JSON.stringify(value))}); process.exitCode = ${status}`;

test('groups of what waits', async (t) => {
  const { waiting, told } = waitingOf(saying(SAID, 1));
  t.strictSame(waiting.look(), { read: null, trouble: '' }, 'at first nothing is known');
  const { read, trouble } = await readBy(waiting);
  t.equal(trouble, '');
  t.strictSame(read?.groups, [{ ...GROUP, recipients: 3, since: '2026-11-30T06:11:00.000Z' }]);
  t.match(read, { recipients: 3, others: 0, atMs: Number });
  t.equal(waiting.look().read, read, 'not read again at once');
  t.ok(waiting.usedBytes > 100);
  t.strictSame(told, []);
});

test('a long list is cut, and texts are escaped', async (t) => {
  const [group] = SAID.groups;
  const script = `const group = ${JSON.stringify(group)};
    const groups = Array(70).fill({ ...group, domain: 'a\\u202e' + 'b'.repeat(3000) });
    process.stdout.write(JSON.stringify({ ok: true, recipients: 210, groups }))`;
  const { read } = await readBy(waitingOf(script).waiting);
  t.equal(read?.groups.length, 50);
  t.equal(read?.others, 20);
  t.notMatch(read?.groups[0]?.domain, /\u202e/);
  t.ok((read?.groups[0]?.domain.length ?? 9999) < 1200);
});

test('what cannot be read is said', async (t) => {
  const failing = waitingOf('console.error("no records"); process.exit(69)');
  t.match(await readBy(failing.waiting), { read: null, trouble: 'The records cannot be read: no records.' });
  t.match(failing.told, [/^waiting mail: no records/]);
  for (const value of [{}, { ok: true }, { ok: false, groups: [] }, { ...SAID, groups: [{ oldest: 'x' }] }])
    t.match(await readBy(waitingOf(saying(value)).waiting), { read: null, trouble: /no answer/ });
});
