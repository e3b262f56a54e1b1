/** What the system says: the user of Postfix, the clock, resolvers, limits of the journal, our units. Reads only. */
import { readdir, readFile } from 'node:fs/promises';
import { systemServers } from '../../dns/resolvConf.ts';
import { runProgram } from '../../mta/runProgram.ts';
import { type Known, known, type SystemFacts, unknown } from '../facts.ts';

const LIMITS = { timeoutMs: 3000, maxBytes: 65_536 };
const JOURNALD = '/etc/systemd/journald.conf';

/** `mailOwner`: the name of Postfix's user. Never rejects. */
export async function gatherSystem(mailOwner: string): Promise<SystemFacts> {
  const [owner, clock, servers, journalLimit, units] = await Promise.all([
    gatherUser(mailOwner),
    gatherClock(),
    systemServers(),
    gatherJournalLimit(),
    gatherUnits(),
  ]);
  return { mailOwner: owner, clock, resolvers: servers.map(({ host }) => host), journalLimit, units };
}

/** By getent(1), which asks what the system asks. */
async function gatherUser(name: string): Promise<SystemFacts['mailOwner']> {
  const [user, groups] = await Promise.all([
    runProgram('getent', ['passwd', name], LIMITS),
    runProgram('id', ['-G', name], LIMITS),
  ]);
  const uid = user.ok ? Number(user.stdout.split(':')[2]) : Number.NaN;
  if (!Number.isInteger(uid)) return unknown(`the user ${name} (mail_owner) is not known here`);
  const gids = groups.ok ? groups.stdout.trim().split(' ').map(Number) : [];
  return known({ name, uid, gids });
}

async function gatherClock(): Promise<Known<boolean>> {
  const ran = await runProgram('timedatectl', ['show', '-p', 'NTPSynchronized', '--value'], LIMITS);
  const said = ran.ok ? ran.stdout.trim() : '';
  if (said === 'yes' || said === 'no') return known(said === 'yes');
  return unknown('timedatectl does not say whether a time server keeps the clock');
}

/** Those that are active; systemctl lists nothing where there is none. */
async function gatherUnits(): Promise<SystemFacts['units']> {
  const args = ['list-units', '--plain', '--no-legend', '--no-pager', '--state=active', 'tlsward*'];
  const ran = await runProgram('systemctl', args, LIMITS);
  if (!ran.ok) return unknown('systemctl does not say which units are active');
  return known(new Set(ran.stdout.split('\n').map((line) => line.split(' ')[0] ?? '')));
}

/** journald.conf(5): 10,000 lines in 30 s and unit where nothing is said; either 0 switches the limit off. */
async function gatherJournalLimit(): Promise<SystemFacts['journalLimit']> {
  const parts: string[] = [];
  for (const path of [JOURNALD, ...(await dropIns())]) {
    try {
      parts.push(await readFile(path, 'utf8'));
    } catch {
      // a system without the file has its defaults
    }
  }
  const { burst, seconds } = journalLimitIn(parts.join('\n'));
  return known(burst === 0 || seconds === 0 ? null : { burst, seconds });
}

async function dropIns(): Promise<string[]> {
  const found: string[] = [];
  for (const folder of [
    '/usr/lib/systemd/journald.conf.d',
    '/etc/systemd/journald.conf.d',
    '/run/systemd/journald.conf.d',
  ])
    for (const name of (await readdir(folder).catch(() => [])).sort())
      if (name.endsWith('.conf')) found.push(`${folder}/${name}`);
  return found;
}

/** The last value counts. */
export function journalLimitIn(text: string): { readonly burst: number; readonly seconds: number } {
  let burst = 10_000;
  let interval = 30;
  for (const line of text.split('\n')) {
    const [, name, value] =
      /^(RateLimitBurst|RateLimitInterval|RateLimitIntervalSec)=([0-9]+)/.exec(line) ?? [];
    if (name === undefined) continue;
    if (name === 'RateLimitBurst') burst = Number(value);
    else interval = Number(value);
  }
  return { burst, seconds: interval };
}
