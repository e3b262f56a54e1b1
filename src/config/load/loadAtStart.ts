/**
 * Loads the first configuration of a daemon. Nobody waits for this process yet, so small files are read here,
 * which takes less time than starting a thread. What is larger is read in one (loadInWorker.ts), as at every
 * reload, because the memory of a thread is freed with it.
 */
import { type Loaded, loadConfig } from './load.ts';
import { loadInWorker } from './loadInWorker.ts';

/** All files together: some thousand rows, read within 20 ms. */
const SMALL_BYTES = 131_072;

/** Never rejects. */
export async function loadAtStart(file: string, today?: string): Promise<Loaded> {
  try {
    return loadConfig(file, today, null, SMALL_BYTES);
  } catch {
    // too large; or a mistake of ours, which then stops the thread and not the process
    return await loadInWorker(file, today);
  }
}
