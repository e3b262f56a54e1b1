/**
 * `tlsward setup postfix`: the plan, and with `--apply`, `--undo` or `--remove` what is done.
 *
 * With `--json` one object on standard output: `ok`, `postfix` {directory, version}, `wishes`, `table` (of a
 * first tlsward.ini, or null), `changes`, `remarks`, `obstacles` (setup/plan.ts), and `done` (what was
 * carried out, or null).
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { defaultOf } from '../config/keys/keys.ts';
import { LockedError, openDraft, WriteError } from '../files/lockedDraft.ts';
import { fileError } from '../files/systemError.ts';
import { type PostfixConfig, valueFor } from '../mta/postfixConfig.ts';
import { instances, PostfixConfigError, readPostfix } from '../mta/readPostfix.ts';
import { type Applied, applyChanges } from '../setup/apply/applyPlan.ts';
import { askMap, askPostfix, type CanaryStep, playListeners } from '../setup/apply/canary.ts';
import { PostfixControl } from '../setup/apply/postfixControl.ts';
import {
  closeSnapshot,
  interruptedIn,
  openRoot,
  readRecord,
  SnapshotError,
} from '../setup/apply/snapshot.ts';
import { undoSetup } from '../setup/apply/undo.ts';
import { makePlan } from '../setup/makePlan.ts';
import type { Plan } from '../setup/plan.ts';
import { planSummary } from '../setup/planText.ts';
import { removalPlan } from '../setup/removal.ts';
import { standardListen, type Wanted } from '../setup/wanted.ts';
import { configFile, EXIT, type Io, paint, UsageError } from './command.ts';
import { type LoadedTable, loadOrReport } from './loadOrReport.ts';
import {
  failed,
  finish,
  printJson,
  printTable,
  report,
  type SetupValues,
  type Site,
  textOf,
  undoneWords,
  wishesOf,
} from './setupReport.ts';
import { type FirstTable, firstTable, writeFirstTable } from './setupTable.ts';

/** Files of CA certificates by system: Debian, Red Hat, SUSE, FreeBSD. */
const CA_FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** `tlsward setup postfix`; see the file comment. */
export async function runSetupPostfix(values: SetupValues, io: Io): Promise<number> {
  if (values.mc !== undefined) throw new UsageError('--mc is for setup sendmail');
  if ([values.apply, values.undo, values.remove].filter((one) => one === true).length > 1)
    throw new UsageError('--apply, --undo and --remove exclude each other');
  try {
    if (values.undo === true) return await undo(values, io);
    const directory = values['postfix-config'] ?? (await onlyInstance());
    const config = await readPostfix(directory);
    const site = { values, io, config, control: new PostfixControl(config.directory) };
    return await plan(site);
  } catch (error) {
    if (error instanceof PostfixConfigError) return failed(values, io, error.message, EXIT.data);
    if (error instanceof LockedError) return failed(values, io, error.message, EXIT.cannotTell);
    if (error instanceof SnapshotError || error instanceof WriteError)
      return failed(values, io, error.message, EXIT.cannotCreate);
    throw error;
  }
}

/** The directory of the only instance; undefined: the system's own. */
async function onlyInstance(): Promise<string | undefined> {
  const enabled = (await instances()).filter((one) => one.enabled);
  if (enabled.length < 2) return undefined;
  const choices = enabled.map(({ directory }) => `--postfix-config ${directory}`);
  throw new UsageError(
    `this host has ${enabled.length} instances of Postfix; choose one: ${choices.join(', or ')}`,
  );
}

/** Plan, or removal, and what is done about it. */
async function plan(site: Site): Promise<number> {
  const { values, io, config } = site;
  const file = configFile(values, io.env);
  const there = existsSync(file);
  const loaded = there ? loadOrReport(file, values.json, io) : undefined;
  if (loaded === null) return EXIT.config;
  const wanted = wantedOf(values, config, file, loaded);
  if (values.remove === true) return await remove(site, wanted);
  const table = loaded === undefined ? firstTable(config, wanted, new Date()) : null;
  const made = makePlan(config, wanted);
  if (values.apply === true) return await apply(site, wanted, made, table);
  if (values.json) printJson(site, wanted, made, table, null);
  else {
    io.out(`Postfix ${config.release} in ${config.directory}\n\n`);
    if (table !== null) printTable(io, file, table);
    io.out(textOf(io, made));
    io.out(
      `\n${planSummary(made)}${made.changes.length > 0 || table !== null ? '; nothing has been changed: add --apply to write it' : ''}\n`,
    );
  }
  return made.obstacles.length > 0 ? EXIT.no : EXIT.yes;
}

function wantedOf(
  values: SetupValues,
  config: PostfixConfig,
  file: string,
  loaded: LoadedTable | undefined,
): Wanted {
  const caFile = CA_FILES.find((one) => existsSync(one)) ?? null;
  const base = { ...wishesOf(values), configFile: file, caFile };
  if (loaded === undefined)
    return {
      ...base,
      listen: standardListen(valueFor(config, 'queue_directory')),
      needs: { clientCertificates: false, fingerprints: false, dane: false },
      messageRoute: 'recipient',
      routeHeader: defaultOf('route-header', 'service'),
    };
  const { service, packed } = loaded;
  const rows = packed.settings;
  const dane = ['dane', 'dane-only', 'auto'];
  return {
    ...base,
    listen: {
      policy: service.policyListen,
      milter: service.milterListen,
      socketmap: service.socketmapListen,
    },
    needs: {
      clientCertificates: rows.some(({ receive }) => receive === 'verify'),
      fingerprints: rows.some(({ fingerprints }) => fingerprints.length > 0),
      dane: rows.some(({ deliver }) => deliver !== null && dane.includes(deliver)),
    },
    messageRoute: service.messageRoute,
    routeHeader: service.routeHeader,
  };
}

/** Writes a first table; then, once the daemon answers, what the plan says. */
async function apply(site: Site, wanted: Wanted, made: Plan, table: FirstTable | null): Promise<number> {
  const { values, io, config } = site;
  const file = wanted.configFile;
  if (table !== null) {
    try {
      await writeFirstTable(file, table.text);
    } catch (error) {
      return failed(values, io, `cannot write ${file}: ${fileError(error)}`, EXIT.cannotCreate);
    }
    if (!values.json) io.out(`${paint(io, 'green', 'written')}  ${file}\n`);
  }
  if (made.obstacles.length > 0) {
    report(site, wanted, made, table, null, 'Something is in the way; Postfix was not touched.');
    return EXIT.no;
  }
  if (made.changes.length === 0) {
    report(site, wanted, made, table, null, 'Nothing to change.');
    return EXIT.yes;
  }
  const first = await playListeners(wanted);
  const silent = first.find(({ ok }) => ok === false);
  if (silent !== undefined) {
    const start = 'Start it (systemctl enable --now tlsward), then run this again. Postfix was not touched.';
    const said = `tlsward does not answer as it should: ${silent.name}: ${silent.said}. ${start}`;
    report(site, wanted, made, table, { ok: false, why: said, canary: first }, said);
    return EXIT.unavailable;
  }
  const done = await change(site, made, (running) => canary(config, wanted, running));
  return finish(site, wanted, made, table, done);
}

async function canary(config: PostfixConfig, wanted: Wanted, running: boolean): Promise<CanaryStep[]> {
  const steps = await playListeners(wanted);
  const now = await readPostfix(config.directory);
  if (wanted.wishes.has('outbound') || wanted.wishes.has('messages')) steps.push(await askMap(now, wanted));
  if (running) steps.push(await askPostfix(now));
  else steps.push({ name: 'smtp', ok: null, said: 'Postfix does not run' });
  return steps;
}

/** The folders of what is in force, the newest last; each is taken back by one --undo. */
interface Stack {
  readonly root: string;
  readonly folders: readonly string[];
  save(folders: readonly string[]): void;
}

/** Runs with STATE/setup and its lock. */
async function locked<T>(values: SetupValues, run: (stack: Stack) => Promise<T>): Promise<T> {
  const root = openRoot(values.state);
  const draft = await openDraft(`${root}/current`, null);
  try {
    const folders = draft.before?.toString('utf8').split('\n').filter(Boolean) ?? [];
    const save = (after: readonly string[]): void => {
      draft.write(after.map((folder) => `${folder}\n`).join(''));
      draft.commit();
    };
    return await run({ root, folders, save });
  } finally {
    draft.close();
  }
}

/** Carries changes out, and notes where they can be taken back. */
async function change(
  { values, control }: Site,
  { changes }: Plan,
  prove: (running: boolean) => Promise<readonly CanaryStep[]>,
): Promise<Applied> {
  return await locked(values, async ({ root, folders, save }) => {
    const killed = interruptedIn(root);
    if (killed !== null)
      throw new SnapshotError(
        `an earlier setup was interrupted (${killed}): take it back first with tlsward setup postfix --undo`,
      );
    const applied = await applyChanges(control, root, changes, new Date(), prove);
    if (applied.ok) save([...folders, applied.folder]);
    return applied;
  });
}

async function undo(values: SetupValues, io: Io): Promise<number> {
  return await locked(values, async ({ root, folders, save }) => {
    const killed = interruptedIn(root);
    const current = killed ?? folders.at(-1);
    if (current === undefined)
      return failed(values, io, `nothing to undo: no setup is in force by ${values.state}/setup`, EXIT.no);
    const { directory } = readRecord(current);
    const asked = values['postfix-config'];
    if (asked !== undefined && resolve(asked) !== resolve(directory))
      return failed(values, io, `the last setup was of ${directory}, not of ${asked}`, EXIT.no);
    const undone = await undoSetup(new PostfixControl(directory), current);
    if (undone.fault === null) {
      if (killed === null) save(folders.slice(0, -1));
      else await closeSnapshot(killed);
    }
    const ok = undone.fault === null;
    if (values.json) io.out(`${JSON.stringify({ ok, done: undone })}\n`);
    else {
      io.out(`${paint(io, ok ? 'green' : 'red', ok ? 'undone' : 'not undone')}: ${undoneWords(undone)}\n`);
      if (ok) io.out(STOP);
    }
    return ok ? (undone.left.length === 0 ? EXIT.yes : EXIT.no) : EXIT.system;
  });
}

/** Sessions that are open go on as they began. */
const STOP =
  'Sessions that were open still ask tlsward until they end. After some minutes it may be stopped: systemctl disable --now tlsward\n';

async function remove(site: Site, wanted: Wanted): Promise<number> {
  const { values, io, config, control } = site;
  const clones = config.entries.some(({ name }) => name.startsWith('tlsward-'));
  const waiting = clones ? await control.queued(/\.tlsward-[a-z]+>?$/) : 0;
  if (waiting === null)
    return failed(
      values,
      io,
      'the queue cannot be read (postqueue -j), and mail of rules may wait in it',
      EXIT.system,
    );
  const made = removalPlan(config, wanted, waiting);
  if (made.changes.length === 0) {
    report(site, wanted, made, null, null, 'Nothing of tlsward is in main.cf or master.cf.');
    return EXIT.yes;
  }
  const done = await change(site, made, async () => []);
  const code = finish(site, wanted, made, null, done);
  if (done.ok && !values.json) io.out(waiting > 0 ? 'tlsward must go on running for now.\n' : STOP);
  return code;
}
