/**
 * Monitors the Postfix that is served: its version, and the settings that break a guarantee of the table
 * (postfixWarnings.ts).
 *
 * postconf is run at the start and every hour after that, because main.cf may change and Postfix may be updated
 * meanwhile. It is also run when a table comes into force, if a file of Postfix has changed: starting a program
 * copies the page tables of this process, which stops it for 10 ms when it holds a table of a million rows. The
 * milter reports what each MTA calls itself. A warning is logged when it is new, once a day, and with each new
 * table; `status` shows the current ones.
 */

import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import { leadingPostfixVersion } from '../core/postfixVersion.ts';
import type { Rule } from '../core/rule.ts';
import type { PackedTable } from '../core/table.ts';
import type { Log } from '../log/log.ts';
import { protectsDelivery } from '../rules/tlsRequired.ts';
import type { PostfixStatus } from './controlReplies.ts';
import { askPostconf, type PostconfAnswer, sourcesOf } from './postconf.ts';
import { type PostfixFacts, postfixWarnings } from './postfixWarnings.ts';

const ASK_AGAIN_MS = 3_600_000;
const SAY_AGAIN_MS = 86_400_000;
/** The most versions that are kept. */
const MAX_SEEN = 8;

/** The parts of a configuration that are checked. */
export interface Watched {
  readonly service: ServiceSettings;
  readonly packed: PackedTable;
  readonly rules: readonly Rule[];
}

/** The facts from which warnings are made. */
export function factsOf(
  { service, packed, rules }: Watched,
  postconf: PostconfAnswer | null,
  seen: readonly string[] = [],
): PostfixFacts {
  return {
    configured: service.postfixVersion,
    tlsRequiredEnable: service.tlsRequiredEnable,
    protects: service.socketmapListen.length > 0 && (rules.length > 0 || protectsDelivery(packed.settings)),
    receives: service.policyListen.length > 0 || service.milterListen.length > 0,
    postconf,
    seen,
  };
}

export class PostfixWatch {
  readonly #log: Log;
  readonly #ask: typeof askPostconf;
  readonly #seen = new Set<string>();
  #last = '';
  #watched: Watched;
  #postconf: PostconfAnswer | null = null;
  /** What the answer of postconf was made from (sourcesOf); '' for none. */
  #sources = '';
  #askedAt = 0;
  #asking = 0;
  /** Logged sentences, with the time. */
  #said = new Map<string, number>();

  constructor(watched: Watched, log: Log, ask: typeof askPostconf = askPostconf) {
    this.#watched = watched;
    this.#log = log;
    this.#ask = ask;
  }

  /** Call it when the daemon listens: nobody should wait for a program to be started. */
  start(): void {
    void this.#refresh(Date.now());
  }

  /** Call it when a new table is in force: all warnings are logged again. */
  reload(watched: Watched): void {
    this.#watched = watched;
    this.#said.clear();
    const now = Date.now();
    if (this.#isCurrent(now)) this.#say(now);
    else void this.#refresh(now);
  }

  /** Would postconf answer the same again? */
  #isCurrent(now: number): boolean {
    const { postconf } = this.#watched.service;
    if (postconf === null || this.#postconf === null || this.#sources === '') return false;
    return sourcesOf(postconf, this.#postconf, now) === this.#sources;
  }

  /** Called periodically. */
  sweep(now: number): void {
    if (now - this.#askedAt >= ASK_AGAIN_MS) void this.#refresh(now);
    else this.#say(now);
  }

  /** Records what an MTA calls itself (macro `v`): `Postfix 3.10.13`. */
  saw(mta: string): void {
    if (mta === this.#last) return;
    this.#last = mta;
    const name = /postfix /i.exec(mta);
    const version = name === null ? '' : leadingPostfixVersion(mta.slice(name.index + name[0].length));
    if (version === '' || this.#seen.has(version) || this.#seen.size >= MAX_SEEN) return;
    this.#seen.add(version);
    this.#say(Date.now());
  }

  /** For `status`. */
  status(): PostfixStatus {
    return {
      version: this.#postconf?.version ?? '',
      tlsRequiredEnable: this.#postconf?.tlsRequiredEnable ?? '',
      seen: [...this.#seen],
      warnings: this.#warnings(),
    };
  }

  async #refresh(now: number): Promise<void> {
    this.#askedAt = now;
    const { postconf } = this.#watched.service;
    const question = ++this.#asking;
    const answer = postconf === null ? null : await this.#ask(postconf);
    if (question !== this.#asking) return; // a later one was asked meanwhile
    this.#postconf = answer;
    this.#sources = postconf === null || answer === null ? '' : sourcesOf(postconf, answer, now);
    this.#say(now);
  }

  #warnings(): string[] {
    return postfixWarnings(factsOf(this.#watched, this.#postconf, [...this.#seen]));
  }

  #say(now: number): void {
    const said = new Map<string, number>();
    for (const warning of this.#warnings()) {
      const before = this.#said.get(warning);
      const again = before === undefined || now - before >= SAY_AGAIN_MS;
      if (again) this.#log.postfixWarning(warning);
      said.set(warning, again ? now : before);
    }
    this.#said = said;
  }
}
