/**
 * Takes one change of setup back. A file that is still as setup left it becomes what it was, byte by byte. In
 * a file that was edited since, each parameter that still has the value that setup wrote is restored; the
 * others are reported and left.
 */
import { join } from 'node:path';
import { openDraft } from '../../files/lockedDraft.ts';
import type { PostfixConfig } from '../../mta/postfixConfig.ts';
import { readPostfix } from '../../mta/readPostfix.ts';
import { entryLine, serviceOf } from '../draft.ts';
import { type Change, changeName } from '../plan.ts';
import { reversed } from '../steps.ts';
import type { PostfixControl } from './postfixControl.ts';
import { FILES, type SetupRecord } from './setupRecord.ts';
import { hashesOf, readCopy, readRecord } from './snapshot.ts';

export interface Undone {
  /** Both files are byte by byte what they were. */
  readonly exact: boolean;
  /** Changes that stay, because the file was edited there since. */
  readonly left: readonly string[];
  /** What went wrong; null: nothing. */
  readonly fault: string | null;
}

/** Rejects with SnapshotError, WriteError or PostfixConfigError when nothing could be done. */
export async function undoSetup(control: PostfixControl, folder: string): Promise<Undone> {
  const record = readRecord(folder);
  const running = await control.running();
  const now = hashesOf(record.directory);
  const known = FILES.every(
    (name) => now[name] === record.after?.[name] || now[name] === record.before[name],
  );
  const left = known ? [] : await undoSingly(control, record);
  let fault: string | null = typeof left === 'string' ? left : null;
  if (known) await restore(folder, record);
  fault ??= await control.check();
  // a running Postfix reads the files as they are now, even if `postfix check` fails
  if (running) fault ??= await control.reload();
  const then = hashesOf(record.directory);
  const exact = FILES.every((name) => then[name] === record.before[name]);
  return { exact, left: typeof left === 'string' ? [] : left, fault };
}

/** master.cf last: until then it has the entries that main.cf names. */
async function restore(folder: string, record: SetupRecord): Promise<void> {
  const copies = FILES.map((name) => ({ name, copy: readCopy(folder, name, record) }));
  for (const { name, copy } of copies) {
    const draft = await openDraft(join(record.directory, name), null);
    try {
      draft.write(copy);
      draft.commit();
    } finally {
      draft.close();
    }
  }
}

/** What stays; or what postconf said against it. */
async function undoSingly(control: PostfixControl, record: SetupRecord): Promise<string[] | string> {
  const config = await readPostfix(record.directory);
  const changes = reversed(record.changes);
  const now = new Map(changes.map((change) => [change, valueNow(config, change)]));
  const back = changes.filter((change) => now.get(change) === change.before);
  const fault = await control.writeAll(back);
  if (fault !== null) return fault;
  // what is there already was never written, or is taken back
  return changes.filter((one) => !back.includes(one) && now.get(one) !== one.after).map(changeName);
}

/** What is written there now, in the form of a change; null: nothing. */
function valueNow(config: PostfixConfig, { target, service, name }: Change): string | null {
  if (target === 'main') return config.set.get(name) ?? null;
  const entry = config.entries.find((one) => serviceOf(one) === service);
  if (target === 'override') return entry?.overrides.get(name) ?? null;
  return entry === undefined ? null : entryLine(entry);
}
