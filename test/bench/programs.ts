/**
 * Builds the benchmark's C programs and finds the other programs it needs.
 *
 * The sources lie beside this file in the repository and are compiled into the benchmark's temporary directory at each
 * run, so no binary is kept and none can be stale. What is missing on this machine (gcc, libmilter, a peer, taskset)
 * is not an error: it is remembered with a sentence that names the remedy, and the rows that need it are skipped
 * loudly.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../root.ts';

/** A program's path, or why it is not there. */
export type Program = { readonly path: string } | { readonly missing: string };

export interface Programs {
  readonly loadMilter: Program;
  readonly loadPolicy: Program;
  readonly loadSocketmap: Program;
  readonly libmilterPeer: Program;
  readonly policyPeer: Program;
  readonly socketmapPeer: Program;
  readonly postgrey: Program;
  /** The Python that has pymilter. */
  readonly pymilter: Program;
  /** The Python that has postfix-mta-sts-resolver. */
  readonly mtaSts: Program;
  readonly taskset: Program;
}

const SOURCES = fileURLToPath(new URL('test/bench/', root));

/** taskset(1), if it is there and the two cores may be used: a container may have others. */
function pinning(): Program {
  const run = spawnSync('taskset', ['-c', '0', 'taskset', '-c', '1', 'true'], { stdio: 'ignore' });
  if (run.error !== undefined)
    return { missing: 'taskset is not installed (Debian: apt-get install util-linux): nothing is pinned' };
  return run.status === 0
    ? { path: 'taskset' }
    : { missing: 'cores 0 and 1 may not be used: nothing is pinned' };
}

function compile(name: string, into: string, libraries: readonly string[], remedy: string): Program {
  const path = join(into, name);
  const flags = ['-O2', '-Wall', '-Wextra', '-I', SOURCES, '-o', path, join(SOURCES, `${name}.c`)];
  const run = spawnSync('gcc', [...flags, ...libraries], { encoding: 'utf8' });
  if (run.error !== undefined)
    return { missing: 'gcc is not installed (Debian: apt-get install gcc libc6-dev)' };
  if (run.status === 0) return { path };
  if (remedy !== '' && run.stderr.includes('fatal error')) return { missing: remedy };
  throw new Error(`gcc could not compile ${name}.c:\n${run.stderr}`);
}

/** Debian's Python with what these statements import, from these Debian packages. */
function python(statement: string, debian: string): Program {
  const path = '/usr/bin/python3';
  const run = spawnSync(path, ['-c', statement], { stdio: 'ignore' });
  if (run.status === 0) return { path };
  return { missing: `${debian} is not installed (Debian: apt-get install ${debian})` };
}

/** Compiles everything into the directory `into`; throws when a source does not compile. */
export function buildPrograms(into: string): Programs {
  const milter = ['-lmilter', '-lpthread', '-lcrypto'];
  const libmilterRemedy =
    'libmilter or OpenSSL is not installed (Debian: apt-get install libmilter-dev libssl-dev)';
  const postgrey = ['/usr/sbin/postgrey', '/usr/bin/postgrey'].find((path) => existsSync(path));
  return {
    loadMilter: compile('load-milter', into, [], ''),
    loadPolicy: compile('load-policy', into, [], ''),
    libmilterPeer: compile('libmilter-peer', into, milter, libmilterRemedy),
    loadSocketmap: compile('load-socketmap', into, [], ''),
    policyPeer: compile('policy-peer', into, ['-lpthread'], ''),
    socketmapPeer: compile('socketmap-peer', into, [], ''),
    postgrey:
      postgrey === undefined
        ? { missing: 'postgrey is not installed (Debian: apt-get install postgrey)' }
        : { path: postgrey },
    pymilter: python('import Milter', 'python3-milter'),
    mtaSts: python(
      'import uvloop, postfix_mta_sts_resolver.responder',
      'postfix-mta-sts-resolver python3-uvloop',
    ),
    taskset: pinning(),
  };
}

/** The path of a program; throws the sentence that says what is missing. */
export function need(program: Program): string {
  if ('missing' in program) throw new Missing(program.missing);
  return program.path;
}

/** A row cannot be measured on this machine; the message names what to install. */
export class Missing extends Error {}
