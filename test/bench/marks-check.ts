/**
 * Are the marks of the peers those of tlsward? Part of the selfcheck.
 *
 * The same sessions are played to tlsward and to each peer that does the same work, with one key: with and without TLS,
 * with forged marks among the header fields, with texts that must be escaped and lines that must be folded. A peer's mark
 * must state the same facts but for time and code; be what tlsward's own code writes for those facts, byte by
 * byte; and be accepted by `tlsward verify-mark`. Every forged field must be gone.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TlsState } from '../../src/core/tls.ts';
import { readKeyFile } from '../../src/mark/keyFile.ts';
import { MARK_NAME, parseMark } from '../../src/mark/markFields.ts';
import { signMark } from '../../src/mark/signMark.ts';
import { playMilter } from '../../src/simulate/milterPlayer.ts';
import type { PlayedMail } from '../../src/simulate/playedMail.ts';
import type { Bed } from './bed.ts';
import { domainList, freshDirectory, keyFile, socketsIn } from './bed.ts';
import { MAIN, startEqual, startPython, startTlsward } from './peers.ts';
import { Missing } from './programs.ts';
import type { Server } from './servers.ts';
import { writeTable } from './tables.ts';

const FEW_ROWS = 100;
const TLS: TlsState = {
  kind: 'tls',
  protocol: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  bits: 256,
  certificate: { kind: 'unproven' },
};
const forged = [
  ...['X-TLS-Ward', 'x-tls-WARD', 'X-TLS-Banner', 'X-TLS-Ward-Route', 'X-TLS-Ward'],
  ...['X-TLS-Ward-Other', 'Subject'],
].map((name) => ({ name, value: `v=1; forged ${name}` }));

const MAIL: PlayedMail = {
  mta: 'postfix',
  clientAddress: '192.0.2.10',
  clientPort: 40_000,
  heloName: 'client.example.net',
  saslUsername: '',
  tls: TLS,
  sender: '<s1@c1.sender.test>',
  recipients: ['<user@d0.example>'],
  queueId: '4bXyZ12345z',
  headers: [{ name: 'Subject', value: 'marks' }],
  body: Buffer.from('text\r\n'),
};
const CASES: readonly PlayedMail[] = [
  MAIL,
  { ...MAIL, headers: forged },
  { ...MAIL, tls: { kind: 'plain' }, recipients: ['<user@d1.example>'] },
  { ...MAIL, tls: { kind: 'plain' }, recipients: ['<user@elsewhere.test>'], headers: forged },
  { ...MAIL, sender: '<S1@D3.Example>', recipients: ['<user@d0.example>', '<user@d1.example>'] },
  { ...MAIL, recipients: ['<user@d0.example>', '<user@elsewhere.test>'], queueId: '4b=;"(%)' },
  { ...MAIL, tls: { ...TLS, cipher: `C=${'x;'.repeat(60)}` }, queueId: 'Q'.repeat(100) },
  { ...MAIL, sender: '<>' },
];

function paths(dir: string): Record<'equal' | 'python', string> {
  return { equal: join(dir, 'e'), python: join(dir, 'y') };
}

/** What is wrong with the marks of this peer, one line each. */
async function faults(
  name: string,
  socket: string,
  ours: string,
  key: string,
  dir: string,
): Promise<string[]> {
  const keys = await readKeyFile(key);
  const wrong: string[] = [];
  for (const [n, mail] of CASES.entries()) {
    const say = (what: string) => void wrong.push(`mark of ${name}, case ${n}: ${what}`);
    const marked = async (path: string) => {
      const { message } = await playMilter({ kind: 'unix', path }, mail);
      return message?.headers ?? [];
    };
    const [expected, found] = [await marked(ours), await marked(socket)];
    const names = (fields: typeof found) => fields.map((field) => field.name).join(' ');
    if (names(found) !== names(expected)) {
      say(`the fields are ${names(found)}, not ${names(expected)}`);
      continue;
    }
    const [mine, theirs] = [expected, found].map(
      (fields) => fields.find((field) => field.name === MARK_NAME)!.value,
    );
    const [a, b] = [parseMark(mine!), parseMark(theirs!)];
    if (!a.ok || !b.ok) {
      say(`cannot be read: ${theirs}`);
      continue;
    }
    const same = JSON.stringify({ ...b.fields, time: a.fields.time, code: a.fields.code });
    if (same !== JSON.stringify(a.fields)) say(`states ${same}, not ${JSON.stringify(a.fields)}`);
    const domain = mail.sender.slice(1, -1).split('@')[1]?.toLowerCase() ?? '';
    const written = signMark(b.fields, domain, keys, MARK_NAME);
    if (theirs !== written) say(`is written\n${theirs}\nnot\n${written}`);
    const file = join(dir, `${name}-${n}.eml`);
    writeFileSync(file, `Return-Path: ${mail.sender}\n${MARK_NAME}: ${theirs}\nSubject: saved\n\ntext\n`);
    const { status, stdout } = spawnSync(process.execPath, [MAIN, 'verify-mark', file, '--key', key], {
      encoding: 'utf8',
    });
    if (status !== 0) say(`verify-mark: ${stdout}`);
  }
  return wrong;
}

/** How many marks were compared, and what is wrong with them; null when no peer is there. */
export async function checkMarks(bed: Bed): Promise<{ compared: number; wrong: string[] } | null> {
  const dir = freshDirectory(bed);
  const domains = domainList(bed, FEW_ROWS);
  const key = keyFile(dir);
  const sockets = socketsIn(dir);
  const config = join(dir, 'tlsward.ini');
  writeTable(config, sockets, FEW_ROWS, { service: [`mark-key = ${key}`] });
  const starts = {
    equal: () => startEqual(bed, paths(dir).equal, domains, key),
    python: () => startPython(bed, paths(dir).python, domains, key),
  };
  const servers: Server[] = [await startTlsward(dir, config, null, sockets)];
  let compared = 0;
  const wrong: string[] = [];
  try {
    for (const name of ['equal', 'python'] as const) {
      try {
        servers.push(await starts[name]());
      } catch (error) {
        if (!(error instanceof Missing)) throw error;
        bed.skipped(`selfcheck, marks of ${name}: ${error.message}`);
        continue;
      }
      wrong.push(...(await faults(name, paths(dir)[name], sockets.milter, key, dir)));
      compared += CASES.length;
    }
  } finally {
    for (const server of servers) await server.stop();
  }
  return compared === 0 ? null : { compared, wrong };
}
