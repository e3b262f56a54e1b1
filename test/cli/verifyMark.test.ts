import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Io } from '../../src/cli/command.ts';
import { run } from '../../src/cli/verifyMark.ts';
import { BodyDigest } from '../../src/mark/bodyDigest.ts';
import { signMark } from '../../src/mark/signMark.ts';
import { formatMark } from '../../src/mark/writtenMark.ts';
import { generator } from '../mark/generator.ts';
import { key, refold, SAMPLE } from '../mark/sample.ts';

const DOMAIN = 'partner.example';
const KEYS = `# new\n${'08'.repeat(32)}\n# old\n${'07'.repeat(32)}\n`;
const RECEIVED = `Received: from c (c [192.0.2.1])\n\tby mx.example.org (Postfix) with ESMTPS id ${SAMPLE.queueId}\n\tfor <b@example.org>; Sun, 22 Nov 2026 18:47:31 +0000 (UTC)`;
const GOOD = `X-TLS-Ward: ${signMark(SAMPLE, DOMAIN, [key(7)])}`;

function message(...lines: string[]): string {
  return `${lines.join('\n')}\nFrom: a@other.example\nSubject: x\n\nbody\nX-TLS-Ward: in the body\n`;
}

const RETURN = 'Return-Path: <alice@Partner.Example>';

async function verify(files: Record<string, string>, args: string[] = [], name = 'file') {
  const dir = t.testdir({ ...files, 'mark.key': KEYS });
  chmodSync(join(dir, 'mark.key'), 0o600);
  let out = '';
  let err = '';
  const io: Io = {
    out: (text) => (out += text),
    err: (text) => (err += text),
    env: {},
    colour: args.includes('colour'),
  };
  const status = await run(
    [join(dir, name), '--key', join(dir, 'mark.key'), ...args.filter((one) => one !== 'colour')],
    io,
  );
  return { status, out: out.replaceAll(`${dir}/`, ''), err: err.replaceAll(`${dir}/`, '') };
}

t.test('one message that verifies', async (t) => {
  t.strictSame(await verify({ file: message(RETURN, RECEIVED, GOOD) }), {
    status: 0,
    out: [
      'file: verifies: protected, key 83da5bc0',
      '  session    TLSv1.3 TLS_AES_256_GCM_SHA384 256 bits, client certificate trusted (client.partner.example)',
      '  host       mx.example.org, queue id 4ZJ2N92ChLz4x04, 2026-11-22T18:47:31Z',
      '  verdict    accept, row .bank.example, code AB12CD34',
      '  sender     partner.example (Return-Path)',
      '  message    the Received line of this host has the queue id',
      '  body       not covered by the mark (mark-binds = session)',
      '',
    ].join('\n'),
    err: '',
  });
  const g = generator();
  for (let i = 0; i < 20; i++) {
    const folded = `x-tls-WARD : ${refold(signMark(SAMPLE, DOMAIN, [key(7)]), g)}`;
    t.equal(
      (await verify({ file: message(RETURN, RECEIVED, folded) })).status,
      0,
      `refolded, seed ${g.seed}`,
    );
  }
  t.equal((await verify({ file: message(RETURN, RECEIVED, GOOD).replace(/\n/g, '\r\n') })).status, 0, 'CRLF');
  const plain = {
    ...SAMPLE,
    state: 'unprotected',
    protocol: '',
    cipher: '',
    bits: null,
    certificate: 'none',
    certificateName: '',
    row: '',
  } as const;
  const told = await verify({
    file: message(RETURN, RECEIVED, `X-TLS-Ward: ${signMark(plain, DOMAIN, [key(8)])}`),
  });
  t.equal(told.status, 0, 'a mark that says unprotected is as good');
  t.match(told.out, /verifies: unprotected.*\n {2}session {4}no TLS, client certificate none\n/);
  t.match(told.out, /row \(none\)/);
});

t.test('a sender domain in UTF-8 is compared by its A-label', async (t) => {
  const mark = `X-TLS-Ward: ${signMark(SAMPLE, 'xn--bcher-kva.example', [key(7)])}`;
  const file = message('Return-Path: <jörg@BÜCHER.example>', RECEIVED, mark);
  t.equal((await verify({ file })).status, 0);
});

t.test('a sender without a domain, which the MTA completed by its own', async (t) => {
  const mark = `X-TLS-Ward: ${signMark(SAMPLE, '', [key(7)])}`;
  for (const [domain, status] of [
    ['mx.example.org', 0],
    ['Example.org', 0],
    ['other.example', 1],
    ['x.example.org', 1],
    ['ample.org', 1],
  ] as const) {
    const file = message(`Return-Path: <alice@${domain}>`, RECEIVED, mark);
    t.equal((await verify({ file })).status, status, domain);
  }
  const bound = `X-TLS-Ward: ${signMark(SAMPLE, 'other.example', [key(7)])}`;
  const moved = message('Return-Path: <alice@mx.example.org>', RECEIVED, bound);
  t.equal((await verify({ file: moved })).status, 1, 'a mark made for another domain');
});

t.test('a mark that binds the body', async (t) => {
  const passed = 'Hello.\r\nFrom here on\r\n>From there\r\n';
  const bodyDigest = BodyDigest.start.with(Buffer.from(passed)).value();
  const bound = `X-TLS-Ward: ${signMark({ ...SAMPLE, bodyDigest }, DOMAIN, [key(7)])}`;
  const file = (body: string, mark = bound): string => `${[RETURN, RECEIVED, mark].join('\n')}\n\n${body}`;
  const stored = passed.replaceAll('\r\n', '\n');
  for (const [what, text] of [
    ['as it is', stored],
    ['CRLF', passed],
    ['empty lines at the end', `${stored}\n\n`],
    ['no line end', stored.trimEnd()],
    ['mboxrd', stored.replace(/^>*From /gm, '>$&')],
  ] as const) {
    const got = await verify({ file: file(text) });
    t.equal(got.status, 0, what);
    t.match(got.out, /verifies: protected[\s\S]*\n {2}body {7}the one that the mark was made for\n/);
  }
  const box = `From - Sun Nov 22 18:47:31 2026\n${file(stored.replace(/^>*From /gm, '>$&'))}\n`;
  t.equal((await verify({ file: box + box })).status, 0, 'mbox');
  for (const [what, text] of [
    ['one byte', stored.replace('Hello', 'Hallo')],
    ['a line more', `${stored}more\n`],
    ['white space', stored.replace('here on', 'here  on')],
    ['no body', ''],
  ] as const) {
    const got = await verify({ file: file(text) });
    t.equal(got.status, 1, what);
    t.match(got.out, /FAILS: the body is not the one that it was made for; it claims: protected/);
  }
  const without = bound.replace(/ ?body=[A-Za-z0-9_-]{43};/, '').replace(/body=[\s\S]{43,50}?;/, '');
  t.notMatch(without, /body=/);
  t.match(await verify({ file: file(stored, without) }), { status: 1, out: /FAILS: the HMAC/ });
  const json = await verify({ file: file('other\n') }, ['--json']);
  t.match(JSON.parse(json.out), { result: 'fails', marks: [{ reason: 'body', body: 'differs' }] });
});

t.test('a changed message does not', async (t) => {
  const bad = async (name: string, text: string, reason: RegExp, args: string[] = []): Promise<void> => {
    const got = await verify({ file: text }, args);
    t.equal(got.status, 1, name);
    t.match(got.out, reason, name);
  };
  const all = message(RETURN, RECEIVED, GOOD);
  await bad(
    'a fact',
    all.replace('bits=256', 'bits=128'),
    /^file: FAILS: the HMAC does not match these facts and this sender domain.*; it claims: protected\n/,
  );
  await bad('the state', all.replace('state=protected', 'state=unknown'), /FAILS: the HMAC/);
  await bad('the time', all.replace('18:47:31Z', '18:47:32Z'), /FAILS: the HMAC/);
  await bad('the sender', all.replace('alice@Partner', 'alice@Evil'), /FAILS: the HMAC/);
  await bad('the null sender', all.replace(/<alice.*>/, '<>'), /FAILS: the HMAC/);
  await bad('told another sender', all, /FAILS: the HMAC/, ['--sender', 'evil.example']);
  await bad(
    'queue id of another message',
    all.replace(`id ${SAMPLE.queueId}`, 'id OTHER'),
    /FAILS: its queue id is in no Received line/,
  );
  await bad(
    'no HMAC',
    message(RETURN, RECEIVED, `X-TLS-Ward: ${formatMark(SAMPLE)}`),
    /FAILS: is not signed/,
  );
  await bad(
    'words',
    message(RETURN, RECEIVED, 'X-TLS-Ward: Secured \u001b[31m'),
    /FAILS: is not a mark of ours: it has characters other than/,
  );
  await bad(
    'a key nobody has',
    message(RETURN, RECEIVED, `X-TLS-Ward: ${signMark(SAMPLE, DOMAIN, [key(9)])}`),
    /FAILS: is signed with key [0-9a-f]{8}, which is not/,
  );
  await bad(
    'a forged copy beside the good one',
    message(RETURN, RECEIVED, 'X-TLS-Ward: v=1; state=protected', GOOD),
    /FAILS: is not a mark of ours: it has no bits[\s\S]*verifies: protected/,
  );
  await bad(
    'a forged Return-Path below the first',
    message('Return-Path: <x@evil.example>', RETURN, RECEIVED, GOOD),
    /FAILS/,
  );
});

t.test('what cannot be told', async (t) => {
  const none = await verify({ file: message(RETURN, RECEIVED) });
  t.strictSame([none.status, none.out], [75, 'file: no mark: nothing is proved either way\n']);
  const nobody = await verify({ file: message(RECEIVED, GOOD) });
  t.strictSame(
    [nobody.status, nobody.out],
    [75, 'file: cannot tell: no Return-Path; name the envelope sender with --sender\n'],
    'the From header is no envelope',
  );
  t.equal((await verify({ file: message(RECEIVED, GOOD) }, ['--sender', 'bob@partner.example'])).status, 0);
  t.equal((await verify({ file: message(RECEIVED, GOOD) }, ['--sender', 'Partner.Example'])).status, 0);
  const alone = await verify({ file: message(RETURN, GOOD) });
  t.equal(alone.status, 0, 'no Received line to compare with');
  t.match(alone.out, /no Received line to compare/);
  t.match(
    (await verify({ file: message(RETURN, RECEIVED.replace('by mx.example.org', 'by mx1.local'), GOOD) }))
      .out,
    /under another host name/,
  );
  const bounce = `X-TLS-Ward: ${signMark(SAMPLE, '', [key(7)])}`;
  t.equal((await verify({ file: message('Return-Path: <>', RECEIVED, bounce) })).status, 0);
  t.equal((await verify({ file: message(RECEIVED, bounce) }, ['--sender', '<>'])).status, 0);
  t.equal((await verify({ file: '' })).status, 75);
  const other = await verify({ file: message(RETURN, RECEIVED, GOOD.replace('X-TLS-Ward', 'X-Mark')) }, [
    '--mark-name',
    'x-mark',
  ]);
  t.equal(other.status, 0, 'a mark of another name');
});

t.test('mbox and folder', async (t) => {
  const date = 'Sun Nov 22 18:47:31 2026';
  const box = [
    `From alice@partner.example  ${date}\n${message(RECEIVED, GOOD)}\n`,
    `From MAILER-DAEMON ${date}\n${message(RECEIVED, `X-TLS-Ward: ${signMark(SAMPLE, '', [key(7)])}`)}\n`,
    `From - ${date}\n${message(RETURN, RECEIVED, GOOD)}\n`,
  ];
  const good = await verify({ file: box.join('') });
  t.equal(good.status, 0);
  t.match(
    good.out,
    /^file:1: verifies[\s\S]*file:2: verifies[\s\S]*file:3: verifies[\s\S]*\n3 messages: 3 verify, 0 fail, 0 undecided\n$/,
  );
  t.match(good.out, /partner\.example \(From_ line\)/);
  const missing = await verify({ file: `${box[0]}From - ${date}\n${message(RECEIVED, GOOD)}` });
  t.equal(missing.status, 75, 'one without a sender');
  const failing = await verify({ file: box.join('').replace('bits=256', 'bits=257') });
  t.equal(failing.status, 1);
  t.match(failing.out, /3 messages: 2 verify, 1 fail/);
  const folder = await verify({ 'dir.a': message(RETURN, RECEIVED, GOOD) }, [], 'dir.a');
  t.equal(folder.status, 0);
  const json = await verify({ file: box.join('').replace('bits=256', 'bits=257') }, ['--json']);
  const lines = json.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.match(lines, [
    {
      message: /file:1$/,
      result: 'fails',
      marks: [{ verifies: false, reason: 'hmac', keyId: '83da5bc0', fields: { bits: 257 } }],
    },
    {
      result: 'verifies',
      sender: { domain: '', from: 'From_ line' },
      marks: [{ verifies: true, fit: 'same-host', fields: SAMPLE }],
    },
    { result: 'verifies' },
  ]);
  t.match(json.out, /^[\x20-\x7e\n]*$/);
});

t.test('usage, files and colour', async (t) => {
  const dir = t.testdir({ open: KEYS, file: 'A: 1\n\n' });
  chmodSync(join(dir, 'open'), 0o644);
  let err = '';
  const io: Io = { out: () => undefined, err: (text) => (err += text), env: {}, colour: false };
  await t.rejects(run([], io), { message: /^FILE is missing/ });
  await t.rejects(run(['a', 'b', '--key', 'c'], io), { message: /^found "b", expected FILE/ });
  const config = join(dir, 'tls.ini');
  writeFileSync(config, '[service]\npolicy-listen = unix:p\n[domains]\n* = may\n');
  await t.rejects(run(['a', '--config', config], io), {
    message: /--key is missing, and ".*tls\.ini" names no/,
  });
  writeFileSync(config, '[service]\npolicy-listen = unix:p\nmark-kee = k\n[domains]\n* = may\n');
  t.equal(await run(['a', '--config', config], io), 78);
  t.match(
    err,
    /tls\.ini:3: \[service\]: found key "mark-kee", .*did you mean mark-key\?.*\n.*or name it with --key\n/,
  );
  await t.rejects(run(['a', '--key', 'k', '--sender', 'a b'], io), { message: /--sender: found "a b"/ });
  await t.rejects(run(['a', '--bogus'], io), { message: /--bogus/ });
  t.equal(await run([join(dir, 'file'), '--key', join(dir, 'open')], io), 78);
  t.match(err, /mode is 0644: expected 0600/);
  t.equal(await run([join(dir, 'file'), '--key', join(dir, 'none')], io), 78);
  t.equal((await verify({}, [], 'missing')).status, 65);
  t.match(
    (await verify({ file: message(RETURN, RECEIVED, GOOD) }, ['colour'])).out,
    /\u001b\[32mverifies\u001b\[0m/,
  );
});
