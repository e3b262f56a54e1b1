/**
 * A DNS resolver and a clock that say what a test wants, and count what they were asked.
 */
import type { LookupResult, MxRecord, Resolver, TlsaRecord } from '../../src/dns/resolver.ts';

export const found = (records: readonly string[], ttlSeconds = 300): LookupResult<string> => ({
  kind: 'found',
  records,
  secure: false,
  ttlSeconds,
  name: 'found.example',
});
export const absent = (ttlSeconds = 300): LookupResult<never> => ({
  kind: 'absent',
  secure: false,
  ttlSeconds,
});
export const unknown = (why = 'timeout'): LookupResult<never> => ({ kind: 'unknown', why });

/** Answers by name; a name nobody set is absent. */
export class FakeResolver implements Resolver {
  readonly trusted = false;
  readonly txts = new Map<string, LookupResult<string>>();
  readonly hosts = new Map<string, LookupResult<string>>();
  /** Names in the order of asking. */
  readonly asked: string[] = [];
  /** TXT answers wait for this. */
  gate: Promise<void> = Promise.resolve();

  async txt(name: string): Promise<LookupResult<string>> {
    this.asked.push(name);
    await this.gate;
    return this.txts.get(name) ?? absent();
  }

  async addresses(name: string): Promise<LookupResult<string>> {
    this.asked.push(name);
    return this.hosts.get(name) ?? absent();
  }

  mx(): Promise<LookupResult<MxRecord>> {
    return Promise.reject(new Error('nobody should ask for MX'));
  }

  cname(): Promise<LookupResult<string>> {
    return Promise.reject(new Error('nobody should ask for CNAME'));
  }

  tlsa(): Promise<LookupResult<TlsaRecord>> {
    return Promise.reject(new Error('nobody should ask for TLSA'));
  }
}
