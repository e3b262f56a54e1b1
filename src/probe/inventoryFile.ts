/**
 * The file of the inventory, `STATE/probe/certificates.json`: read whole, and replaced whole, by one process at a time
 * (`tlsward probe --all-required`). It belongs to whoever owns the folder, so that root may run the command for the user
 * of the timer. Other programs may read it; its fields are those of inventory.ts.
 */
import { lchownSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeAtomically } from '../files/atomicWriter.ts';
import { readGuardedSync } from '../files/guardedReader.ts';
import { codeOf } from '../files/systemError.ts';
import { EMPTY, INVENTORY_VERSION, type Inventory, type Partner } from './inventory.ts';

const MAX_BYTES = 32 * 1024 * 1024;

/** The file is there, and is no inventory of this version. */
export class InventoryError extends Error {}

export function inventoryFile(state: string): string {
  return join(state, 'probe', 'certificates.json');
}

/** Empty when there is none. Throws InventoryError, or the error of the system. */
export function readInventory(file: string): Inventory {
  let text: string;
  try {
    const found = readGuardedSync(file, { maxBytes: MAX_BYTES, followLinks: true, refuse: () => null });
    if (found.kind !== 'read') throw new InventoryError(`is ${found.kind}, expected a file up to 32 MiB`);
    text = found.bytes.toString('utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return EMPTY;
    throw error;
  }
  let value: Partial<Inventory> | null;
  try {
    value = JSON.parse(text) as Partial<Inventory> | null;
  } catch {
    throw new InventoryError('is no JSON; move it away to begin again');
  }
  if (value?.v !== INVENTORY_VERSION || !Array.isArray(value.partners) || !value.partners.every(isPartner))
    throw new InventoryError(`is no inventory of version ${INVENTORY_VERSION}; move it away to begin again`);
  return value as Inventory;
}

function isPartner(value: Partial<Partner> | null): boolean {
  return typeof value?.domain === 'string' && Array.isArray(value.servers) && Array.isArray(value.changes);
}

/** Whoever owns the folder; null: files that this process makes belong to the right one by themselves. */
type Owner = { readonly uid: number; readonly gid: number } | null;

/** Makes the folder of the inventory if it is not there. Throws the error of the system. */
export function inventoryFolder(file: string): { readonly folder: string; readonly owner: Owner } {
  const folder = dirname(file);
  const above = statSync(dirname(folder), { throwIfNoEntry: false });
  const root = process.geteuid?.() === 0;
  const made = mkdirSync(folder, { recursive: true, mode: 0o750 });
  if (root && made !== undefined && above !== undefined) lchownSync(folder, above.uid, above.gid);
  const { uid, gid } = statSync(folder);
  return { folder, owner: root ? { uid, gid } : null };
}

/** Rejects with the error of the system. */
export async function writeInventory(file: string, inventory: Inventory): Promise<void> {
  // whoever owns the folder could put a link in place of a file that has its name already
  const { owner } = inventoryFolder(file);
  await writeAtomically(file, `${JSON.stringify(inventory)}\n`, {
    how: 'replace',
    draft: '.certificates-',
    syncFolder: true,
    ...(owner === null ? {} : { owner }),
  });
}
