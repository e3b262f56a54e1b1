/** Marks that bind the body (`mark-binds = body`), through the whole daemon. */
import { join } from 'node:path';
import { test } from 'tap';
import { BodyDigest } from '../../src/mark/bodyDigest.ts';
import { readKeyFile } from '../../src/mark/keyFile.ts';
import { verifyMark } from '../../src/mark/signMark.ts';
import type { Played } from '../../src/simulate/milterPlayer.ts';
import type { PlayedMail } from '../../src/simulate/playedMail.ts';
import { fieldsOf, playMail } from './playMail.ts';
import { startDaemon } from './startDaemon.ts';

const TABLE = `
[policy dressed]
receive = encrypt
banner = header, subject, body
[domains]
bank.example = encrypt
dressed.example = dressed
`;

test('mark-binds = body: the digest is that of the body that leaves, however large', async (t) => {
  const on = await startDaemon(t, `mark-key = mark.key\nmark-binds = body\nmax-body = 64K\n${TABLE}`);
  const keys = await readKeyFile(join(on.folder, 'mark.key'));
  const digestOf = (body: Uint8Array): string => BodyDigest.start.with(body).value();
  const bound = async (changes: Partial<PlayedMail>): Promise<{ played: Played; digest: string }> => {
    const played = await playMail(on, changes);
    const sender = /@(.*)>/.exec(changes.sender ?? '<alice@bank.example>')?.[1] ?? '';
    const check = verifyMark(fieldsOf(played, 'X-TLS-Ward')[0]!, sender, keys);
    if (!check.ok) throw new Error(check.detail);
    return { played, digest: check.fields.bodyDigest };
  };
  const body = Buffer.from('Hello.\r\n\r\nWorld.\r\n');
  const plain = await bound({ body });
  t.equal(plain.digest, digestOf(body));
  t.notOk(plain.played.events.some(({ event, replies }) => event.startsWith('BODY') && replies.length > 0));
  t.equal(
    (await bound({ body: Buffer.alloc(0) })).digest,
    digestOf(Buffer.alloc(0)),
    'an empty body is bound too',
  );
  const dressed = await bound({ sender: '<a@dressed.example>', body });
  t.not(dressed.digest, digestOf(body), 'a banner was put in');
  t.equal(dressed.digest, digestOf(dressed.played.message!.body));
  const large = Buffer.from('line of text\r\n'.repeat(20_000));
  const kept = await bound({ sender: '<a@dressed.example>', body: large });
  t.equal(kept.digest, digestOf(large), 'beyond max-body there is no banner, and the digest is of all of it');
  // on a connection that was begun before, bodies are not seen, and the mark does not say that they were
  on.write(`mark-key = mark.key\n${TABLE}`);
  await on.ask('reload');
  const free = await bound({ body });
  t.equal(free.digest, '');
});

test('a re-injecting filter keeps a mark that binds the body only with that body', async (t) => {
  const on = await startDaemon(
    t,
    `mark-key = mark.key\nmark-binds = body\ntrusted-clients = 192.0.2.9\n${TABLE}`,
  );
  const [mark = ''] = fieldsOf(await playMail(on, {}), 'X-TLS-Ward');
  const again = async (body: string): Promise<string[]> => {
    const headers = [
      { name: 'X-TLS-Ward', value: mark },
      { name: 'Subject', value: 'x' },
    ];
    const played = await playMail(on, { clientAddress: '192.0.2.9', headers, body: Buffer.from(body) });
    return fieldsOf(played, 'X-TLS-Ward');
  };
  t.same(await again('Hello.\r\n'), [mark]);
  t.same(await again('Hello!\r\n'), []);
  t.match(
    on.log().findLast((line) => line.event === 'tx.verdict'),
    { notes: ['the mark was removed: it was made for a different body'] },
  );
});
