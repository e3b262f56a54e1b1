/**
 * A day of Postfix: the fragments of contrib/postfix as they are shipped, a content filter on one listener, the receivers
 * of the plan, tlsward with evidence, and `tlsward collect` on the log file.
 */
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { root } from '../../../root.ts';
import { Daemon } from '../daemon.ts';
import { until } from '../deadline.ts';
import { removeFolder } from '../folder.ts';
import { Postfix, type QueueEntry } from '../mta/postfix.ts';
import { parseMain } from '../mta/postfix-config.ts';
import { createCa } from '../peers/ca.ts';
import { type ContentFilter, startContentFilter } from '../peers/content-filter.ts';
import { freePorts } from '../processes.ts';
import { CollectorProcess } from './collectorProcess.ts';
import type { LocalMail } from './count.ts';
import { isHopeless, LOCAL, PARTNERS } from './plan.ts';
import { type Attempt, DayReceivers, filterAttempts } from './receivers.ts';

const SETTLE_MS = 60_000;
const FLUSH_MS = 2000;

export class PostfixDay {
  readonly postfix: Postfix;
  readonly daemon: Daemon;
  readonly collector: CollectorProcess;
  readonly receivers: DayReceivers;
  readonly filter: ContentFilter;
  /** The evidence directory. */
  readonly evidence: string;

  constructor(
    postfix: Postfix,
    daemon: Daemon,
    collector: CollectorProcess,
    receivers: DayReceivers,
    filter: ContentFilter,
    evidence: string,
  ) {
    this.postfix = postfix;
    this.daemon = daemon;
    this.collector = collector;
    this.receivers = receivers;
    this.filter = filter;
    this.evidence = evidence;
  }

  get attempts(): Attempt[] {
    return [...this.receivers.attempts, ...filterAttempts(this.filter)];
  }

  /** Of all that take mail from it. */
  get ports(): ReadonlySet<number> {
    return new Set([...this.receivers.ports, this.filter.port]);
  }

  get localMails(): LocalMail[] {
    return this.postfix.arrivals().map(({ at, message }) => ({
      at,
      recipient: message.first('Delivered-To') ?? '',
      sender: message.first('Return-Path')?.replace(/^<(.*)>$/, '$1') ?? '',
    }));
  }

  /** Delivers all that can be delivered; resolves to what stays in the queue. */
  async settle(): Promise<readonly QueueEntry[]> {
    let flushed = 0;
    let queue: readonly QueueEntry[] = [];
    const settled = async (): Promise<boolean> => {
      if (performance.now() - flushed > FLUSH_MS) {
        await this.postfix.flush(0);
        flushed = performance.now();
      }
      queue = await this.postfix.queue();
      return queue.every(({ recipients }) => recipients.every(({ address }) => isHopeless(address)));
    };
    const left = () => JSON.stringify(queue.flatMap(({ recipients }) => recipients).slice(0, 20));
    await until(SETTLE_MS, 'queue of what can never leave', settled, left, 200);
    return queue;
  }

  /** Ends everything in order; what the collector has not read yet it reads now. Resolves to its exit status. */
  async end(): Promise<number | null> {
    await this.postfix.stop();
    await this.daemon.stop();
    await this.collector.stop();
    return this.collector.once();
  }
}

function fragment(name: string): Record<string, string> {
  return parseMain(readFileSync(new URL(`contrib/postfix/${name}.main.cf`, root), 'utf8'));
}

/** Started, all of it; ends with the test. `ownNetwork`: in one, where receivers and clients have addresses of their own. */
export async function startPostfixDay(t: Test, ownNetwork = false): Promise<PostfixDay> {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const receivers = await DayReceivers.start(t, ca, ownNetwork);
  const [reinject = 0] = await freePorts(1);
  const filter = await startContentFilter(reinject);
  t.teardown(() => filter.stop());
  const postfix = new Postfix({
    ca,
    localDomains: [LOCAL],
    main: {
      ...fragment('both'),
      ...fragment('deliver'),
      smtp_tls_CAfile: ca.caFile,
      default_transport: 'smtp',
      minimal_backoff_time: '300s',
      // a process that is killed before its first message is started again at once
      service_throttle_time: '1s',
      notify_classes: '',
      ...(ownNetwork ? { mynetworks: '127.0.0.1/32 203.0.113.0/24' } : {}),
    },
    listeners: {
      filtered: { smtpd_tls_security_level: 'may', content_filter: `smtp:[127.0.0.1]:${filter.port}` },
    },
    // as FILTER_README has it
    services: [
      `127.0.0.1:${reinject} inet n - n - - smtpd -o content_filter= -o smtpd_milters=`,
      '  -o smtpd_recipient_restrictions=permit_mynetworks,reject',
    ],
  });
  t.teardown(() => postfix.close());
  const { transports } = receivers;
  await postfix.setMain({ transport_maps: `texthash:${postfix.file('transport', transports)}` });
  const socketDir = join(postfix.queueDirectory, 'tlsward');
  mkdirSync(socketDir, { mode: 0o755 });
  const evidence = evidenceFolder(t);
  const rows = Object.entries(PARTNERS).map(([domain, { row }]) => `[domain ${domain}]\n${row}\n`);
  const daemon = await Daemon.create({
    protocols: ['policy', 'milter', 'socketmap', 'control'],
    socketDir,
    tables: `${rows.join('')}${receivers.rows}`,
    service: { evidence },
  });
  t.teardown(() => daemon.close());
  await daemon.start();
  await postfix.start();
  const collector = new CollectorProcess(['--config', daemon.configFile, '--file', postfix.logFile]);
  t.teardown(() => collector.stop('SIGKILL'));
  collector.start();
  return new PostfixDay(postfix, daemon, collector, receivers, filter, evidence);
}

/** Removed at the end, unless TLSWARD_E2E_KEEP is set. */
export function evidenceFolder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-ev-'));
  t.teardown(() => removeFolder(dir));
  return join(dir, 'evidence');
}
