/** The body banner over the whole corpus: where it stands, what stays, that it speaks once. */
import t from 'tap';
import { allAtOnce } from '../../src/core/work.ts';
import { putBodyBanner } from '../../src/mail/bodyBanner.ts';
import { corpus } from './bannerCorpus.ts';
import { checkingBanners } from './bannerTexts.ts';
import { complaints, joined } from './checkBanner.ts';

const bytes = (latin1: string): Buffer => Buffer.from(latin1, 'latin1');

t.test('the corpus is large', async (t) => {
  t.ok(corpus.length >= 60, `${corpus.length} messages`);
  t.ok(corpus.filter((message) => message.leaves === null).length >= 60, 'most of them can be edited');
  t.equal(new Set(corpus.map((message) => message.name)).size, corpus.length, 'no name twice');
});

for (const message of corpus) {
  t.test(message.name, async (t) => {
    for (const { text, forms } of checkingBanners) {
      const result = allAtOnce(putBodyBanner(message.headers, bytes(message.body), { text }));
      if (message.leaves !== null) {
        t.match(result, { kind: 'skipped', reason: message.leaves }, text);
        continue;
      }
      if (result.kind === 'skipped') {
        t.fail(`left alone: ${result.reason} (part ${result.part})`, { text });
        continue;
      }
      const after = joined(result);
      t.same(result.parts, message.edits);
      t.same(complaints(message.headers, message.body, after, result.parts, forms), [], text);
      const again = allAtOnce(putBodyBanner(message.headers, bytes(after), { text }));
      t.match(again, { kind: 'skipped', reason: 'already-there' }, 'it speaks once');
    }
  });
}
