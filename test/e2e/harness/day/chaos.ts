/**
 * What goes wrong on a day: processes that are killed with SIGKILL at random moments and started again, one after
 * another, and what an administrator does meanwhile. The moments are kept, because some of what was said just before
 * one may rightly be missing.
 */
import { renameSync } from 'node:fs';
import type { Generator } from '../../../mark/generator.ts';
import type { Daemon } from '../daemon.ts';
import { pause } from '../deadline.ts';
import type { Postfix } from '../mta/postfix.ts';
import type { CollectorProcess } from './collectorProcess.ts';

/** `mta`, `agent`: Postfix as a whole, or one of its processes; `logger`: its postlogd. */
type Act = 'daemon' | 'collector' | 'mta' | 'agent' | 'logger' | 'rotate' | 'restart' | 'flush';

/** Milliseconds since the epoch; `to`: it works again. */
export interface Trouble {
  readonly act: Act;
  readonly from: number;
  readonly to: number;
}

interface Parts {
  readonly postfix: Postfix;
  readonly daemon: Daemon;
  readonly collector: CollectorProcess;
}

/** Each as often as it stands here, in a random order, and then again. */
const ACTS: readonly Act[] = [
  ...(['daemon', 'daemon', 'daemon', 'collector', 'collector', 'collector', 'mta', 'mta'] as const),
  ...(['agent', 'agent', 'logger', 'rotate', 'restart', 'flush', 'flush', 'flush'] as const),
];
/** Processes of Postfix that have a message in their hands. */
const AGENTS = ['smtp', 'smtpd', 'cleanup', 'qmgr', 'virtual', 'bounce'];
const LONGEST_MS = 1000;
/** A file that is left is read for 5 s more: rotation of a file while its successor is not read yet is for another test. */
const ROTATE_MS = 12_000;

export class Chaos {
  readonly troubles: Trouble[] = [];
  readonly #parts: Parts;
  readonly #random: Generator;
  /** Of this round. */
  #left: Act[] = [];
  #stopped = false;
  #rotations = 0;
  #rotatedMs = Date.now();

  constructor(parts: Parts, random: Generator) {
    this.#parts = parts;
    this.#random = random;
  }

  /** Goes on until `stop`; at its end everything runs. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      await pause(100 + this.#random.integer(LONGEST_MS));
      if (this.#stopped) return;
      if (this.#left.length === 0) this.#left = [...ACTS];
      const [act] = this.#left.splice(this.#random.integer(this.#left.length), 1) as [Act];
      const from = Date.now();
      await this.#act(act);
      this.troubles.push({ act, from, to: Date.now() });
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  async #act(act: Act): Promise<void> {
    const { postfix, daemon, collector } = this.#parts;
    switch (act) {
      case 'daemon':
        await daemon.kill();
        await pause(this.#random.integer(300));
        await daemon.start();
        break;
      case 'restart':
        await daemon.restart();
        break;
      case 'collector':
        await collector.stop('SIGKILL');
        await pause(this.#random.integer(300));
        collector.start();
        break;
      case 'mta':
        await postfix.kill();
        await postfix.start();
        break;
      case 'agent':
        this.#killOne(AGENTS);
        break;
      case 'logger':
        this.#killOne(['postlogd']);
        break;
      case 'rotate':
        if (Date.now() - this.#rotatedMs < ROTATE_MS) return;
        this.#rotatedMs = Date.now();
        renameSync(postfix.logFile, `${postfix.logFile}.${++this.#rotations}`);
        // has it opened anew, as logrotate's postrotate script does
        this.#killOne(['postlogd']);
        break;
      case 'flush':
        await postfix.flush();
        break;
      default:
        act satisfies never;
    }
  }

  #killOne(names: readonly string[]): void {
    const found = this.#parts.postfix.daemons().filter(({ name }) => names.includes(name));
    if (found.length === 0) return;
    try {
      process.kill(this.#random.pick(found).pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** Did something of Postfix die within a moment after this, so that what was said may not have come to its log? */
export function mayBeUnlogged(troubles: readonly Trouble[], at: number, momentMs: number): boolean {
  return troubles.some(
    ({ act, from, to }) =>
      ['mta', 'agent', 'logger', 'rotate'].includes(act) && at <= to && at >= from - momentMs,
  );
}
