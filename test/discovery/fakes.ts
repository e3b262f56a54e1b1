/**
 * A DNS of one's own for tests: record sets by name, and names that fail; every question is counted and may be held up.
 */

import { DaneFinder } from '../../src/discovery/daneFinder.ts';
import type { OpenDiscovery } from '../../src/discovery/discoveryService.ts';
import { openDiscovery } from '../../src/discovery/openDiscovery.ts';
import { PolicyDiscovery } from '../../src/discovery/policyDiscovery.ts';
import { findDane } from '../../src/dns/dane.ts';
import type { LookupResult, MxRecord, Resolver, TlsaRecord } from '../../src/dns/resolver.ts';
import { StsPolicies } from '../../src/sts/policies.ts';
import { parseStsPolicy } from '../../src/sts/policyFile.ts';

type Data = string | MxRecord | TlsaRecord;

export const TLSA: TlsaRecord = { usage: 3, selector: 1, matching: 1, data: new Uint8Array(32) };

export class FakeDns implements Resolver {
  trusted = true;
  /** `TYPE name` to records; what is not here is proven absent. */
  readonly records = new Map<string, readonly Data[]>();
  /** Questions, `TYPE name` or `name` for any type, that get no answer. */
  readonly failing = new Set<string>();
  readonly asked: string[] = [];
  /** Awaited before every answer. */
  gate: Promise<void> = Promise.resolve();

  /** A domain with one MX host, `mx.DOMAIN`, and an MTA-STS record if `id` is given. */
  domain(name: string, options: { readonly tlsa?: readonly TlsaRecord[]; readonly id?: string } = {}): void {
    this.records.set(`MX ${name}`, [{ preference: 10, exchange: `mx.${name}` }]);
    this.records.set(`A mx.${name}`, ['192.0.2.1']);
    if (options.tlsa !== undefined) this.records.set(`TLSA _25._tcp.mx.${name}`, options.tlsa);
    if (options.id !== undefined) this.records.set(`TXT _mta-sts.${name}`, [`v=STSv1; id=${options.id};`]);
  }

  txt = (name: string): Promise<LookupResult<string>> => this.#ask('TXT', name);
  mx = (name: string): Promise<LookupResult<MxRecord>> => this.#ask('MX', name);
  addresses = (name: string): Promise<LookupResult<string>> => this.#ask('A', name);
  tlsa = (name: string): Promise<LookupResult<TlsaRecord>> => this.#ask('TLSA', name);
  cname = (name: string): Promise<LookupResult<string>> => this.#ask('CNAME', name);

  async #ask<T extends Data>(type: string, name: string): Promise<LookupResult<T>> {
    const key = `${type} ${name}`;
    this.asked.push(key);
    await this.gate;
    if (this.failing.has(key) || this.failing.has(name))
      return { kind: 'unknown', why: `SERVFAIL for ${key}` };
    const secure = this.trusted;
    const records = this.records.get(key) as readonly T[] | undefined;
    if (records === undefined) return { kind: 'absent', secure, ttlSeconds: 300 };
    return { kind: 'found', records, secure, ttlSeconds: 300, name };
  }
}

/** A promise that is settled by hand. */
export function gate(): { readonly wait: Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  const wait = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { wait, open };
}

/**
 * The daemon's finder over this DNS, with policy files by domain; a domain without one cannot be fetched. Where the
 * configuration names another policy server that one is asked, as in life.
 */
export function finderOver(dns: FakeDns, files: ReadonlyMap<string, string>): OpenDiscovery {
  return async (settings, events) => {
    if (settings.published !== null) return openDiscovery(settings, events);
    const sts = await StsPolicies.open({
      resolver: dns,
      folder: settings.stsCache,
      opening: null,
      event: events.sts,
      fetch: async (domain) => {
        const text = files.get(domain);
        const failed = {
          kind: 'failed',
          failure: 'sts-policy-fetch-error',
          why: 'there is no host',
        } as const;
        if (text === undefined) return failed;
        const parsed = parseStsPolicy(text);
        return parsed.kind === 'invalid' ? failed : { kind: 'policy', policy: parsed.policy, text };
      },
    });
    const dane = new DaneFinder({
      find: (question) => findDane(dns, question),
      test: settings.resolver.length === 0 ? null : async () => ({ kind: 'validates' }),
      now: Date.now,
      changed: events.dane,
    });
    return new PolicyDiscovery({ finders: { kind: 'own', dane, sts }, release: () => {} });
  };
}

/** A policy file. */
export function policyFile(mode: string, mx: readonly string[]): string {
  const lines = ['version: STSv1', `mode: ${mode}`, ...mx.map((name) => `mx: ${name}`), 'max_age: 604800'];
  return `${lines.join('\r\n')}\r\n`;
}
