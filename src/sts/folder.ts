/**
 * The folder in which fetched policies survive a restart: one file per domain, `DOMAIN.json`, mode 0600,
 * folder 0700.
 *
 *   {"format":1,"domain":"bank.example","id":"20261122","fetchedAt":1795334400000,"expiresAt":1795939200000,
 *    "lastUsed":1795334400000,"lastChecked":1795334400000,"policy":"version: STSv1\r\nmode: enforce\r\n..."}
 *
 * Times are milliseconds since the epoch; `policy` is the file as it was fetched, and is parsed again when
 * read, so a file can say nothing that a policy server could not have said. A file is used only when it is a
 * regular file of ours that no other user may write, and its name matches the domain inside; anything else is
 * left where it is and reported. A file is written completely under another name and renamed, so a reader
 * sees the old one or the new one; whatever had that name, even a symbolic link, is replaced and not
 * followed.
 *
 * Limits: 160 KiB a file (a policy of 64 KiB, every character escaped).
 */
import { mkdir, opendir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalDomain } from '../core/domain.ts';
import type { StsPolicy } from '../core/publishedFacts.ts';
import { writeAtomically } from '../files/atomicWriter.ts';
import { readGuarded } from '../files/guardedReader.ts';
import { codeOf } from '../files/systemError.ts';
import { parseStsPolicy } from './policyFile.ts';
import { isStsId, MAX_POLICY_DOMAIN } from './record.ts';

/** A policy with what is known about it; times in milliseconds since the epoch. */
export interface StoredPolicy {
  /** Canonical. */
  readonly domain: string;
  readonly id: string;
  /** As fetched. */
  readonly text: string;
  readonly policy: StsPolicy;
  readonly fetchedAt: number;
  readonly expiresAt: number;
  readonly lastUsed: number;
  /** When DNS was last asked for the id. */
  readonly lastChecked: number;
}

/** Reports a problem with a file or the folder to the administrator. */
export type Tell = (file: string, why: string) => void;

const MAX_BYTES = 163_840;
const SUFFIX = '.json';
const DRAFT = '.draft-';
const DRAFT_LEFT_BEHIND_MS = 3_600_000;
/** Minimum lifetime, however short the max_age: otherwise a policy would be fetched for every message. */
const MIN_AGE_SECONDS = 60;

/** When a policy fetched at `fetchedAt` ceases to hold (RFC 8461 section 3.2, max_age). */
export function expiryOf(policy: StsPolicy, fetchedAt: number): number {
  return fetchedAt + Math.max(policy.maxAgeSeconds, MIN_AGE_SECONDS) * 1000;
}

function formatStored(stored: StoredPolicy): string {
  const { domain, id, fetchedAt, expiresAt, lastUsed, lastChecked, text } = stored;
  const out = { format: 1, domain, id, fetchedAt, expiresAt, lastUsed, lastChecked, policy: text };
  return `${JSON.stringify(out)}\n`;
}

/** The content of `DOMAIN.json`, or the reason why it is invalid. Never throws. */
export function parseStored(text: string, domain: string): StoredPolicy | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'is not JSON';
  }
  if (typeof value !== 'object' || value === null) return 'is not a stored policy';
  const { format, id, policy, ...more } = value as Readonly<Record<string, unknown>>;
  if (format !== 1) return 'has an unknown format';
  if (more.domain !== domain) return 'is for a different domain than its name says';
  if (typeof id !== 'string' || !isStsId(id)) return 'has no valid id';
  if (typeof policy !== 'string') return 'has no policy';
  const { fetchedAt, expiresAt, lastUsed, lastChecked } = more;
  if (!isTime(fetchedAt) || !isTime(expiresAt) || !isTime(lastUsed) || !isTime(lastChecked)) {
    return 'has an invalid time';
  }
  const parsed = parseStsPolicy(policy);
  if (parsed.kind === 'invalid') return `has a policy that is invalid: ${parsed.why}`;
  if (expiresAt !== expiryOf(parsed.policy, fetchedAt)) return 'expires at another time than its policy says';
  return { domain, id, text: policy, policy: parsed.policy, fetchedAt, expiresAt, lastUsed, lastChecked };
}

const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

export class StsFolder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Creates the folder if necessary; null, after reporting why, when it cannot be used. */
  static async open(path: string, tell: Tell): Promise<StsFolder | null> {
    try {
      await mkdir(path, { recursive: true, mode: 0o700 });
      const found = await stat(path);
      if (found.uid !== process.getuid?.()) tell(path, 'belongs to another user: not used');
      else if ((found.mode & 0o022) !== 0) tell(path, 'others may write to it: not used (chmod 700)');
      else return new StsFolder(path);
    } catch (error) {
      tell(path, `cannot be used (${codeOf(error)})`);
    }
    return null;
  }

  fileOf(domain: string): string {
    return join(this.path, `${domain}${SUFFIX}`);
  }

  /** Every file that holds a policy, expired ones included; at most `most` files are looked at. */
  async load(most: number, tell: Tell): Promise<StoredPolicy[]> {
    const names: string[] = [];
    try {
      for await (const { name } of await opendir(this.path)) {
        if (name.startsWith(DRAFT)) await this.#removeDraft(name);
        else if (names.length < most) names.push(name);
        else {
          tell(this.path, `holds more than ${most} files: not all are read`);
          break;
        }
      }
    } catch (error) {
      tell(this.path, `cannot be read (${codeOf(error)})`);
    }
    const out: StoredPolicy[] = [];
    // a few at a time: each needs a descriptor
    for (let i = 0; i < names.length; i += 16) {
      const some = names.slice(i, i + 16);
      const read = await Promise.all(some.map((name) => this.#read(name)));
      for (const [j, stored] of read.entries()) {
        if (typeof stored !== 'string') out.push(stored);
        else tell(join(this.path, some[j] ?? ''), `${stored}: ignored`);
      }
    }
    return out;
  }

  async #read(name: string): Promise<StoredPolicy | string> {
    const domain = name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : '';
    if (canonicalDomain(domain) !== domain || domain.length > MAX_POLICY_DOMAIN) {
      return 'is not named after a domain';
    }
    try {
      const file = await readGuarded(join(this.path, name), {
        maxBytes: MAX_BYTES,
        followLinks: false,
        refuse: ({ uid, mode }) => {
          if (uid !== process.getuid?.()) return 'belongs to another user';
          return (mode & 0o022) !== 0 ? 'others may write to it' : null;
        },
      });
      switch (file.kind) {
        case 'read':
          return parseStored(file.bytes.toString('utf8'), domain);
        case 'not-regular':
          return 'is not a file';
        case 'refused':
          return file.why;
        case 'too-large':
          return `has more than ${MAX_BYTES} bytes`;
      }
    } catch (error) {
      const code = codeOf(error);
      return code === 'ELOOP' ? 'is a symbolic link' : `cannot be read (${code})`;
    }
  }

  /** Files left by a process that was killed while writing; another process may be writing right now. */
  async #removeDraft(name: string): Promise<void> {
    const file = join(this.path, name);
    try {
      if (Date.now() - (await stat(file)).mtimeMs > DRAFT_LEFT_BEHIND_MS) await unlink(file);
    } catch {
      // already gone, or not ours: it does no harm
    }
  }

  /** Rejects when the disk does. */
  async write(stored: StoredPolicy): Promise<void> {
    const options = { how: 'replace', draft: DRAFT, syncFolder: false } as const;
    await writeAtomically(this.fileOf(stored.domain), formatStored(stored), options);
  }

  /** Rejects when the disk does; a missing file is not an error. */
  async remove(domain: string): Promise<void> {
    try {
      await unlink(this.fileOf(domain));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
}
