/** `tlsward top`: what is shown, within which size, and that a terminal is given back as it was. */
import { test } from 'tap';
import type { Io, Terminal } from '../../src/cli/command.ts';
import { run } from '../../src/cli/top.ts';
import { pictureLines, pictureOf } from '../../src/cli/topPicture.ts';
import type { StatusReply } from '../../src/daemon/controlReplies.ts';
import { policyAnswers, policyRequest, startDaemon } from '../daemon/startDaemon.ts';
import { until } from '../until.ts';
import { say } from './runCommand.ts';

const TABLE = `trusted-clients =
[domains]
bank.example = encrypt
[domain new.example]
receive = encrypt
mode = observe
`;
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';

async function daemonWithMail(t: Parameters<typeof startDaemon>[0]) {
  const daemon = await startDaemon(t, TABLE);
  const policy = await daemon.open('policy');
  await policyAnswers(policy, [
    policyRequest(),
    policyRequest(),
    policyRequest({ sender: 'a@new.example' }),
    policyRequest({ sender: 'a@other.example' }),
  ]);
  policy.destroy();
  return daemon;
}

test('one picture where there is no terminal', async (t) => {
  const daemon = await daemonWithMail(t);
  for (const options of [[], ['--once']]) {
    const { code, out, err } = await say(run, ['--config', daemon.config, ...options]);
    t.equal(code, 0);
    t.equal(err, '');
    t.match(out, /^verdicts 4: accept 2, hold 0, /m);
    t.match(out, /^bank\.example +stopped +2 +passed +0 .*this session is not encrypted$/m);
    t.match(out, /^new\.example +stopped +0 +passed +1 /m);
    t.match(out, /observe +[0-9A-Z]{8} +new\.example +our\.example/);
    t.notMatch(out, /\u001b|alice|bob/, 'no control sequence, and no local part');
    t.ok(out.split('\n').every((line) => line.length <= 120));
  }
});

test('JSON has the same', async (t) => {
  const daemon = await daemonWithMail(t);
  const { out } = await say(run, ['--config', daemon.config, '--json']);
  t.match(JSON.parse(out), {
    ok: true,
    counters: { accept: 2 },
    failing: [{ domain: 'bank.example', stopped: 2, passed: 0 }, { domain: 'new.example' }],
    recent: [{}, {}, {}, {}],
  });
});

test('the picture fits into the terminal', async (t) => {
  const daemon = await daemonWithMail(t);
  const status = (await daemon.ask('status')) as unknown as StatusReply;
  const { verdicts } = (await daemon.ask('recent', '500')) as { verdicts: Record<string, unknown>[] };
  t.equal(verdicts.length, 4);
  t.equal(((await daemon.ask('recent', '2')) as { verdicts: unknown[] }).verdicts.length, 2);
  const hostile = { ...verdicts[0], client: '\u001b]0;x\u0007', row: '\u001b[2J\u202e'.repeat(20) };
  const many = Array.from({ length: 300 }, (_, i) => ({
    ...verdicts[3],
    ...(i % 2 === 0 ? hostile : null),
    sender: `a@d${i % 40}.example`,
    action: 'reject',
  }));
  const now = Date.now();
  const picture = pictureOf(status, many, now, { verdicts: 0, seconds: 2 });
  t.equal(picture.rate, 2);
  for (const [columns, rows] of [
    [80, 24],
    [40, 12],
    [20, 5],
    [200, 60],
    [1, 1],
  ] as const) {
    const lines = pictureLines(picture, columns, rows, now);
    t.ok(lines.length <= rows, `${lines.length} lines in ${rows}`);
    t.ok(
      lines.every(({ text }) => text.length <= columns && /^[\x20-\x7e]*$/.test(text)),
      `${columns} columns`,
    );
  }
  t.match(
    pictureLines(picture, 80, 24, now)
      .map(({ text }) => text)
      .join('\n'),
    /and [0-9]+ more domains/,
  );
});

test('old verdicts fail nobody', async (t) => {
  const daemon = await daemonWithMail(t);
  const status = (await daemon.ask('status')) as unknown as StatusReply;
  const { verdicts } = (await daemon.ask('recent')) as { verdicts: Record<string, unknown>[] };
  t.strictSame(pictureOf(status, verdicts, Date.now() + 3_700_000, null).failing, []);
});

/** A terminal whose keys a test types. */
class FakeTerminal implements Terminal {
  key: (text: string) => void = () => {};
  listening = false;

  size(): { columns: number; rows: number } {
    return { columns: 80, rows: 24 };
  }

  listen(key: (text: string) => void, resized: () => void): () => void {
    this.key = key;
    this.listening = true;
    resized();
    return () => {
      this.listening = false;
    };
  }
}

test('a terminal is given back, whatever ends it', async (t) => {
  const daemon = await daemonWithMail(t);
  const before = process.listenerCount('SIGTERM');
  for (const end of ['q', '\u0003', 'SIGTERM'] as const) {
    const terminal = new FakeTerminal();
    let out = '';
    const io: Io = { out: (text) => (out += text), err: () => {}, env: {}, colour: false, terminal };
    const done = run(['--config', daemon.config], io);
    await until(() => terminal.listening);
    if (end === 'SIGTERM') process.emit('SIGTERM');
    else terminal.key(end);
    t.equal(await done, 0, JSON.stringify(end));
    t.ok(out.startsWith(ENTER));
    t.ok(out.endsWith(LEAVE));
    t.equal(out.split(LEAVE).length, 2, 'once');
    t.notMatch(out.slice(ENTER.length, -LEAVE.length), /\u001b\[[0-9]+m/, 'without colour there is none');
    t.equal(terminal.listening, false);
    t.equal(process.listenerCount('SIGTERM'), before, 'no listener is left');
  }
});

test('without a daemon it says so, and draws nothing', async (t) => {
  const daemon = await startDaemon(t, TABLE);
  await daemon.service.stop(0);
  const { code, out } = await say(run, ['--config', daemon.config]);
  t.match(code, /^ControlError: cannot reach the daemon/);
  t.equal(out, '');
});
