/** A record becomes a row; schema.sql has the same columns. */
import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { finishedLine, lineText, Mailbox } from '../../src/evidence/lineText.ts';
import { ALL_COLUMNS, COLUMNS, KEY_COLUMNS, rowText } from '../../src/ship/columns.ts';
import { root } from '../root.ts';
import { verdictFields } from './evidenceFolder.ts';

const KEY = { day: '2026-11-30', host: 'mx.example.org', stream: 'daemon', n: 7 };
const TIME = '2026-11-30T01:02:03.456Z';

function lineOf(type: Parameters<typeof lineText>[1], fields: Parameters<typeof lineText>[3]): string {
  return finishedLine(7, lineText(TIME, type, 'mx.example.org', fields), (address) => address) ?? '';
}

function rowOf(line: string): unknown {
  const text = rowText(KEY, line);
  return text === null ? null : JSON.parse(text);
}

test('schema.sql has every column with its type, and no other', async (t) => {
  const schema = readFileSync(new URL('contrib/clickhouse/schema.sql', root), 'utf8');
  const body = /\(\n([\s\S]*?)\n\)\nENGINE/.exec(schema)?.[1] ?? '';
  const shown = body.split('\n').map((line) => /^ {2}(\w+) ([^-]+?),?(?: +--.*)?$/.exec(line)?.slice(1, 3));
  t.same(
    shown,
    ALL_COLUMNS.map(({ name, type }) => [name, type]),
  );
  t.match(schema, `ORDER BY (${KEY_COLUMNS.map(({ name }) => name).join(', ')})`);
  t.match(schema, /\nENGINE = ReplacingMergeTree\(\)\n/);
});

test('a verdict, a delivery, a gap', async (t) => {
  const verdict = lineOf('verdict', verdictFields(9));
  t.match(rowOf(verdict), {
    ...KEY,
    ...{ time: 1_796_000_523, ms: 456, type: 'verdict', leg: 'inbound', queue_id: '4Q9' },
    ...{ sender: 'alice9@bank.example', sender_domain: 'gov.example', recipient_domains: ['example.org'] },
    ...{ tls: 'tls', tls_protocol: 'TLSv1.3', tls_bits: 256, action: 'reject', line: verdict },
  });
  const delivery = lineOf('delivery', {
    leg: 'outbound',
    queueId: '4Q',
    recipient: new Mailbox('bob@bank.example'),
    recipientDomain: 'bank.example',
    relay: { host: 'mx.bank.example', address: '192.0.2.9', port: 25 },
    tls: { state: 'unknown', why: 'no line' },
    demanded: { level: 'verify', from: 'row' },
    outcome: 'sent',
  });
  t.match(rowOf(delivery), {
    ...{ leg: 'outbound', recipient_domain: 'bank.example', relay: 'mx.bank.example', tls: 'unknown' },
    ...{ tls_why: 'no line', level: 'verify', outcome: 'sent' },
  });
  const gap = (count: number | null) =>
    rowOf(lineOf('gap', { from: TIME, to: '2026-11-30T01:02:04.456Z', count, why: 'full disk' }));
  t.match(gap(3), { gap_from: 1_796_000_523, gap_to: 1_796_000_524, gap_count: 3, why: 'full disk' });
  t.notOk(Object.hasOwn(gap(null) as object, 'gap_count'), 'not known, which is not 0');
});

test('a value of another kind leaves its column empty, and never spoils the block', async (t) => {
  const row = rowOf(
    `{"v":1,"n":7,"time":"${TIME}","type":"verdict","tls":"tls","recipients":"all","recipientCount":-1,"code":5,"recipientDomains":[1,"a.example",null],"from":"soon","count":1.5,"queueId":{"a":1}}`,
  );
  t.same(Object.keys(row as object).sort(), [
    ...['day', 'host', 'line', 'ms', 'n', 'recipient_domains', 'stream', 'time', 'type'],
  ]);
  t.match(row, { recipient_domains: ['a.example'] });
  for (const tls of ['null', '[]', '{"bits":65536}', '{"bits":"256"}', '{"bits":1e400}'])
    t.notOk(
      Object.hasOwn(rowOf(`{"v":1,"n":7,"time":"${TIME}","type":"x","tls":${tls}}`) as object, 'tls_bits'),
      tls,
    );
});

test('what is no record, or not this one', async (t) => {
  const lines = ['', 'x', 'null', '[]', '7', '{}', '{"n":7}', `{"n":7,"type":"x"}`];
  const more = [`{"n":7,"type":5,"time":"${TIME}"}`, `{"n":7,"type":"x","time":"soon"}`];
  for (const line of [...lines, ...more, lineOf('stop', {}).replace('"n":7', '"n":8')])
    t.equal(rowText(KEY, line), null, line);
  t.ok(COLUMNS.length > 30);
});
