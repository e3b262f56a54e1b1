/** Status of the files that checks name, and the certificates in some of them. Private keys are not read. */
import { createHash, type Hash, X509Certificate } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { certificateNames } from '../../core/certificateNames.ts';
import { readGuarded } from '../../files/guardedReader.ts';
import { codeOf } from '../../files/systemError.ts';
import { type CertificateFacts, type FileFacts, type Known, known, unknown } from '../facts.ts';

const ABSENT: FileFacts = { kind: 'absent', mode: 0, uid: 0, gid: 0, real: '', firstLine: '' };
/** Of a table, for its first line, and of a file of certificates. */
const MAX_TABLE_BYTES = 16 * 1024 * 1024;
const MAX_CHAIN_BYTES = 1024 * 1024;
const MAX_LINE = 300;
/** Certificates of a chain that are looked at. */
const MAX_CHAIN = 20;

/** Never rejects. `wantsLine`: paths whose first line is wanted. */
export async function gatherFiles(
  paths: Iterable<string>,
  wantsLine: ReadonlySet<string>,
): Promise<Map<string, Known<FileFacts>>> {
  const files = new Map<string, Known<FileFacts>>();
  for (const path of new Set(paths)) files.set(path, await factsOf(path, wantsLine.has(path)));
  return files;
}

async function factsOf(path: string, wantsLine: boolean): Promise<Known<FileFacts>> {
  try {
    const status = await stat(path);
    const kind = status.isSocket()
      ? 'socket'
      : status.isFile()
        ? 'file'
        : status.isDirectory()
          ? 'folder'
          : 'other';
    const { mode, uid, gid } = status;
    const firstLine = wantsLine && kind === 'file' ? await firstLineOf(path) : '';
    return known({ kind, mode: mode & 0o7777, uid, gid, real: await realpath(path), firstLine });
  } catch (error) {
    const code = codeOf(error);
    return code === 'ENOENT' || code === 'ENOTDIR' ? known(ABSENT) : unknown(`cannot be looked at (${code})`);
  }
}

async function firstLineOf(path: string): Promise<string> {
  const read = await readGuarded(path, { maxBytes: MAX_TABLE_BYTES, followLinks: true, refuse: () => null });
  if (read.kind !== 'read') return '';
  return read.bytes.subarray(0, MAX_LINE).toString('latin1').split('\n', 1)[0] ?? '';
}

/** The certificates in a PEM file, in its order; a file with none has an empty list. Never rejects. */
export async function gatherChain(path: string): Promise<Known<readonly CertificateFacts[]>> {
  try {
    const read = await readGuarded(path, {
      maxBytes: MAX_CHAIN_BYTES,
      followLinks: true,
      refuse: () => null,
    });
    if (read.kind !== 'read') return unknown('is not a file of certificates');
    return certificatesIn(read.bytes.toString('latin1'));
  } catch (error) {
    const code = codeOf(error);
    return unknown(code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`);
  }
}

const BEGIN = '-----BEGIN CERTIFICATE-----';
const END = '-----END CERTIFICATE-----';

/** The same of a text. */
export function certificatesIn(text: string): Known<readonly CertificateFacts[]> {
  const found: CertificateFacts[] = [];
  for (let at = text.indexOf(BEGIN); at >= 0 && found.length < MAX_CHAIN; at = text.indexOf(BEGIN, at + 1)) {
    const end = text.indexOf(END, at);
    if (end < 0) return unknown('no certificate that ends');
    try {
      found.push(certificateFacts(new X509Certificate(text.slice(at, end + END.length))));
    } catch {
      return unknown('has no certificate that can be read');
    }
  }
  return known(found);
}

function certificateFacts(certificate: X509Certificate): CertificateFacts {
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return {
    subject: certificate.subject,
    names: certificateNames(certificate),
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
    digests: [certificate.raw, spki].flatMap((bytes, i) => {
      const selector = i === 0 ? (0 as const) : (1 as const);
      const hex = (hash: Hash): string => hash.update(bytes).digest('hex');
      return [
        { selector, matching: 0 as const, hex: Buffer.from(bytes).toString('hex') },
        { selector, matching: 1 as const, hex: hex(createHash('sha256')) },
        { selector, matching: 2 as const, hex: hex(createHash('sha512')) },
      ];
    }),
  };
}
