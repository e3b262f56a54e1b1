/** Which answers to table questions are recorded: new ones, those of a new day, and again after the memory was full. */
import { test } from 'tap';
import { ToldAnswers } from '../../src/daemon/toldAnswers.ts';

const NOW = Date.parse('2026-11-30T23:59:59Z');

test('once a day, and when it changes', async (t) => {
  const told = new ToldAnswers();
  const isNew = (key: string, reply: string, at = NOW, map = 'deliver') => told.isNew(map, key, reply, at);
  t.ok(isNew('bank.example', 'OK secure'));
  t.notOk(isNew('bank.example', 'OK secure'));
  t.notOk(isNew('BANK.example', 'OK secure'), 'names have no case');
  t.notOk(isNew('tls_rcpt:a@bank.example', 'OK secure'), 'an address counts as its domain');
  t.ok(isNew('bank.example', 'OK secure', NOW, 'deliver-verify'));
  t.ok(isNew('bank.example', 'OK encrypt'));
  t.ok(isNew('bank.example', 'OK secure'), 'also when it is what it was once');
  t.ok(isNew('bank.example', 'OK secure', NOW + 1000), 'the next day');
  t.notOk(isNew('bank.example', 'OK secure', NOW + 2000));
  told.clear();
  t.ok(isNew('bank.example', 'OK secure', NOW + 2000), 'with another table');
});

test('within its limit', async (t) => {
  const told = new ToldAnswers();
  const long = 'a'.repeat(400);
  for (let i = 0; i < 50_000; i++) {
    told.isNew('deliver', `${i}.example`, `OK ${long}`, NOW);
    if (told.memory.used > told.memory.limit) t.fail('beyond the limit');
  }
  t.ok(told.memory.used > 0);
  t.ok(told.isNew('deliver', '0.example', `OK ${long}`, NOW), 'it was forgotten');
  t.notOk(told.isNew('deliver', '49999.example', `OK ${long}`, NOW));
  const before = told.memory.used;
  t.ok(told.isNew('deliver', 'a'.repeat(600), 'OK secure', NOW));
  t.ok(told.isNew('deliver', 'a'.repeat(600), 'OK secure', NOW), 'what is too long to keep is always new');
  t.equal(told.memory.used, before);
});
