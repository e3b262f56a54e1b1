/** What a mark that binds the body says of it: the body that leaves, or nothing, with the reason. */
import { test } from 'tap';
import { allAtOnce } from '../../src/core/work.ts';
import { type EditSettings, type Message, messageEdits } from '../../src/edits/messageEdits.ts';
import { BodyDigest } from '../../src/mark/bodyDigest.ts';
import { verifyMark } from '../../src/mark/signMark.ts';
import { decide } from '../../src/receive/decide.ts';
import { GOOD, tableOf, transaction } from '../core/buildTables.ts';
import { KEYS, SETTINGS } from './editSettings.ts';

const BINDING: EditSettings = { ...SETTINGS, authservId: '', tags: [], bindsBody: true };
const BODY = Buffer.from('Hello.\r\n');
const DIGEST = BodyDigest.start.with(BODY).value();

test('which body is bound', async (t) => {
  const table = tableOf([['bank.example', { receive: 'encrypt', banner: ['body'] }]]);
  const session = transaction('a@bank.example', ['b@our.example'], GOOD);
  const edited = (some: Partial<Message>, settings: Partial<EditSettings> = {}) => {
    const message: Message = {
      transaction: session,
      verdict: decide(session, table, { trustedClients: [] }),
      headers: [{ name: 'Subject', value: 'x' }],
      body: [BODY],
      bodyDigest: DIGEST,
      replacesBody: true,
      code: 'AB12CD34',
      timeMs: 0,
      ...some,
    };
    const { edits, notes } = allAtOnce(messageEdits(message, { ...BINDING, ...settings }));
    const mark = edits.find((edit) => edit.kind === 'insertHeader' && edit.name === 'X-TLS-Ward');
    const check = mark?.kind === 'insertHeader' ? verifyMark(mark.value, 'bank.example', KEYS) : null;
    const replaced = edits.find((edit) => edit.kind === 'replaceBody');
    const out = replaced?.kind === 'replaceBody' ? Buffer.concat(replaced.chunks) : BODY;
    return {
      digest: check?.ok ? check.fields.bodyDigest : null,
      out,
      notes,
      replaced: replaced !== undefined,
    };
  };
  const banner = edited({});
  t.ok(banner.replaced);
  t.equal(banner.digest, BodyDigest.start.with(banner.out).value());
  t.not(banner.digest, DIGEST);
  const refused = edited({ replacesBody: false });
  t.notOk(refused.replaced, 'an edit that would be left out is not made');
  t.equal(refused.digest, DIGEST, 'so the body that came is the one that leaves');
  t.match(refused.notes, [/does not let its filter replace bodies/]);
  t.equal(edited({ body: null }).digest, DIGEST, 'too large for a banner');
  const unseen = edited({ body: null, bodyDigest: null });
  t.equal(unseen.digest, '');
  t.match(unseen.notes, [/body banner not added/, /the mark does not bind the body/]);
  t.equal(edited({}, { bindsBody: false }).digest, '', 'only where it is asked for');
});
