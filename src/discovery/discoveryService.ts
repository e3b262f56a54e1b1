/**
 * Owns the daemon's finder of published policies. It is opened at the start and replaced when a reload
 * changes its settings. `status` shows it, and the control commands `published`, `published-refresh` and
 * `published-forget` use it.
 *
 * A reload that changes `resolver`, `sts-cache`, `published`, `sts-test-opening` or `postfix-version` opens a
 * new finder at once; the old one finishes its lookups and is then closed. The old finder stops writing to
 * the policy folder before the new one reads it, and `forget` waits for the new one, so that no forgotten
 * policy returns. Any other reload keeps the cache.
 */
import { formatListen } from '../config/keys/listenAddress.ts';
import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import type { MemoryUse } from '../core/memorySize.ts';
import { answeredVersion } from '../core/postfixVersion.ts';
import type { Published, PublishedQuestion } from '../core/publishedFacts.ts';
import type { PolicyTable } from '../core/table.ts';
import { questionOf } from '../deliver/deliver.ts';
import type { Log } from '../log/log.ts';
import type { KeptPolicy, StsEvent } from '../sts/events.ts';
import { openDiscovery } from './openDiscovery.ts';
import type { Inspection, PolicyDiscovery } from './policyDiscovery.ts';

/** Opens a finder; tests pass their own. */
export type OpenDiscovery = typeof openDiscovery;

/** A change of these settings opens a new finder. */
const KEYS = ['resolver', 'stsCache', 'published', 'stsTestOpening', 'postfixVersion'] as const;

/** What `status` shows of it: the source of answers for `deliver = auto`. */
export type DiscoveryStatus =
  | { readonly kind: 'other'; readonly server: string; readonly counters: object }
  | {
      readonly kind: 'own';
      readonly resolver: readonly string[];
      /** '' when DANE is on. */
      readonly daneOff: string;
      readonly stsCache: string;
      readonly testOpening: string;
      readonly counters: object;
      readonly dns: object;
      readonly sts: object;
    };

/** The reply to the control commands. */
export interface DiscoveryReply {
  readonly ok: boolean;
  readonly error?: string;
  readonly question?: PublishedQuestion;
  readonly forgotten?: boolean;
  readonly published?: Published;
  readonly kept?: Inspection;
  readonly daneOff?: string;
}

export class DiscoveryService {
  readonly #log: Log;
  readonly #open: OpenDiscovery;
  #settings: ServiceSettings;
  #current: PolicyDiscovery;
  /** Replaced finders that are still looking something up. */
  readonly #retiring = new Set<PolicyDiscovery>();
  /** Settled, unless a finder is being replaced. */
  #replaced: Promise<void> = Promise.resolve();

  static async open(
    settings: ServiceSettings,
    log: Log,
    open: OpenDiscovery = openDiscovery,
  ): Promise<DiscoveryService> {
    return new DiscoveryService(settings, log, open, await made(settings, log, open));
  }

  private constructor(settings: ServiceSettings, log: Log, open: OpenDiscovery, current: PolicyDiscovery) {
    this.#settings = settings;
    this.#log = log;
    this.#open = open;
    this.#current = current;
  }

  /** Never rejects. */
  find(question: PublishedQuestion): Promise<Published> {
    return this.#current.find(question);
  }

  /** Is MTA-STS or DANE looked up here, and does a row ask for it? Then a missing resolver is logged. */
  announce(table: PolicyTable): void {
    const asked = table.packed.settings.some(({ deliver, mode }) => deliver === 'auto' && mode === 'enforce');
    if (asked && this.#settings.published === null && this.#settings.resolver.length === 0)
      this.#log.daneOff(this.#current.daneOff);
  }

  /** Applies new settings. */
  async reload(settings: ServiceSettings): Promise<void> {
    const changed = KEYS.some((key) => JSON.stringify(settings[key]) !== JSON.stringify(this.#settings[key]));
    this.#settings = settings;
    if (!changed) return;
    this.#replaced = this.#replace(settings);
    await this.#replaced;
  }

  async #replace(settings: ServiceSettings): Promise<void> {
    const old = this.#current;
    await old.leaveFolder();
    this.#current = await made(settings, this.#log, this.#open);
    this.#retiring.add(old);
    void old.retire().finally(() => this.#retiring.delete(old));
  }

  async close(): Promise<void> {
    await this.#replaced;
    await Promise.all([this.#current, ...this.#retiring].map((each) => each.close()));
  }

  /** For `status`. The memory of a replaced finder is freed after its last lookup. */
  get memory(): readonly MemoryUse[] {
    return this.#current.memory;
  }

  /** For `status`. */
  status(): DiscoveryStatus {
    const { finders, counters, running, waiting, daneOff, dnsLoad } = this.#current;
    const { resolver, stsCache, published, stsTestOpening } = this.#settings;
    if (finders.kind === 'other' || published !== null)
      return {
        kind: 'other',
        server: published === null ? '' : `socketmap:${formatListen(published.address)}:${published.map}`,
        counters: { ...counters, running, waiting },
      };
    return {
      kind: 'own',
      resolver: resolver.map(({ host, port }) =>
        host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
      ),
      daneOff,
      stsCache: stsCache ?? '',
      testOpening: stsTestOpening?.text ?? '',
      counters: { ...counters, running, waiting, daneFacts: finders.dane.size },
      dns: dnsLoad,
      sts: finders.sts.counters(),
    };
  }

  /** The policies of MTA-STS that were used last; none where another server is asked. */
  policies(most: number): readonly KeptPolicy[] {
    const { finders } = this.#current;
    return finders.kind === 'own' ? finders.sts.latest(most) : [];
  }

  /** The control commands; `key` is a next hop as Postfix writes it. */
  async control(action: 'show' | 'refresh' | 'forget', key: string): Promise<DiscoveryReply> {
    const question = questionOf(key);
    if (question === null) return { ok: false, error: `${JSON.stringify(key)} is no domain or host` };
    // the new finder would not know what the old one forgot or fetched
    if (action !== 'show') await this.#replaced;
    const current = this.#current;
    if (action === 'forget') return { ok: true, question, forgotten: current.forget(question.name) };
    const published = await (action === 'refresh' ? current.refresh(question) : current.find(question));
    return { ok: true, question, published, kept: current.inspect(question), daneOff: current.daneOff };
  }
}

function made(settings: ServiceSettings, log: Log, open: OpenDiscovery): Promise<PolicyDiscovery> {
  const { resolver, stsCache, published, stsTestOpening } = settings;
  return open(
    { resolver, stsCache, published, stsTestOpening, version: answeredVersion(settings.postfixVersion) },
    {
      sts: (event) => tell(log, event),
      dane: (state) => {
        if (state.kind === 'on') log.daneOn();
        else if (state.kind === 'off') log.daneOff(state.why);
        else log.daneUntested(state.why);
      },
    },
  );
}

function tell(log: Log, event: StsEvent): void {
  switch (event.kind) {
    case 'fetched':
      log.stsPolicy(event.domain, event.id, event.mode, event.expiresAt);
      break;
    case 'failed':
      log.stsFailed(event);
      break;
    case 'expired':
      log.stsExpired({ ...event, ...event.lastFailure });
      break;
    case 'patterns':
      log.stsPatterns(event);
      break;
    case 'cache':
      log.stsCache(event.file, event.why);
  }
}
