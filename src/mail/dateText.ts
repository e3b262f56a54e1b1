/** Times in the text of messages. `ms`: milliseconds since the epoch. */

/** The `Date` field (RFC 5322 section 3.3), in UTC. */
export function mailDate(ms: number): string {
  return new Date(ms).toUTCString().replace('GMT', '+0000');
}

/** `2026-11-30 14:02 +0100`: the clock on the wall of this host, for who reads it. */
export function localTime(ms: number): string {
  const date = new Date(ms);
  const two = (n: number): string => String(Math.trunc(Math.abs(n))).padStart(2, '0');
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? '-' : '+'}${two(offset / 60)}${two(offset % 60)}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())} ${zone}`;
}
