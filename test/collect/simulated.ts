/**
 * A Postfix that only logs: messages with several recipients, processes side by side, connections that are kept with and
 * without TLS, attempts that are put off, queue ids that come again. It knows of each recipient how the message was sent,
 * and that knowledge does not come from the log.
 */
import type { Generator } from '../mark/generator.ts';

export interface Simulated {
  readonly lines: readonly string[];
  /** Recipient and attempt to how it was sent. */
  readonly truth: ReadonlyMap<string, 'tls' | 'plain'>;
}

interface Host {
  readonly relay: string;
  /** It offers STARTTLS; a next hop whose level is `none` does not use it. */
  readonly offers: boolean;
}

interface Process {
  readonly pid: number;
  readonly program: string;
  /** A connection that is kept. */
  kept: { readonly host: Host; readonly tls: boolean } | null;
  readonly work: string[];
}

const CIPHER = 'TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519';

/** `messages`: how many; `mixed`: next hops with different levels share a host, too. */
export function simulate(random: Generator, messages: number, mixed: boolean): Simulated {
  const hosts: Host[] = Array.from({ length: 12 }, (_, i) => ({
    relay: `mx${i}.example[192.0.2.${i}]:25`,
    offers: i % 3 !== 0,
  }));
  const processes: Process[] = Array.from({ length: 10 }, (_, i) => ({
    pid: 100 + i,
    program: i === 9 ? 'postfix-out/smtp' : 'postfix/smtp',
    kept: null,
    work: [],
  }));
  const truth = new Map<string, 'tls' | 'plain'>();
  const lines: string[] = [];
  let second = 0;
  const stamp = (): string => new Date(Date.UTC(2026, 10, 22, 0, 0, second)).toISOString();
  const log = (text: string): number => lines.push(`${stamp()} mx ${text}`);
  const waiting: { readonly id: string; left: number }[] = [];
  for (const { program, pid } of processes)
    log(`${program}[${pid}]: ${tlsLine('warm.example[192.0.2.99]:25')}`);
  second += 100;
  const drain = (most: number): void => {
    for (let i = 0; i < most; i++) {
      const busy = processes.filter(({ work }) => work.length > 0);
      if (busy.length === 0) return;
      const { program, pid, work } = random.pick(busy);
      log(`${program}[${pid}]: ${work.shift()}`);
      if (random.integer(20) === 0) second++;
    }
  };
  for (let m = 0; m < messages; m++) {
    const id =
      random.integer(0xfffff).toString(16).toUpperCase().padStart(5, '0') + random.pick(['A1', 'B2', 'C3']);
    const hops = Array.from({ length: 1 + random.integer(3) }, () => {
      const host = random.pick(hosts);
      return { host, level: mixed && random.integer(4) === 0 ? 'none' : 'may' };
    });
    for (let attempt = 0; attempt < 2; attempt++) {
      log(`postfix/qmgr[9]: ${id}: from=<a${m}@bank.example>, size=1, nrcpt=${hops.length} (queue active)`);
      let deferred = false;
      const seen = new Set<string>();
      for (const { host, level } of hops) {
        // one request for each next hop; equal ones are one
        if (seen.has(`${host.relay} ${level}`)) continue;
        seen.add(`${host.relay} ${level}`);
        const tls = host.offers && level !== 'none';
        const process = random.pick(processes);
        const fails = attempt === 0 && random.integer(12) === 0;
        deferred ||= fails;
        request(random, process, host, tls, fails, `${id}`, `r${m}-${attempt}-${seen.size}`, truth);
      }
      drain(random.integer(30));
      if (!deferred) break;
      // the next attempt begins when this one has ended
      drain(Number.MAX_SAFE_INTEGER);
    }
    waiting.push({ id, left: random.integer(5) });
    if (random.integer(10) === 0) {
      drain(Number.MAX_SAFE_INTEGER);
      for (const one of waiting.splice(0)) log(`postfix/qmgr[9]: ${one.id}: removed`);
    }
  }
  drain(Number.MAX_SAFE_INTEGER);
  return { lines, truth };
}

function tlsLine(relay: string, what = 'established'): string {
  return `Untrusted TLS connection ${what} to ${relay}: ${CIPHER}`;
}

/** The lines of one delivery request: a connection, one transaction, one or two recipients. */
function request(
  random: Generator,
  process: Process,
  host: Host,
  tls: boolean,
  fails: boolean,
  id: string,
  name: string,
  truth: Map<string, 'tls' | 'plain'>,
): void {
  const { work } = process;
  const keeps = random.integer(2) === 0;
  const reused = process.kept?.host === host && process.kept.tls === tls;
  if (!reused && random.integer(15) === 0) {
    // another host first, which fails after its TLS line
    work.push(tlsLine('mx99.example[192.0.2.98]:25'));
    work.push(
      `${id}: lost connection with mx99.example[192.0.2.98] while receiving the initial server greeting`,
    );
  }
  if (tls) work.push(tlsLine(host.relay, reused ? 'reused' : 'established'));
  process.kept = keeps && !fails ? { host, tls } : null;
  const delays = `0.0${random.integer(9)}/${random.integer(90) / 100}/${random.integer(90) / 100}`;
  const queued = `250 2.0.0 Ok: queued as ${random.integer(0xffffff).toString(16)}`;
  for (let i = 0; i <= random.integer(2); i++) {
    const to = `${name}-${i}@d.example`;
    const end = fails
      ? `dsn=4.4.2, status=deferred (lost connection with ${host.relay} while sending end of data)`
      : `dsn=2.0.0, status=sent (${queued})`;
    const use = reused ? ', conn_use=2' : '';
    work.push(`${id}: to=<${to}>, relay=${host.relay}${use}, delay=0.1, delays=${delays}/0.01, ${end}`);
    if (!fails) truth.set(to, tls ? 'tls' : 'plain');
  }
}
