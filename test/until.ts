/** Waits for a fact, however slow the machine is. */

/** Far more than anything takes that will happen. */
const LONGEST_MS = 60_000;

/**
 * Asks again and again until `what` holds; throws when it never does. Assert what was waited for in words of the test, if it is
 * more than that.
 */
export async function until(what: () => unknown, everyMs = 10): Promise<void> {
  for (const end = performance.now() + LONGEST_MS; !(await what()); ) {
    if (performance.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
