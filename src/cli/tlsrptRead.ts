/**
 * `tlsward tlsrpt read FILE...`: FILE is a message, an mbox, a folder, a Maildir, a report as such (gzip or JSON), or
 * `-`. What is about a domain of ours is shown and kept, once; what is refused is named with the reason, and kept as it
 * came.
 *
 * `--pipe`: an MTA hands each message over. A report that is refused is then no error, for an error would send it back
 * to the reporter; one that cannot be kept is (75), and the MTA tries again.
 *
 * Exit status: 0 all read, 65 something was refused or cannot be read, 73 it cannot be kept.
 */
import { canonicalDomain } from '../core/domain.ts';
import { escapeText } from '../core/escape.ts';
import { PolicyTable } from '../core/table.ts';
import { asOwner } from '../files/asOwner.ts';
import { codeOf, fileError } from '../files/systemError.ts';
import { readWhole, type Whole } from '../mailfile/readWhole.ts';
import { type KeptReport, keptReport } from '../tlsrpt/keptReport.ts';
import { type IsOwn, ownOf, ownPolicies } from '../tlsrpt/ownPolicies.ts';
import { isBareReport, MAX_MESSAGE, readReports, shownLabel, tooLarge } from '../tlsrpt/readReport.ts';
import { ReportRefused } from '../tlsrpt/refusal.ts';
import { headline, reportLines } from '../tlsrpt/reportText.ts';
import { ReportStore } from '../tlsrpt/store.ts';
import { asciiJson } from './asciiJson.ts';
import {
  type CommandValues,
  configFile,
  EXIT,
  type Io,
  label,
  paint,
  reportError,
  UsageError,
  unreadable,
} from './command.ts';
import type { COMMANDS } from './commands.ts';
import { loadOrReport } from './loadOrReport.ts';
import { Comparison } from './tlsrptCompare.ts';

type Values = CommandValues<(typeof COMMANDS)['tlsrpt']>;

interface Reading {
  readonly own: { readonly isOwn: IsOwn; readonly only: string };
  readonly store: ReportStore;
  /** The folder of `store`. */
  readonly state: string;
  /** null: what is printed by `--pipe` nobody sees. */
  readonly comparison: Comparison | null;
  readonly json: boolean;
  readonly dryRun: boolean;
  readonly io: Io;
}

/** See the file comment. */
export async function runRead(files: readonly string[], values: Values, io: Io): Promise<number> {
  const pipe = values.pipe ?? false;
  const own = ownDomains(values, io);
  // the MTA would send the report back with any other status
  if (own === null) return pipe ? EXIT.cannotTell : EXIT.config;
  const reading: Reading = {
    own,
    store: new ReportStore(values.state),
    state: values.state,
    comparison: pipe ? null : new Comparison(values, io),
    json: values.json ?? false,
    dryRun: values['dry-run'] ?? false,
    io: pipe ? { ...io, out: () => {} } : io,
  };
  let status: number = EXIT.yes;
  for (const file of files) {
    let messages = 0;
    try {
      for await (const whole of readWhole(file, { limitBytes: MAX_MESSAGE, isBare: isBareReport })) {
        messages++;
        if (!(await readOne(whole, reading)) && !pipe) status = EXIT.data;
      }
      if (messages === 0) {
        reportError(reading.io, values.json, `${shownLabel(file)}: holds no message`);
        if (!pipe) status = EXIT.data;
      }
    } catch (error) {
      if (error instanceof StoreError) {
        reportError(reading.io, values.json, error.message);
        return pipe ? EXIT.cannotTell : EXIT.cannotCreate;
      }
      status = unreadable(reading.io, values.json, file, error);
    }
  }
  return status;
}

/** A folder of the state cannot be written. */
class StoreError extends Error {}

/** Root keeps a report as the owner of the folder, who is to read, replace and remove it later. */
async function storing<T>(state: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await asOwner(state, work);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    const path = 'path' in error ? escapeText(String(error.path), 300) : 'the report';
    const foreign = process.geteuid?.() === 0 && codeOf(error) === 'EACCES';
    const advice = foreign
      ? 'the owner of --state may not write there: chown -R it to that user'
      : '--state DIR names another folder, --dry-run keeps nothing';
    throw new StoreError(`${path}: cannot be kept (${fileError(error)}); ${advice}`);
  }
}

/** False: something in it was refused. */
async function readOne(whole: Whole, reading: Reading): Promise<boolean> {
  const { store, own, io, json } = reading;
  try {
    if (whole.cut) throw tooLarge();
    for (const read of await readReports(whole.headers, whole.bytes, whole.label)) {
      const { policies, others } = ownPolicies(read, own.isOwn, own.only);
      await show(keptReport(read, policies, others), whole.label, reading);
    }
    return true;
  } catch (error) {
    if (!(error instanceof ReportRefused)) throw error;
    const kept =
      reading.dryRun || whole.cut
        ? null
        : await storing(reading.state, () => store.refuse(bytesOf(whole), whole.label, error, new Date()));
    if (json)
      io.out(
        `${asciiJson({ ok: false, file: whole.label, refused: error.refusal, error: error.message, kept })}\n`,
      );
    else
      io.err(
        `${shownLabel(whole.label)}: refused (${error.refusal}): ${error.message}${kept === null ? '' : `; kept as ${kept}`}\n`,
      );
    return false;
  }
}

/** As it came, but for the line ends of the header. */
function bytesOf({ headers, bytes }: Whole): Buffer {
  if (headers === null) return bytes;
  const header = headers.map(({ name, value }) => `${name}: ${value}\n`).join('');
  return Buffer.concat([Buffer.from(`${header}\n`, 'latin1'), bytes]);
}

async function show(report: KeptReport, file: string, reading: Reading): Promise<void> {
  const { store, io, json, dryRun, comparison } = reading;
  const duplicate = dryRun
    ? store.has(report)
    : (await storing(reading.state, () => store.add(report))) === null;
  const { joined, events } = (await comparison?.of(report)) ?? { joined: null, events: [] };
  if (json) {
    io.out(`${asciiJson({ ok: true, file, duplicate, ...report, ours: joined, certificates: events })}\n`);
    return;
  }
  const head = `${headline(report)}${duplicate ? ' (read before)' : ''}`;
  io.out(`${paint(io, report.failed === 0 ? 'green' : 'red', head)}\n`);
  if (duplicate && !dryRun) return;
  for (const { name, text } of reportLines(report, joined, events)) io.out(`${label(name)} ${text}\n`);
}

/** `--own-domains`; else `local-domains`; else every domain that a row names; null: what is wrong was reported. */
function ownDomains(values: Values, io: Io): Reading['own'] | null {
  const named = (values['own-domains'] ?? []).flatMap((list) => list.split(',')).map((one) => one.trim());
  if (named.length > 0)
    return ownOf(
      named.map((text) => {
        const domain = canonicalDomain(text);
        if (domain === null)
          throw new UsageError(
            `--own-domains: found "${escapeText(text)}", expected domains such as example.org,example.net`,
          );
        return domain;
      }),
    );
  const loaded = loadOrReport(configFile(values, io.env), values.json, io);
  if (loaded === null) return null;
  const { localDomains } = loaded.service;
  const own = ownOf(localDomains);
  if (localDomains.length > 0) return own;
  const table = new PolicyTable(loaded.packed, 1, loaded.hash);
  const anyone = table.find('*');
  return {
    isOwn: (domain) => {
      const row = table.findDomain(domain);
      return row >= 0 && row !== anyone;
    },
    only: '',
  };
}
