/**
 * The daemon as a milter, played by `simulate`'s own MTA: verdicts, forged marks, banners.
 */
import { join } from 'node:path';
import { test } from 'tap';
import type { TlsState } from '../../src/core/tls.ts';
import { readKeyFile } from '../../src/mark/keyFile.ts';
import { verifyMark } from '../../src/mark/signMark.ts';
import type { Played } from '../../src/simulate/milterPlayer.ts';
import { encodeCommands } from '../../src/wire/milterClient.ts';
import { GOOD } from '../core/buildTables.ts';
import { fieldsOf, playMail } from './playMail.ts';
import { startDaemon } from './startDaemon.ts';

const PIN = `${'AB:'.repeat(31)}CD`;
const TABLE = `
[policy tagged]
receive = encrypt
violation = tag
[policy held]
receive = encrypt
violation = hold
[policy dressed]
receive = encrypt
banner = header, subject, body
[domains]
bank.example = encrypt
tagged.example = tagged
held.example = held
dressed.example = dressed
[domain pinned.example]
receive = verify
fingerprint = ${PIN}
[domain gov.example]
receive = verify
client-names = mx1.gov.example
`;

test('plain mail from a bank is refused, with the text of the policy service', async (t) => {
  const on = await startDaemon(t, TABLE);
  const played = await playMail(on, { tls: { kind: 'plain' } });
  t.equal(played.outcome, 'refused');
  t.match(played.events.at(-1)?.replies, [
    /^REPLYCODE 530 5\.7\.0 bank\.example requires TLS .*not encrypted\. \[[0-9A-Z]{8}\]$/,
  ]);
  t.equal(on.log().filter((line) => line.event === 'tx.verdict').length, 1);
});

test('one refused recipient does not take the others with it', async (t) => {
  const on = await startDaemon(t, TABLE);
  const played = await playMail(on, {
    tls: { kind: 'plain' },
    sender: '<x@nowhere.example>',
    recipients: ['<a@our.example>', '<b@bank.example>', '<c@our.example>'],
  });
  t.equal(played.outcome, 'accepted');
  t.match(
    played.events
      .filter(({ event }) => event.startsWith('RCPT'))
      .map(({ replies }) => replies[0]?.slice(0, 13)),
    ['CONTINUE', 'REPLYCODE 530', 'CONTINUE'],
  );
  const last = on.log().findLast((line) => line.event === 'tx.verdict');
  t.match(last, {
    stage: 'END-OF-MESSAGE',
    action: 'accept',
    recipients: ['<a@our.example>', '<c@our.example>'],
  });
});

test('the mark says what was seen, is signed, and forged ones go', async (t) => {
  const on = await startDaemon(t, `mark-key = mark.key\nauthserv-id = mx.our.example\n${TABLE}`);
  for (const copies of [0, 1, 2, 5, 300]) {
    const forged = Array.from({ length: copies }, (_, i) => ({
      name: ['X-TLS-Ward', 'x-tls-ward', 'X-TLS-WARD '][i % 3]!,
      value: 'v=1; state=protected',
    }));
    const headers = [
      ...forged,
      { name: 'Authentication-Results', value: 'mx.our.example; x-tls=pass' },
      { name: 'Authentication-Results', value: 'other.example; spf=pass' },
      { name: 'X-TLS-Banner', value: 'Secured!' },
      { name: 'Subject', value: 'hello' },
    ];
    const played = await playMail(on, { headers });
    const marks = fieldsOf(played, 'X-TLS-Ward');
    t.equal(marks.length, 1, `${copies} forged copies`);
    const check = verifyMark(marks[0]!, 'bank.example', await readKeyFile(join(on.folder, 'mark.key')));
    t.match(check, {
      ok: true,
      fields: { state: 'protected', queueId: '4dJq1x', row: 'bank.example', verdict: 'accept' },
    });
    t.match(fieldsOf(played, 'Authentication-Results'), [
      /^mx\.our\.example;\s+x-tls=pass smtp\.version=TLSv1\.3/,
      /^other/,
    ]);
    t.same(fieldsOf(played, 'X-TLS-Banner'), []);
  }
});

test('both states are stated', async (t) => {
  const on = await startDaemon(t, TABLE);
  const plain = { kind: 'plain' } as const;
  const tagged = await playMail(on, { tls: plain, sender: '<a@tagged.example>' });
  t.match(fieldsOf(tagged, 'X-TLS-Ward'), [/state=unprotected;.*verdict=tag/s]);
  const nobody = await playMail(on, { tls: plain, sender: '<a@nowhere.example>' });
  t.match(fieldsOf(nobody, 'X-TLS-Ward'), [/state=unprotected;.*verdict=accept/s]);
});

test('hold takes the whole message', async (t) => {
  const on = await startDaemon(t, TABLE);
  const played = await playMail(on, {
    tls: { kind: 'plain' },
    sender: '<x@nowhere.example>',
    recipients: ['<a@our.example>', '<b@held.example>'],
  });
  t.equal(played.outcome, 'held');
  t.match(played.events.at(-1)?.replies, [
    /^INSHEADER/,
    /^QUARANTINE tlsward: recipient <b@held\.example>/,
    'CONTINUE',
  ]);
});

test('an MTA that did not tell gets a temporary failure', async (t) => {
  const on = await startDaemon(t, TABLE);
  const played = await playMail(on, { tls: { kind: 'unknown', why: '' } });
  t.equal(played.outcome, 'deferred');
  t.match(played.events.at(-1)?.replies, [/^REPLYCODE 451 4\.3\.5 /]);
});

test('a client certificate by name, on both MTAs', async (t) => {
  const on = await startDaemon(t, TABLE);
  const named = (commonName: string): TlsState => ({
    ...GOOD,
    certificate: { kind: 'trusted', commonName, issuer: 'CA', fingerprints: [] },
  });
  for (const mta of ['postfix', 'sendmail'] as const) {
    const sender = '<a@gov.example>';
    t.equal((await playMail(on, { mta, sender, tls: named('mx1.gov.example') })).outcome, 'accepted', mta);
    t.equal((await playMail(on, { mta, sender, tls: named('mx1.evil.example') })).outcome, 'refused', mta);
    t.equal((await playMail(on, { mta, sender })).outcome, 'refused', mta);
  }
});

test('banners stand where a person reads them, on protected mail only', async (t) => {
  const on = await startDaemon(t, TABLE);
  const sender = '<a@dressed.example>';
  const played = await playMail(on, { sender, headers: [{ name: 'Subject', value: 'Re: [VIA tls] hello' }] });
  t.same(fieldsOf(played, 'Subject'), ['[via TLS] Re: hello']);
  t.match(fieldsOf(played, 'X-TLS-Banner'), [
    /^This message reached mx\.example\.org over an encrypted\s+connection \(TLSv1\.3\)\.$/,
  ]);
  t.match(
    Buffer.from(played.message?.body ?? []).toString(),
    /^This message reached .*\(TLSv1\.3\)\.\r\n\r\nHello\.\r\n$/,
  );
  const forged = await playMail(on, {
    tls: { kind: 'plain' },
    sender: '<x@nowhere.example>',
    headers: [{ name: 'Subject', value: '=?utf-8?q?=5Bvia_TLS=5D?= free money' }],
  });
  t.same(fieldsOf(forged, 'Subject'), ['free money']);
  const signed = await playMail(on, { sender, headers: [{ name: 'DKIM-Signature', value: 'v=1; a=x' }] });
  t.equal(Buffer.from(signed.message?.body ?? []).toString(), 'Hello.\r\n');
  t.match(
    on.log().findLast((line) => line.event === 'tx.verdict'),
    { notes: [/DKIM/] },
  );
});

test('a subject of one endless line is changed into lines that no MTA splits', async (t) => {
  const on = await startDaemon(t, TABLE);
  for (const text of ['word '.repeat(3000), 'x'.repeat(16_000)]) {
    const played = await playMail(on, {
      sender: '<a@dressed.example>',
      headers: [{ name: 'Subject', value: text }],
    });
    const [subject = ''] = fieldsOf(played, 'Subject');
    t.match(subject, /^\[via TLS\]\s/);
    t.ok(subject.split('\n').every((line) => line.length < 998));
  }
  const longer = 'word '.repeat(4000);
  const played = await playMail(on, {
    sender: '<a@dressed.example>',
    headers: [{ name: 'Subject', value: longer }],
  });
  t.same(fieldsOf(played, 'Subject'), [longer], 'one beyond the limit stays');
  t.match(
    on.log().findLast((line) => line.event === 'tx.verdict'),
    { notes: [/^subject tag not added: Subject has more than 16384 bytes$/] },
  );
});

test('a re-injecting filter keeps a mark that verifies and loses any other', async (t) => {
  const on = await startDaemon(t, `mark-key = mark.key\ntrusted-clients = 192.0.2.9\n${TABLE}`);
  const first = await playMail(on, {});
  const [mark = ''] = fieldsOf(first, 'X-TLS-Ward');
  const again = (sender: string): Promise<Played> =>
    playMail(on, {
      clientAddress: '192.0.2.9',
      tls: { kind: 'plain' },
      sender,
      headers: [
        { name: 'X-TLS-Ward', value: 'forged' },
        { name: 'X-TLS-Ward', value: mark },
        { name: 'Subject', value: 'x' },
      ],
    });
  t.same(fieldsOf(await again('<alice@bank.example>'), 'X-TLS-Ward'), [mark]);
  t.same(fieldsOf(await again('<alice@other.example>'), 'X-TLS-Ward'), [], 'copied to another sender domain');
});

test('a body that is too large for max-body is left alone by name', async (t) => {
  const on = await startDaemon(t, `max-body = 64K\n${TABLE}`);
  const body = Buffer.from('line of text\r\n'.repeat(10_000));
  const played = await playMail(on, { sender: '<a@dressed.example>', body });
  t.same(played.message?.body, body);
  t.match(
    on.log().findLast((line) => line.event === 'tx.verdict'),
    { notes: [/max-body/] },
  );
});

test('a body beyond max-body is skipped, a long one announced before the work on it', async (t) => {
  const on = await startDaemon(t, `max-body = 2M\n${TABLE}`);
  const of = (mib: number): Buffer => Buffer.from(`${'x'.repeat(62)}\r\n`.repeat(mib * 16_384));
  const sender = '<a@dressed.example>';
  const skipped = await playMail(on, { sender, body: of(10) });
  const chunks = skipped.events.filter(({ event }) => event.startsWith('BODY'));
  t.ok(chunks.length < 40, `${chunks.length} of 161 chunks were sent`);
  t.same(chunks.at(-1)?.replies, ['SKIP']);
  t.equal(skipped.message?.body.length, 10 * 1024 * 1024, 'and the body is left alone');
  const long = await playMail(on, { sender, body: of(1.5) });
  t.equal(long.events.at(-1)?.replies[0], 'PROGRESS');
  t.match(Buffer.from(long.message?.body ?? []).toString('latin1', 0, 200), /^This message reached/);
});

test('what an MTA does not offer is said once', async (t) => {
  const on = await startDaemon(t, TABLE);
  for (let i = 0; i < 2; i++) {
    const socket = await on.open('milter');
    const answered = new Promise((resolve) => socket.once('data', resolve));
    socket.write(encodeCommands([{ kind: 'OPTNEG', version: 2, actions: 0x1, protocol: 0x3f }]));
    await answered;
    socket.destroy();
  }
  const said = on.log().filter((line) => line.event === 'milter.degraded');
  t.match(
    said.map(({ what }) => what),
    [/cannot delete headers/, /cannot hold/, /cannot be asked for macros/],
  );
  t.equal(said.length, 3);
});

test('what a milter is asked for follows the table in use, after a reload too', async (t) => {
  const on = await startDaemon(t, '[domains]\nbank.example = may\n* = may\n');
  const negotiation = async (): Promise<string[]> =>
    (await playMail(on, {})).events.map(({ event }) => event.split(' ')[0]!);
  t.same(
    await negotiation(),
    ['OPTNEG', 'CONNECT', 'HELO', 'MAIL', 'RCPT', 'HEADER', 'HEADER', 'end'],
    'no body',
  );
  on.write(TABLE);
  await on.ask('reload');
  t.ok((await negotiation()).includes('BODY'), 'a body banner asks for the body');
  on.write('[policy quiet]\nmark = none\n[domains]\n* = quiet\n');
  await on.ask('reload');
  t.same(
    await negotiation(),
    ['OPTNEG', 'CONNECT', 'HELO', 'MAIL', 'RCPT', 'end'],
    'nothing is added to any message: no field is asked for',
  );
  const forged = { headers: [{ name: 'X-TLS-Ward', value: 'v=1; state=protected' }] };
  for (const table of [
    '[policy quiet]\nmark = none\n[domains]\nbank.example = quiet\n',
    '[policy quiet]\nmark = none\nbanner = header\n[policy silent]\nmark = none\n[domains]\n* = silent\nx.example = quiet\n',
    'mark-key = mark.key\n[policy quiet]\nmark = none\n[domains]\n* = quiet\n',
  ]) {
    on.write(table);
    await on.ask('reload');
    const left = fieldsOf(await playMail(on, forged), 'X-TLS-Ward');
    t.notMatch(left, ['v=1; state=protected'], `forged marks go: ${table}`);
  }
});
