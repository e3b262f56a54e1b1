/**
 * A finder of policies with a resolver, a clock and policy hosts that do what a test says.
 */
import type { Test } from 'tap';
import type { StsEvent } from '../../src/sts/events.ts';
import type { StsOptions } from '../../src/sts/options.ts';
import { StsPolicies } from '../../src/sts/policies.ts';
import { parseStsPolicy } from '../../src/sts/policyFile.ts';
import type { StsFetched } from '../../src/sts/policyRequest.ts';
import { FakeResolver, found } from './fakes.ts';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
/** When the clock starts: 2026-11-22. */
export const START = 1_795_305_600_000;

export function policyText(mode = 'enforce', maxAgeSeconds = 604_800, mx = 'mail.bank.example'): string {
  return `version: STSv1\nmode: ${mode}\nmx: ${mx}\nmax_age: ${maxAgeSeconds}\n`;
}

export function fetchedPolicy(text: string): StsFetched {
  const parsed = parseStsPolicy(text);
  if (parsed.kind === 'invalid') throw new Error(`the test's own policy: ${parsed.why}`);
  return { kind: 'policy', policy: parsed.policy, text };
}

export const failedFetch = (why = 'answered 500'): StsFetched => ({
  kind: 'failed',
  failure: 'sts-policy-fetch-error',
  why,
});

export class Bed {
  readonly resolver = new FakeResolver();
  readonly hosts = new Map<string, StsFetched>();
  /** Domains in the order in which their policy was fetched. */
  readonly fetches: string[] = [];
  readonly events: StsEvent[] = [];
  /** Fetches wait for this. */
  gate: Promise<void> = Promise.resolve();
  time = START;
  readonly #t: Test;

  constructor(t: Test) {
    this.#t = t;
  }

  /** The domain has this id in DNS and this policy, or failure, on its host. */
  publish(
    domain: string,
    id: string,
    fetched: StsFetched = fetchedPolicy(policyText()),
    ttlSeconds = 300,
  ): void {
    this.resolver.txts.set(`_mta-sts.${domain}`, found([`v=STSv1; id=${id};`], ttlSeconds));
    this.hosts.set(domain, fetched);
  }

  async open(more: Partial<StsOptions> = {}): Promise<StsPolicies> {
    const policies = await StsPolicies.open({
      resolver: this.resolver,
      folder: null,
      opening: null,
      event: (event) => this.events.push(event),
      now: () => this.time,
      fetch: async (domain) => {
        this.fetches.push(domain);
        await this.gate;
        return this.hosts.get(domain) ?? failedFetch('nobody there');
      },
      ...more,
    });
    this.#t.teardown(() => policies.close());
    return policies;
  }

  /** What was asked of DNS and of policy hosts since the last call. */
  asked(): { readonly dns: number; readonly https: number } {
    const counted = { dns: this.resolver.asked.length, https: this.fetches.length };
    this.resolver.asked.length = 0;
    this.fetches.length = 0;
    return counted;
  }

  /** The events since the last call. */
  told(): StsEvent[] {
    return this.events.splice(0);
  }
}

/** A promise and what resolves it. */
export function gate(): { readonly closed: Promise<void>; readonly open: () => void } {
  let open = () => {};
  const closed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { closed, open };
}
