/**
 * A resolver made of lines: "TYPE name = outcome", for tests of what is done with lookups.
 *
 *   MX bank.example = 10 mx1.bank.example, 20 mx2.bank.example        signed
 *   A mx1.bank.example = 192.0.2.1 insecure ttl 90
 *   TLSA _25._tcp.mx1.bank.example = 3 1 1 sha256, 3 1 2 sha512        digests of the right length; N: data of N bytes
 *   A mx2.bank.example = alias to.example 192.0.2.2                    the name that has the records
 *   CNAME mx2.bank.example = to.example
 *   MX other.example = absent insecure
 *   TLSA _25._tcp.mx2.bank.example = unknown
 *
 * What no line speaks of fails the test: a question that must not be asked. `asked` lists the questions, in order.
 */
import type { LookupResult, MxRecord, Resolver, TlsaRecord } from '../../src/dns/resolver.ts';

const LENGTHS: Readonly<Record<string, number>> = { sha256: 32, sha512: 64 };

export class FakeResolver implements Resolver {
  readonly trusted: boolean;
  readonly asked: string[] = [];
  readonly #lines: ReadonlyMap<string, string>;

  constructor(lines: readonly string[], trusted = true) {
    this.trusted = trusted;
    this.#lines = new Map(
      lines.map((line) => {
        const [left = '', right = ''] = line.split(' = ');
        return [left, right];
      }),
    );
  }

  async txt(name: string): Promise<LookupResult<string>> {
    return this.#look('TXT', name, (text) => text);
  }

  async mx(name: string): Promise<LookupResult<MxRecord>> {
    return this.#look('MX', name, (text) => {
      const [preference, exchange = ''] = text.split(' ');
      return { preference: Number(preference), exchange: exchange === '.' ? '' : exchange };
    });
  }

  async addresses(name: string): Promise<LookupResult<string>> {
    return this.#look('A', name, (text) => text);
  }

  async tlsa(name: string): Promise<LookupResult<TlsaRecord>> {
    return this.#look('TLSA', name, (text) => {
      const [usage, selector, matching, data = ''] = text.split(' ');
      const length = LENGTHS[data] ?? Number(data);
      return {
        usage: Number(usage),
        selector: Number(selector),
        matching: Number(matching),
        data: new Uint8Array(length),
      };
    });
  }

  async cname(name: string): Promise<LookupResult<string>> {
    return this.#look('CNAME', name, (text) => text);
  }

  #look<Data>(type: string, name: string, form: (text: string) => Data): LookupResult<Data> {
    const key = `${type} ${name}`;
    this.asked.push(key);
    let text = this.#lines.get(key);
    if (text === undefined) throw new Error(`not to be asked: ${key}`);
    if (text === 'unknown') return { kind: 'unknown', why: `no answer about ${key}` };
    const ttl = / ttl ([0-9]+)$/.exec(text);
    if (ttl !== null) text = text.slice(0, ttl.index);
    const ttlSeconds = Number(ttl?.[1] ?? 300);
    const secure = !text.endsWith(' insecure');
    if (!secure) text = text.slice(0, -' insecure'.length);
    if (text === 'absent') return { kind: 'absent', secure, ttlSeconds };
    const alias = /^alias (\S+) /.exec(text);
    if (alias !== null) text = text.slice(alias[0].length);
    const records = text.split(', ').map(form);
    return { kind: 'found', records, secure, ttlSeconds, name: alias?.[1] ?? name };
  }
}
