/**
 * Days as the configuration writes them; a file of its own because the main thread needs it without the loader.
 */

/** The local day as `YYYY-MM-DD`. */
export function dayOf(date: Date): string {
  const two = (number: number) => String(number).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
