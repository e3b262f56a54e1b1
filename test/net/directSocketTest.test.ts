/**
 * A Node.js that lacks what DirectSocket uses: the test in the process says so and throws nothing. What the
 * daemon does then is in test/daemon/plainSockets.test.ts.
 */
import { EventEmitter } from 'node:events';
import type { Server } from 'node:net';
import { test } from 'tap';
import { takeHandles } from '../../src/net/directSocket.ts';
import { breakHandles } from './brokenHandles.ts';

interface Probe {
  canUseHandles(): Promise<boolean>;
}

/** The module as if it were loaded for the first time, since it tries only once. */
async function fresh(name: string): Promise<Probe> {
  const url = new URL(`../../src/net/directSocketTest.js?${name}`, import.meta.url);
  return (await import(url.href)) as Probe;
}

for (const name of ['useUserBuffer', 'readStart']) {
  test(`without ${name}`, async (t) => {
    const probe = await fresh(name);
    const begun = performance.now();
    t.teardown(breakHandles(name));
    t.equal(await probe.canUseHandles(), false);
    t.ok(performance.now() - begun < 1500, 'known at once');
  });
}

test('where handles are kept elsewhere, nothing is taken', async (t) => {
  const server = new EventEmitter();
  takeHandles(server as Server, () => t.fail('a handle'));
  t.equal(server.emit('listening'), true);
});
