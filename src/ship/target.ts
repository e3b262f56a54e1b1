/**
 * Where records are sent to: the address of a ClickHouse server, the table, and who we are there.
 *
 * Credentials are a file of two lines, which no other user may read (0600, or 0640 with a group that may):
 *
 *   user = tlsward
 *   password = ...
 *
 * Neither is ever named in a message.
 */
import { createHash } from 'node:crypto';
import { inNetworks, LOOPBACK } from '../core/network.ts';
import { formatPosition } from '../core/position.ts';
import { readGuardedSync } from '../files/guardedReader.ts';
import { fileError } from '../files/systemError.ts';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

export interface Target {
  /** Scheme, host and port. */
  readonly server: URL;
  readonly database: string;
  readonly table: string;
  readonly credentials: Credentials | null;
  /** Without a byte from the server for so long, it counts as away. */
  readonly timeoutMs: number;
}

/** What was said of the target cannot be used; the message says what and why. */
export class TargetError extends Error {}

const MAX_CREDENTIALS_BYTES = 4096;
const TIMEOUT_MS = 60_000;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
/** Visible ASCII and spaces: what a header field may hold (RFC 9110 section 5.5). */
const HEADER_TEXT = /^[\x20-\x7e]{0,1024}$/;

/** `plain`: may records go to another host without TLS? Throws TargetError. */
export function targetOf(
  server: string,
  names: { readonly database: string; readonly table: string },
  credentials: Credentials | null,
  plain: boolean,
): Target {
  const url = urlOf(server);
  if (url.protocol === 'http:' && !plain && !isHere(url.hostname))
    throw new TargetError(
      '--server: http:// to another host sends records and password as plain text; use https://, or say --plain where the network itself protects them',
    );
  for (const [option, name] of Object.entries(names))
    if (!NAME.test(name))
      throw new TargetError(`--${option}: expected letters, digits and _, not beginning with a digit`);
  return { server: url, ...names, credentials, timeoutMs: TIMEOUT_MS };
}

function urlOf(text: string): URL {
  const expected = 'expected https://HOST:8443 or http://127.0.0.1:8123';
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new TargetError(`--server: not a URL; ${expected}`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new TargetError(`--server: ${expected}`);
  if (url.username !== '' || url.password !== '')
    throw new TargetError('--server: a password in a URL is seen by every user; use --credentials FILE');
  if (url.search !== '' || url.hash !== '')
    throw new TargetError(`--server: nothing may follow the path; ${expected}`);
  return url;
}

function isHere(host: string): boolean {
  return host === 'localhost' || inNetworks(LOOPBACK, host.replace(/^\[|\]$/g, ''));
}

/** Throws TargetError. */
export function readCredentials(file: string): Credentials {
  let found: ReturnType<typeof readGuardedSync<string>>;
  try {
    found = readGuardedSync(file, {
      maxBytes: MAX_CREDENTIALS_BYTES,
      followLinks: true,
      refuse: ({ mode }) => ((mode & 0o037) === 0 ? null : (mode & 0o777).toString(8).padStart(4, '0')),
    });
  } catch (error) {
    throw new TargetError(`${file}: cannot be read (${fileError(error)})`);
  }
  if (found.kind === 'refused')
    throw new TargetError(`${file}: its mode is ${found.why}, so others may read it; chmod 0600 ${file}`);
  if (found.kind !== 'read')
    throw new TargetError(`${file}: expected a file of two lines, user and password`);
  return parseCredentials(found.bytes.toString(), file);
}

function parseCredentials(text: string, file: string): Credentials {
  const values = new Map<string, string>();
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    const written = line.trim();
    if (written === '' || written.startsWith('#')) continue;
    const at = written.indexOf('=');
    const key = written.slice(0, Math.max(at, 0)).trim();
    const value = written.slice(at + 1).trim();
    const known = (key === 'user' || key === 'password') && !values.has(key);
    // the line itself stays out of the message: it may be the password
    if (!known || !HEADER_TEXT.test(value))
      throw new TargetError(
        `${formatPosition({ file, line: i + 1 })}: expected "user = NAME" and "password = TEXT", each once, in ASCII`,
      );
    values.set(key, value);
  }
  const user = values.get('user');
  if (user === undefined || user === '') throw new TargetError(`${file}: has no line "user = NAME"`);
  return { user, password: values.get('password') ?? '' };
}

/** As text, without credentials: `https://ch.example:8443 tlsward.evidence`. */
export function targetText({ server, database, table }: Target): string {
  return `${server.href.replace(/\/$/, '')} ${database}.${table}`;
}

/** What names the files of this target. */
export function targetId(target: Target): string {
  return createHash('sha256').update(targetText(target)).digest('hex').slice(0, 8);
}
