/**
 * Writes after all available input was read. The answers to several peers leave in a row, so a process that
 * the first write woke is awake for the others; waking it is the most expensive part of a write.
 */

/** A connection that has something to write. */
interface Flushed {
  flush(): void;
}

let due: Flushed[] = [];

/** Calls `flush` when all available input was read. */
export function flushSoon(connection: Flushed): void {
  if (due.push(connection) === 1) setImmediate(flushDue);
}

function flushDue(): void {
  const now = due;
  due = [];
  for (const connection of now) connection.flush();
}
