/** The digest of a body against its definition, in any cutting, and through the ways in which mail is stored. */
import { createHash } from 'node:crypto';
import t from 'tap';
import { BodyDigest, SavedBody } from '../../src/mark/bodyDigest.ts';
import { threadMs } from '../threadTime.ts';
import { generator } from './generator.ts';

/** The form of the file comment, said in another way. */
function byDefinition(body: Buffer): string {
  const text = body.toString('latin1').replaceAll('\r', '').replace(/\n+$/, '');
  return createHash('sha256').update(Buffer.from(text, 'latin1')).digest('base64url');
}

const digest = (...chunks: (string | Uint8Array)[]): string =>
  chunks.reduce<BodyDigest>((one, chunk) => one.with(Buffer.from(chunk)), BodyDigest.start).value();

function saved(...chunks: (string | Uint8Array)[]): readonly string[] {
  const body = new SavedBody();
  for (const chunk of chunks) body.push(Buffer.from(chunk));
  return body.values();
}

t.test('what counts and what does not', (t) => {
  const body = 'Hello,\r\n\r\nworld.\r\n';
  for (const same of [
    'Hello,\n\nworld.\n',
    'Hello,\n\nworld.',
    'Hello,\r\n\r\nworld.\r\n\r\n\n\r\n',
    'Hello,\r\r\n\r\nworld.\r\r',
    'Hello,\r\n\r\nwor\rld.\r\n',
  ])
    t.equal(digest(same), digest(body), JSON.stringify(same));
  for (const other of [
    'Hello,\n\nworld!\n',
    'Hello, \n\nworld.\n',
    'Hello,\nworld.\n',
    '\nHello,\n\nworld.\n',
    'Hello,\n\n\nworld.\n',
    'Hello,\n \nworld.\n',
    '',
  ])
    t.not(digest(other), digest(body), JSON.stringify(other));
  const empty = createHash('sha256').digest('base64url');
  for (const nothing of ['', '\r\n', '\n\n\n', '\r', '\r\n\r']) t.equal(digest(nothing), empty);
  const one = BodyDigest.start.with(Buffer.from('a'));
  t.not(
    one.with(Buffer.from('b')).value(),
    one.with(Buffer.from('c')).value(),
    'steps leave what they come from',
  );
  t.equal(one.value(), digest('a'));
  t.end();
});

t.test('by chance: the definition, whatever the cutting', (t) => {
  const g = generator();
  const pieces = [
    'a',
    'From ',
    '>',
    '>From x',
    '>>From x',
    '\r\n',
    '\n',
    '\r',
    '\r\n\r\n',
    ' ',
    '\t',
    '\0',
    '\xff',
  ];
  for (let round = 0; round < 3000; round++) {
    let text = '';
    for (let i = g.integer(40); i > 0; i--) text += g.pick(pieces);
    const body = Buffer.from(text, 'latin1');
    const chunks: Buffer[] = [];
    for (let at = 0; at < body.length; ) {
      const size = 1 + g.integer(round % 2 === 0 ? 3 : 40);
      chunks.push(body.subarray(at, at + size));
      at += size;
    }
    const wanted = byDefinition(body);
    if (digest(...chunks) !== wanted) t.fail(`seed ${g.seed}: ${JSON.stringify(text)}`);
    const all = new Set([
      wanted,
      byDefinition(Buffer.from(text.replace(/^>From /gm, 'From '), 'latin1')),
      byDefinition(Buffer.from(text.replace(/^>(>*From )/gm, '$1'), 'latin1')),
    ]);
    // JavaScript's ^ also stands behind a CR; ours only behind LF
    if (
      !/\r(?!\n)/.test(text) &&
      JSON.stringify(saved(...chunks).toSorted()) !== JSON.stringify([...all].toSorted())
    )
      t.fail(`seed ${g.seed}, saved: ${JSON.stringify(text)}`);
  }
  t.pass('3000 bodies');
  t.end();
});

t.test('as mailboxes keep it', (t) => {
  const passed = 'From here on:\r\n>From there\r\n>>From both\r\n\r\nFrom the end\r\n';
  const sent = digest(passed);
  const lf = passed.replaceAll('\r\n', '\n');
  t.ok(saved(lf).includes(sent), 'Maildir');
  t.ok(saved(`${lf.replace(/^>*From /gm, '>$&')}\n`).includes(sent), 'mboxrd');
  const mboxo = 'From here on:\nFrom the end\n';
  t.ok(saved(mboxo.replace(/^From /gm, '>From ')).includes(digest(mboxo)), 'mboxo');
  t.notOk(saved(lf.replace('here', 'hers')).includes(sent));
  t.end();
});

t.test('time goes with the length, and nothing is kept', (t) => {
  const time = (unit: string, bytes: number): number => {
    const chunk = Buffer.from(unit.repeat(Math.ceil(65_536 / unit.length))).subarray(0, 65_536);
    const start = threadMs();
    let one = BodyDigest.start;
    const kept = new SavedBody();
    for (let at = 0; at < bytes; at += chunk.length) {
      one = one.with(chunk);
      kept.push(chunk);
    }
    t.equal(one.value().length, 43);
    t.ok(kept.values().length > 0);
    return threadMs() - start;
  };
  for (const unit of ['a', '\r\n', '\n', '\r', 'line of text\r\n', '>', '>From \n', '\r\na'])
    t.ok(time(unit, 4 * 1024 * 1024) < 4000, `4 MiB of ${JSON.stringify(unit)}`);
  t.end();
});
