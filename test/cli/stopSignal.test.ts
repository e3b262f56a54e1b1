/** Signals that end a command. */
import { test } from 'tap';
import { stopSignal } from '../../src/cli/stopSignal.ts';

test('the first one aborts, and nothing stays behind', async (t) => {
  const before = process.listenerCount('SIGTERM');
  const stop = stopSignal();
  t.equal(stop.signal.aborted, false);
  process.emit('SIGTERM');
  t.equal(stop.signal.aborted, true);
  stop.release();
  t.equal(process.listenerCount('SIGTERM'), before);
});
