/**
 * Where a token goes in a message: behind the last References, into a new field, or nowhere; and that the resulting field
 * says what it said before and one msg-id more.
 */
import { test } from 'tap';
import type { HeaderField } from '../../src/core/messageEdit.ts';
import { replyTokenEdit } from '../../src/edits/replyTokenEdit.ts';
import { makeReplyToken, verifiedDomains } from '../../src/mark/replyToken.ts';
import { headerProblem } from '../../src/wire/milterEncode.ts';
import { key } from '../mark/sample.ts';

const NOW = Date.UTC(2026, 10, 20, 12);
const MADE = {
  domain: 'bank.example',
  code: 'AB12CD34',
  timeMs: NOW,
  host: 'mx.our.example',
  keys: [key(1)],
};
const TOKEN = makeReplyToken('bank.example', 'AB12CD34', NOW, [key(1)], 'mx.our.example');

function fields(...lines: string[]): HeaderField[] {
  return lines.map((line) => ({
    name: line.slice(0, line.indexOf(':')),
    value: line.slice(line.indexOf(':') + 1),
  }));
}

const edit = (headers: HeaderField[], mode: 'unsigned' | 'always' = 'unsigned') =>
  replyTokenEdit(headers, mode, MADE);

test('where it goes', async (t) => {
  const cases: [string[], object][] = [
    [['Subject: x'], { kind: 'addHeader', name: 'References', value: TOKEN }],
    [
      ['In-Reply-To: "old" <a@b>, <a@b> <c@d> text'],
      { kind: 'addHeader', name: 'References', value: `<a@b>\n <c@d>\n ${TOKEN}` },
    ],
    [
      ['References: <a@b>', 'In-Reply-To: <z@z>'],
      { kind: 'changeHeader', name: 'References', index: 1, value: ` <a@b>\n ${TOKEN}` },
    ],
    [
      ['references: <a@b>', 'X: y', 'REFERENCES : <c@d>\n <e@f> \n\t'],
      { kind: 'changeHeader', name: 'References', index: 2, value: ` <c@d>\n <e@f>\n ${TOKEN}` },
    ],
    [['References:'], { kind: 'changeHeader', name: 'References', index: 1, value: `\n ${TOKEN}` }],
  ];
  for (const [lines, want] of cases) {
    const made = edit(fields(...lines));
    t.same(made, { edit: want, note: null }, lines.join('|'));
    if (made.edit !== null && 'value' in made.edit) {
      t.equal(headerProblem('References', made.edit.value), null, 'well formed');
      t.same(verifiedDomains([made.edit.value], ['bank.example'], [key(1)]), ['bank.example']);
    }
  }
});

test('never two for one domain', async (t) => {
  for (const line of [
    `References: <a@b> ${TOKEN}`,
    `References: ${TOKEN}\n <c@d>`,
    `In-Reply-To: ${TOKEN}`,
  ]) {
    t.same(edit(fields(line)), { edit: null, note: null }, line);
  }
  const older = makeReplyToken('bank.example', 'ZZ', NOW - 9 * 86_400_000, [key(1)], 'x.example');
  t.same(edit(fields(`References: ${older}`)).edit, null, 'that of another day will do');
  for (const other of [
    makeReplyToken('other.example', 'AB', NOW, [key(1)], 'x.example'),
    makeReplyToken('bank.example', 'AB', NOW, [key(2)], 'x.example'),
    TOKEN.replace('tw1.2026', 'tw1.2025'),
  ]) {
    const { edit: made } = edit(fields(`References: ${other}`));
    t.match(made, { kind: 'changeHeader', value: ` ${other}\n ${TOKEN}` }, 'one that proves nothing stays');
  }
});

test('signed fields are left alone', async (t) => {
  const covering = [
    'DKIM-Signature: v=1; h=from:references:to; b=x',
    'dkim-signature: v=1; a=rsa-sha256;\n\th = From : To :\n\t REFERENCES ;bh=x; b=y',
    'ARC-Message-Signature: i=1; h=References; b=x',
    'DKIM-Signature: h=references',
  ];
  const not = [
    'DKIM-Signature: v=1; h=from:to:in-reply-to; b=references',
    'DKIM-Signature: v=1; bh=references; b=x',
    'DKIM-Signature: nonsense',
    'X-DKIM-Signature: v=1; h=references',
  ];
  for (const line of covering) {
    t.same(
      edit(fields(line)),
      { edit: null, note: 'reply token not added: a signature covers References' },
      line,
    );
    t.same(edit(fields(not[0]!, line)).edit, null, 'one of two signatures');
    t.not(edit(fields(line), 'always').edit, null, 'always');
  }
  for (const line of not) t.not(edit(fields(line)).edit, null, line);
});

test('fields that cannot carry it are left alone, with a note', async (t) => {
  const notes: [string, RegExp][] = [
    [`References: ${'x'.repeat(1000)}`, /more than 998 bytes$/],
    [`References: <a@b>\n ${'x'.repeat(999)}`, /more than 998 bytes$/],
    [`References:${'\n <0123456789@x.example>'.repeat(700)}`, /more than 16384 bytes$/],
    ['References: <a@b>\nX: y', /not folds$/],
    ['References: <a@b>\r\n <c@d>', /not folds$/],
    ['References: <a@b>\n \n <c@d>', /not folds$/],
    ['References: <a@b>\0', /not folds$/],
  ];
  for (const [line, note] of notes) {
    const made = edit(fields(line));
    t.equal(made.edit, null, line.slice(0, 40));
    t.match(made.note, note);
  }
  t.match(replyTokenEdit([], 'always', { ...MADE, keys: [] }), { edit: null, note: /no key/ });
  const parents = edit(fields(`In-Reply-To:${' <0123456789@x.example>'.repeat(3)}${' <b@c>'.repeat(500)}`));
  t.match(parents.edit, { kind: 'addHeader', value: /^<0123456789@x\.example>\n <b@c>\n <tw1/ });
});
