/** The inventory of partners' certificates as commands open it: read, and for the one that writes it under a lock. */
import { randomBytes } from 'node:crypto';
import { lchownSync } from 'node:fs';
import { join } from 'node:path';
import { escapeText } from '../core/escape.ts';
import { codeOf, fileError } from '../files/systemError.ts';
import type { Inventory } from '../probe/inventory.ts';
import { InventoryError, inventoryFolder, readInventory } from '../probe/inventoryFile.ts';
import { takeLock } from '../recorder/lock.ts';
import { SYSTEM } from '../recorder/system.ts';
import { EXIT, type Io, reportError } from './command.ts';

interface Refusal {
  readonly why: string;
  readonly status: number;
}

/**
 * One run at a time: two would each take out of the file what the other one saw, and connect to every server twice. Returns
 * what releases the lock.
 */
export function lockInventory(file: string): (() => void) | Refusal {
  try {
    const { folder, owner } = inventoryFolder(file);
    const release = takeLock(SYSTEM, folder, randomBytes(8).toString('hex'), 'probes all partners');
    // the user of the timer must be able to see that it is stale
    if (owner !== null) lchownSync(join(folder, 'lock'), owner.uid, owner.gid);
    return release;
  } catch (error) {
    if (codeOf(error) === 'ELOCKED')
      return { why: escapeText((error as Error).message, 1000), status: EXIT.cannotTell };
    return unwritable(file, error);
  }
}

/** Throws an error that is not of the system. */
export function unwritable(file: string, error: unknown): Refusal {
  if (!(error instanceof Error && 'code' in error)) throw error;
  return {
    why: `${escapeText(file)}: cannot be written (${fileError(error)})`,
    status: EXIT.cannotCreate,
  };
}

/** null: it cannot be read, which was reported. */
export function inventoryOf(file: string, json: boolean | undefined, io: Io): Inventory | null {
  try {
    return readInventory(file);
  } catch (error) {
    const why = error instanceof InventoryError ? error.message : `cannot be read (${fileError(error)})`;
    reportError(io, json, `${escapeText(file)}: ${why}`);
    return null;
  }
}
