/**
 * Takes the entries out of a map that were put in longest ago, as long as `goes` says so. A walk from the beginning
 * steps over all that was deleted there, so it is made once for many entries, not for each.
 */
export function dropOldest<V>(
  map: Map<string, V>,
  goes: (value: V, left: number) => boolean,
  dropped: (value: V, key: string) => void = () => {},
): void {
  for (const [key, value] of map) {
    if (!goes(value, map.size)) return;
    map.delete(key);
    dropped(value, key);
  }
}

/** What stays of a map at its limit. */
export function keptOf(limit: number): number {
  return Math.floor((limit * 7) / 8);
}
