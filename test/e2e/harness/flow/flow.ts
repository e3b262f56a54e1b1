/**
 * Mail that flows through a machine while a test changes things, and the count of it: streams.ts says what is sent,
 * client.ts sends it, peers.ts takes what leaves.
 */
import { until } from '../deadline.ts';
import { STREAMS, type StreamName, type Try } from './streams.ts';

/** Where the compiled checkout is in the machine. */
export const WARD = '/srv/ward';
const PROGRAMS = `${WARD}/build/test/e2e/harness/flow`;
const FLOW_MS = 60_000;

/** A message, as its subject names it: `steady 7`. */
type Subject = string;

const subjectOf = ({ stream, number }: Try): Subject => `${stream} ${number}`;

export class Flow {
  readonly #ok: (script: string) => Promise<string>;

  /** `ok` runs a script in the machine and throws when it fails. */
  constructor(ok: (script: string) => Promise<string>) {
    this.#ok = ok;
  }

  /** Starts what stands beside Postfix. */
  async startPeers(certificate: string): Promise<void> {
    await this.#ok(`systemd-run --unit=peers sh -c 'exec node ${PROGRAMS}/peers.js ${certificate} >/run/peers.log'
      for i in $(seq 900); do grep -qs ready /run/peers.log && exit; sleep 0.1; done; journalctl -u peers; exit 1`);
  }

  async startClient(phase: string): Promise<void> {
    await this.phase(phase);
    await this.#ok(`systemd-run --unit=client sh -c 'exec node ${PROGRAMS}/client.js >/run/client.log'
      for i in $(seq 900); do [ -s /run/client.log ] && exit; sleep 0.1; done; journalctl -u client; exit 1`);
  }

  /** From now on, sessions begin and end in this phase. */
  async phase(name: string): Promise<void> {
    await this.#ok(`echo '${name}' >/run/phase.new && mv /run/phase.new /run/phase`);
  }

  /** All tries so far. */
  async tries(): Promise<Try[]> {
    const lines = (await this.#ok('cat /run/client.log')).split('\n');
    return lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line) as Try);
  }

  /** Waits until two more messages of every stream have been accepted or refused. */
  async goesOn(): Promise<void> {
    const finished = async (): Promise<Map<StreamName, number>> => {
      const counts = new Map(Object.keys(STREAMS).map((name) => [name as StreamName, 0]));
      for (const { stream, reply } of await this.tries())
        if (/^[25]/.test(reply)) counts.set(stream, counts.get(stream)! + 1);
      return counts;
    };
    const before = await finished();
    let last: readonly Try[] = [];
    const probe = async (): Promise<boolean> => {
      const now = await finished();
      last = (await this.tries()).slice(-20);
      return [...now].every(([name, count]) => count >= before.get(name)! + 2);
    };
    await until(
      FLOW_MS,
      'two more messages of every stream',
      probe,
      () => JSON.stringify(last, null, 1),
      200,
    );
  }

  /** Ends the client after the messages that it is at, and waits until the queue is empty. */
  async end(): Promise<void> {
    await this.#ok(`touch /run/stop; while systemctl -q is-active client; do sleep 0.1; done
      for i in $(seq 300); do mailq | grep -q empty && exit; postqueue -f; sleep 0.3; done; mailq; exit 1`);
  }

  /** Header fields of the messages in the mailbox whose names begin with one of these, by message. */
  async mailbox(...names: readonly string[]): Promise<[Subject, readonly string[]][]> {
    const fields = ['Subject', ...names].join('|');
    const found = await this.#ok(`grep -E '^(From |(${fields}):)' /var/mail/tester | cut -c1-80`);
    return found
      .split(/^From .*\n/m)
      .slice(1)
      .map((text) => {
        const lines = text.trimEnd().split('\n');
        const subject = lines.find((line) => line.startsWith('Subject: '))!;
        return [subject.slice('Subject: '.length), lines.filter((line) => line !== subject)];
      });
  }

  /** What the partners got: subject, and the protocol that it came under or `plain`. */
  async sent(): Promise<[Subject, string][]> {
    const lines = (await this.#ok('grep -v ready /run/peers.log')).split('\n');
    return lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), line.slice(space + 1)];
    });
  }
}

/** Messages that Postfix has said it will deliver, by where they go. */
export function accepted(tries: readonly Try[], arrives: 'mailbox' | 'tls' | 'plain' | 'nowhere'): Subject[] {
  return tries
    .filter(({ stream, reply }) => STREAMS[stream].arrives === arrives && reply.startsWith('2'))
    .map(subjectOf)
    .sort();
}

/** Tries of these streams whose whole session was in these phases. */
export function during(
  tries: readonly Try[],
  phases: readonly string[],
  ...streams: readonly StreamName[]
): Try[] {
  return tries.filter(
    (one) =>
      (streams.length === 0 || streams.includes(one.stream)) &&
      one.phases.every((phase) => phases.includes(phase)),
  );
}
