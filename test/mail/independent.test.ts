/** The corpus once more, checked by Python's email package where python3 is installed (independent.py). */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { allAtOnce } from '../../src/core/work.ts';
import { putBodyBanner } from '../../src/mail/bodyBanner.ts';
import { root } from '../root.ts';
import { corpus } from './bannerCorpus.ts';
import { checkingBanners } from './bannerTexts.ts';
import { headerText, joined } from './checkBanner.ts';

const missing =
  spawnSync('python3', ['-c', 'import email'], { timeout: 60_000 }).status === 0 ? false : 'no python3';

t.test("Python's reader agrees", { skip: missing }, async (t) => {
  const cases: unknown[] = [];
  for (const message of corpus) {
    for (const { text, forms } of checkingBanners) {
      const result = allAtOnce(putBodyBanner(message.headers, Buffer.from(message.body, 'latin1'), { text }));
      if (result.kind === 'skipped') continue;
      const header = `${headerText(message.headers)}\r\n`;
      const whole = (body: string): string => Buffer.from(header + body, 'latin1').toString('base64');
      cases.push({
        name: message.name,
        before: whole(message.body),
        after: whole(joined(result)),
        parts: result.parts,
        forms,
      });
    }
  }
  t.ok(cases.length >= 240, `${cases.length} edited messages`);
  const script = fileURLToPath(new URL('test/mail/independent.py', root));
  const run = spawnSync('python3', ['-B', script], {
    input: JSON.stringify(cases),
    encoding: 'utf8',
    timeout: 240_000,
  });
  t.equal(run.status, 0, run.stderr);
  t.same(run.stdout.split('\n').filter(Boolean), []);
});
