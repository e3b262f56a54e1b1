/**
 * Processes of Postfix that ended without being asked to: killed, out of memory, with the power. A delivery that one of
 * them had just made may not be in the log, and then nobody can record it: that is a gap.
 *
 *   postfix/master: warning: process /usr/lib/postfix/sbin/smtp pid 4711 killed by signal 9
 *   postfix/master: daemon started -- version 3.7.11, configuration /etc/postfix
 *
 * The second one without `stopping the Postfix mail system` or `terminating on signal 15` before it, when Postfix was
 * seen at work: its master was killed, or the host.
 *
 *   sm-mta: starting daemon (8.17.1.9): SMTP+queueing@00:10:00
 *
 * Sendmail logs nothing when it is told to stop, so each start after work counts.
 */
import { ownText } from '../core/memorySize.ts';
import { gap } from './gaps.ts';
import type { LogLine } from './logLine.ts';
import type { Produced } from './produced.ts';
import { isSendmail } from './sendmailLines.ts';

const MAX_INSTANCES = 64;
const KILLED = /^warning: process ([^ ]{1,200}) pid ([0-9]{1,10}) killed by signal ([0-9]{1,3})/;
const UNLOGGED = 'what it did last may not be in the log';
/** Which of its programs work only while master runs. */
const WORKERS = new Set(['qmgr', 'cleanup', 'smtpd', 'smtp']);

interface Death {
  /** null: of all processes. */
  readonly pid: string | null;
  readonly gap: Produced;
}

export class Deaths {
  /** By the name of an instance, `postfix`, or of a Sendmail, `sm-mta`: is it at work, as far as the log says? */
  readonly #works = new Map<string, boolean>();
  #last: number | null = null;

  /** The death that a line tells of. */
  push({ program, text, time }: LogLine): Death | null {
    const from = Math.min(this.#last ?? time, time);
    this.#last = time;
    const slash = program.lastIndexOf('/');
    if (slash < 0) return this.#sendmail(program, text, from, time);
    const name = program.slice(slash + 1);
    const instance = program.slice(0, slash);
    if (WORKERS.has(name)) {
      if (!this.#works.has(instance)) this.#set(instance, true);
    } else if (name === 'postfix-script') {
      if (text.startsWith('stopping the Postfix mail system')) this.#set(instance, false);
    } else if (name === 'master') return this.#master(instance, text, from, time);
    return null;
  }

  #sendmail(program: string, text: string, from: number, time: number): Death | null {
    if (!isSendmail(program)) return null;
    const starts = text.startsWith('starting daemon (');
    const worked = this.#works.get(program) === true;
    if (worked === starts) this.#set(program, !starts);
    const why = `Sendmail was started, and does not log whether it had been stopped: ${UNLOGGED}`;
    return worked && starts ? { pid: null, gap: gap(why, from, time, null) } : null;
  }

  #master(instance: string, text: string, from: number, time: number): Death | null {
    if (text.startsWith('terminating on signal ')) this.#set(instance, false);
    else if (text.startsWith('daemon started -- ')) {
      const worked = this.#works.get(instance) === true;
      this.#set(instance, true);
      const why = `Postfix was started and had not been stopped: ${UNLOGGED}`;
      if (worked) return { pid: null, gap: gap(why, from, time, null) };
    } else if (text.startsWith('warning: process ')) {
      const killed = KILLED.exec(text.slice(0, 300));
      if (killed === null) return null;
      const [, path = '', pid = '', signal] = killed;
      const shown = path.slice(path.lastIndexOf('/') + 1).replace(/[^a-z0-9_-]/gi, '?');
      const why = `${shown}[${pid}] was killed by signal ${signal}: ${UNLOGGED}`;
      return { pid, gap: gap(why, from, time, null) };
    }
    return null;
  }

  #set(instance: string, works: boolean): void {
    if (this.#works.size < MAX_INSTANCES || this.#works.has(instance))
      this.#works.set(ownText(instance), works);
  }

  save(): { readonly last: number | null; readonly works: readonly (readonly [string, boolean])[] } {
    return { last: this.#last, works: [...this.#works] };
  }

  restore(saved: ReturnType<Deaths['save']>): void {
    this.#last = saved.last;
    for (const [instance, works] of saved.works) this.#works.set(instance, works);
  }
}
