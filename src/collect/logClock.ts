/**
 * The times of a log. RFC 3164 stamps have neither year nor zone: the zone is that of this process, the year is
 * the one that lies nearest to the line before, and not in the future. So a log may cross New Year, go back, or be
 * read months later.
 *
 * A stamp that cannot be, because a clock was never set or a program made it up, is not believed: the line
 * gets the time of the line before, and is counted.
 */
const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec';
const DAY_MS = 86_400_000;
/** 2000-01-01: no MTA that is read here is older. */
const EARLIEST = 946_684_800_000;
const ISO =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?$/;

export class LogClock {
  readonly #now: () => number;
  /** Time of the last line that is believed; null before the first. */
  #last: number | null;
  #stamp = '';
  #disbelieved = 0;

  /** `last`: the last line's time when reading goes on after a restart. */
  constructor(now: () => number, last: number | null = null) {
    this.#now = now;
    this.#last = last;
  }

  /** Stamps that were not believed. */
  get disbelieved(): number {
    return this.#disbelieved;
  }

  get last(): number | null {
    return this.#last;
  }

  /** Milliseconds since the epoch; null: this is no stamp. */
  read(stamp: string): number | null {
    // most lines have the same stamp as the line before
    if (stamp === this.#stamp && this.#last !== null) return this.#last;
    const year = stamp.charCodeAt(0) <= 0x39;
    const time = year ? isoTime(stamp) : this.#yearless(stamp);
    if (time === null) return null;
    const believed = this.believe(time);
    this.#stamp = believed === time ? stamp : '';
    return believed;
  }

  /** The time itself, or that of the line before when it cannot be. */
  believe(time: number): number {
    if (time >= EARLIEST && time <= this.#now() + DAY_MS) {
      this.#last = time;
      return time;
    }
    this.#disbelieved++;
    return this.#last ?? this.#now();
  }

  /** `Nov 22 18:47:31`, `Nov  2 18:47:31`. */
  #yearless(stamp: string): number | null {
    const month = MONTHS.indexOf(stamp.slice(0, 3));
    if (month < 0 || month % 3 !== 0 || stamp.length !== 15) return null;
    const day = number(stamp, stamp[4] === ' ' ? 5 : 4, 6);
    const hour = number(stamp, 7, 9);
    const minute = number(stamp, 10, 12);
    const second = number(stamp, 13, 15);
    if (stamp[9] !== ':' || stamp[12] !== ':' || stamp[3] !== ' ' || stamp[6] !== ' ') return null;
    if (!(day >= 1 && day <= 31 && hour <= 23 && minute <= 59 && second <= 60)) return null;
    const near = this.#last ?? this.#now();
    const latest = this.#now() + DAY_MS;
    const middle = new Date(near).getFullYear();
    let best: number | null = null;
    for (const year of [middle - 1, middle, middle + 1]) {
      const date = new Date(year, month / 3, day, hour, minute, second);
      const time = date.getTime();
      // 29 February of a year that has none is another day
      if (date.getDate() !== day && second !== 60) continue;
      if (time > latest) continue;
      if (best === null || Math.abs(time - near) < Math.abs(best - near)) best = time;
    }
    return best;
  }
}

function isoTime(stamp: string): number | null {
  if (!ISO.test(stamp)) return null;
  // a zone is `+01:00` or `+0100`; milliseconds are enough
  const time = Date.parse(
    stamp
      .replace(',', '.')
      .replace(/(\.[0-9]{3})[0-9]*/, '$1')
      .replace(/([+-][0-9]{2})([0-9]{2})$/, '$1:$2'),
  );
  return Number.isNaN(time) ? null : time;
}

/** Decimal digits only; NaN for anything else. */
function number(text: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}
