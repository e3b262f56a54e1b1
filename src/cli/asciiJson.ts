/**
 * JSON for output that a terminal may show: one line of ASCII. `JSON.stringify` leaves C1 controls,
 * bidirectional marks and line separators as they are, and text from mail may hold any of them; here all
 * beyond ASCII is `\uXXXX`, which every JSON reader turns back.
 */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\x7f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
