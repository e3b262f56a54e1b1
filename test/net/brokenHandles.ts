/** Imitates a Node.js whose handles lack a method that directSocket.ts uses. */
import { createServer } from 'node:net';

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

/** Calls of `name` by directSocket.ts throw from now on, others do not; what is returned gives the method back. */
export function breakHandles(name: string): () => void {
  const prototype = prototypeWith(name);
  const before = prototype[name] as (...given: unknown[]) => unknown;
  prototype[name] = function (this: object, ...given: unknown[]): unknown {
    const ours = new Error().stack?.includes('directSocket') === true;
    if (ours) throw new TypeError(`handle.${name} is not a function`);
    return before.apply(this, given);
  };
  return () => {
    prototype[name] = before;
  };
}
