/**
 * A plan while it is made: each change is kept only if it changes anything, and what was planned before
 * counts as done for whatever is planned next.
 */
import { type MasterEntry, type PostfixConfig, parseEntries } from '../mta/postfixConfig.ts';
import type { Change, Obstacle, Plan, Remark, Wish } from './plan.ts';

export class Draft {
  /** Postfix as it would be with all that is planned so far. */
  config: PostfixConfig;
  readonly #changes: Change[] = [];
  readonly #remarks: Remark[] = [];
  readonly #obstacles: Obstacle[] = [];

  constructor(config: PostfixConfig) {
    this.config = config;
  }

  /** A parameter of main.cf; `after` null takes it out. */
  main(wish: Wish, name: string, after: string | null, why: string): void {
    const before = this.config.set.get(name) ?? null;
    const standard = before === null ? (this.config.defaults.get(name) ?? null) : null;
    this.#add({ wish, target: 'main', service: '', name, before, standard, after, why });
  }

  /** `-o name=value` of an entry of master.cf; `after` null takes it out. */
  override(wish: Wish, entry: MasterEntry, name: string, after: string | null, why: string): void {
    const before = entry.overrides.get(name) ?? null;
    const service = serviceOf(entry);
    this.#add({ wish, target: 'override', service, name, before, standard: null, after, why });
  }

  /** An entry of master.cf that is not there, or `null` for one of ours that is to go. */
  entry(wish: Wish, service: string, after: string | null, why: string): void {
    const there = this.config.entries.find((entry) => serviceOf(entry) === service);
    const before = there === undefined ? null : entryLine(there);
    this.#add({ wish, target: 'entry', service, name: '', before, standard: null, after, why });
  }

  #add(change: Change): void {
    if (change.before === change.after) return;
    this.#changes.push(change);
    this.config = withChange(this.config, change);
  }

  note(wish: Wish, text: string): void {
    this.#remarks.push({ wish, severity: 'note', text });
  }

  warn(wish: Wish, text: string): void {
    this.#remarks.push({ wish, severity: 'warning', text });
  }

  obstacle(wish: Wish, text: string): void {
    this.#obstacles.push({ wish, text });
  }

  plan(): Plan {
    return { changes: this.#changes, remarks: this.#remarks, obstacles: this.#obstacles };
  }
}

/** `submission/inet`, as postconf -M and -P name an entry. */
export function serviceOf({ name, type }: Pick<MasterEntry, 'name' | 'type'>): string {
  return `${name}/${type}`;
}

/**
 * An entry as one line of master.cf, with the columns that we write. Only entries of ours need to come back
 * this way.
 */
export function entryLine(entry: MasterEntry): string {
  const flag = (yes: boolean): string => (yes ? 'y' : 'n');
  const columns = [entry.name, entry.type, '-', '-', flag(entry.chroot), '-', '-', entry.command];
  return [...columns, ...entry.args].join(' ');
}

/** Postfix with one change made. */
export function withChange(config: PostfixConfig, change: Change): PostfixConfig {
  const { target, service, name, after } = change;
  if (target === 'main') {
    const set = new Map(config.set);
    if (after === null) set.delete(name);
    else set.set(name, after);
    return { ...config, set };
  }
  if (target === 'entry') {
    const others = config.entries.filter((entry) => serviceOf(entry) !== service);
    return { ...config, entries: after === null ? others : [...others, ...parseEntries(after, '', false)] };
  }
  const entries = config.entries.map((entry) => {
    if (serviceOf(entry) !== service) return entry;
    const overrides = new Map(entry.overrides);
    if (after === null) overrides.delete(name);
    else overrides.set(name, after);
    return { ...entry, overrides };
  });
  return { ...config, entries };
}
