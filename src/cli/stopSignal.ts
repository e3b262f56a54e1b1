/** SIGTERM and SIGINT, as what ends the work of a command that goes on until it is told to stop. */

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

interface StopSignal {
  /** Aborted by the first of them; a second one ends the process. */
  readonly signal: AbortSignal;
  /** As if one of them had come. */
  readonly abort: () => void;
  /** From here on they do what they do without us. */
  readonly release: () => void;
}

export function stopSignal(): StopSignal {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  for (const name of SIGNALS) process.once(name, stop);
  return {
    signal: controller.signal,
    abort: stop,
    release: () => {
      for (const name of SIGNALS) process.removeListener(name, stop);
    },
  };
}
