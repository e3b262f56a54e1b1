/** The schema: knows each type, refuses what it does not know, and is the file that others read. */
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { test } from 'tap';
import type { EvidenceRecord } from '../../src/evidence/record.ts';
import { COMMON_FIELDS, RECORD_TYPES, recordSchema } from '../../src/evidence/recordSchema.ts';
import { root } from '../root.ts';
import { checkRecord } from './lines.ts';

const common = { v: 1, n: 0, time: '2026-11-30T01:02:03.456Z', host: 'mx.example.org' } as const;
const source = { kind: 'file', position: '1:2' };
const table = { hash: 'a'.repeat(64), generation: 1 };
/** One of each type, with as little as it may have: the compiler sees that the types agree with the schema. */
const LEAST: { readonly [T in EvidenceRecord['type']]: Extract<EvidenceRecord, { readonly type: T }> } = {
  day: { ...common, type: 'day', key: 'tlsward/h/daemon+12345678+AAAA' },
  start: { ...common, type: 'start', version: '0.1.0', node: '22.0.0' },
  stop: { ...common, type: 'stop' },
  verdict: {
    ...common,
    type: 'verdict',
    code: 'AAAAAAAA',
    leg: 'inbound',
    protocol: 'policy',
    stage: 'RCPT',
    recipients: [],
    recipientDomains: [],
    recipientCount: 0,
    tls: { state: 'unknown' },
    table,
    action: 'accept',
  },
  map: {
    ...common,
    type: 'map',
    leg: 'outbound',
    map: 'deliver',
    key: 'x.example',
    status: 'TEMP',
    reply: 'r',
    table,
  },
  reload: { ...common, type: 'reload', ok: false, table },
  exception: {
    ...common,
    type: 'exception',
    change: 'set',
    pattern: '@x.example',
    until: '2026-12-31',
    reason: 'r',
    at: 'f:1',
  },
  delivery: {
    ...common,
    type: 'delivery',
    leg: 'outbound',
    queueId: 'Q',
    recipient: '@x.example',
    tls: { state: 'unknown', why: 'w' },
    outcome: 'sent',
    source,
  },
  message: { ...common, type: 'message', queueId: 'Q', source },
  refusal: { ...common, type: 'refusal', leg: 'inbound', source },
  gap: { ...common, type: 'gap', from: common.time, to: common.time, count: null, why: 'w' },
  torn: { ...common, type: 'torn', bytes: 1, file: '2026-11-30.torn-1' },
  clock: { ...common, type: 'clock', stepMs: -3000 },
  tlsrpt: {
    ...common,
    type: 'tlsrpt',
    leg: 'outbound',
    domain: 'x.example',
    policies: [{ policy: 'sts', ok: false, failures: [{ result: 'certificate-expired' }] }],
    source,
  },
  alarm: { ...common, type: 'alarm', kind: 'k', state: 'firing' },
};

test('the least of each type is enough, and less is not', async (t) => {
  const validate = new Ajv({ allowUnionTypes: true }).compile(recordSchema());
  t.strictSame(Object.keys(LEAST), Object.keys(RECORD_TYPES));
  for (const [type, record] of Object.entries(LEAST)) {
    checkRecord(t, record);
    const always = [...Object.keys(COMMON_FIELDS), ...RECORD_TYPES[type as EvidenceRecord['type']].always];
    t.strictSame(Object.keys(record).sort(), always.sort(), type);
    for (const name of always)
      t.notOk(
        validate(Object.fromEntries(Object.entries(record).filter(([one]) => one !== name))),
        `${type} ${name}`,
      );
    t.notOk(validate({ ...record, unknown: 1 }), `${type} has no other field`);
  }
});

test('contrib/doc/evidence-fields.md has every field', async (t) => {
  const page = readFileSync(new URL('contrib/doc/evidence-fields.md', root), 'utf8');
  const [, ...sections] = page.split(/^## (?=Fields of every record|`)/m);
  const rows = (section: string): string[] => section.split('\n').filter((line) => line.startsWith('| `'));
  const want = (fields: typeof COMMON_FIELDS, always: readonly string[]): string[] =>
    Object.entries(fields).map(
      ([name, { description }]) => `| \`${name}\`${always.includes(name) ? '' : ' *'} | ${description} |`,
    );
  t.strictSame(rows(sections[0] ?? ''), want(COMMON_FIELDS, Object.keys(COMMON_FIELDS)));
  t.strictSame(
    sections.slice(1).map((section) => /^`([a-z]+)`\n\n(.*)\n/.exec(section)?.slice(1)),
    Object.entries(RECORD_TYPES).map(([type, { means }]) => [
      type,
      `${means[0]!.toUpperCase()}${means.slice(1)}.`,
    ]),
  );
  for (const [i, { fields, always }] of Object.values(RECORD_TYPES).entries())
    t.strictSame(rows(sections[i + 1] ?? ''), want(fields, always));
});

test('the schema is the file that others read', async (t) => {
  const file = new URL('contrib/evidence/record.schema.json', root);
  t.strictSame(
    JSON.parse(readFileSync(file, 'utf8')),
    JSON.parse(JSON.stringify(recordSchema())),
    'node build/test/manPages.js writes it',
  );
});
