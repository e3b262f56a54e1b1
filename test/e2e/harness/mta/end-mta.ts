/** The end of a private MTA, whichever it is. */
import { portOpen } from '../processes.ts';

/** Its first process, with what that started. */
interface Running {
  /** Resolves to the processes that had to be killed. */
  stop(): Promise<readonly unknown[]>;
}

/** Ends all of it; throws when a process had to be killed or one of its ports stayed open. */
export async function endMta(
  name: string,
  running: Running,
  ports: ReadonlyMap<string, number>,
  log: () => string,
): Promise<void> {
  const strays = await running.stop();
  if (strays.length > 0) throw new Error(`${name} left processes: ${strays.join(', ')}\n${log()}`);
  for (const [listener, port] of ports) {
    if (await portOpen(port)) throw new Error(`port ${port} (${listener}) is still open after stop`);
  }
}
