/**
 * A daemon that runs on says once a day what is past its `until`: the clock is an argument, so nothing waits for midnight.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'tap';
import { loadInWorker } from '../../src/config/load/loadInWorker.ts';
import { Service } from '../../src/daemon/service.ts';
import { Log } from '../../src/log/log.ts';

test('row.overdue when a day begins', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  const config = join(folder, 'tlsward.ini');
  const text = [
    '[service]\npolicy-listen = unix:p\ncontrol-listen =',
    '[domain bank.example]\nuntil = 2026-11-22\nreason = ticket 1',
    '[exception late.example]\nuntil = 2026-11-20\nreason = r\nreceive = none\n',
  ];
  writeFileSync(config, text.join('\n'));
  const sink = new PassThrough();
  let logged = '';
  sink.on('data', (chunk: Buffer) => {
    logged += chunk.toString();
  });
  const events = () =>
    logged
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ event }) => event === 'row.overdue')
      .map(({ where, at, until, days, reason, level }) => [
        where,
        String(at).replace(/^.*\//, ''),
        until,
        days,
        reason,
        level,
      ]);
  let now = new Date(2026, 10, 21, 23, 59);
  const service = await Service.start({
    config,
    log: new Log('info', sink),
    env: {},
    loading: () => loadInWorker(config, '2026-11-21'),
    clock: () => now,
  });
  t.teardown(async () => {
    await service.stop(0);
    rmSync(folder, { recursive: true, force: true });
  });
  service.checkDay();
  t.strictSame(events(), [], 'the day is the same: its notices were given when the table was loaded');
  now = new Date(2026, 10, 22, 0, 0);
  service.checkDay();
  service.checkDay();
  const late = ['[exception late.example]', 'tlsward.ini:8', '2026-11-20', 2, 'r', 40];
  t.strictSame(events(), [late], 'once, and the last good day is good');
  now = new Date(2026, 10, 23, 12, 0);
  service.checkDay();
  const bank = ['[domain bank.example]', 'tlsward.ini:5', '2026-11-22', 1, 'ticket 1', 40];
  t.strictSame(events().slice(1), [
    ['[exception late.example]', 'tlsward.ini:8', '2026-11-20', 3, 'r', 40],
    bank,
  ]);

  // what is gone from the table is no longer spoken of
  writeFileSync(config, text.slice(0, 1).join('\n').concat('\n[domains]\n* = may\n'));
  t.match(await service.reload(), { ok: true });
  now = new Date(2026, 10, 24, 12, 0);
  service.checkDay();
  t.equal(events().length, 3);
});
