/** Streams of verdicts: bounded in number, rate and memory; nobody is waited for. */
import type { ServerResponse } from 'node:http';
import { test } from 'tap';
import { EventStreams } from '../../src/http/eventStreams.ts';

/** A client that reads nothing of what is written, or all of it. */
class FakeResponse {
  written = '';
  writableLength = 0;
  destroyed = false;
  ended = false;
  readonly #closed: (() => void)[] = [];
  readonly reads: boolean;

  constructor(reads: boolean) {
    this.reads = reads;
  }

  on(_event: string, listener: () => void): void {
    this.#closed.push(listener);
  }

  write(text: string): boolean {
    this.written += text;
    if (!this.reads) this.writableLength += text.length;
    return this.reads;
  }

  end(): void {
    this.ended = true;
    this.close();
  }

  destroy(): void {
    this.destroyed = true;
    this.close();
  }

  close(): void {
    for (const listener of this.#closed.splice(0)) listener();
  }

  get response(): ServerResponse {
    return this as unknown as ServerResponse;
  }
}

const ACCEPT = { action: 'accept', sender: 'a@b.example', recipients: 'c@d.example' };
const REJECT = { ...ACCEPT, action: 'reject' };

const made = (now = () => 0): EventStreams =>
  new EventStreams(
    async () => '{"figures":[]}',
    () => 'hashed',
    now,
  );

const events = (client: FakeResponse, name: string): number =>
  client.written.split(`event: ${name}\n`).length - 1;

test('nobody listens until somebody does, and no more when all are gone', async (t) => {
  const streams = made();
  t.equal(streams.listening, false);
  const client = new FakeResponse(true);
  streams.add(client.response, 'event: verdict\ndata: {}\n\n');
  t.equal(streams.listening, true);
  t.match(client.written, /^retry: [0-9]+\n\nevent: verdict\n/);
  client.close();
  t.equal(streams.listening, false);
  t.equal(streams.open, 0);
});

test('a second has a bounded number of events, and the rest is counted', async (t) => {
  const streams = made();
  const client = new FakeResponse(true);
  streams.add(client.response, '');
  for (let i = 0; i < 1000; i++) {
    streams.verdict(ACCEPT, 5000 + (i % 1000));
    streams.verdict(REJECT, 5000 + (i % 1000));
  }
  t.equal(events(client, 'verdict'), 50);
  await streams.tick();
  t.match(client.written, /event: left-out\ndata: 1950\n\n$/);
  streams.verdict(ACCEPT, 6000);
  t.equal(events(client, 'verdict'), 51, 'the next second has its own');
  streams.close();
});

test('who does not read is ended, and holds no more than its limit', async (t) => {
  const streams = made();
  const slow = new FakeResponse(false);
  const other = new FakeResponse(true);
  streams.add(slow.response, '');
  streams.add(other.response, '');
  for (let second = 0; second < 60 && !slow.destroyed; second++)
    for (let i = 0; i < 40; i++) streams.verdict(REJECT, second * 1000);
  t.ok(slow.destroyed);
  t.ok(slow.writableLength <= 64 * 1024 + 4096, `${slow.writableLength}`);
  t.equal(streams.open, 1);
  t.equal(streams.dropped, 1);
  t.notOk(other.destroyed, 'the other one goes on');
  streams.close();
  t.ok(other.destroyed);
  t.equal(streams.listening, false);
});

test('sixteen at once, and each for an hour', async (t) => {
  let now = 0;
  const streams = made(() => now);
  const clients = Array.from({ length: 16 }, () => new FakeResponse(true));
  for (const client of clients) {
    t.ok(streams.hasRoom);
    streams.add(client.response, '');
  }
  t.notOk(streams.hasRoom);
  now = 3_600_000;
  await streams.tick();
  t.ok(clients.every(({ ended }) => ended));
  t.ok(streams.hasRoom);
});

test('nothing is written to one that is ended and not closed yet', async (t) => {
  let now = 0;
  const streams = made(() => now);
  const client = new FakeResponse(true);
  client.end = () => {
    client.ended = true;
  };
  streams.add(client.response, '');
  now = 3_600_000;
  const { written } = client;
  await streams.tick();
  t.ok(client.ended);
  streams.verdict(REJECT, now);
  t.equal(client.written, written, 'write(2) after the end is an error that nobody handles');
  t.equal(streams.listening, false);
});

test('figures that cannot be had end nothing', async (t) => {
  const streams = new EventStreams(
    () => Promise.reject(new Error('no')),
    () => 'full',
  );
  const client = new FakeResponse(true);
  streams.add(client.response, '');
  await streams.tick();
  t.equal(streams.open, 1);
  streams.close();
});
