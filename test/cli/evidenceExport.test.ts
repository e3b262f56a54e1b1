/** `tlsward evidence export`: rows and statements about one domain. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Io } from '../../src/cli/command.ts';
import { run } from '../../src/cli/evidence.ts';
import { delivery, MadeEvidence, newFolder, verdict } from '../trace/madeDays.ts';

const HOSTILE = '=HYPERLINK("http://x","y")</script><script>alert(1)</script>\u202e\u001b[31m&"\'';

async function exported(...argv: string[]) {
  let out = '';
  let err = '';
  const io: Io = { out: (text) => (out += text), err: (text) => (err += text), env: {}, colour: false };
  const range = ['--from', '2026-11-01', '--to', '2026-11-20'];
  const status = await run(['export', '--partner', 'bank.example', ...range, ...argv], io);
  return { status, out, err };
}

function made(t: Test, host = 'mx.example.org', hash = 'ab'): MadeEvidence {
  const evidence = new MadeEvidence(join(newFolder(t), 'evidence'), host);
  const table = { hash: hash.repeat(32), generation: 1 };
  const to = {
    recipient: '<alice@bank.example>',
    recipientDomain: 'bank.example',
    sender: '<bob@example.org>',
  };
  for (const day of ['2026-11-01', '2026-11-19', '2026-11-20']) {
    evidence.day('daemon', day, [
      {
        time: `${day}T01:00:00.000Z`,
        type: 'exception',
        change: 'in-force',
        pattern: 'bank.example',
        until: '2026-11-30',
        reason: HOSTILE,
        at: 'exceptions.ini:1',
      },
      {
        time: `${day}T01:00:00.000Z`,
        type: 'exception',
        change: 'in-force',
        pattern: 'other.example',
        until: '2026-11-30',
        reason: 'not about them',
        at: 'exceptions.ini:2',
      },
      verdict(`${day}T10:00:00.000Z`, { table }),
      verdict(`${day}T10:00:01.000Z`, {
        queueId: '4B',
        sender: '<eve@third.example>',
        senderDomain: 'third.example',
        table,
      }),
      verdict(`${day}T11:00:00.000Z`, { queueId: '4C', tls: { state: 'unknown' }, helo: HOSTILE, table }),
    ]);
    evidence.day('collector', day, [
      delivery(`${day}T10:00:02.000Z`, to),
      delivery(`${day}T10:00:03.000Z`, {
        ...to,
        outcome: 'deferred',
        dsn: '4.7.5',
        reply: HOSTILE,
        tls: { state: 'unknown', why: 'no line' },
      }),
      {
        time: `${day}T12:00:00.000Z`,
        type: 'gap',
        from: `${day}T11:59:00.000Z`,
        to: `${day}T12:00:00.000Z`,
        count: 3,
        why: HOSTILE,
      },
    ]);
  }
  return evidence;
}

t.test('CSV', async (t) => {
  const { directory } = made(t);
  const { status, out } = await exported(
    '--evidence',
    directory,
    '--format',
    'csv',
    '--address',
    'alice@bank.example',
  );
  t.equal(status, 0);
  const lines = out.split('\r\n');
  t.equal(lines.length, 1 + 12 + 1);
  t.match(lines[0], /^time,host,leg,direction,/);
  t.match(out, /,alice@bank\.example,/);
  t.match(out, /h:2026-11:[\w-]{16}@example\.org/, 'others stay pseudonyms');
  t.notMatch(out, 'third.example');
  t.notMatch(out, /(?:^|,|")[=+@\t]/m);
  t.match(out, '"\'=HYPERLINK(""http://x"",""y"")');
  t.match(out, /^[\x20-\x7e\r\n]*$/, 'printable ASCII');
});

t.test('JSON', async (t) => {
  const { directory } = made(t);
  const { out } = await exported(
    '--evidence',
    directory,
    '--format',
    'json',
    '--address',
    'alice@bank.example',
  );
  const { rows, statement } = JSON.parse(out);
  t.equal(rows.length, 12);
  t.match(rows[0], {
    leg: 'in',
    direction: 'from',
    protection: 'tls',
    stream: 'daemon',
    day: '2026-11-01',
    n: 3,
  });
  t.match(statement, {
    domain: 'bank.example',
    counts: {
      fromPartner: { came: { messages: { tls: 3, unknown: 3, plain: 0 } } },
      toPartner: { went: { sent: { verified: 3, unknown: 0 }, deferred: 3 } },
    },
    addresses: [{ address: 'alice@bank.example', pseudonyms: [/^h:2026-11:/] }],
  });
  t.equal(statement.gaps.length, 3);
  t.equal(statement.exceptions.length, 1, 'once, and not of others');
});

t.test('text', async (t) => {
  const { directory } = made(t);
  const { status, out } = await exported('--evidence', directory);
  t.equal(status, 0);
  t.match(out, 'From bank.example: 6 messages came in: 3 under TLS, 0 without, 3 not known.');
  t.match(out, 'To bank.example: 3 recipients left: 3 under TLS, 0 without, 0 not known.');
  t.match(out, '3 gaps in the records');
  t.match(out, '6 days of 2 streams checked in this run: none fails.');
  t.match(out, 'no statement\nof conformity');
  for (const norm of ['164.312(e)(1)', 'PCI DSS 4', 'Article 32', 'TR-03108']) t.ok(out.includes(norm), norm);
  t.match(out, /^[\x20-\x7e\n]*$/, 'printable ASCII');
  t.notMatch(out, 'not about them');
});

t.test('HTML holds no text of others as markup, and only its own style', async (t) => {
  const { directory } = made(t);
  const { out } = await exported('--evidence', directory, '--format', 'html');
  t.match(out, /^<!doctype html>/);
  t.notMatch(out, /<script|<b>|onload=|\u202e|\u001b/i);
  t.match(out, '&lt;/script&gt;&lt;script&gt;alert(1)');
  const [, style = ''] = /<style>([\s\S]*?)<\/style>/.exec(out) ?? [];
  t.ok(out.includes(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`));
  t.match(out, /default-src 'none'/);
  t.notMatch(out, /(?:src|href)=|url\(|@import|style="/, 'nothing is fetched');
  const open = [...out.matchAll(/<(table|section|main|ul|tr|thead|tbody|html|body)\b/g)].map(
    (match) => match[1],
  );
  for (const name of new Set(open))
    t.equal(
      open.filter((one) => one === name).length,
      out.split(`</${name}>`).length - 1,
      `${name} is closed`,
    );
  for (const table of out.match(/<table>[\s\S]*?<\/table>/g) ?? [])
    t.match(table, /<caption>.*<th scope="col"/s);
});

t.test('a day that was changed', async (t) => {
  const { directory } = made(t);
  const file = join(directory, 'daemon', '2026-11-19.jsonl');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"state":"unknown"', '"state":"plain"  '.trimEnd()));
  const { status, out } = await exported('--evidence', directory);
  t.equal(status, 1);
  t.match(out, 'DOES NOT HOLD');
  t.match((await exported('--evidence', directory, '--format', 'html')).out, 'class="alarm"');
});

t.test('what was not recorded is not 0', async (t) => {
  const evidence = new MadeEvidence(join(newFolder(t), 'evidence'), 'mx.example.org');
  evidence.day('daemon', '2026-11-01', [verdict('2026-11-01T10:00:00.000Z')]);
  const { out } = await exported('--evidence', evidence.directory);
  t.match(out, 'How mail left is not recorded');
  t.notMatch(out, /0 recipients left/);
});

t.test('days are those of the records, not of the files that have them', async (t) => {
  const evidence = new MadeEvidence(join(newFolder(t), 'evidence'), 'mx.example.org');
  evidence.day('collector', '2026-11-20', [
    delivery('2026-10-31T23:59:59.000Z'),
    delivery('2026-11-20T10:00:00.000Z'),
  ]);
  evidence.day('collector', '2026-11-22', [
    delivery('2026-11-20T23:59:59.000Z'),
    delivery('2026-11-21T00:00:00.000Z'),
  ]);
  const { out } = await exported('--evidence', evidence.directory, '--format', 'json');
  const { rows, statement } = JSON.parse(out);
  t.same(
    rows.map(({ time }: { readonly time: string }) => time),
    ['2026-11-20T10:00:00.000Z', '2026-11-20T23:59:59.000Z'],
  );
  t.same(
    statement.heads[0].days.map(({ day }: { readonly day: string }) => day),
    ['2026-11-20', '2026-11-22'],
    'heads of all days that were read',
  );
});

t.test('several hosts, and whose tables differ', async (t) => {
  const [one, other] = [made(t), made(t, 'mx2.example.org', 'cd')];
  const { out } = await exported('--evidence', one.directory, '--evidence', other.directory);
  t.match(out, 'From bank.example: 12 messages came in');
  t.match(out, 'The hosts did NOT decide by the same table');
  t.match((await exported('--evidence', one.directory)).out, /^(?![\s\S]*did NOT decide)/);
});

t.test('into a file, whole or not at all', async (t) => {
  const { directory } = made(t);
  const folder = newFolder(t);
  const file = join(folder, 'bank.html');
  t.strictSame(await exported('--evidence', directory, '--format', 'html', '--output', file), {
    status: 0,
    out: '',
    err: '',
  });
  t.match(readFileSync(file, 'utf8'), /<\/html>\n$/);
  t.equal(statSync(file).mode & 0o777, 0o600);
  const again = await exported('--evidence', directory, '--output', file);
  t.equal(again.status, 73, 'it is there');
  t.match(again.err, /cannot be written/);
  t.match(readFileSync(file, 'utf8'), /<\/html>\n$/);
  t.equal((await exported('--evidence', directory, '--output', join(folder, 'absent', 'x'))).status, 73);
  await t.rejects(exported('--evidence', directory, '--output', join(folder, 'y'), '--address', 'nobody'));
  t.same(readdirSync(folder), ['bank.html']);
  t.notOk(existsSync(join(folder, 'y')));
});

t.test('arguments', async (t) => {
  const { directory } = made(t);
  const io: Io = { out: () => {}, err: () => {}, env: {}, colour: false };
  const all = { '--partner': 'bank.example', '--from': '2026-11-01', '--to': '2026-11-20' };
  for (const [changed, said] of [
    [{ '--partner': undefined }, /--partner is missing/],
    [{ '--partner': '@bank' }, /expected a domain/],
    [{ '--from': undefined }, /--from is missing/],
    [{ '--from': '2026-13-01' }, /expected a day/],
    [{ '--to': '2999-01-01' }, /expected a day up to/],
    [{ '--to': '2026-10-01' }, /the first one first/],
    [{ '--from': '2020-01-01' }, /at most 366 days/],
    [{ '--format': 'pdf' }, /expected csv, json, text, html/],
  ] as const) {
    const argv = Object.entries({ ...all, ...changed }).flatMap(([name, value]) =>
      value === undefined ? [] : [name, value],
    );
    await t.rejects(run(['export', '--evidence', directory, ...argv], io), said);
  }
  t.equal((await exported('--evidence', join(directory, 'absent'))).status, 75);
});
