/** A regular expression that matches the text as it is written. */
export function quoteRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
