/** Killed and started again: every record once, with what is known of it, whatever happens to the log meanwhile. */
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Collector } from '../../../src/collect/collector.ts';
import { CollectorCounters } from '../../../src/collect/counters.ts';
import { runCollector } from '../../../src/collect/run/runCollector.ts';
import { FileSource } from '../../../src/collect/sources/fileSource.ts';
import { JournalSource } from '../../../src/collect/sources/journalSource.ts';
import type { Source } from '../../../src/collect/sources/source.ts';
import { StdinSource } from '../../../src/collect/sources/stdinSource.ts';
import { finishedLine } from '../../../src/evidence/lineText.ts';
import { addressOf } from '../../../src/evidence/pseudonym.ts';
import { generator } from '../../mark/generator.ts';
import { line } from '../collected.ts';
import { simulate } from '../simulated.ts';
import { FakeWriter, Killed, recordsOf } from './fakeWriter.ts';

process.env.TZ = 'UTC';

interface Told {
  readonly lost: string[];
  readonly waits: boolean[];
}

function place(t: Test): { readonly log: string; readonly stream: string } {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-collect-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return { log: join(folder, 'mail.log'), stream: join(folder, 'collector') };
}

async function run(
  stream: string,
  source: Source,
  writer: FakeWriter,
  more: {
    readonly signal?: AbortSignal;
    readonly saveEveryMs?: number;
    readonly counters?: CollectorCounters;
  } = {},
): Promise<Told> {
  const told: Told = { lost: [], waits: [] };
  await runCollector({
    source,
    stream,
    host: 'own.example',
    writer,
    events: {
      started: () => {},
      unreadable: () => {},
      lost: (why) => told.lost.push(why),
      waiting: (waits) => told.waits.push(waits),
      stateNotSaved: (error) => {
        throw error;
      },
      committed: () => {},
    },
    counters: more.counters ?? new CollectorCounters(0),
    signal: more.signal ?? new AbortController().signal,
    saveEveryMs: more.saveEveryMs ?? 10_000,
    commitEveryMs: 0,
    retryMs: 5,
  });
  return told;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Without its place in the log. */
const bare = ({ source: _, ...record }: Record<string, unknown>) => JSON.stringify(record);

/** What a collector that is never stopped makes of the lines. */
function undisturbed(lines: readonly string[]): string[] {
  const options = { host: 'own.example', kind: 'file', now: Date.now, saved: null, resume: null };
  const collector = new Collector(options);
  return lines.flatMap((one, i) =>
    collector.push(one, `${i}`).map((text) => {
      const whole = finishedLine(0, text, (address) => addressOf(address, 'full', null));
      return bare(JSON.parse(whole!) as Record<string, unknown>);
    }),
  );
}

t.test('killed at random, with rotation: each record once', async (t) => {
  for (let round = 0; round < 6; round++) {
    const random = generator();
    const { log, stream } = place(t);
    const { lines } = simulate(random, 300, true);
    const expected = undisturbed(lines);
    let kills = 0;
    writeFileSync(log, '');
    for (let at = 0; at < lines.length; ) {
      const part = lines.slice(at, at + 1 + random.integer(400));
      at += part.length;
      appendFileSync(log, `${part.join('\n')}\n`);
      let steps = random.integer(600);
      const kill = () => steps-- === 0;
      const writer = new FakeWriter(stream, kill);
      const source = new FileSource({ path: log, once: true, pollMs: 1, quietMs: 0 });
      try {
        await run(stream, source, writer, { saveEveryMs: random.pick([0, 10_000]) });
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
        kills++;
      }
      const turn = random.integer(6);
      await pause(25);
      if (turn === 0) {
        renameSync(log, `${log}.${at}`);
        writeFileSync(log, '');
      } else if (turn === 1) {
        copyFileSync(log, `${log}.${at}`);
        truncateSync(log);
      }
      // files are ordered by the time of their last change, which has a grain
      await pause(25);
    }
    const source = new FileSource({ path: log, once: true, pollMs: 1, quietMs: 0 });
    const { lost } = await run(stream, source, new FakeWriter(stream));
    t.same(lost, []);
    const made = recordsOf(stream).map(bare);
    t.equal(made.length, expected.length, `seed ${random.seed}: ${made.length} records, ${kills} kills`);
    t.same(
      made.filter((one, i) => one !== expected[i]).slice(0, 3),
      [],
      'in their order and with the same TLS',
    );
  }
});

t.test('counts over a restart what is new, and not what is read again', async (t) => {
  const { log, stream } = place(t);
  writeFileSync(log, `${[line.active('AAAAA1'), line.tls(), line.delivery('AAAAA1')].join('\n')}\n`);
  const read = async () => {
    const counters = new CollectorCounters(0);
    await run(stream, new FileSource({ path: log, once: true }), new FakeWriter(stream), { counters });
    return counters.figures(0);
  };
  t.match(await read(), { lines: 3, records: 2, unreadable: 0, deliveries: { 'TLSv1.3': { sent: 1 } } });
  // as if it was killed before its state was saved
  rmSync(join(stream, 'collect.state'));
  appendFileSync(log, `${line.delivery('AAAAA2')}\n${line.delivery('AAAAA3', { end: 'dsn=2.0.0, sta' })}\n`);
  const { records, unreadable, gapRecords, deliveries } = await read();
  t.strictSame({ records, unreadable, gapRecords }, { records: 2, unreadable: 1, gapRecords: 1 });
  const all = Object.values(deliveries).flatMap((one) => Object.values(one));
  t.equal(
    all.reduce((sum, one) => sum + one, 0),
    1,
  );
});

t.test('killed behind a rotation, when the state that is saved is older', async (t) => {
  const { log, stream } = place(t);
  const state = join(stream, 'collect.state');
  writeFileSync(log, `${[line.active('AAAAA1'), line.tls(), line.delivery('AAAAA1')].join('\n')}\n`);
  await run(stream, new FileSource({ path: log, once: true }), new FakeWriter(stream));
  copyFileSync(state, `${log}-state`);
  renameSync(log, `${log}.1`);
  writeFileSync(log, `${[line.active('AAAAA2'), line.tls(), line.delivery('AAAAA2')].join('\n')}\n`);
  await run(stream, new FileSource({ path: log, once: true }), new FakeWriter(stream));
  const before = recordsOf(stream);
  t.ok(before.length > 2);
  renameSync(`${log}-state`, state);
  // the end of the file before is not the end of the log, for as long as somebody may write to it
  const source = new FileSource({ path: log, once: false, pollMs: 5, quietMs: 50 });
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 400);
  const { lost } = await run(stream, source, new FakeWriter(stream), { signal: stop.signal });
  t.same(lost, []);
  t.same(recordsOf(stream), before, 'each record once');
});

t.test('killed at random, from the journal: each record once', async (t) => {
  const random = generator();
  const { log, stream } = place(t);
  const { lines } = simulate(random, 300, true);
  const entries = lines.map((text, i) => {
    const [, time = '', tag = '', pid = '', message = ''] =
      /^(\S+) mx (\S+)\[(\d+)\]: (.*)$/.exec(text) ?? [];
    const micros = `${Date.parse(time)}000`;
    const cursor = `c${i + 1}`;
    return JSON.stringify({
      __CURSOR: cursor,
      __REALTIME_TIMESTAMP: micros,
      _HOSTNAME: 'mx',
      SYSLOG_IDENTIFIER: tag,
      SYSLOG_PID: pid,
      MESSAGE: message,
    });
  });
  const program = `${log}.journalctl`;
  const from = 'n=1; for a; do case $a in --cursor=c*) n=$(echo "$a" | tr -dc 0-9);; esac; done';
  writeFileSync(program, `#!/bin/sh\n${from}\nexec tail -n +$n ${log}\n`);
  chmodSync(program, 0o755);
  const expected = undisturbed(lines);
  let kills = 0;
  for (let at = 0; at < lines.length; ) {
    at += 1 + random.integer(400);
    writeFileSync(log, `${entries.slice(0, at).join('\n')}\n`);
    let steps = random.integer(kills === 0 ? 6 : 600);
    const writer = new FakeWriter(stream, () => steps-- === 0);
    try {
      await run(stream, new JournalSource(true, program), writer, { saveEveryMs: random.pick([0, 10_000]) });
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      kills++;
    }
  }
  const { lost } = await run(stream, new JournalSource(true, program), new FakeWriter(stream));
  t.same(lost, []);
  const made = recordsOf(stream).map(bare);
  // killed before its first state it no longer knows which messages are recorded: these may come again
  const isMessage = (text: string): boolean => text.includes('"type":"message"');
  const attempts = made.filter((text) => !isMessage(text)).map(recipientOf);
  t.same(
    attempts.sort(),
    expected
      .filter((text) => !isMessage(text))
      .map(recipientOf)
      .sort(),
    `seed ${random.seed}: ${made.length} records, ${kills} kills`,
  );
  const messagesOf = (texts: readonly string[]) => [
    ...new Set(texts.filter(isMessage).map((text) => (JSON.parse(text) as { queueId: string }).queueId)),
  ];
  t.same(messagesOf(made).sort(), messagesOf(expected).sort());
  t.ok(kills > 0);
});

t.test('a journal that was emptied meanwhile', async (t) => {
  const { log, stream } = place(t);
  const at = (n: number) => Date.UTC(2026, 10, 22, 18, 0, n);
  const entry = (n: number, text: string) =>
    JSON.stringify({
      __CURSOR: `c${n}`,
      __REALTIME_TIMESTAMP: `${at(n)}000`,
      _HOSTNAME: 'mx',
      SYSLOG_IDENTIFIER: 'postfix/smtp',
      SYSLOG_PID: '10',
      MESSAGE: text.replace(/^.*?\]: /, ''),
    });
  const program = `${log}.journalctl`;
  writeFileSync(program, `#!/bin/sh\nexec cat ${log}\n`);
  chmodSync(program, 0o755);
  const read = async (...entries: string[]) => {
    writeFileSync(log, `${entries.join('\n')}\n`);
    return (await run(stream, new JournalSource(true, program), new FakeWriter(stream))).lost;
  };
  const first = [entry(0, line.tls()), entry(20, line.delivery('AAAAA1'))];
  await read(...first);
  const state = join(stream, 'collect.state');
  const before = readFileSync(state);
  t.same(await read(first[1]!, entry(30, line.delivery('BBBBB2'))), []);
  // killed before it was saved again
  writeFileSync(state, before);
  const plain = (id: string) => line.delivery(id, { delays: '0/0/0/0' });
  t.same(await read(entry(60, plain('CCCCC3')), entry(90, plain('DDDDD4'))), [
    'journal: the entry that was read last is gone',
  ]);
  const [gap, ...others] = recordsOf(stream).slice(-3);
  const { from, to } = gap as { from: string; to: string };
  t.same([Date.parse(from), Date.parse(to)], [at(20), at(60)], 'what is missing is between what was read');
  t.match(others, [
    { queueId: 'CCCCC3', tls: { state: 'unknown' } },
    { queueId: 'DDDDD4', tls: { state: 'plain' } },
  ]);
});

/** What a record is about. */
const recipientOf = (text: string) => {
  const { type, queueId, recipient, time } = JSON.parse(text) as Record<string, string>;
  return `${type} ${queueId} ${recipient} ${time}`;
};

t.test('without its state it goes on behind the last record, and claims less', async (t) => {
  const { log, stream } = place(t);
  writeFileSync(log, `${[line.active('AAAAA1'), line.tls(), line.delivery('AAAAA1')].join('\n')}\n`);
  const source = () => new FileSource({ path: log, once: true });
  await run(stream, source(), new FakeWriter(stream));
  appendFileSync(log, `${line.delivery('AAAAA1', { to: 'v@good.example' })}\n${line.removed('AAAAA1')}\n`);
  rmSync(join(stream, 'collect.state'));
  await run(stream, source(), new FakeWriter(stream));
  t.match(recordsOf(stream), [
    { type: 'message' },
    { type: 'delivery', tls: { state: 'tls' } },
    { type: 'delivery', tls: { state: 'unknown' }, recipient: 'v@good.example' },
  ]);
  writeFileSync(join(stream, 'collect.state'), '{"v":1,"kind":"file"');
  await run(stream, source(), new FakeWriter(stream));
  t.equal(recordsOf(stream).length, 3, 'a damaged one is none');
  const file = join(stream, 'collect.state');
  const saved = JSON.parse(readFileSync(file, 'utf8')) as { state: { join: Record<string, unknown> } };
  for (const part of ['queues', 'processes', 'gaps'])
    for (const value of [undefined, 7, [[1]]]) {
      const other = { ...saved, state: { ...saved.state, join: { ...saved.state.join, [part]: value } } };
      writeFileSync(file, JSON.stringify(other));
      await run(stream, source(), new FakeWriter(stream));
    }
  t.equal(recordsOf(stream).length, 3, 'nor is one of another release');
});

t.test('a log that is gone is a gap', async (t) => {
  const { log, stream } = place(t);
  writeFileSync(log, `${line.delivery('AAAAA1')}\n`);
  await run(stream, new FileSource({ path: log, once: true }), new FakeWriter(stream));
  rmSync(log);
  writeFileSync(log, `${line.delivery('BBBBB2')}\n`);
  const { lost } = await run(stream, new FileSource({ path: log, once: true }), new FakeWriter(stream));
  t.match(lost, [/gone/]);
  t.match(recordsOf(stream), [{ queueId: 'AAAAA1' }, { type: 'gap', count: null }, { queueId: 'BBBBB2' }]);
});

t.test('a full disk: nothing is read, confirmed or lost until there is room', async (t) => {
  const { log, stream } = place(t);
  writeFileSync(log, `${line.delivery('AAAAA1')}\n`);
  const writer = new FakeWriter(stream);
  writer.refuses = true;
  const room = setInterval(() => {
    writer.refuses = writer.refused < 3;
  }, 10);
  t.teardown(() => clearInterval(room));
  const { waits } = await run(stream, new FileSource({ path: log, once: true }), writer);
  t.same(waits, [true, false]);
  t.equal(recordsOf(stream).length, 1);
  clearInterval(room);

  const stop = new AbortController();
  writer.refuses = true;
  appendFileSync(log, `${line.delivery('BBBBB2')}\n`);
  setTimeout(() => stop.abort(), 30);
  await run(stream, new FileSource({ path: log, once: true }), writer, { signal: stop.signal });
  t.equal(recordsOf(stream).length, 1, 'stopped meanwhile');
  await run(stream, new FileSource({ path: log, once: true }), new FakeWriter(stream));
  t.match(recordsOf(stream), [{ queueId: 'AAAAA1' }, { queueId: 'BBBBB2' }]);
});

async function* given(...chunks: readonly string[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

t.test('standard input: confirmed when it is on disk, not twice when it comes again', async (t) => {
  const { stream } = place(t);
  const answers: string[] = [];
  const answer = (text: string) => {
    answers.push(`${text.replaceAll('\n', ' ')}${recordsOf(stream).length}`);
  };
  const one = `${line.delivery('AAAAA1')}\n`;
  await run(
    stream,
    new StdinSource(given(one, line.active('BBBBB2').slice(0, 9)), answer),
    new FakeWriter(stream),
  );
  t.same(answers, ['OK 0', 'OK 1', 'OK 1']);
  let writes = 0;
  const killed = new FakeWriter(stream, (where) => where === 'after the write' && writes++ === 0);
  const two = `${line.delivery('BBBBB2')}\n`;
  await t.rejects(run(stream, new StdinSource(given(two), answer), killed), { message: 'after the write' });
  t.same(answers.slice(3), ['OK 1'], 'killed before the confirmation');
  const three = `${line.delivery('CCCCC3')}\n${line.delivery('DDDDD4')}\n`;
  await run(stream, new StdinSource(given(two, three), answer), new FakeWriter(stream));
  t.same(answers.slice(4), ['OK 2', 'OK 2', 'OK OK 4']);
  // what rsyslog had in its queue when it was stopped comes before the line that was not confirmed
  const four = `${line.delivery('EEEEE5')}\n${line.delivery('DDDDD4')}\n${line.delivery('FFFFF6')}\n`;
  await run(stream, new StdinSource(given(four), answer), new FakeWriter(stream));
  t.match(recordsOf(stream), [
    { queueId: 'AAAAA1', source: { kind: 'stdin' } },
    { queueId: 'BBBBB2' },
    { queueId: 'CCCCC3' },
    { queueId: 'DDDDD4' },
    { queueId: 'EEEEE5' },
    { queueId: 'FFFFF6' },
  ]);
});
