/**
 * Intersects two sets of TLS parameters: the floors of a row, and those in the answer of another policy
 * server (`protocols=`, `ciphers=`, `exclude=`). Where TLS is mandatory both apply.
 *
 * `protocols=` is supported when it states a lowest version: `>=TLSv1.2`, exclusions from the bottom
 * (`!SSLv2:!SSLv3`), or a list up to the highest version.
 * Sources: Postfix postconf(5), smtp_tls_mandatory_protocols; `src/tls/tls_proto_mask.c`.
 */
import type { PolicyAttribute } from '../core/publishedFacts.ts';
import { PROTOCOLS, protocolRank } from '../core/tls.ts';

interface Parameters {
  /** null: the MTA's own floor. */
  readonly minProtocol: string | null;
  readonly minBits: number;
  readonly exclude: readonly string[];
}

interface Intersection extends Parameters {
  /** The remaining attributes, in order. */
  readonly attributes: readonly PolicyAttribute[];
}

/** From here on `ciphers=high` is part of an answer. */
const BITS_FOR_HIGH = 112;

/** The intersection; null when `protocols=` does not state a lowest version. */
export function intersectTlsParameters(
  row: Parameters,
  attributes: readonly PolicyAttribute[],
): Intersection | null {
  let { minProtocol } = row;
  const exclude = new Set(row.exclude);
  const rest: PolicyAttribute[] = [];
  for (const attribute of attributes) {
    const { name, value } = attribute;
    if (name === 'protocols') {
      const least = lowest(value);
      if (least === null) return null;
      if (minProtocol === null || (protocolRank(least) ?? 0) > (protocolRank(minProtocol) ?? 0))
        minProtocol = least;
    } else if (name === 'exclude') {
      for (const word of value.split(':')) exclude.add(word);
    } else if (name !== 'ciphers' || row.minBits <= BITS_FOR_HIGH) rest.push(attribute);
  }
  return { minProtocol, minBits: row.minBits, exclude: [...exclude], attributes: rest };
}

/** The lowest version that `protocols=` states; null when it states anything else. */
export function lowest(value: string): string | null {
  const words = value.split(':').map((word) => word.toLowerCase());
  const known = PROTOCOLS.map((name) => name.toLowerCase());
  const [first = ''] = words;
  if (first.startsWith('>=')) {
    const rank = known.indexOf(first.slice(2));
    return words.length === 1 ? (PROTOCOLS[rank] ?? null) : null;
  }
  const negative = words.every((word) => word.startsWith('!'));
  if (!negative && words.some((word) => /[^a-z0-9.]/.test(word))) return null;
  const ranks = words.map((word) => known.indexOf(negative ? word.slice(1) : word));
  if (ranks.includes(-1)) return null;
  const allowed = known.map((_name, rank) => ranks.includes(rank) !== negative);
  const start = allowed.indexOf(true);
  return start >= 0 && allowed.slice(start).every(Boolean) ? PROTOCOLS[start]! : null;
}
