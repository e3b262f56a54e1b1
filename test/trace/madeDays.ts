/**
 * Evidence directories for tests: streams with days whose trees, chained heads, keys and pseudonyms are as the
 * recorder makes them.
 */
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatCheckpoint, keyNameOf, originOf } from '../../src/evidence/checkpoint.ts';
import { finishedLine } from '../../src/evidence/lineText.ts';
import { Frontier, leafHash } from '../../src/evidence/merkle.ts';
import { formatVerifier, type NoteKey, signNote } from '../../src/evidence/note.ts';
import { addressOf, pseudonymOf } from '../../src/evidence/pseudonym.ts';
import { madeKey } from '../evidence/madeDay.ts';

/** A new folder that is removed after the test; `t.testdir()` empties the one of the test. */
export function newFolder(t: { teardown(end: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Fields of a record without `v`, `n` and, unless it is another one, `host`; ADDRESSES stand raw in angle brackets. */
export type MadeRecord = Readonly<Record<string, unknown>> & { readonly time: string; readonly type: string };

interface Head {
  readonly day: string;
  readonly size: number;
  readonly root: string;
}

/** One stream, whose days are written in order. */
class MadeStream {
  readonly folder: string;
  readonly #key: NoteKey;
  #previous: Head | null = null;

  constructor(directory: string, host: string, stream: string) {
    this.folder = join(directory, stream);
    mkdirSync(this.folder, { recursive: true });
    this.#key = madeKey(keyNameOf(host, stream));
    writeFileSync(join(this.folder, 'evidence.pub'), `${formatVerifier(this.#key)}\n`);
  }

  /** Writes a day of texts that `finishedLine` takes; its first record comes by itself. */
  write(day: string, host: string, texts: Iterable<string>, checkpoint = true): void {
    const tree = new Frontier();
    const file = join(this.folder, `${day}.jsonl`);
    let bytes = 0;
    let waiting: string[] = [];
    const flush = (): void => {
      appendFileSync(file, waiting.join(''));
      waiting = [];
    };
    const add = (text: string): void => {
      const line = finishedLine(tree.size, text, () => '');
      if (line === null) throw new Error(`half an address: ${text}`);
      tree.add(leafHash(line));
      bytes += Buffer.byteLength(line) + 1;
      if (waiting.push(`${line}\n`) === 4096) flush();
    };
    rmSync(file, { force: true });
    const first = {
      time: `${day}T00:00:00.000Z`,
      type: 'day',
      host,
      ...(this.#previous === null ? null : { previous: this.#previous }),
      key: formatVerifier(this.#key),
    };
    add(JSON.stringify(first).slice(1));
    for (const text of texts) add(text);
    flush();
    const root = tree.root();
    this.#previous = { day, size: tree.size, root: root.toString('base64') };
    if (!checkpoint) return;
    const origin = originOf(this.#key.name, day);
    const note = signNote(
      formatCheckpoint({ origin, size: tree.size, root, bytes, frontier: tree.hashes() }),
      this.#key,
    );
    writeFileSync(join(this.folder, `${day}.ckpt`), note);
  }
}

export type MadePrivacy = 'domains' | 'hashed' | 'full';

export class MadeEvidence {
  readonly directory: string;
  readonly host: string;
  readonly privacy: MadePrivacy;
  readonly #streams = new Map<string, MadeStream>();

  constructor(directory: string, host: string, privacy: MadePrivacy = 'hashed') {
    this.directory = directory;
    this.host = host;
    this.privacy = privacy;
    mkdirSync(join(directory, 'pseudonyms'), { recursive: true });
  }

  /** The secret of a month: the month again and again. */
  secretOf(month: string): Buffer {
    return Buffer.alloc(32, month);
  }

  /** Writes the key file of a month. */
  keep(month: string): void {
    const file = join(this.directory, 'pseudonyms', `${month}.key`);
    writeFileSync(file, `${this.secretOf(month).toString('hex')}\n`, { mode: 0o600 });
  }

  /** What a record has for an address, written on that day. */
  address(address: string, day: string): string {
    const key = { month: day.slice(0, 7), secret: this.secretOf(day.slice(0, 7)) };
    return this.privacy === 'hashed' ? pseudonymOf(address, key) : addressOf(address, this.privacy, null);
  }

  stream(name: 'daemon' | 'collector'): MadeStream {
    const known = this.#streams.get(name) ?? new MadeStream(this.directory, this.host, name);
    this.#streams.set(name, known);
    return known;
  }

  /** Writes a day; texts like `<alice@bank.example>` become what `privacy` leaves. */
  day(stream: 'daemon' | 'collector', day: string, records: readonly MadeRecord[], checkpoint = true): void {
    const texts = records.map(({ time, type, ...rest }) => {
      const record = { time, type, host: this.host, ...rest };
      return JSON.stringify(record, (_, value: unknown) =>
        typeof value === 'string' && /^<.+@.*>$/.test(value) ? this.address(value, day) : value,
      ).slice(1);
    });
    this.stream(stream).write(day, this.host, texts, checkpoint);
    if (this.privacy === 'hashed') this.keep(day.slice(0, 7));
  }
}

const TABLE = { hash: 'ab'.repeat(32), generation: 1 };

/** A verdict about one message of bank.example; `fields` replace. */
export function verdict(time: string, fields: Readonly<Record<string, unknown>> = {}): MadeRecord {
  return {
    time,
    type: 'verdict',
    code: '3FQ80001',
    leg: 'inbound',
    protocol: 'milter',
    stage: 'END-OF-MESSAGE',
    queueId: '4XyZ1a2b3cz1',
    client: '192.0.2.25',
    helo: 'mx1.bank.example',
    sender: '<alice@bank.example>',
    senderDomain: 'bank.example',
    recipients: ['<bob@example.org>'],
    recipientDomains: ['example.org'],
    recipientCount: 1,
    tls: {
      state: 'tls',
      protocol: 'TLSv1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      bits: 256,
      certificate: 'none',
    },
    row: { pattern: 'bank.example', at: '/etc/tlsward/tlsward.ini:12', level: 'encrypt', mode: 'enforce' },
    table: TABLE,
    action: 'accept',
    ...fields,
  };
}

/** A delivery to bob@example.org; `fields` replace. */
export function delivery(time: string, fields: Readonly<Record<string, unknown>> = {}): MadeRecord {
  return {
    time,
    type: 'delivery',
    leg: 'outbound',
    queueId: '4XyZ1a2b3cz1',
    sender: '<alice@bank.example>',
    recipient: '<bob@example.org>',
    recipientDomain: 'example.org',
    nextHop: 'example.org',
    relay: { host: 'mx.example.org', address: '198.51.100.7', port: 25 },
    tls: {
      state: 'tls',
      protocol: 'TLSv1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      bits: 256,
      peer: 'verified',
      reused: false,
      how: 'joined',
    },
    demanded: { level: 'secure', from: 'log' },
    outcome: 'sent',
    dsn: '2.0.0',
    reply: '250 2.0.0 Ok',
    delay: 0.4,
    agent: 'smtp',
    source: { kind: 'journal', position: 's=1;i=1' },
    ...fields,
  };
}

/** What the log says of the message; `fields` replace. */
export function message(time: string, fields: Readonly<Record<string, unknown>> = {}): MadeRecord {
  return {
    time,
    type: 'message',
    queueId: '4XyZ1a2b3cz1',
    messageId: '<1234.5678@bank.example>',
    client: '192.0.2.25',
    sender: '<alice@bank.example>',
    source: { kind: 'journal', position: 's=1;i=0' },
    ...fields,
  };
}
