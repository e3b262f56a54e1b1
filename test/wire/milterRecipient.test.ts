/** Recipient edits: what may be said to an MTA, and what it would take for something else. */
import t from 'tap';
import { encodeReply } from '../../src/wire/milterEncode.ts';
import {
  addedPathProblem,
  addRecipient,
  deletedPathProblem,
  deleteRecipient,
  MAX_PARAMETERS,
  MAX_PATH,
  parametersProblem,
} from '../../src/wire/milterRecipient.ts';

const ADDABLE = [
  '<bob@good.example>',
  '<bob@good.example.tlsward-encrypt>',
  '<a.b+c@good.example>',
  '<"a b"@good.example>',
  '<"a,b@c\\"d"@good.example>',
  '<"a\x01b"@good.example>',
  '<j\xc3\xb6rg@b\xc3\xbccher.example>',
  // 0xa0 is a blank to a regular expression, and half of a letter here
  '<\xc3\xa0@good.example>',
  '<bob@[192.0.2.1]>',
];

t.test('one mailbox in brackets may be added', async (t) => {
  for (const path of ADDABLE) {
    t.equal(addedPathProblem(path), null, JSON.stringify(path));
    t.equal(deletedPathProblem(path), null);
    t.strictSame(addRecipient(path, ''), { kind: 'ADDRCPT', path });
    t.strictSame(deleteRecipient(path), { kind: 'DELRCPT', path });
    encodeReply(addRecipient(path, 'NOTIFY=NEVER'));
  }
});

t.test('what a path must not be', async (t) => {
  for (const path of [
    '',
    '<>',
    'bob@good.example',
    '<bob@good.example',
    '<bob>',
    '<@good.example>',
    '<bob@>',
    '<a@b.example,c@d.example>',
    '<a,b@good.example>',
    '<a@b.example>,<c@d.example>',
    '<a@b.example> NOTIFY=NEVER',
    '<@x.example,@y.example:a@b.example>',
    '<a b@good.example>',
    '<a@good example>',
    '<a@b@c.example>',
    '<|program@good.example>',
    '<"|program">',
    '<:include:/etc/passwd@good.example>',
    '<"a\r\nb"@good.example>',
    '<"a\nb"@good.example>',
    '<"a\0b"@good.example>',
    '<a\x01b@good.example>',
    '<"a"b"@good.example>',
    '<"ab\\"@good.example>',
    '<a(b)@good.example>',
    '<a@b.example;c>',
    '<a@b.ex\\ample>',
    `<${'a'.repeat(MAX_PATH)}@x.example>`,
  ]) {
    t.match(addedPathProblem(path), /path/, JSON.stringify(path.slice(0, 60)));
    t.throws(() => addRecipient(path, ''), RangeError);
  }
});

t.test('a path is deleted as it was shown', async (t) => {
  for (const path of ['bob@good.example', '<postmaster>', 'postmaster', '"a b"@good.example'])
    t.equal(deletedPathProblem(path), null, path);
  for (const path of [
    '',
    '<>',
    'a,b',
    '<a',
    'a>',
    '<@x:a@b.example>',
    '"a\rb"@c.example',
    'a b',
    `${'a'.repeat(MAX_PATH)}@x`,
  ]) {
    t.match(deletedPathProblem(path), /path/, JSON.stringify(path.slice(0, 60)));
    t.throws(() => deleteRecipient(path), RangeError);
  }
});

t.test('parameters', async (t) => {
  for (const parameters of [
    '',
    'NOTIFY=NEVER',
    'ORCPT=rfc822;bob@good.example',
    'Notify=SUCCESS,DELAY orcpt=rfc822;a+20b@x',
  ])
    t.equal(parametersProblem(parameters), null, parameters);
  t.strictSame(addRecipient('<a@b.example>', 'NOTIFY=NEVER'), {
    kind: 'ADDRCPT_PAR',
    path: '<a@b.example>',
    parameters: 'NOTIFY=NEVER',
  });
  for (const parameters of [
    ' ',
    'NOTIFY=',
    'NOTIFY',
    'SIZE=1',
    'NOTIFY=NEVER ',
    'NOTIFY=NEVER  ORCPT=rfc822;a',
    'NOTIFY=NEVER\0',
    'NOTIFY=\xe9',
    'ORCPT=a\r\nb',
    `ORCPT=${'a'.repeat(MAX_PARAMETERS)}`,
  ])
    t.throws(
      () => addRecipient('<a@b.example>', parameters),
      RangeError,
      JSON.stringify(parameters.slice(0, 40)),
    );
});
