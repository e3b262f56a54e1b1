/** Parses and compares versions of Postfix releases; no other file does. */

/** Major and minor of a Postfix release. */
export interface PostfixVersion {
  readonly major: number;
  readonly minor: number;
}

/** The oldest supported version: assumed when the version of the Postfix that asks is unknown. */
export const OLDEST_POSTFIX: PostfixVersion = { major: 3, minor: 7 };

/** From this version on, smtp(8) and smtpd(8) support the ESMTP extension REQUIRETLS. */
export const REQUIRETLS_SINCE = [3, 11] as const;

const VERSION = /^([0-9]{1,2})\.([0-9]{1,3})(?:\.[0-9]{1,3})?/;

/** `3.7` or `3.10.5`; null when it is neither. */
export function parsePostfixVersion(text: string): PostfixVersion | null {
  const match = VERSION.exec(text);
  if (match === null || match[0] !== text) return null;
  return { major: Number(match[1]), minor: Number(match[2]) };
}

/** The version at the start of a text, `3.12` of `3.12-20260101`; '' if there is none. */
export function leadingPostfixVersion(text: string): string {
  return VERSION.exec(text)?.[0] ?? '';
}

/**
 * The version for which answers are written: `postfix-version` of the configuration, or the oldest if it is
 * not set.
 */
export function answeredVersion(configured: string | null): PostfixVersion {
  return parsePostfixVersion(configured ?? '') ?? OLDEST_POSTFIX;
}

/** Is `version` this one or later? */
export function since(version: PostfixVersion, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}

/** The same for a text; false if it does not begin with a version. */
export function isSince(text: string, major: number, minor: number): boolean {
  const version = parsePostfixVersion(leadingPostfixVersion(text));
  return version !== null && since(version, major, minor);
}
