/**
 * A Node.js that lacks what DirectSocket uses: the test in the process says so, throws nothing, and the daemon answers by
 * net.Sockets. Such a version is imitated by removing the method from all handles.
 */
import { EventEmitter } from 'node:events';
import { createServer, type Server } from 'node:net';
import { test } from 'tap';
import { takeHandles } from '../../src/net/directSocket.ts';

interface Probe {
  canUseHandles(): Promise<boolean>;
}

/** The module as if it were loaded for the first time, since it tries only once. */
async function fresh(name: string): Promise<Probe> {
  const url = new URL(`../../src/net/directSocketTest.js?${name}`, import.meta.url);
  return (await import(url.href)) as Probe;
}

/** The prototype of TCP handles that has `name` itself. */
function prototypeWith(name: string): Record<string, unknown> {
  const server = createServer().listen(0);
  const { _handle: handle } = server as unknown as { _handle: object };
  let found: object | null = handle;
  while (found !== null && !Object.hasOwn(found, name)) found = Object.getPrototypeOf(found);
  server.close();
  if (found === null) throw new Error(`no handle has ${name}`);
  return found as Record<string, unknown>;
}

for (const name of ['useUserBuffer', 'readStart']) {
  test(`without ${name}`, async (t) => {
    const prototype = prototypeWith(name);
    const before = prototype[name];
    const probe = await fresh(name);
    const begun = performance.now();
    // the client needs readStart itself
    prototype[name] = function (this: { onread?: unknown }, ...given: unknown[]): unknown {
      const ours = new Error().stack?.includes('directSocket') === true;
      if (ours) throw new TypeError(`handle.${name} is not a function`);
      return (before as (...given: unknown[]) => unknown).apply(this, given);
    };
    t.teardown(() => {
      prototype[name] = before;
    });
    t.equal(await probe.canUseHandles(), false);
    t.ok(performance.now() - begun < 1500, 'known at once');
  });
}

test('where handles are kept elsewhere, nothing is taken', async (t) => {
  const server = new EventEmitter();
  takeHandles(server as Server, () => t.fail('a handle'));
  t.equal(server.emit('listening'), true);
});
