/**
 * The subject tag between the claim and the signature: put into what no signature covers, taken out wherever it says what
 * is not so, left where it is true. And subjects that cannot be written back as they came.
 */
import t, { type Test } from 'tap';
import type { HeaderField } from '../../src/core/messageEdit.ts';
import {
  MAX_OF_SUBJECTS,
  MAX_SUBJECT,
  type SubjectTask,
  subjectEdits,
} from '../../src/edits/subjectEdits.ts';
import { refold } from '../../src/mail/refold.ts';
import { signatureCovers } from '../../src/mail/signatures.ts';
import { headerProblem } from '../../src/wire/milterEncode.ts';

const TASK: SubjectTask = { tags: ['[via TLS]', '[OK]'], tag: '[via TLS]', signed: false };
const SIGNED = 'subject tag not added: a signature covers Subject';
const BREAKS = 'a forged tag was removed from Subject, which breaks the signature that covers it';

/** What becomes of these subjects: the edits in short, then the notes. */
function edited(t: Test, values: readonly string[], task: Partial<SubjectTask> = {}): string[] {
  const headers = values.map((value): HeaderField => ({ name: 'Subject', value }));
  const notes: string[] = [];
  const edits = subjectEdits(headers, { ...TASK, ...task }, notes);
  const short = edits.map((edit) => {
    if (edit.kind !== 'changeHeader' && edit.kind !== 'addHeader')
      return `${edit.kind} ${'index' in edit && edit.index}`;
    t.equal(headerProblem('Subject', edit.value), null);
    return edit.kind === 'addHeader' ? `+ ${edit.value}` : edit.value;
  });
  return [...short, ...notes];
}

t.test('subjects that no MTA stores as they came are tagged all the same', async (t) => {
  const cases: [string, string][] = [
    ['hello\n \n world', '[via TLS] hello\n world'],
    ['hello\n \t \n \n', '[via TLS] hello'],
    ['\n \n', '[via TLS]'],
    ['hel\rlo', '[via TLS] hel lo'],
    ['hello\r\n world', '[via TLS] hello\n world'],
    ['hello\nworld', '[via TLS] hello\n world'],
    ['hello\n \v\n \f\n \xa0\n', '[via TLS] hello'],
    ['\v', '[via TLS] \v'],
    [`[via TLS]${' '.repeat(16_000)}`, '[via TLS]'],
    [`[OK]${' '.repeat(16_000)}`, '[via TLS]'],
    [`x${' '.repeat(16_000)}y`, '[via TLS]\n x\n y'],
    [`${'\n '.repeat(8000)}x`, '[via TLS] x'],
  ];
  for (const [value, want] of cases) t.same(edited(t, [value]), [want], JSON.stringify(value.slice(0, 40)));
});

t.test('what a signature covers gets no tag, and keeps none that is false', async (t) => {
  const cases: [readonly string[], Partial<SubjectTask>, readonly string[]][] = [
    [['hello'], {}, [SIGNED]],
    [['Re: [via TLS] hello'], {}, [SIGNED]],
    [['Re: [VIA tls] hello'], {}, [SIGNED]],
    [[], {}, [SIGNED]],
    [['hello'], { tag: '' }, []],
    [['Re: [via TLS] hello'], { tag: '' }, ['Re: hello', BREAKS]],
    [['[OK] hello'], {}, ['[via TLS] hello', BREAKS]],
    [['hello', '[OK]'], {}, ['deleteHeader 2', SIGNED, BREAKS]],
  ];
  for (const [values, task, want] of cases)
    t.same(edited(t, values, { ...task, signed: true }), want, values.join('|'));
  t.same(edited(t, []), ['+ [via TLS]']);
});

t.test('long ones and many', async (t) => {
  const long = 'word '.repeat(MAX_SUBJECT / 5 + 1);
  t.same(edited(t, [long]), [`subject tag not added: Subject has more than ${MAX_SUBJECT} bytes`]);
  t.same(edited(t, [long], { tag: '' }), [], 'nothing was wanted of it');
  const [forged, ...notes] = edited(t, [`[OK] ${long}[OK]`], { tag: '' });
  t.match(forged, /^word word/);
  t.same(notes, [`Subject cut to ${MAX_SUBJECT} bytes: a forged tag was removed from it`]);
  const tags = '[OK]'.repeat(MAX_SUBJECT);
  t.same(edited(t, [tags], { tag: '' }), ['deleteHeader 1', notes[0]], 'nothing behind it comes forward');
  const grown = edited(t, [`[OK]${'\x80'.repeat(MAX_SUBJECT - 4)}`], { tag: '' });
  t.match(grown, [/^=\?utf-8\?B\?/, /^Subject cut to 60000 bytes$/]);
  const many = edited(
    t,
    Array.from({ length: MAX_OF_SUBJECTS / 64 + 10 }, () => ''),
    { tag: '' },
  );
  t.equal(many[0], `deleteHeader ${MAX_OF_SUBJECTS / 64 + 10}`, 'from the bottom up');
  t.match(many.at(-1), /^Subject fields deleted: /);
});

t.test('what a signature covers', async (t) => {
  const covering = [
    'DKIM-Signature: v=1; h=from:subject:to; b=x',
    'dkim-signature : v=1; a=rsa-sha256;\n\th = From :\n\t SUBJECT\n ;bh=x',
    'DKIM-Signature: h=From:From:Subject:Subject:Reply-To',
    'DKIM-Signature: h=from; h=subject',
    'ARC-Message-Signature: i=1; H=Subject',
    'DomainKey-Signature: a=rsa-sha1; b=x',
    'DomainKey-Signature: a=rsa-sha1; h=subject',
  ];
  const not = [
    'DKIM-Signature: v=1; h=from:to; b=subject; z=subject:x',
    'DKIM-Signature: v=1; bh=subject',
    'DKIM-Signature: nonsense',
    'DKIM-Signature: h=x-subject:subjects',
    'DomainKey-Signature: h=from',
    'ARC-Seal: h=subject',
    'X-DKIM-Signature: h=subject',
  ];
  const fields = (line: string): HeaderField[] => [
    { name: line.slice(0, line.indexOf(':')), value: line.slice(line.indexOf(':') + 1) },
  ];
  for (const line of covering) {
    t.ok(signatureCovers(fields(line), 'Subject'), line);
    t.ok(signatureCovers([...fields(not[0]!), ...fields(line)], 'subject'), 'one of two');
  }
  for (const line of not) t.notOk(signatureCovers(fields(line), 'Subject'), line);
});

t.test('refold changes white space only, and nothing of a good value', async (t) => {
  const words = '=?utf-8?Q?x?='.repeat(200);
  for (const [value, want] of [
    ['a\n b\n\tc', 'a\n b\n\tc'],
    ['', ''],
    ['\n a', '\n a'],
    [`${'a'.repeat(960)}\n b`, `${'a'.repeat(960)}\n b`],
    [`${'a'.repeat(500)} ${'b'.repeat(500)}`, `${'a'.repeat(500)}\n ${'b'.repeat(500)}`],
  ] as const)
    t.equal(refold(value), want);
  for (const value of [words, '\xa0'.repeat(5000), ' x'.repeat(5000), '\n'.repeat(5000), '\0'.repeat(5000)]) {
    const made = refold(value);
    t.equal(headerProblem('Subject', made), null);
    t.equal(refold(made), made, 'once');
  }
  t.equal(refold(words).replaceAll('\n ', ''), words);
  t.notMatch(refold(words), /[^=]\n|\n (?!=\?)/, 'broken between encoded words only');
});
