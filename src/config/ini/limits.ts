/**
 * Limits of the configuration's files, in one place; each is named in the problem that reports it.
 *
 * They keep a mistaken or hostile file from taking the loader's memory; none is near what a real table needs.
 */

/** One line without its line end. A pin list of 150 SHA-256 digests fits. */
export const MAX_LINE_BYTES = 16_384;
/** One file: twenty million rows. */
export const MAX_FILE_BYTES = 512 * 1024 * 1024;
/** Files in all; row positions hold the file as 16 bits. */
export const MAX_FILES = 65_535;
/** Files between the main file and one that is included. */
export const MAX_INCLUDE = 16;
/** Policies between a row and the built-in policy at the root of its inheritance. */
export const MAX_INHERITANCE = 32;
/** Rules; each is compared with every message. */
export const MAX_RULES = 1000;
/** A reply text as written, before its fields are filled in. */
export const MAX_REPLY = 300;
/** `help` and `contact`, which may stand in a reply. */
export const MAX_CONTACT = 120;
export const MAX_REASON = 300;
