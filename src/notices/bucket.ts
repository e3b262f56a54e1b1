/** A limit on how often: so many at once, and one more in each of so many milliseconds. Pure. */

export interface Bucket {
  /** What is left of it at that time; milliseconds since the epoch. */
  readonly left: number;
  readonly at: number;
}

export interface BucketSize {
  readonly most: number;
  /** Of one more. */
  readonly everyMs: number;
}

/** What it holds now. A clock that was set back gives nothing, and takes nothing away. */
export function refilled(bucket: Bucket | null, { most, everyMs }: BucketSize, now: number): Bucket {
  if (bucket === null) return { left: most, at: now };
  const gained = Math.max(0, now - bucket.at) / everyMs;
  return { left: Math.min(most, bucket.left + gained), at: now };
}

/** One less; null: there is none. */
export function taken(bucket: Bucket): Bucket | null {
  return bucket.left < 1 ? null : { ...bucket, left: bucket.left - 1 };
}
