/** The last whole checkpoint of a day, as it stands: nothing is verified here (`tlsward evidence verify`). */
import { readGuardedSync } from '../files/guardedReader.ts';

const MAX_BYTES = 1 << 20;

/** `SIZE ROOT`; '' when there is none that can be read. */
export function lastHead(file: string): string {
  let text: string;
  try {
    const found = readGuardedSync(file, { maxBytes: MAX_BYTES, followLinks: false, refuse: () => null });
    if (found.kind !== 'read') return '';
    text = found.bytes.toString();
  } catch {
    return '';
  }
  const end = text.lastIndexOf('\n\n');
  const begin = text.lastIndexOf('\ntlsward/', end) + 1;
  const [, size = '', root = ''] = text.slice(begin, end).split('\n', 3);
  return `${size} ${root}`;
}
