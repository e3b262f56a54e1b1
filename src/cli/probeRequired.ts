/**
 * `tlsward probe --all-required`: probes every partner whose row requires TLS for outbound mail, says in one line each
 * whether the row holds today, and keeps their certificates in the inventory. What changed since the last time is said.
 *
 * Rows for a suffix, an address and `*` name no servers. Partners that were probed longest ago come first; at most
 * 2,000 in one run, four at a time. One run at a time, by the lock `STATE/probe/lock`.
 */
import { escapeText } from '../core/escape.ts';
import type { PolicyTable } from '../core/table.ts';
import { decideRowItself } from '../deliver/deliver.ts';
import { mandatory } from '../deliver/level.ts';
import { isUntried } from '../probe/closing.ts';
import {
  type Change,
  MAX_PARTNERS,
  type Partner,
  updatedInventory,
  updatedPartner,
} from '../probe/inventory.ts';
import { inventoryFile, writeInventory } from '../probe/inventoryFile.ts';
import { asciiJson } from './asciiJson.ts';
import { ConfigError, EXIT, type Io, paint, reportError } from './command.ts';
import { inventoryOf, lockInventory, unwritable } from './openInventory.ts';
import type { ProbeSetting, ProbeValues } from './probeSetting.ts';

const AT_ONCE = 4;
/** What was found so far is written after so many. */
const WRITE_AFTER = 50;
/** Exit status: every row holds, and a certificate is another one than before. */
const CHANGED = 2;

interface Tally {
  waits: number;
  unknown: number;
  changed: number;
}

/** Returns the exit status. Throws ConfigError without a configuration. */
export async function probeRequired(setting: ProbeSetting, values: ProbeValues, io: Io): Promise<number> {
  const { table } = setting;
  if (table === null) throw new ConfigError('--all-required needs a configuration; --config FILE names one');
  const file = inventoryFile(values.state);
  const lock = lockInventory(file);
  if (typeof lock !== 'function') {
    reportError(io, values.json, lock.why);
    return lock.status;
  }
  try {
    return await probeAll(setting, table, file, values, io);
  } finally {
    lock();
  }
}

async function probeAll(
  setting: ProbeSetting,
  table: PolicyTable,
  file: string,
  values: ProbeValues,
  io: Io,
): Promise<number> {
  const before = inventoryOf(file, values.json, io);
  if (before === null) return EXIT.data;
  const { domains, others } = requiredDomains(table);
  const known = new Map(before.partners.map((partner) => [partner.domain, partner]));
  const age = (domain: string): string => known.get(domain)?.at ?? '';
  const waiting = [...domains].sort((a, b) => (age(a) < age(b) ? -1 : 1)).slice(0, MAX_PARTNERS);
  const tally: Tally = { waits: 0, unknown: 0, changed: 0 };
  const probed: Partner[] = [];
  const count = waiting.length;
  const save = () => writeInventory(file, updatedInventory(before, probed, domains));
  let saving: Promise<void> = Promise.resolve();
  const worker = async (): Promise<void> => {
    for (let domain = waiting.shift(); domain !== undefined; domain = waiting.shift()) {
      const report = await setting.look(domain);
      const { partner, changes } = updatedPartner(known.get(domain), domain, report);
      probed.push(partner);
      say(partner, changes, values.json, io);
      if (partner.ends === 'unknown' || isUntried(partner)) tally.unknown++;
      else if (partner.ends === 'waits') tally.waits++;
      if (changes.length > 0) tally.changed++;
      if (probed.length % WRITE_AFTER === 0) saving = saving.then(save);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    await saving;
    await save();
  } catch (error) {
    const { why, status } = unwritable(file, error);
    reportError(io, values.json, why);
    return status;
  }
  if (!values.json) io.out(`${summary(count, domains.size, others, tally)}\n`);
  if (tally.waits > 0) return EXIT.no;
  if (tally.changed > 0) return CHANGED;
  return tally.unknown > 0 ? EXIT.cannotTell : EXIT.yes;
}

/** Next hops that rows name and that need TLS; `others`: rows that need it and name no server. */
function requiredDomains(table: PolicyTable): { readonly domains: Set<string>; readonly others: number } {
  const domains = new Set<string>();
  let others = 0;
  for (let number = 0; number < table.rows; number++) {
    const row = table.row(number);
    const { deliver, mode } = row.settings;
    const decision = decideRowItself(row);
    const must = decision.kind === 'policy' && mandatory(decision.policy.level);
    if (!must && !(deliver === 'auto' && mode === 'enforce')) continue;
    if (/^[.*<]|@/.test(row.pattern)) others++;
    else domains.add(row.pattern);
  }
  return { domains, others };
}

function say(partner: Partner, changes: readonly Change[], json: boolean | undefined, io: Io): void {
  if (json) {
    io.out(`${asciiJson({ ...partner, changes })}\n`);
    return;
  }
  const { domain, level, ends, code, says, until } = partner;
  const end = until === null ? '' : ` until ${until.slice(0, 10)}`;
  const at = level === '' ? '' : `${level} `;
  if (ends === 'sent') io.out(`${domain}: ${at}holds${end}\n`);
  else {
    const what = ends === 'waits' ? `mail waits at ${level || 'its row'}, ${code}` : 'cannot be told:';
    io.out(`${paint(io, 'red', `${domain}: ${what} ${escapeText(says, 500)}`)}\n`);
  }
  for (const change of changes) io.out(`${paint(io, 'yellow', changeWords(domain, change))}\n`);
}

/** One line, escaped. */
function changeWords(domain: string, { host, address, what, from, to, broke }: Change): string {
  const broken = broke.map(
    ({ kind, text }) => `; ${kind === 'pin' ? 'pin' : 'TLSA'} ${text} does not fit any more`,
  );
  const changed = `${domain}: another ${what === 'certificate' ? 'certificate' : `${what} of the certificate`}`;
  return escapeText(`${changed} at ${host} [${address}]: ${from}, now ${to}${broken.join('')}`, 2000);
}

function summary(count: number, all: number, others: number, { waits, unknown, changed }: Tally): string {
  const parts = [
    `${count} of ${all} partners probed`,
    `mail waits for ${waits}`,
    `${unknown} cannot be told`,
  ];
  parts.push(`${changed} with another certificate`);
  if (others > 0) parts.push(`${others} rows name no server (suffixes, addresses, *)`);
  return parts.join('; ');
}
