/**
 * The sample of contrib/verify: two short days of evidence, its key, and the proof of one record. sampleEvidence.test.ts
 * compares the files with it.
 *
 *   node build/test/evidence/sampleEvidence.js        writes them
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { proveLines, proveNext } from '../../src/archive/prove.ts';
import { formatVerifier } from '../../src/evidence/note.ts';
import { formatProofs } from '../../src/evidence/proof.ts';
import { root } from '../root.ts';
import { type MadeDay, madeKey, signedDay, writeDay } from './madeDay.ts';

export const SAMPLE_FOLDER = fileURLToPath(new URL('contrib/verify/', root));
/** The verdict that the sample proof is about. */
export const SAMPLE_CODE = '7QG20001';

const HOST = 'mx.example.org';
const TABLE = { hash: '5bf8a1a2c3c8f1f2b1a8e6a4d5cb7d0b7d1b4a0e9c3e2f6a8b7c6d5e4f3a2b1c', generation: 1 };

function verdict(time: string, code: string, sender: string, recipient: string, more: object): object {
  const domain = (address: string): string => address.slice(address.lastIndexOf('@') + 1);
  return {
    time,
    type: 'verdict',
    host: HOST,
    code,
    leg: 'inbound',
    protocol: 'milter',
    stage: 'RCPT',
    sender,
    senderDomain: domain(sender),
    recipients: [recipient],
    recipientDomains: [domain(recipient)],
    recipientCount: 1,
    ...more,
    table: TABLE,
  };
}

const TLS = { state: 'tls', protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', bits: 256 };
const ROW = { pattern: 'bank.example', at: '/etc/tlsward/tlsward.ini:14', level: 'encrypt', mode: 'enforce' };
const ALICE = 'h:2026-11:1Vv0q3n2bN7dXkTq@bank.example';
const BOB = 'h:2026-11:Zr8mC5wYx0aJ4hLs@example.org';

const DAYS: Readonly<Record<string, readonly object[]>> = {
  '2026-11-29': [
    {
      time: '2026-11-29T22:10:07.014Z',
      type: 'start',
      host: HOST,
      version: '0.1.0',
      node: '20.19.0',
      table: TABLE,
      rows: 3,
    },
    verdict('2026-11-29T22:14:31.220Z', '7QG20000', ALICE, BOB, {
      queueId: '4ZJ2N92ChLz4x04',
      tls: TLS,
      row: ROW,
      action: 'accept',
    }),
    verdict('2026-11-29T23:02:44.871Z', SAMPLE_CODE, ALICE, BOB, {
      tls: { state: 'plain' },
      row: ROW,
      action: 'reject',
      reply: '550 5.7.4 bank.example requires TLS [7QG20001]',
    }),
  ],
  '2026-11-30': [
    verdict('2026-11-30T06:31:12.405Z', '7QG20002', ALICE, BOB, {
      queueId: '4ZJ9Q13kLWz4x0b',
      tls: TLS,
      row: ROW,
      action: 'accept',
    }),
    { time: '2026-11-30T18:00:00.000Z', type: 'stop', host: HOST },
  ],
};

/** Files by their paths below `folder`, which is written to. */
export function makeSample(folder: string): void {
  const key = madeKey(undefined, 'the secret of the sample is no secret');
  const stream = join(folder, 'sample', 'daemon');
  mkdirSync(stream, { recursive: true });
  const verifier = formatVerifier(key);
  writeFileSync(join(stream, 'evidence.pub'), `${verifier}\n`);
  writeFileSync(join(folder, 'sample.pub'), `${verifier}\n`);
  let previous: object | undefined;
  for (const [day, records] of Object.entries(DAYS)) {
    const first = {
      time: `${day}T${day.endsWith('29') ? '22:10:07.001' : '06:31:12.405'}Z`,
      type: 'day',
      host: HOST,
    };
    const all = [{ ...first, previous, key: verifier }, ...records];
    const lines = all.map((record, n) => JSON.stringify({ v: 1, n, ...record }));
    const made: MadeDay = signedDay(day, lines, key, 2);
    writeDay(stream, day, made);
    previous = { day, size: lines.length, root: made.root.toString('base64') };
  }
  const [day] = Object.keys(DAYS);
  const proof = proveLines(stream, day!, [3], key);
  if (!Array.isArray(proof)) throw new Error(proof.words);
  const next = proveNext(stream, day!, key);
  writeFileSync(join(folder, 'sample.json'), formatProofs([{ key: verifier, ...proof[0]!, next }]));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) makeSample(dirname(`${SAMPLE_FOLDER}x`));
