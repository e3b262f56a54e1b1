/** The field that keeps copies in: which header checks count, and what is written and read back. */
import t from 'tap';
import type { Need, Rule, RuleLevel } from '../../src/core/rule.ts';
import { bothNeeds, carriedNeed, fenceStands, fenceTable, fenceValue } from '../../src/rules/fence.ts';

const HEADER = 'X-TLS-Ward-Route';
const TABLE = fenceTable(HEADER);

function rule(name: string, level: RuleLevel): Rule {
  const when = { subjectTags: [], headers: [], requireTls: false, replyToMarked: false };
  return {
    name,
    at: { file: 't.ini', line: 1 },
    when: { ...when, senders: ['*'], recipients: [], users: [] },
    level,
    cannot: 'hold',
    fallback: null,
    requestRequireTls: false,
    help: null,
  };
}
const SECURE = rule('secure', 'encrypt');
const STRICT = rule('strict', 'verify');
const need = (...rules: Rule[]): Need => ({
  level: rules[0]!.level,
  rules,
  because: rules.map(({ name }) => `by ${name}`),
});

t.test('the fence must be the first table', async (t) => {
  for (const told of [
    TABLE,
    `${TABLE}, pcre:/etc/postfix/mine`,
    `${TABLE},fail:x`,
    TABLE.replaceAll(' ', '\n\t '),
    TABLE.replace('{reg', '{ reg'),
  ])
    t.ok(fenceStands(told, HEADER), told);
  for (const told of [
    '',
    'fail:tlsward',
    `pcre:/etc/postfix/mine, ${TABLE}`,
    `${TABLE}x`,
    TABLE.replace('[[', ' [['),
    TABLE.replace('/ x', '/x'),
    TABLE.replace('fail', 'static'),
    TABLE.slice(0, -1),
    fenceTable('X-Other'),
    '{'.repeat(100_000),
  ])
    t.notOk(fenceStands(told, HEADER), told.slice(0, 80));
});

t.test('what is written is read back', async (t) => {
  for (const word of ['again', 'kept'] as const) {
    const value = fenceValue(word, [null, need(SECURE), need(STRICT, SECURE)]);
    t.equal(value, `${word}; level=verify; rule=strict`);
    t.match(carriedNeed([{ name: HEADER, value }], HEADER, [SECURE, STRICT]), {
      level: 'verify',
      rules: [STRICT],
    });
  }
  t.throws(() => fenceValue('again', [null]));
  const read = (value: string, name = HEADER): Need | null =>
    carriedNeed([{ name, value }], HEADER, [SECURE]);
  t.equal(read('again; level=encrypt', 'Subject'), null);
  t.match(read('again; level=encrypt; rule=secure', 'x-tls-ward-ROUTE '), {
    level: 'encrypt',
    rules: [SECURE],
  });
  t.match(read('again; level=encrypt; rule=gone'), {
    level: 'encrypt',
    rules: [{ name: 'gone', cannot: 'reject' }],
  });
  t.match(read('again; level=verify; rule=secure'), { level: 'verify', rules: [SECURE] });
  t.match(read('encrypt'), { level: 'encrypt' }, 'by header');
  for (const value of [
    '',
    'x',
    'again; level=none',
    'again; level=encrypt; rule=a b',
    'again; level=encrypt;'.repeat(99),
  ])
    t.match(read(value), { level: 'verify' }, 'what cannot be read asks for the most');
  const two = ['again; level=encrypt', 'kept; level=verify'].map((value) => ({ name: HEADER, value }));
  t.match(carriedNeed(two, HEADER, []), { level: 'verify' });
});

t.test('both needs in one', async (t) => {
  t.equal(bothNeeds(null, null), null);
  t.strictSame(bothNeeds(need(SECURE), null), need(SECURE));
  t.strictSame(bothNeeds(null, need(SECURE)), need(SECURE));
  t.strictSame(bothNeeds(need(SECURE), need(STRICT, SECURE)), need(STRICT, SECURE));
  t.strictSame(bothNeeds(need(SECURE), need(STRICT)), need(STRICT, SECURE));
});
