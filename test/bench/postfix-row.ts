/**
 * The row of a real Postfix: messages a second that it accepts with no check, with the policy service, with the milter, and
 * with the C filter that does less.
 *
 * One private Postfix (the harness of the end-to-end tests) has a listener for each. smtp-source sends messages of 4 KiB
 * from ten sessions at a time to each in turn, the order reversed every round: with a session for each message, then with
 * sessions that are used again. The queue is in memory, everything is delivered to discard(8), and the next run begins
 * when the queue is empty. Nothing is pinned: Postfix, the load and the filter share all cores, as they would. A ratio is
 * the median of the ratios within a round.
 *
 * Needs root, Postfix and what the end-to-end tests need besides; skipped without.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../e2e/harness/deadline.ts';
import { Postfix } from '../e2e/harness/mta/postfix.ts';
import { createCa } from '../e2e/harness/peers/ca.ts';
import { findCommand, missingRequirements } from '../e2e/harness/requirements.ts';
import type { Bed, Row } from './bed.ts';
import { domainList, keyFile, ROWS, socketsIn } from './bed.ts';
import { startBare, startTlsward } from './peers.ts';
import { Missing } from './programs.ts';
import type { Finding } from './report.ts';
import { columns, figure } from './report.ts';
import { median } from './rounds.ts';
import type { Server } from './servers.ts';
import { writeTable } from './tables.ts';

const NAME = 'postfix';
const MESSAGES = 2_000;
const MESSAGES_SHORT = 500;
const SESSIONS = '10';
const IN_MEMORY = '/dev/shm';
/** Of the slowest run on a machine that does other things. */
const DRAIN_MS = 120_000;

const CHECKS = ['none', 'policy', 'milter', 'bare'] as const;
type Check = (typeof CHECKS)[number];
const MODES = ['single', 'reused'] as const;
type Mode = (typeof MODES)[number];

/** Parameters of the listener for each check. */
function listeners(dir: string): Record<Check, Record<string, string>> {
  const { milter, policy } = socketsIn(dir);
  return {
    none: {},
    policy: { smtpd_recipient_restrictions: `check_policy_service unix:${policy}` },
    milter: { smtpd_milters: `unix:${milter}` },
    bare: { smtpd_milters: `unix:${join(dir, 'bare')}` },
  };
}

function queued(postfix: Postfix): number {
  return ['incoming', 'active', 'maildrop'].reduce(
    (sum, name) => sum + readdirSync(join(postfix.queueDirectory, name)).length,
    0,
  );
}

/** Messages a second until smtp-source has had its last answer. */
async function rate(
  postfix: Postfix,
  source: string,
  check: Check,
  mode: Mode,
  messages: number,
): Promise<number> {
  const many = ['-s', SESSIONS, '-m', String(messages), '-l', '4096', ...(mode === 'reused' ? ['-d'] : [])];
  const envelope = ['-f', 'sender@c1.sender.test', '-t', 'user@d1.example'];
  const from = performance.now();
  const child = spawn(source, [...many, ...envelope, `127.0.0.1:${postfix.port(check)}`], {
    stdio: 'inherit',
  });
  const [code] = await once(child, 'exit');
  const seconds = (performance.now() - from) / 1000;
  if (code !== 0) throw new Error(`smtp-source ended with status ${code}:\n${postfix.log().slice(-2000)}`);
  await until(DRAIN_MS, 'an empty queue', () => queued(postfix) === 0);
  return messages / seconds;
}

async function rounds(bed: Bed, postfix: Postfix, mode: Mode): Promise<ReadonlyMap<Check, number[]>> {
  const source = findCommand('smtp-source')!;
  const rates = new Map<Check, number[]>(CHECKS.map((check) => [check, []]));
  const messages = bed.short ? MESSAGES_SHORT : MESSAGES;
  for (let round = -1; round < bed.rounds; round++) {
    const order = round % 2 === 0 ? CHECKS : [...CHECKS].reverse();
    for (const check of order) {
      const one = await rate(postfix, source, check, mode, round < 0 ? 300 : messages);
      if (round >= 0) rates.get(check)!.push(one);
    }
  }
  return rates;
}

async function play(bed: Bed, dir: string, postfix: Postfix): Promise<Finding[]> {
  const servers: Server[] = [];
  const config = join(dir, 'tlsward.ini');
  const sockets = socketsIn(dir);
  const service = [`mark-key = ${keyFile(dir)}`, 'socket-mode = 0666', 'postconf ='];
  writeTable(config, sockets, ROWS, { service });
  const findings: Finding[] = [];
  const lines: string[][] = [['', ...CHECKS.map((check) => `${check}, messages/s`)]];
  try {
    servers.push(await startTlsward(dir, config, null, sockets));
    servers.push(await startBare(bed, join(dir, 'bare'), domainList(bed, ROWS), 'envelope', null));
    chmodSync(join(dir, 'bare'), 0o666);
    await postfix.start();
    for (const mode of MODES) {
      const rates = await rounds(bed, postfix, mode);
      lines.push([mode, ...CHECKS.map((check) => figure(median(rates.get(check)!)))]);
      const of = (check: Check, peer: Check) =>
        median(rates.get(check)!.map((one, round) => one / rates.get(peer)![round]!));
      findings.push(
        { name: `${NAME}.policy.${mode}`, measured: of('policy', 'none') },
        { name: `${NAME}.milter.${mode}`, measured: of('milter', 'none') },
        { name: `${NAME}.ahead.${mode}`, measured: of('milter', 'bare') },
      );
    }
    const log = postfix.log();
    const judged = readFileSync(servers[0]!.logFile, 'utf8').split('"event":"tx.verdict"').length - 1;
    // a policy verdict and a milter verdict for each message; the last lines may still wait to be written
    const expected = 2 * MODES.length * bed.rounds * (bed.short ? MESSAGES_SHORT : MESSAGES);
    if (judged < expected) throw new Error(`tlsward judged ${judged} times, not ${expected}`);
    // a filter that fails is passed by or makes mail wait, and its rate would mean nothing
    const trouble =
      /^.*(?:warning: (?:milter|problem talking|connect to Milter|.*policy)|NOQUEUE: (?:reject|milter)).*$/m.exec(
        log,
      );
    if (trouble !== null) throw new Error(`Postfix had trouble with a filter: ${trouble[0]}`);
  } finally {
    await postfix.close();
    for (const server of servers) await server.stop();
  }
  for (const line of columns(lines)) bed.say(line);
  return findings;
}

async function measure(bed: Bed): Promise<Finding[]> {
  const missing = [
    ...missingRequirements(),
    ...(findCommand('smtp-source') === null ? ['no smtp-source'] : []),
  ];
  if (missing.length > 0) throw new Missing(missing.join('; '));
  // smtpd runs as postfix, which may not enter the benchmark's own directory
  const dir = mkdtempSync(join(tmpdir(), 'tb-pf-'));
  chmodSync(dir, 0o755);
  const temporary = process.env.TMPDIR;
  const ca = createCa();
  try {
    if (existsSync(IN_MEMORY)) process.env.TMPDIR = IN_MEMORY;
    const main = {
      default_transport: 'discard:',
      relay_transport: 'discard:',
      smtpd_tls_security_level: 'none',
    };
    const postfix = new Postfix({ ca, main, listeners: listeners(dir) });
    return await play(bed, dir, postfix);
  } finally {
    if (temporary === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = temporary;
    rmSync(dir, { recursive: true, force: true });
    ca.remove?.();
  }
}

export const postfixRow: Row = { name: NAME, title: 'inside a real Postfix', run: measure };
