/**
 * System calls that end the process, fail or stop short at a chosen one, on a real folder. After a power cut files
 * have what was synced, and perhaps zeros behind it, and names that no sync of their folder has saved are gone.
 */
import { closeSync, ftruncateSync, openSync, rmSync, statSync, truncateSync } from 'node:fs';
import { dirname } from 'node:path';
import { SYSTEM, type System } from '../../src/recorder/system.ts';

export interface Fault {
  /** Which changing call, from 1. */
  readonly at: number;
  /** `short`: half of a write, and then killed. */
  readonly what:
    | 'kill'
    | 'short'
    | { readonly code: string; readonly times: number; readonly calls?: readonly string[] };
}

/** What a killed process calls is not done. */
export class Killed extends Error {
  readonly code = 'KILLED';
}

export class FaultySystem implements System {
  /** Changing calls so far. */
  calls = 0;
  /** Their names. */
  readonly names: string[] = [];
  #dead = false;
  #failed = 0;
  fault: Fault | null;
  readonly #paths = new Map<number, string>();
  /** Bytes that survive a power cut, by path. */
  readonly #synced = new Map<string, number>();
  /** Names that a power cut takes. */
  readonly #newNames = new Set<string>();

  constructor(fault: Fault | null = null) {
    this.fault = fault;
  }

  get isDead(): boolean {
    return this.#dead;
  }

  #change(name: string): 'short' | null {
    if (this.#dead) throw new Killed();
    this.calls++;
    this.names.push(name);
    const { fault } = this;
    if (fault === null || this.calls < fault.at) return null;
    if (fault.what === 'kill' || (fault.what === 'short' && name !== 'write' && this.calls === fault.at)) {
      this.#dead = true;
      throw new Killed();
    }
    if (fault.what === 'short') return 'short';
    const { code, times, calls } = fault.what;
    if (this.#failed >= times || (calls !== undefined && !calls.includes(name))) return null;
    this.#failed++;
    throw Object.assign(new Error(code), { code, syscall: name });
  }

  #opened(fd: number, path: string, isNew: boolean): number {
    this.#paths.set(fd, path);
    if (isNew) this.#newNames.add(path);
    if (!this.#synced.has(path)) this.#synced.set(path, isNew ? 0 : statSync(path).size);
    return fd;
  }

  openAppend(path: string): number {
    this.#change('openAppend');
    const isNew = statSync(path, { throwIfNoEntry: false }) === undefined;
    return this.#opened(SYSTEM.openAppend(path), path, isNew);
  }

  create(path: string, mode: number): number {
    this.#change('create');
    return this.#opened(SYSTEM.create(path, mode), path, true);
  }

  openFolder(path: string): number {
    if (this.#dead) throw new Killed();
    const fd = SYSTEM.openFolder(path);
    this.#paths.set(fd, path);
    return fd;
  }

  openRead(path: string): number {
    if (this.#dead) throw new Killed();
    return SYSTEM.openRead(path);
  }

  write(fd: number, bytes: Uint8Array, from: number): number {
    if (this.#change('write') !== 'short') return SYSTEM.write(fd, bytes, from);
    const half = from + Math.ceil((bytes.length - from) / 2);
    SYSTEM.write(fd, bytes.subarray(0, half), from);
    this.#dead = true;
    throw new Killed();
  }

  truncate(fd: number, length: number): void {
    this.#change('truncate');
    ftruncateSync(fd, length);
    const path = this.#paths.get(fd)!;
    this.#synced.set(path, Math.min(length, this.#synced.get(path) ?? 0));
  }

  datasync(fd: number): void {
    this.#change('datasync');
    this.#keep(fd);
  }

  sync(fd: number): void {
    this.#change('sync');
    this.#keep(fd);
  }

  #keep(fd: number): void {
    const path = this.#paths.get(fd);
    if (path === undefined) return;
    for (const name of this.#newNames) if (dirname(name) === path) this.#newNames.delete(name);
    this.#synced.set(path, SYSTEM.size(fd));
  }

  close(fd: number): void {
    // a killed process leaves nothing open
    SYSTEM.close(fd);
    if (this.#dead) throw new Killed();
    this.#change('close');
  }

  rename(from: string, to: string): void {
    this.#change('rename');
    SYSTEM.rename(from, to);
    this.#moved(from, to);
  }

  link(from: string, to: string): void {
    this.#change('link');
    SYSTEM.link(from, to);
    this.#moved(from, to);
  }

  #moved(from: string, to: string): void {
    this.#synced.set(to, this.#synced.get(from) ?? 0);
    this.#newNames.delete(to);
  }

  unlink(path: string): void {
    this.#change('unlink');
    SYSTEM.unlink(path);
    this.#newNames.delete(path);
    this.#synced.delete(path);
  }

  mkdir(path: string): void {
    this.#change('mkdir');
    SYSTEM.mkdir(path);
  }

  list(folder: string): string[] {
    if (this.#dead) throw new Killed();
    return SYSTEM.list(folder);
  }

  read(fd: number, into: Uint8Array, at: number, length: number, position: number): number {
    return SYSTEM.read(fd, into, at, length, position);
  }

  isSame(fd: number, path: string): boolean {
    return SYSTEM.isSame(fd, path);
  }

  size(fd: number): number {
    return SYSTEM.size(fd);
  }

  readSmall(path: string): string | null {
    if (this.#dead) throw new Killed();
    return SYSTEM.readSmall(path);
  }

  /** What is on the disk when the power comes back. `zeros`: what was not synced is there, but empty. */
  cutPower(zeros: boolean): void {
    for (const path of this.#newNames) rmSync(path, { force: true });
    for (const [path, bytes] of this.#synced) {
      const status = statSync(path, { throwIfNoEntry: false });
      if (status === undefined || !status.isFile() || status.size <= bytes) continue;
      truncateSync(path, bytes);
      if (!zeros) continue;
      const fd = openSync(path, 'r+');
      ftruncateSync(fd, status.size);
      closeSync(fd);
    }
  }
}
