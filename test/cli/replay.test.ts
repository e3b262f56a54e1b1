/** `tlsward replay`, and `reload --refuse-if-newly-rejects`: what is said, and the exit status. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Io } from '../../src/cli/command.ts';
import { socketOf } from '../../src/cli/daemon.ts';
import { run as reload } from '../../src/cli/reload.ts';
import { run as replay } from '../../src/cli/replay.ts';
import { askDaemon } from '../../src/net/controlClient.ts';
import { startDaemon } from '../daemon/startDaemon.ts';
import { delivery, MadeEvidence, newFolder, verdict } from '../trace/madeDays.ts';

const DAY = new Date(Date.now() - 3 * 86_400_000).toISOString().slice(0, 10);
const at = (clock: string): string => `${DAY}T${clock}:00.000Z`;

async function say(run: (argv: string[], io: Io) => Promise<number>, ...argv: string[]) {
  let out = '';
  let err = '';
  const io: Io = { out: (text) => (out += text), err: (text) => (err += text), env: {}, colour: false };
  const status = await run(argv, io).catch((error: Error) => `${error.constructor.name}: ${error.message}`);
  return { status, out, err };
}

function made(t: Test): string {
  const evidence = new MadeEvidence(join(newFolder(t), 'evidence'), 'mx.example.org');
  const tls = { state: 'plain' };
  evidence.day('daemon', DAY, [
    verdict(at('10:00')),
    verdict(at('10:01'), { code: '3FQ80002', queueId: undefined, tls }),
    verdict(at('10:02'), {
      code: '3FQ80003',
      queueId: undefined,
      tls,
      sender: '<x@law.example>',
      senderDomain: 'law.example',
    }),
    { time: at('10:03'), type: 'gap', from: at('10:00'), to: at('10:03'), count: 12, why: 'disk full' },
  ]);
  evidence.day('collector', DAY, [
    delivery(at('10:00')),
    delivery(at('10:04'), {
      tls,
      nextHop: 'clinic.example',
      recipientDomain: 'clinic.example',
      demanded: undefined,
    }),
    delivery(at('10:05'), { outcome: 'deferred' }),
  ]);
  return evidence.directory;
}

function table(t: Test, rows: string): string {
  const folder = newFolder(t);
  const file = join(folder, 'new.ini');
  writeFileSync(file, `[service]\nmilter-listen = unix:${folder}/m.sock\n${rows}`);
  return file;
}

t.test('what would change, and what cannot be told', async (t) => {
  const evidence = made(t);
  const rows = '[domains]\nbank.example = encrypt\nclinic.example = encrypt\nx@law.example = encrypt\n';
  const file = table(t, rows);
  const { status, out, err } = await say(replay, '--table', file, '--evidence', evidence);
  t.equal(status, 1, err);
  t.match(out, /^came {7}1 unchanged, 1 different, 1 cannot be told$/m);
  t.match(out, /^left {7}1 unchanged, 1 different, 0 cannot be told$/m);
  t.match(
    out,
    /^newly rejected: 1\n.*\n {2}bank\.example +1 +accept +reject +plain +bank\.example \(.*new\.ini:4\) +3FQ80002$/m,
  );
  t.match(out, /^would have waited: 1\n.*\n {2}clinic\.example +1 +sent +wait \(encrypt\) +plain/m);
  t.match(
    out,
    /^cannot be told: 1\n.*\n {2}law\.example +in +1 +rows for single addresses may apply.* 3FQ80003$/m,
  );
  t.match(out, /^1 attempt to deliver that did not succeed not judged/m);
  t.match(out, /^1 gap in the records, at least 12 records missing/m);
  t.match(
    out,
    /\n2 messages more would have been refused or kept waiting, of what can be told; 1 message cannot be told\n$/,
  );
  const one = await say(replay, '--table', file, '--evidence', evidence, '--partner', 'law.example');
  t.match(one, {
    status: 75,
    out: /0 unchanged, 0 different, 1 cannot be told[\s\S]*\nnothing can be told: no record could be judged\n$/,
  });
  const json = await say(
    replay,
    '--table',
    file,
    '--evidence',
    evidence,
    '--partner',
    'law.example',
    '--json',
  );
  t.match(JSON.parse(json.out), { ok: false, stopped: 0, unknown: [{ count: 1 }] }, 'as the exit status');
  const some = table(t, '[domains]\nx@law.example = encrypt\n');
  t.match(await say(replay, '--table', some, '--evidence', evidence), {
    status: 0,
    out: /\nnothing more would have been refused or kept waiting, of what can be told; 1 message cannot be told\n$/,
  });
  t.match(await say(replay, '--table', table(t, ''), '--evidence', evidence), {
    status: 0,
    out: /nothing more would/,
  });
  const refused = new MadeEvidence(join(newFolder(t), 'evidence'), 'mx.example.org');
  refused.day('daemon', DAY, [verdict(at('10:00'), { tls: { state: 'plain' }, action: 'reject' })]);
  const later = table(t, '[domain bank.example]\nreceive = encrypt\nviolation = defer\n');
  t.match(
    await say(replay, '--table', later, '--evidence', refused.directory),
    { status: 0, out: /^newly put off: 1\n[\s\S]*nothing more would/m },
    'what was refused before is not refused more',
  );
  t.match(await say(replay, '--table', file, '--evidence', evidence, '--since', '1d'), { status: 75 });
  t.match(await say(replay, '--table', file, '--evidence', join(evidence, 'none')), {
    status: 75,
    err: /cannot be read/,
  });
  t.match(await say(replay, '--table', file, '--partner', 'a b'), { status: /^UsageError: --partner/ });
  t.match(await say(replay, '--table', table(t, '[domains]\nx = y\n'), '--evidence', evidence), {
    status: 78,
    err: /found policy "y"/,
  });
  appendFileSync(join(evidence, 'collector', `${DAY}.jsonl`), 'x'.repeat(70_000));
  appendFileSync(join(evidence, 'daemon', `${DAY}.jsonl`), '{"v":1,"n":9,"time":"x","type":"verdict"\n');
  t.match(await say(replay, '--table', table(t, ''), '--evidence', evidence), {
    status: 65,
    out: /^2 lines of the records cannot be read/m,
  });
});

t.test('a reload that would refuse mail is not made', async (t) => {
  const evidence = made(t);
  const { config, write } = await startDaemon(t, '[domains]\nlaw.example = may\n');
  const guarded = (n: string, ...more: string[]) =>
    say(reload, '--config', config, '--evidence', evidence, '--refuse-if-newly-rejects', n, ...more);
  const inForce = async (): Promise<number> => {
    const status = await askDaemon(socketOf({ config }, {}), 'status', '');
    return (status as { table: { generation: number } }).table.generation;
  };
  t.match(await guarded('0'), { status: 0, out: /^reloaded: generation 2/ });
  write('[domains]\nbank.example = encrypt\n');
  const refused = await guarded('0');
  t.match(refused, {
    status: 1,
    out: '',
    err: /not reloaded: 1 recorded message would not have passed, and 0 may; .*on disk is not\n$/,
  });
  t.match(refused.err, /bank\.example +1 +accept +reject/, 'it says who');
  t.match(JSON.parse((await guarded('0', '--json')).out), {
    ok: false,
    error: /^not reloaded/,
    replay: { stopped: 1 },
  });
  t.match(await guarded('0', '--since', '1d'), { status: 75, err: /no record can be judged/ });
  t.equal(await inForce(), 2);
  t.match(await guarded('x'), { status: /^UsageError/ });
  t.match(await guarded('1', '--dry-run'), { status: 0, out: /^dry run/ });
  t.match(await guarded('1'), { status: 0, out: /^reloaded: generation 3/ });
  const other = await askDaemon(socketOf({ config }, {}), 'reload', 'ab'.repeat(32));
  t.match(other, { ok: false, differs: true, error: /no longer those/ }, 'files that changed meanwhile');
  t.equal(await inForce(), 3);
});
