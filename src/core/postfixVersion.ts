/** Versions of Postfix releases: the one place where they are read and compared. */

/** Major and minor of a Postfix release. */
export interface PostfixVersion {
  readonly major: number;
  readonly minor: number;
}

/** The oldest one supported: what is assumed when nothing says which Postfix asks. */
export const OLDEST_POSTFIX: PostfixVersion = { major: 3, minor: 7 };

/** smtp(8) and smtpd(8) know the ESMTP extension REQUIRETLS. */
export const REQUIRETLS_SINCE = [3, 11] as const;

const VERSION = /^([0-9]{1,2})\.([0-9]{1,3})(?:\.[0-9]{1,3})?/;

/** `3.7` or `3.10.5`; null when it is neither. */
export function parsePostfixVersion(text: string): PostfixVersion | null {
  const match = VERSION.exec(text);
  if (match === null || match[0] !== text) return null;
  return { major: Number(match[1]), minor: Number(match[2]) };
}

/** The version that a text begins with, `3.12` of `3.12-20260101`; '' where it begins with none. */
export function leadingPostfixVersion(text: string): string {
  return VERSION.exec(text)?.[0] ?? '';
}

/** The version that answers are written for: `postfix-version` of the configuration, the oldest where it is not set. */
export function answeredVersion(configured: string | null): PostfixVersion {
  return parsePostfixVersion(configured ?? '') ?? OLDEST_POSTFIX;
}

/** Is `version` this one or later? */
export function since(version: PostfixVersion, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}

/** The same of a text; false for one that begins with no version. */
export function isSince(text: string, major: number, minor: number): boolean {
  const version = parsePostfixVersion(leadingPostfixVersion(text));
  return version !== null && since(version, major, minor);
}
