/**
 * `tlsward tlsrpt send --dry-run`: which reports of a day would go where, and their JSON; sends nothing and writes nothing.
 */
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { submitterOf } from '../tlsrpt/send/reportJson.ts';
import { prepare } from '../tlsrpt/send/run/prepare.ts';
import { inParallel, makePlan, sourceWords } from '../tlsrpt/send/run/sendDay.ts';
import { asciiJson } from './asciiJson.ts';
import { EXIT, type Io, paint } from './command.ts';
import type { SendSetting } from './tlsrptSend.ts';

const AT_ONCE = 32;

/** Rejects with the error of the system. */
export async function dryRun(setting: SendSetting, day: string, json: boolean, io: Io): Promise<number> {
  const { files, places, rules, lookups, only } = setting;
  const plan = files.plan(day) ?? (await makePlan(places, day, submitterOf(rules.reporter), lookups));
  const log = files.sent(day);
  const { head } = plan;
  let reports = 0;
  let none = 0;
  let unknown = 0;
  if (!json) io.out(`${day}: ${sourceWords(head)}\n`);
  await inParallel(plan.entries, AT_ONCE, async (entry) => {
    const { domain } = entry;
    if (only !== null && !only.has(domain)) return;
    const prepared = await prepare(entry, day, rules, lookups, false);
    if (prepared.kind === 'none') {
      none++;
      return;
    }
    const over = log.isOver(domain);
    if (prepared.kind === 'later') {
      unknown++;
      if (json) io.out(`${asciiJson({ ok: false, day, domain, sent: over, error: prepared.why })}\n`);
      else io.out(`${paint(io, 'yellow', `${domain}: not known (${escapeText(prepared.why, 300)})`)}\n`);
      return;
    }
    reports++;
    const { chosen, successful, failed, json: report } = prepared;
    const to = chosen.destinations.map(({ uri }) => uri);
    if (json) {
      io.out(`${asciiJson({ ok: true, day, domain, sent: over, to, left: chosen.left, report })}\n`);
      return;
    }
    const where = to.length === 0 ? 'to nobody' : `to ${to.map((uri) => escapeText(uri, 300)).join(', ')}`;
    const before = over ? ' (sent before)' : '';
    io.out(`${paint(io, 'bold', `${domain}: ${successful} good, ${failed} failed, ${where}${before}`)}\n`);
    for (const { uri, why } of chosen.left) io.out(`  not to ${uri}: ${why}\n`);
    io.out(`  ${asciiJson(report)}\n`);
  });
  if (!json)
    io.out(
      `${count(reports, 'report')}, ${count(none, 'domain')} without one${unknown > 0 ? `, ${unknown} not known` : ''}\n`,
    );
  return unknown > 0 ? EXIT.cannotTell : EXIT.yes;
}
