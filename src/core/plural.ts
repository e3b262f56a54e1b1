/** A number with its noun: "1 row", "2 rows", `count(2, 'entry', 'entries')`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
