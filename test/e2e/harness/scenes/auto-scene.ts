/**
 * What the tests of `deliver = auto` share: domains that publish DANE, MTA-STS, both or neither, in order or broken, with
 * their mail servers, policy hosts and DNS records; and a Postfix with tlsward in front of them.
 *
 *   const domains = await AutoDomains.start(t);
 *   await domains.add('good.example', { server: { certificate: 'right' }, sts: { body: stsPolicy(...) } });
 *   const dns = await startDns(t, domains.zone());
 *   const { postfix, daemon } = await site(t, domains.ca, tables, new Map(), domains.siteOptions(dns.address));
 */
import type { Test } from 'tap';
import type { ZoneContent } from '../dns/dns.ts';
import { type StsAnswer, StsHost } from '../dns/sts-host.ts';
import { type CertificateAuthority, createCa } from '../peers/ca.ts';
import { Receivers, type ServerSpec } from '../peers/receivers.ts';
import type { TlsSink } from '../peers/tls-sink.ts';
import type { SiteOptions } from './deliver-scene.ts';

export interface DomainSpec {
  /** The mail server, `mx.DOMAIN`; with `implicit` DOMAIN itself, and no MX record. */
  readonly server?: ServerSpec;
  readonly implicit?: true;
  /** MX hosts of the domain, with preference, instead of `10 mx.DOMAIN.`. */
  readonly mx?: readonly string[];
  /** More lines for the zone. */
  readonly records?: readonly string[];
  /** A record with this id (default `1`), and what the policy host answers; null: there is no such host. */
  readonly sts?: (StsAnswer & { readonly id?: string }) | null;
  /** Names in front of the domain (`_mta-sts.`; '' for itself) whose records are forged, or cannot be looked up. */
  readonly bogus?: readonly string[];
  readonly lame?: readonly string[];
}

export class AutoDomains {
  readonly ca: CertificateAuthority;
  readonly receivers: Receivers;
  readonly hosts: StsHost;
  readonly sinks = new Map<string, TlsSink>();
  readonly #records = new Map<string, string[]>();
  readonly #bogus = new Set<string>();
  readonly #lame = new Set<string>();

  private constructor(ca: CertificateAuthority, receivers: Receivers, hosts: StsHost) {
    this.ca = ca;
    this.receivers = receivers;
    this.hosts = hosts;
  }

  static async start(t: Test): Promise<AutoDomains> {
    const ca = createCa();
    t.teardown(() => ca.remove());
    const hosts = await StsHost.start(ca);
    t.teardown(() => hosts.stop());
    return new AutoDomains(ca, await Receivers.start(t, ca), hosts);
  }

  /** One more domain with its server; returns the server's sink. */
  async add(domain: string, spec: DomainSpec): Promise<TlsSink> {
    const { sink } = await this.receivers.add([spec.implicit ? domain : `mx.${domain}`], spec.server);
    this.sinks.set(domain, sink);
    this.publish(domain, spec);
    return sink;
  }

  /** What a domain publishes from the next `zone()` on; its server stays. */
  publish(domain: string, spec: Omit<DomainSpec, 'server'>): void {
    const hosts = spec.mx ?? (spec.implicit ? [] : [`10 mx.${domain}.`]);
    const records = [...hosts.map((host) => `${domain}. MX ${host}`), ...(spec.records ?? [])];
    if (spec.sts !== undefined) {
      const txt = `_mta-sts.${domain}.`;
      const has = (name: string) => records.some((line) => line.startsWith(`${name} `));
      if (!has(txt)) records.push(`${txt} TXT "v=STSv1; id=${spec.sts?.id ?? '1'};"`);
      if (spec.sts !== null) {
        if (!has(`mta-sts.${domain}.`)) records.push(`mta-sts.${domain}. A ${this.hosts.address}`);
        this.hosts.serve(domain, spec.sts);
      }
    }
    this.#records.set(domain, records);
    for (const [set, names] of [
      [this.#bogus, spec.bogus],
      [this.#lame, spec.lame],
    ] as const) {
      for (const name of set) if (name === `${domain}.` || name.endsWith(`.${domain}.`)) set.delete(name);
      for (const name of names ?? []) set.add(`${name}${domain}.`);
    }
  }

  /** For `startDns` and `set`. Records at and below a name that cannot be looked up are left out. */
  zone(): ZoneContent {
    const hidden = (line: string) =>
      [...this.#lame].some((name) => line.startsWith(`${name} `) || line.split(' ')[0]!.endsWith(`.${name}`));
    const all = [...this.receivers.records, ...[...this.#records.values()].flat()];
    return {
      records: all.filter((line) => !hidden(line)),
      bogus: [...this.#bogus],
      lame: [...this.#lame],
    };
  }

  /** Postfix and tlsward ask `resolver`; policies are fetched from the hosts on loopback. */
  siteOptions(resolver: string, service: Readonly<Record<string, string | null>> = {}): SiteOptions {
    return {
      dns: { address: resolver, port: this.receivers.port },
      service: { resolver, 'sts-test-opening': `127.0.0.0/8 ${this.hosts.port}`, ...service },
    };
  }
}
