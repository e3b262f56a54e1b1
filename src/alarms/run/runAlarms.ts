/**
 * The loop of `tlsward alarms run`: every `interval` it reads what was recorded since, asks the daemon, decides what
 * fires and what is over, saves that, and tells it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AlarmSettings } from '../../config/keys/alarmSettings.ts';
import type { MailServer } from '../../mta/handOver.ts';
import { isQuiet, type Notice, step } from '../alarmState.ts';
import { type Look, together } from '../condition.ts';
import type { Answer } from '../daemonFacts.ts';
import { alertOf, watchdogOf } from '../notices.ts';
import { Watch } from '../watch.ts';
import { Follower } from './follow.ts';
import { type Output, type Owed, owe, settle } from './outbox.ts';
import { NOTHING_SAVED, type ReportedCounts, type SavedAlarms } from './stateFile.ts';
import { tellAlertmanager, tellCommand, tellMail } from './tell.ts';

/** What happens outside of alarms themselves. */
interface Events {
  /** For the log; never fails. */
  readonly log: (notice: Pick<Notice, 'alarm' | 'state'>) => void;
  /** For the evidence; '' when it was recorded. */
  readonly record: (notice: Pick<Notice, 'alarm' | 'state'>) => string;
  readonly untold: (
    output: Output | 'alertmanager',
    one: Pick<Notice, 'alarm'>['alarm'] | null,
    why: string,
  ) => void;
  readonly trouble: (what: 'state' | 'records' | 'evidence', why: string) => void;
}

interface RunOptions {
  readonly settings: AlarmSettings;
  readonly host: string;
  /** The evidence directory of this host; null: none. */
  readonly evidence: string | null;
  readonly saved: SavedAlarms | null;
  readonly save: (saved: SavedAlarms) => Promise<void>;
  /** Asks the daemon for its status. */
  readonly ask: () => Promise<Answer>;
  /** Finds out about this host's own certificate; it may take a while. */
  readonly identity: () => Promise<Look>;
  /** What the last probe saw of the servers of partners, and why that cannot be read; '' when it can. */
  readonly partners: (nowMs: number) => { readonly look: Look; readonly trouble: string };
  /** What others report, after what the look before has counted; and why that cannot be read. */
  readonly reported: (
    before: ReportedCounts | null,
    nowMs: number,
  ) => { readonly look: Look; readonly counts: ReportedCounts | null; readonly trouble: string };
  readonly events: Events;
  readonly signal: AbortSignal;
  readonly mailServer?: MailServer;
}

/** Between two looks at this host's certificate and what DNS says of it. */
const IDENTITY_MS = 3_600_000;
/** An alert without news is over for Alertmanager after so many looks, or minutes. */
const ALERT_LOOKS = 4;
const ALERT_MS = 300_000;
/** For so long Alertmanager is told that an alarm is over. */
const ENDED_MS = 900_000;
const NOT_KNOWN: Look = { conditions: [], unjudged: ['own-certificate'] };

/** Resolves when `signal` is aborted. Never rejects because of a file, the daemon or an output. */
export async function runAlarms(options: RunOptions): Promise<void> {
  const run = new Run(options);
  while (!options.signal.aborted) {
    await run.look();
    await sleep(options.settings.intervalMs, null, { signal: options.signal }).catch(() => {});
  }
}

class Run {
  readonly #options: RunOptions;
  readonly #watch: Watch;
  readonly #own: Follower | null;
  readonly #others: readonly Follower[];
  readonly #startedAt = Date.now();
  #saved: SavedAlarms;
  #identity = NOT_KNOWN;
  #identityAt = Number.NEGATIVE_INFINITY;
  #troubles = new Map<string, string>();
  #alertmanagerWorks = true;

  constructor(options: RunOptions) {
    const { settings, evidence, saved } = options;
    this.#options = options;
    this.#saved = saved ?? NOTHING_SAVED;
    this.#watch = new Watch(settings, this.#saved.memory);
    // what the last window is made of
    const from = Date.now() - settings.windowMs;
    this.#own = evidence === null ? null : new Follower(evidence, from);
    this.#others = settings.directories.map((directory) => new Follower(directory, from));
  }

  async look(): Promise<void> {
    const { settings, events, ask, signal } = this.#options;
    this.#read();
    const answer = await ask();
    void this.#lookAtIdentity();
    if (signal.aborted) return;
    const now = Date.now();
    const partners = this.#options.partners(now);
    this.#trouble('records', 'partners', partners.trouble);
    const reported = this.#options.reported(this.#saved.reported, now);
    this.#trouble('records', 'reports of others', reported.trouble);
    const others = together([this.#identity, partners.look, reported.look]);
    const look = this.#watch.look(answer, others, now);
    const timing = {
      forMs: settings.forMs,
      repeatMs: settings.repeatMs,
      quiet: isQuiet(settings.quietHours, minuteOf(now)),
    };
    const { alarms, notices } = step(this.#saved.alarms, look, now, timing);
    const owed = [...this.#saved.owed, ...notices.flatMap((notice) => this.#owedFor(notice, now))];
    const ended = [
      ...this.#saved.ended.filter(({ endedAt }) => now - endedAt < ENDED_MS),
      ...notices
        .filter(({ state, audience }) => state === 'resolved' && audience === 'machines')
        .map(({ alarm }) => ({ ...alarm, endedAt: now })),
    ];
    this.#saved = {
      v: 1,
      lookedAt: now,
      host: this.#options.host,
      alarms,
      ended,
      owed,
      watchdogAt: this.#saved.watchdogAt,
      failing: this.#watch.failing(now),
      memory: this.#watch.memory,
      reported: reported.counts,
    };
    await this.#save();
    const left = await settle(
      owed,
      now,
      (one) => this.#tell(one, now),
      (one, why) => events.untold(one.output, one.alarm, why),
    );
    if (owed.length > 0) {
      this.#saved = { ...this.#saved, owed: left };
      await this.#save();
    }
    await this.#tellAlertmanager(now);
    await this.#watchdog(now);
  }

  #read(): void {
    for (const follower of [this.#own, ...this.#others]) {
      if (follower === null) continue;
      const own = follower === this.#own;
      while (follower.read((record) => this.#watch.take(record, own)));
      // a directory that nobody has written to yet is none
      const trouble = own && follower.trouble === 'ENOENT' ? '' : follower.trouble;
      this.#trouble('records', follower.directory, trouble);
    }
  }

  #trouble(what: 'state' | 'records', where: string, why: string): void {
    if (why === (this.#troubles.get(where) ?? '')) return;
    this.#troubles.set(where, why);
    if (why !== '') this.#options.events.trouble(what, `${where}: ${why}`);
  }

  async #lookAtIdentity(): Promise<void> {
    const now = Date.now();
    if (now - this.#identityAt < IDENTITY_MS) return;
    this.#identityAt = now;
    this.#identity = await this.#options.identity().catch(() => NOT_KNOWN);
  }

  async #save(): Promise<void> {
    const { save, settings } = this.#options;
    try {
      await save(this.#saved);
      this.#trouble('state', settings.state, '');
    } catch (error) {
      this.#trouble('state', settings.state, error instanceof Error ? error.message : String(error));
    }
  }

  #owedFor(notice: Notice, now: number): Owed[] {
    const { settings, evidence } = this.#options;
    if (notice.audience === 'machines')
      return [owe('log', notice, now), ...(evidence === null ? [] : [owe('evidence', notice, now)])];
    return [
      ...(settings.mail === null ? [] : [owe('mail', notice, now)]),
      ...(settings.command === null ? [] : [owe('command', notice, now)]),
    ];
  }

  async #tell(one: Owed, nowMs: number): Promise<string> {
    const { settings, host, events, mailServer } = this.#options;
    const notice: Notice = { ...one, audience: 'people' };
    switch (one.output) {
      case 'log':
        events.log(one);
        return '';
      case 'evidence':
        return events.record(one);
      case 'mail':
        if (settings.mail === null) return '';
        return await tellMail(
          notice,
          settings.mail,
          { host, repeatMs: settings.repeatMs, nowMs },
          mailServer,
        );
      case 'command':
        return settings.command === null ? '' : await tellCommand(one, settings.command, host);
    }
  }

  /** All that fires, at each look: it is over for Alertmanager when it hears no more of it. */
  async #tellAlertmanager(now: number): Promise<void> {
    const { settings, host, events } = this.#options;
    if (settings.alertmanager === null) return;
    const { alarms, ended } = this.#saved;
    const endsAt = now + Math.max(ALERT_MS, ALERT_LOOKS * settings.intervalMs);
    const alerts = [
      alertOf(watchdogOf(this.#startedAt), host, endsAt),
      ...alarms.filter(({ phase }) => phase === 'firing').map((alarm) => alertOf(alarm, host, endsAt)),
      ...ended.map(({ endedAt, ...alarm }) => alertOf(alarm, host, endedAt)),
    ];
    const why = await tellAlertmanager(settings.alertmanager, alerts);
    const works = why === '';
    if (!works && this.#alertmanagerWorks) events.untold('alertmanager', null, why);
    this.#alertmanagerWorks = works;
  }

  async #watchdog(now: number): Promise<void> {
    const { settings, host, events } = this.#options;
    const { command, watchdogMs } = settings;
    if (command === null || watchdogMs === null || now - this.#saved.watchdogAt < watchdogMs) return;
    const alarm = watchdogOf(this.#startedAt);
    const why = await tellCommand({ alarm, state: 'firing' }, command, host);
    if (why !== '') events.untold('command', alarm, why);
    this.#saved = { ...this.#saved, watchdogAt: now };
  }
}

/** Of the local day. */
function minuteOf(ms: number): number {
  const date = new Date(ms);
  return date.getHours() * 60 + date.getMinutes();
}
