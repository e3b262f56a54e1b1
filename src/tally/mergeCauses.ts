/** The causes of one domain and way, of many days. Pure. */
import { type Item, outcomeOf } from './item.ts';
import type { CauseTally } from './tallies.ts';

/** Causes of one domain and way that are told apart; the rest come together as one. */
const MAX_CAUSES = 30;
const MAX_PEERS = 12;
const OTHER = 'other causes';

type Peers = readonly (readonly [address: string, count: number])[];
type One = Omit<CauseTally, 'domain' | 'way' | 'peer'>;

interface Book {
  readonly outcome: One['outcome'];
  readonly cause: string;
  count: number;
  first: string;
  last: string;
  example: string;
  readonly peers: Map<string, number>;
}

export class CauseBook {
  #books: Map<string, Book> | null = null;

  add(more: One, peers: Peers): void {
    this.#books ??= new Map();
    let key = `${more.outcome}\n${more.cause}`;
    let { cause } = more;
    if (!this.#books.has(key) && this.#books.size >= MAX_CAUSES) {
      cause = OTHER;
      key = `${more.outcome}\n${OTHER}`;
    }
    const { outcome, count, first, last, example } = more;
    let known = this.#books.get(key);
    if (known === undefined) {
      known = { outcome, cause, count: 0, first, last: '', example: '', peers: new Map() };
      this.#books.set(key, known);
    }
    known.count += count;
    if (first < known.first) known.first = first;
    if (last >= known.last) {
      known.last = last;
      known.example = example;
    }
    for (const [address, n] of peers) {
      const before = known.peers.get(address);
      if (address !== '' && (before !== undefined || known.peers.size < MAX_PEERS))
        known.peers.set(address, (before ?? 0) + n);
    }
  }

  /** Of an item that has one. */
  addItem({ outcome, count, time, cause, example, peer }: Item): void {
    const said = outcomeOf(outcome);
    if (cause === '' || said === null) return;
    this.add({ outcome: said, cause, count, first: time, last: time, example }, [[peer, count]]);
  }

  get causes(): Omit<CauseTally, 'domain' | 'way'>[] {
    return [...(this.#books?.values() ?? [])].map(({ peers, ...rest }) => {
      let peer = '';
      for (const [address, n] of peers) if (n > (peers.get(peer) ?? 0)) peer = address;
      return { ...rest, peer };
    });
  }
}
