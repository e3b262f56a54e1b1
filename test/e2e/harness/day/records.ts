/**
 * The records of an evidence directory, read without the product's own reader, and the pseudonyms of addresses,
 * computed from the month's keys as contrib/doc/evidence.md says.
 */
import { createHmac } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface DayRecord {
  readonly n: number;
  readonly time: string;
  readonly type: string;
  readonly [field: string]: unknown;
}

/** A verdict, as far as it is compared. */
export interface Verdict extends DayRecord {
  readonly protocol: 'policy' | 'milter';
  readonly stage: string;
  readonly queueId?: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly tls: { readonly state: string; readonly protocol?: string };
  readonly action: string;
  readonly tagged?: boolean;
  readonly would?: string;
}

export interface Delivery extends DayRecord {
  readonly queueId: string;
  readonly sender: string;
  readonly recipient: string;
  readonly relay?: { readonly address?: string; readonly port?: number };
  readonly tls: {
    readonly state: string;
    readonly protocol?: string;
    readonly how?: string;
    readonly why?: string;
  };
  readonly outcome: string;
  readonly dsn?: string;
  readonly reply?: string;
  readonly agent: string;
}

/** A stretch of time of which records may be missing; milliseconds since the epoch. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  readonly why: string;
}

export class Evidence {
  readonly daemon: readonly DayRecord[];
  readonly collector: readonly DayRecord[];
  readonly #keys: readonly { readonly month: string; readonly secret: Buffer }[];
  readonly #known = new Map<string, string>();

  constructor(directory: string) {
    this.daemon = recordsOf(join(directory, 'daemon'));
    this.collector = recordsOf(join(directory, 'collector'));
    const folder = join(directory, 'pseudonyms');
    this.#keys = readdirSync(folder).map((name) => ({
      month: name.slice(0, -'.key'.length),
      secret: Buffer.from(readFileSync(join(folder, name), 'utf8').trim(), 'hex'),
    }));
  }

  /** Lets `addressOf` find these. */
  know(addresses: Iterable<string>): void {
    for (const address of addresses) {
      for (const { month, secret } of this.#keys) {
        const at = address.lastIndexOf('@');
        const mac = createHmac('sha256', secret).update(address).digest();
        const pseudonym = `h:${month}:${mac.subarray(0, 12).toString('base64url')}${address.slice(at)}`;
        this.#known.set(pseudonym, address);
      }
    }
  }

  /** The address of a pseudonym; the pseudonym itself when it is of none that is known. */
  addressOf(pseudonym: string): string {
    return this.#known.get(pseudonym) ?? pseudonym;
  }

  ofType<T extends DayRecord>(stream: 'daemon' | 'collector', type: string): T[] {
    return this[stream].filter((record): record is T => record.type === type);
  }

  gaps(stream: 'daemon' | 'collector'): Gap[] {
    return this.ofType(stream, 'gap').map(({ from, to, why }) => ({
      from: Date.parse(String(from)),
      to: Date.parse(String(to)),
      why: String(why),
    }));
  }
}

function recordsOf(folder: string): DayRecord[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
  return files.sort().flatMap((name) => {
    const lines = readFileSync(join(folder, name), 'utf8').split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as DayRecord);
  });
}
