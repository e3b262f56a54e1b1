/**
 * A private DNS for one test: a DNSSEC-signed root zone of the test's own, served and validated by Debian's unbound on a
 * loopback address of its own, port 53 (Postfix takes its resolver from resolv.conf, which knows no port: root is needed).
 *
 *   const dns = await startDns(t, { records: ['good.example. MX 10 mx.good.example.', 'mx.good.example. A 127.0.0.24'] });
 *   new Postfix({ ..., resolver: dns.address });          // tlsward: resolver = <dns.address>
 *   await dns.set({ records: [...], lame: ['_mta-sts.good.example.'] });   // other records; the resolver's cache is dropped
 *   await dns.stop(); await dns.start();                  // dead and back again, at the same address
 *
 * Records are lines of a zone file with absolute names and without TTL (all have TTL 1 unless a line says otherwise). What
 * a lookup gives:
 * - any name: signed by the trust anchor, so `secure`, the absence of a name too: the zone is the root itself;
 * - below `test.`: the same without signatures (a delegation without DS), so `insecure`;
 * - `bogus` names: their record sets, not the proofs of absence, carry broken signatures, so SERVFAIL;
 * - `lame` names and all below: delegated to a server that does not answer, so SERVFAIL. Any name may be one, so a domain
 *   can have an MX in order and `_25._tcp.mx...` or `_mta-sts...` that cannot be looked up.
 * Whatever is not in `records` does not exist. Nothing is asked of any other server: there need be no network.
 *
 * Sources: unbound.conf(5) (auth-zone), ldns-signzone(1), RFC 4035, RFC 6698 section 2.1 (TLSA).
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { until, within } from '../deadline.ts';
import { exited, guardProcess } from '../processes.ts';
import { command } from '../requirements.ts';

export interface ZoneContent {
  readonly records: readonly string[];
  /** Owner names with a final dot. */
  readonly bogus?: readonly string[];
  readonly lame?: readonly string[];
  /** false: a resolver that does not validate; nothing is secure or bogus then. Takes a new start to change. */
  readonly validating?: boolean;
}

const READY_MS = 10_000;
/** A name that says which content is being served. */
const SERIAL = 'serial.harness.';

/** TLSA 3 1 1 (or with `data`, that digest instead) for a server on these ports; Postfix looks at the port it connects to. */
export function tlsaRecords(host: string, ports: readonly number[], cert: string): string[] {
  return ports.map((port) => `_${port}._tcp.${host}. TLSA 3 1 1 ${keyDigest(cert)}`);
}

/** SHA-256 of the SubjectPublicKeyInfo of a certificate in PEM, in hex. */
export function keyDigest(cert: string): string {
  const { publicKey } = new X509Certificate(cert);
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

export class Dns {
  /** Where it listens, port 53. */
  address = '';
  readonly #dir = mkdtempSync(join(tmpdir(), 'tlsward-dns-'));
  readonly #key: string;
  #serial = 0;
  #modules = '';
  #child: ChildProcess | null = null;
  #guard: { release(): void } | null = null;
  #output = '';

  constructor(content: ZoneContent) {
    this.#run('ldns-keygen', ['-a', 'ECDSAP256SHA256', '-k', '.']);
    this.#key = readdirSync(this.#dir)
      .find((name) => name.endsWith('.key'))!
      .slice(0, -'.key'.length);
    this.#write(content);
  }

  /** Process id of unbound; throws when stopped. For SIGSTOP and SIGCONT: a resolver that does not answer. */
  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('unbound is not running');
    return this.#child.pid;
  }

  /** Start, or start again after `stop` at the same address. Resolves when it answers. */
  async start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      if (this.address === '' || attempt > 1) {
        const octet = (least: number) => least + Math.floor(Math.random() * (255 - least));
        this.address = `127.153.${octet(0)}.${octet(1)}`;
      }
      try {
        await this.#start();
        return;
      } catch (error) {
        if (attempt === 3) throw error;
      }
    }
  }

  /** Serve other records; resolves when it does and remembers nothing of the old ones. */
  async set(content: ZoneContent): Promise<void> {
    this.#write(content);
    process.kill(this.pid, 'SIGHUP');
    await this.#answering();
  }

  /** End the server by its process id. Does nothing when not running. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#child = null;
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    try {
      await within(READY_MS, 'end of unbound', exited(child));
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    } finally {
      this.#guard?.release();
    }
  }

  /** What unbound wrote: why something failed to validate is in it. */
  log(): string {
    return this.#output;
  }

  /** Stop and remove the folder. For `t.teardown`. */
  async close(): Promise<void> {
    try {
      await this.stop();
    } finally {
      rmSync(this.#dir, { recursive: true, force: true });
    }
  }

  async #start(): Promise<void> {
    writeFileSync(
      join(this.#dir, 'unbound.conf'),
      configuration(this.address, this.#dir, this.#key, this.#modules),
    );
    // a copy: Debian's AppArmor profile lets /usr/sbin/unbound read nothing but its own folders
    const program = join(this.#dir, 'unbound');
    copyFileSync(command('unbound'), program);
    const child = spawn(program, ['-d', '-c', join(this.#dir, 'unbound.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.#output += chunk.toString();
    });
    this.#child = child;
    if (child.pid !== undefined) this.#guard = guardProcess(child.pid);
    try {
      await this.#answering();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async #answering(): Promise<void> {
    const child = this.#child!;
    const resolver = new Resolver({ timeout: 200, tries: 1 });
    resolver.setServers([this.address]);
    const wanted = String(this.#serial);
    const probe = async () => {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`unbound ended:\n${this.#output}`);
      const texts = await resolver.resolveTxt(SERIAL).catch(() => []);
      return texts[0]?.[0] === wanted;
    };
    await until(READY_MS, 'answer from unbound', probe, () => this.#output.slice(-4000));
  }

  #write(content: ZoneContent): void {
    this.#serial++;
    this.#modules = content.validating === false ? 'iterator' : 'validator iterator';
    const { records, bogus = [], lame = [] } = content;
    const unsigned = records.filter((line) => /^\S*\.test\.\s|^test\.\s/.test(line));
    const root = [
      ...records.filter((line) => !unsigned.includes(line)),
      `${SERIAL} 0 TXT "${this.#serial}"`,
      'test. NS ns.test.',
      'ns.test. A 127.0.0.1',
      // unbound asks no server on loopback (do-not-query-localhost), so these fail at once
      ...lame.flatMap((name) => [`${name} NS ns.${name}`, `ns.${name} A 127.0.0.1`]),
    ];
    this.#zone('test', 'test.', ['ns.test. A 127.0.0.1', ...unsigned]);
    this.#zone('root', '.', root);
    this.#run('ldns-signzone', ['-o', '.', '-f', 'signed.zone', 'root.zone', this.#key]);
    writeFileSync(join(this.#dir, 'served.zone'), spoil(this.#read('signed.zone'), bogus));
  }

  #zone(file: string, origin: string, lines: readonly string[]): void {
    const head = [
      '$TTL 1',
      `${origin} SOA ns.test. admin.test. ${this.#serial} 3600 600 86400 1`,
      `${origin} NS ns.test.`,
    ];
    writeFileSync(join(this.#dir, `${file}.zone`), `${[...head, ...lines].join('\n')}\n`);
  }

  #read(name: string): string {
    return readFileSync(join(this.#dir, name), 'utf8');
  }

  #run(name: string, args: readonly string[]): void {
    execFileSync(command(name), args, { cwd: this.#dir, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
  }
}

/** The zone with broken signatures under the record sets of these names. */
function spoil(signed: string, names: readonly string[]): string {
  const lower = new Set(names.map((name) => name.toLowerCase()));
  let spoilt = 0;
  const lines = signed.split('\n').map((line) => {
    const fields = line.split(/[\t ]/);
    if (fields[3] !== 'RRSIG' || fields[4] === 'NSEC' || !lower.has(fields[0]!.toLowerCase())) return line;
    spoilt++;
    const last = fields.length - 1;
    fields[last] = `${fields[last]![0] === 'A' ? 'B' : 'A'}${fields[last]!.slice(1)}`;
    return fields.join('\t');
  });
  if (spoilt < lower.size) throw new Error(`a bogus name has no records: ${names.join(' ')}`);
  return lines.join('\n');
}

function configuration(address: string, dir: string, key: string, modules: string): string {
  return `server:
  interface: ${address}
  access-control: 127.0.0.0/8 allow
  do-daemonize: no
  do-ip6: no
  username: ""
  chroot: ""
  directory: "${dir}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  verbosity: 1
  val-log-level: 2
  num-threads: 1
  module-config: "${modules}"
  trust-anchor-file: "${join(dir, `${key}.key`)}"
  trust-anchor-signaling: no
  local-zone: "test." nodefault
remote-control:
  control-enable: no
auth-zone:
  name: "."
  zonefile: "served.zone"
  for-upstream: yes
  for-downstream: no
  fallback-enabled: no
auth-zone:
  name: "test."
  zonefile: "test.zone"
  for-upstream: yes
  for-downstream: no
  fallback-enabled: no
`;
}

/** A started DNS, closed in a teardown of `t`. */
export async function startDns(t: Test, content: ZoneContent): Promise<Dns> {
  const dns = new Dns(content);
  t.teardown(() => dns.close());
  await dns.start();
  return dns;
}
