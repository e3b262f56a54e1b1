import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { checkpointFile, linesFile } from '../../src/archive/layout.ts';
import { run } from '../../src/cli/evidence.ts';
import { formatVerifier } from '../../src/evidence/note.ts';
import { madeKey, madeStream } from '../evidence/madeDay.ts';
import { page } from '../manual.ts';
import { say } from './runCommand.ts';

const DAYS = { '2026-11-28': 25, '2026-11-29': 100 };

function made(t: Test) {
  const directory = t.testdir({ 'kept.pub': `# from the daemon\n\n${formatVerifier(madeKey())}\n` });
  const { stream, days } = madeStream(directory, DAYS);
  const verify = async (...more: string[]) => {
    const { code, out, err } = await say(run, ['verify', '--evidence', directory, ...more]);
    return { code, out: out.replaceAll(directory, 'DIR'), err: err.replaceAll(directory, 'DIR') };
  };
  const change = (): void => {
    const lines = days.get('2026-11-29')!.lines.map((line) => line.replace('n":41,', 'n":41 ,'));
    writeFileSync(linesFile(stream, '2026-11-29'), `${lines.join('\n')}\n`);
  };
  return { directory, stream, days, verify, change, kept: join(directory, 'kept.pub') };
}

test('what holds, by which key', async (t) => {
  const { verify, kept } = made(t);
  t.same(await verify(), {
    code: 0,
    out: [
      'daemon  DIR/daemon',
      '  key tlsward/mx.example.org/daemon+692c033c, the one beside the lines, DIR/daemon/evidence.pub',
      '  2026-11-28  holds   25 lines',
      '  2026-11-29  holds   100 lines',
      '2 days: 2 hold, 0 fail',
      'Whoever could change the lines could change the key beside them: name a copy kept elsewhere with --key.',
      '',
    ].join('\n'),
    err: '',
  });
  const { code, out } = await verify('--key', kept);
  t.equal(code, 0);
  t.match(out, '  key tlsward/mx.example.org/daemon+692c033c, the one that --key names\n');
  t.notMatch(out, 'Whoever');
  t.match(JSON.parse((await verify('--json', '2026-11-29')).out), {
    ok: true,
    streams: [
      {
        stream: 'daemon',
        key: 'tlsward/mx.example.org/daemon+692c033c',
        keyFrom: 'stream',
        days: [
          { day: '2026-11-29', result: 'holds', lines: 100, proven: 100, checkpoints: 10, findings: [] },
        ],
      },
    ],
    absent: [],
  });
});

test('what does not hold', async (t) => {
  const { verify, change } = made(t);
  change();
  const { code, out } = await verify();
  t.equal(code, 1);
  t.match(out, '  2026-11-29  FAILS   100 lines, the first 40 proven\n');
  t.match(out, 'line 42 does not begin as a record does; it stands where n 41 is missing\n');
  t.match(out, '2 days: 1 hold, 1 fail\n');
  const json = await verify('--json');
  t.equal(json.code, 1);
  t.match(JSON.parse(json.out), {
    ok: false,
    streams: [{ days: [{}, { findings: [{ kind: 'changed', lines: [[42, 42]] }] }] }],
  });
  t.equal((await verify('2026-11-28')).code, 0, 'the other day');
});

test('the manual has every field of the JSON', async (t) => {
  const { verify, change } = made(t);
  change();
  const [, text = ''] = page('contrib/doc/evidence.md').split('\nWith `--json` one object:\n');
  const names = new Set<string>();
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, one] of Object.entries(value)) {
      if (!Array.isArray(value)) names.add(name);
      walk(one);
    }
  };
  walk(JSON.parse((await verify('--json')).out));
  t.ok(names.size > 15);
  const said = [...text.split('\n## ', 1)[0]!.matchAll(/`([^`]+)`/g)].flatMap((match) =>
    match[1]!.split(/\W+/),
  );
  for (const name of names) t.ok(said.includes(name), name);
});

test('what cannot be told', async (t) => {
  const { verify, stream, directory, days } = made(t);
  const other = join(directory, 'other.pub');
  writeFileSync(other, formatVerifier(madeKey('tlsward/mx.example.org/collector')));
  t.match(await verify('--key', other), { code: 75, out: /--key names no key for this stream/ });
  t.match(await verify('2026-11-27'), {
    code: 75,
    out: /^2026-11-27 {2}unknown: there is nothing of this day$/m,
  });
  writeFileSync(checkpointFile(stream, '2026-11-28'), ' '.repeat((1 << 20) + 1));
  t.match(await verify('2026-11-28'), { code: 75, out: / {2}unknown 0 lines\n +cannot be read \(EFBIG\)\n/ });
  t.match(await say(run, ['prove', 'C2800003', '--evidence', directory]), {
    code: 65,
    err: /cannot be read \(EFBIG\)/,
  });
  writeFileSync(checkpointFile(stream, '2026-11-28'), days.get('2026-11-28')!.notes.join(''));
  rmSync(linesFile(stream, '2026-11-28'));
  t.match(await verify(), {
    code: 0,
    out: / {2}2026-11-28 {2}deleted 25 lines, of which the head is kept\n/,
  });
  t.equal((await verify('2026-11-28')).code, 75);
  writeFileSync(join(stream, 'evidence.pub'), 'nothing\n');
  t.match(await verify(), {
    code: 75,
    out: /DIR\/daemon\/evidence.pub:1: not a key: expected NAME\+HASH\+BASE64/,
  });
  rmSync(join(stream, 'evidence.pub'));
  t.match(await verify(), { code: 75, out: /evidence.pub: cannot be read \(no such file or directory\)/ });
});

test('wrong arguments', async (t) => {
  const { verify, directory, stream } = made(t);
  const wrong = async (message: RegExp, ...argv: string[]): Promise<void> => {
    const { code } = await say(run, argv);
    t.match(code, message);
  };
  const plain = join(directory, 'plain.ini');
  writeFileSync(plain, '[service]\npolicy-listen = unix:p\n');
  await wrong(/^UsageError: --evidence is missing, and .* has no key evidence$/, 'verify', '--config', plain);
  await wrong(/^UsageError: found "praise", expected/, 'praise', '--evidence', directory);
  await wrong(/^UsageError: .*none: cannot be read \(no such/, 'verify', '--evidence', `${directory}/none`);
  await wrong(/^UsageError: .*has no stream, neither daemon nor collector/, 'verify', '--evidence', stream);
  t.match(await verify('yesterday'), { code: /found "yesterday", expected a day/ });
  t.match(await verify('--key', directory), { code: /--key .*: is not a file/ });
  t.match(await verify('--key', `${directory}/none`), { code: /--key .*none: cannot be read/ });
  writeFileSync(join(directory, 'empty'), '# nothing\n');
  t.match(await verify('--key', `${directory}/empty`), { code: /--key .*empty: holds no key/ });
});
