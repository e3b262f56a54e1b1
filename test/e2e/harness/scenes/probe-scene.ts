/**
 * What the tests share that compare `tlsward probe` with a real Postfix: the command with the configuration and the Postfix of
 * a site, what it said that a level comes to, and what Postfix then did, in the same words.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { dispatch } from '../../../../src/cli/dispatch.ts';
import type { ProbeReport } from '../../../../src/probe/report.ts';
import { outcome, type Site } from './deliver-scene.ts';

/** `P`, `U`, `T`, `V` as in deliver-dns.test.ts, else the code with which the mail waits: what Postfix did. */
export async function done(postfix: Site['postfix'], id: string): Promise<string> {
  const { dsn, line } = await outcome(postfix, id);
  if (dsn !== '2.0.0') return dsn;
  const relay = /relay=(\S+?),/.exec(line)![1]!;
  const log = postfix.log();
  const [, process] = new RegExp(`smtp\\[([0-9]+)\\]: ${id}: to=`).exec(log)!;
  // the line of the same process before the delivery, for the same relay
  const before = log.slice(0, log.indexOf(line)).split('\n').reverse();
  for (const each of before) {
    if (!each.includes(`smtp[${process}]: `)) continue;
    const found = /(Untrusted|Trusted|Verified) TLS connection established to (\S+): /.exec(each);
    return found !== null && found[2] === relay ? found[1]![0]! : 'P';
  }
  return 'P';
}

/** What a report says of a level or a row, in the same words. */
export function said({ ends, how, code }: ProbeReport['levels'][number]): string {
  if (ends !== 'sent') return ends === 'waits' ? code : ends;
  return how === 'plain' ? 'P' : how[0]!.toUpperCase();
}

export interface Said {
  readonly out: string;
  readonly status: number;
  /** With `--json`. */
  readonly report: ProbeReport | null;
}

/** `port`: of the servers; null: that of each next hop. The command itself, with the configuration and the Postfix of the site. */
export function prober(
  t: Test,
  { postfix, daemon }: Site,
  port: number | null,
): (...words: string[]) => Promise<Said> {
  // the daemon goes without postconf; the command asks that of the Postfix under test
  const config = join(daemon.dir, 'probe.ini');
  const program = postfix.postconfProgram();
  const text = readFileSync(daemon.configFile, 'utf8');
  writeFileSync(config, text.replace(/^postconf = .*$/m, `postconf = ${program}`));
  return async (...words) => {
    let out = '';
    let err = '';
    const argv = ['probe', ...words, ...(port === null ? [] : ['--port', String(port)]), '--config', config];
    const io = {
      out: (text: string) => (out += text),
      err: (text: string) => (err += text),
      env: {},
      colour: false,
    };
    const status = await dispatch([...argv, '--postfix-config', join(postfix.dir, 'etc')], io);
    t.equal(err, '', words.join(' '));
    return { out, status, report: words.includes('--json') ? (JSON.parse(out) as ProbeReport) : null };
  };
}

/** Four at a time. */
export async function inFours<T>(all: Iterable<T>, work: (one: T) => Promise<void>): Promise<void> {
  const rest = [...all];
  const worker = async () => {
    for (let one = rest.shift(); one !== undefined; one = rest.shift()) await work(one);
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}

/** A command that asks nobody. */
export async function command(...argv: string[]): Promise<{ out: string; status: number }> {
  let out = '';
  const io = { out: (text: string) => (out += text), err: () => undefined, env: {}, colour: false };
  const status = await dispatch(argv, io);
  return { out, status };
}
