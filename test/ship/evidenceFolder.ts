/** A stream of evidence as its writer leaves it: lines, a key, and checkpoints that the key has signed. */
import { generateKeyPairSync } from 'node:crypto';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkpointFile, linesFile } from '../../src/archive/layout.ts';
import { formatCheckpoint, keyNameOf, originOf } from '../../src/evidence/checkpoint.ts';
import { finishedLine, lineText, Mailbox } from '../../src/evidence/lineText.ts';
import { Frontier, leafHash } from '../../src/evidence/merkle.ts';
import { formatVerifier, type NoteKey, signNote } from '../../src/evidence/note.ts';
import type { RecordType } from '../../src/evidence/record.ts';

type Fields = Parameters<typeof lineText>[3];

interface Day {
  readonly tree: Frontier;
  readonly lines: string[];
  bytes: number;
  unwritten: string;
}

export class EvidenceFolder {
  readonly folder: string;
  readonly host: string;
  readonly name: string;
  readonly #key: NoteKey;
  readonly #days = new Map<string, Day>();

  constructor(directory: string, name: string, host = 'mx.example.org') {
    this.folder = join(directory, name);
    this.host = host;
    this.name = name;
    mkdirSync(this.folder, { recursive: true });
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const bytes = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
    this.#key = { name: keyNameOf(host, name), privateKey, publicKey: bytes };
    writeFileSync(join(this.folder, 'evidence.pub'), `${formatVerifier(this.#key)}\n`);
  }

  /** The lines of a day so far. */
  lines(day: string): readonly string[] {
    return this.#day(day).lines;
  }

  /** Adds a record that is neither written nor signed yet. */
  add(day: string, type: RecordType, fields: Fields = {}, at = '01:02:03.456'): void {
    const text = lineText(`${day}T${at}Z`, type, this.host, fields);
    const line = finishedLine(this.#day(day).lines.length, text, (address) => `h:2026-11:x@${address}`);
    this.addLine(day, line ?? '');
  }

  addLine(day: string, line: string): void {
    const found = this.#day(day);
    found.lines.push(line);
    found.tree.add(leafHash(line));
    found.bytes += Buffer.byteLength(line) + 1;
    found.unwritten += `${line}\n`;
  }

  /** Appends so many verdicts and signs. */
  fill(day: string, count: number): void {
    for (let i = 0; i < count; i++) this.add(day, 'verdict', verdictFields(i));
    this.sign(day);
  }

  /** Writes what was added; `sign` does so, too. */
  write(day: string): void {
    const found = this.#day(day);
    appendFileSync(linesFile(this.folder, day), found.unwritten);
    found.unwritten = '';
  }

  sign(day: string): void {
    this.write(day);
    const { tree, bytes } = this.#day(day);
    const text = formatCheckpoint({
      origin: originOf(this.#key.name, day),
      size: tree.size,
      root: tree.root(),
      bytes,
      frontier: tree.hashes(),
    });
    appendFileSync(checkpointFile(this.folder, day), signNote(text, this.#key));
  }

  #day(day: string): Day {
    const found = this.#days.get(day) ?? { tree: new Frontier(), lines: [], bytes: 0, unwritten: '' };
    this.#days.set(day, found);
    return found;
  }
}

const STATES = ['tls', 'plain', 'unknown'] as const;

export function verdictFields(i: number): NonNullable<Fields> {
  const state = STATES[i % 3]!;
  return {
    code: `C${i}`,
    leg: 'inbound',
    protocol: 'milter',
    stage: 'END-OF-MESSAGE',
    queueId: `4Q${i}`,
    client: '192.0.2.1',
    sender: new Mailbox(`alice${i}@bank.example`),
    senderDomain: i % 2 === 0 ? 'bank.example' : 'gov.example',
    recipients: [new Mailbox('bob@example.org')],
    recipientDomains: ['example.org'],
    recipientCount: 1,
    tls:
      state === 'tls'
        ? { state, protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', bits: 256 }
        : { state },
    table: { hash: 'a'.repeat(64), generation: 1 },
    action: i % 10 === 9 ? 'reject' : 'accept',
    reply: i % 10 === 9 ? '550 5.7.1 "quoted" \\ back' : undefined,
  };
}
