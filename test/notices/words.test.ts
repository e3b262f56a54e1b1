/** Every cause for want of TLS has its own words. */
import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { whyWords } from '../../src/notices/words.ts';
import { root } from '../root.ts';

test('each cause that mail can wait for', async (t) => {
  const text = ['src/tally/causes.ts', 'src/queue/waitCause.ts'].map((name) =>
    readFileSync(new URL(name, root), 'utf8'),
  );
  const causes = [...text.join('').matchAll(/^ {2}\['[^']+', '([^']+)'(?:, '\w*')?\],$/gm)].map(
    (one) => one[1]!,
  );
  t.ok(causes.length > 30);
  const other = whyWords('something else', 'bank.example');
  const others = new Set<string>();
  for (const cause of new Set(causes)) {
    const words = whyWords(cause, 'bank.example');
    t.match(words, /^[A-Z][ -~]*bank\.example[ -~]*\.$/, cause);
    if (words === other) others.add(cause);
  }
  t.ok(others.has('REQUIRETLS not supported by the server'));
  for (const cause of [
    'no STARTTLS offered',
    'certificate expired',
    'certificate self-signed',
    'TLS policy not known',
  ])
    t.notOk(others.has(cause), cause);
  t.match(whyWords('certificate expired', 'x.example'), 'its certificate has expired.');
});
