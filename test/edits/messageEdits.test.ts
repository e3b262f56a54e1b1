/** The edits of one message: which, in what order, and what is left out with a note. */
import { test } from 'tap';
import type { Edit } from '../../src/core/messageEdit.ts';
import type { Settings } from '../../src/core/settings.ts';
import { accepted } from '../../src/core/verdict.ts';
import { allAtOnce } from '../../src/core/work.ts';
import { type EditSettings, type Message, messageEdits } from '../../src/edits/messageEdits.ts';
import { verifyMark } from '../../src/mark/signMark.ts';
import { decide } from '../../src/receive/decide.ts';
import { GOOD, tableOf, transaction } from '../core/buildTables.ts';
import { KEYS, SETTINGS } from './editSettings.ts';

const ROW: Partial<Settings> = {
  receive: 'encrypt',
  banner: ['header', 'subject'],
  bannerText: 'Secured {tls}',
  bannerTag: '[secured]',
};
const SESSION = transaction('a@bank.example', ['b@our.example'], GOOD);
const VERDICT = decide(SESSION, tableOf([['bank.example', ROW]]), { trustedClients: [] });

function edited(some: Partial<Message>, settings: Partial<EditSettings> = {}) {
  const message: Message = {
    transaction: SESSION,
    verdict: VERDICT,
    headers: [{ name: 'Subject', value: 'hello' }],
    body: null,
    code: 'AB12CD34',
    timeMs: 0,
    ...some,
  };
  return allAtOnce(messageEdits(message, { ...SETTINGS, ...settings }));
}

const said = (edits: readonly Edit[]): string[] =>
  edits.map((edit) => ('name' in edit ? `${edit.kind} ${edit.name}` : edit.kind));

test('changes first, then deletions, then additions with the mark on top', async (t) => {
  const forged = [
    { name: 'X-TLS-Ward', value: 'Secured' },
    { name: 'Subject', value: '[secured] hello' },
    { name: 'x-tls-banner', value: 'Secured' },
    { name: 'X-TLS-Ward-Route', value: 'encrypt' },
    { name: 'Authentication-Results', value: 'mx.example.org; tls=pass' },
    { name: 'Authentication-Results', value: 'other.example; spf=pass' },
  ];
  const { edits, notes } = edited({ headers: forged });
  const kinds = edits.map(({ kind }) => kind);
  const order = ['changeHeader', 'deleteHeader', 'addHeader', 'insertHeader'];
  const ranks = kinds.map((kind) => order.indexOf(kind));
  t.strictSame(ranks, [...ranks].sort(), `${kinds}`);
  t.strictSame(said(edits).slice(-3), [
    'insertHeader X-TLS-Banner',
    'insertHeader Authentication-Results',
    'insertHeader X-TLS-Ward',
  ]);
  const deleted = edits.filter(({ kind }) => kind === 'deleteHeader');
  t.equal(deleted.length, 4, 'what claims to be ours, and not the results of another host');
  t.strictSame(notes, []);
  const mark = edits.at(-1);
  t.ok(mark?.kind === 'insertHeader' && verifyMark(mark.value, 'bank.example', KEYS).ok);
});

test('without keys the mark is there, and does not verify', async (t) => {
  const mark = edited({}, { keys: [] }).edits.at(-1);
  t.equal(said([mark!])[0], 'insertHeader X-TLS-Ward');
  t.notOk(mark?.kind === 'insertHeader' && verifyMark(mark.value, 'bank.example', KEYS).ok);
});

test('what the MTA was not asked to show is left alone', async (t) => {
  const { edits, notes } = edited({ shown: ['subject'] });
  t.notMatch(said(edits), [/X-TLS/]);
  for (const name of ['X-TLS-Ward', 'X-TLS-Banner'])
    t.ok(
      notes.some((note) => note.startsWith(`${name} left alone`)),
      name,
    );
  t.strictSame(edited({ headers: null }), { edits: [], notes: [] }, 'no field was seen');
  const unasked = edited({ headers: null, shown: 'none' });
  t.strictSame(unasked.edits, [], 'no field was asked for');
  t.match(unasked.notes, [/^X-TLS-Ward left alone: no header field was asked for/]);
});

test('mail that was not judged loses what is forged and gets nothing', async (t) => {
  const headers = [{ name: 'X-TLS-Ward', value: 'Secured' }];
  for (const judged of ['no-mail', 'again'] as const)
    t.strictSame(edited({ headers, verdict: accepted(judged) }).edits, [], judged);
  for (const judged of ['local', 'trusted-client'] as const)
    t.strictSame(
      said(edited({ headers, verdict: accepted(judged) }).edits),
      ['deleteHeader X-TLS-Ward'],
      judged,
    );
});

test('a trusted client keeps a mark of ours', async (t) => {
  const mark = edited({}).edits.at(-1);
  if (mark?.kind !== 'insertHeader') throw new Error('no mark');
  const headers = [
    { name: 'X-TLS-Ward', value: mark.value },
    { name: 'X-TLS-Banner', value: 'Secured' },
  ];
  t.strictSame(edited({ headers, verdict: accepted('trusted-client') }).edits, []);
  const other = transaction('a@other.example', ['b@our.example'], GOOD);
  t.strictSame(
    said(edited({ headers, transaction: other, verdict: accepted('trusted-client') }).edits),
    ['deleteHeader X-TLS-Ward'],
    'it was made for another sender',
  );
});

test('an edit that cannot be encoded costs itself and leaves a note', async (t) => {
  const { edits, notes } = edited({}, { markName: 'X TLS' });
  t.notMatch(said(edits), [/X TLS/]);
  t.match(notes, [/^X TLS left alone: /]);
});
