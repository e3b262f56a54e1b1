/**
 * A day of Sendmail: the filter as contrib/sendmail/tlsward.mc defines it, a server that takes all mail and offers STARTTLS
 * on two connections of three, tlsward with evidence, and `tlsward collect` behind a logger that confirms.
 */
import type { Test } from 'tap';
import { Daemon } from '../daemon.ts';
import { until } from '../deadline.ts';
import { Sendmail } from '../mta/sendmail.ts';
import { createCa } from '../peers/ca.ts';
import { TlsSink } from '../peers/tls-sink.ts';
import type { Act } from './chaos.ts';
import { CollectorProcess } from './collectorProcess.ts';
import { LogFeeder } from './logFeeder.ts';
import { PARTNERS } from './plan.ts';
import { evidenceFolder } from './postfixDay.ts';
import { type Attempt, answers, attemptsOf } from './receivers.ts';

const SETTLE_MS = 120_000;
const DRAIN_MS = 60_000;

export class SendmailDay {
  readonly sendmail: Sendmail;
  readonly daemon: Daemon;
  readonly collector: CollectorProcess;
  readonly feeder: LogFeeder;
  readonly sink: TlsSink;
  /** The evidence directory. */
  readonly evidence: string;

  constructor(
    sendmail: Sendmail,
    daemon: Daemon,
    collector: CollectorProcess,
    feeder: LogFeeder,
    sink: TlsSink,
    evidence: string,
  ) {
    this.sendmail = sendmail;
    this.daemon = daemon;
    this.collector = collector;
    this.feeder = feeder;
    this.sink = sink;
    this.evidence = evidence;
  }

  get attempts(): Attempt[] {
    return attemptsOf(this.sink);
  }

  /** Of the MTA and of its logger. */
  acts(): Act[] {
    return [
      {
        name: 'mta',
        times: 2,
        losesLines: true,
        run: async () => {
          await this.sendmail.kill();
          await this.sendmail.restart();
        },
      },
      { name: 'logger', times: 2, run: () => this.feeder.kill() },
    ];
  }

  /** Delivers everything: its queue is run every two seconds. */
  async settle(): Promise<void> {
    const queue = () => this.sendmail.queue();
    await until(
      SETTLE_MS,
      'empty queue',
      () => queue().length === 0,
      () => JSON.stringify(queue()),
      100,
    );
  }

  /** Ends everything in order, when the collector has confirmed the whole log. */
  async end(): Promise<void> {
    await this.sendmail.stop();
    await this.daemon.stop();
    await this.feeder.drained(DRAIN_MS);
    await this.collector.stop();
  }
}

/** Started, all of it; ends with the test. */
export async function startSendmailDay(t: Test): Promise<SendmailDay> {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const { cert, key } = ca.issue('relay', { subject: '/CN=relay.example', san: ['relay.example'] });
  const sink = await TlsSink.start({
    tls: { cert, key },
    answer: answers(),
    offers: (connection) => connection % 3 !== 0,
  });
  t.teardown(() => sink.stop());
  const sendmail = await Sendmail.start(ca, sink.port);
  t.teardown(() => sendmail.close());
  const evidence = evidenceFolder(t);
  const rows = Object.entries(PARTNERS).map(([domain, { row }]) => `[domain ${domain}]\n${row}\n`);
  const daemon = await Daemon.create({
    protocols: ['milter', 'control'],
    socketDir: sendmail.socketDir,
    tables: rows.join(''),
    service: { evidence },
  });
  t.teardown(() => daemon.close());
  await daemon.start();
  const feeder = new LogFeeder(() => sendmail.log());
  const collector = new CollectorProcess(['--config', daemon.configFile, '--stdin'], feeder.attach);
  t.teardown(() => collector.stop('SIGKILL'));
  collector.start();
  return new SendmailDay(sendmail, daemon, collector, feeder, sink, evidence);
}
