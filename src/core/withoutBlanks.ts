/** Without the spaces and tabs (WSP of RFC 5234) at both ends; line ends stay. */
export function withoutBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (end > 0 && isBlank(text[end - 1])) end--;
  while (start < end && isBlank(text[start])) start++;
  return text.slice(start, end);
}

function isBlank(char: string | undefined): boolean {
  return char === ' ' || char === '\t';
}
