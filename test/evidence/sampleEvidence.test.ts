import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { run } from '../../src/cli/evidence.ts';
import { say } from '../cli/runCommand.ts';
import { checkRecord } from './lines.ts';
import { makeSample, SAMPLE_CODE, SAMPLE_FOLDER } from './sampleEvidence.ts';

test('the files of contrib/verify are what is made', async (t) => {
  const folder = t.testdir();
  makeSample(folder);
  const files = (of: string): string[] =>
    readdirSync(of, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.startsWith('sample') && !/\.(?:index|tally)$/.test(name))
      .sort();
  t.same(files(SAMPLE_FOLDER), files(folder), 'node build/test/evidence/sampleEvidence.js writes them');
  let lines = 0;
  for (const name of files(folder).filter((one) => /\.[a-z]+$/.test(one))) {
    const text = readFileSync(join(folder, name), 'utf8');
    t.equal(readFileSync(join(SAMPLE_FOLDER, name), 'utf8'), text, name);
    if (!name.endsWith('.jsonl')) continue;
    for (const line of text.trimEnd().split('\n')) {
      checkRecord(t, JSON.parse(line));
      lines++;
    }
  }
  t.equal(lines, 7);
  const evidence = ['--evidence', join(folder, 'sample'), '--key', join(folder, 'sample.pub')];
  const { out } = await say(run, ['prove', SAMPLE_CODE, ...evidence]);
  t.equal(out, readFileSync(join(folder, 'sample.json'), 'utf8'));
});
