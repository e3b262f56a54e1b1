/**
 * The row of the collector: lines of a log a second, the whole command with its records hashed, synced and signed of
 * CPU time, beside one pass of a Python script over the same file.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCommand } from '../e2e/harness/requirements.ts';
import { root } from '../root.ts';
import { type Bed, freshDirectory, type Row } from './bed.ts';
import { MAIN } from './peers.ts';
import { Missing } from './programs.ts';
import { columns, type Finding, figure } from './report.ts';
import { median } from './rounds.ts';

const NAME = 'collect';
const MESSAGES = 50_000;
const PEER = fileURLToPath(new URL('test/bench/collect-peer.py', root));

/** Eight lines a message, as a relay writes them; every fourth goes out in plaintext. */
function writeLog(path: string): number {
  const lines: string[] = [];
  for (let i = 0; i < MESSAGES; i++) {
    const at = new Date(Date.UTC(2026, 10, 22, 0, 0, i >> 4)).toISOString().slice(0, 19);
    const id = (0x10000000 + i).toString(16).toUpperCase();
    const head = `${at}+00:00 mx postfix`;
    const relay = `mx${i % 50}.example[192.0.2.${i % 50}]:25`;
    const [smtpd, smtp] = [100 + (i % 10), 200 + (i % 20)];
    lines.push(
      `${head}/smtpd[${smtpd}]: connect from client.example[192.0.2.77]`,
      `${head}/smtpd[${smtpd}]: ${id}: client=client.example[192.0.2.77]`,
      `${head}/cleanup[90]: ${id}: message-id=<20261122.${i}@bank.example>`,
      `${head}/qmgr[91]: ${id}: from=<sender${i % 1000}@bank.example>, size=4096, nrcpt=1 (queue active)`,
      i % 4 === 0
        ? `${head}/smtpd[${smtpd}]: lost connection after RSET from client.example[192.0.2.77]`
        : `${head}/smtp[${smtp}]: Untrusted TLS connection established to ${relay}: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256`,
      `${head}/smtp[${smtp}]: ${id}: to=<recipient${i}@partner.example>, relay=${relay}, delay=0.19, delays=0.01/0.02/0.12/0.04, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 40CBC${i})`,
      `${head}/qmgr[91]: ${id}: removed`,
      `${head}/smtpd[${smtpd}]: disconnect from client.example[192.0.2.77] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5`,
    );
  }
  writeFileSync(path, `${lines.join('\n')}\n`);
  return lines.length;
}

/** CPU seconds of the command, of all its threads: what else runs on the machine does not count. */
function cpuSeconds(command: string, args: readonly string[], expected: RegExp): number {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', '"$@"; times', 'sh', command, ...args], {
    encoding: 'utf8',
  });
  const lines = stdout.trimEnd().split('\n');
  // the last line is about children: user, then system
  const times = [...(lines.at(-1) ?? '').matchAll(/([0-9]+)m([0-9.]+)s/g)];
  if (status !== 0 || !expected.test(stdout) || times.length !== 2)
    throw new Error(`${command}: ${status} ${stdout} ${stderr}`);
  return times.reduce((sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds), 0);
}

async function run(bed: Bed): Promise<Finding[]> {
  const python = findCommand('python3');
  if (python === null) throw new Missing('python3');
  const log = join(freshDirectory(bed), 'mail.log');
  const lines = writeLog(log);
  const ours: number[] = [];
  const peer: number[] = [];
  for (let round = 0; round < bed.rounds; round++) {
    const folder = freshDirectory(bed);
    const config = join(folder, 'tlsward.ini');
    const service = `policy-listen = unix:${folder}/p\nevidence = ${folder}/evidence\n`;
    writeFileSync(config, `[service]\n${service}[domains]\na.example = may\n`);
    const args = ['--max-semi-space-size=16', MAIN, 'collect', '--config', config, '--file', log, '--once'];
    ours.push(
      lines / cpuSeconds(process.execPath, args, new RegExp(`${lines} lines, ${2 * MESSAGES} records`)),
    );
    peer.push(lines / cpuSeconds(python, [PEER, log], new RegExp(`^${MESSAGES} `)));
  }
  const rows = [
    ['one core', 'lines a CPU second', 'of the script'],
    ['tlsward collect', figure(median(ours)), figure(median(ours) / median(peer))],
    ['Python script', figure(median(peer)), '1'],
  ];
  for (const one of columns(rows)) bed.say(one);
  return [
    { name: `${NAME}.rate`, measured: median(ours) },
    { name: `${NAME}.python`, measured: median(ours) / median(peer) },
  ];
}

export const collectRow: Row = { name: NAME, title: 'lines of a log, to records on the disk', run };
