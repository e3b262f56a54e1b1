/**
 * Is a report that came back to us signed as reports must be (RFC 8460 section 3: DKIM, by the domain that reports, without
 * `l=`)? Pure. It reads the `DKIM-Signature` fields (RFC 6376 section 3.5) and checks no signature: what a server on the way
 * found is in its `Authentication-Results` (../dkimClaim.ts). The fields come from a message, so they are bounded.
 */
import { canonicalDomain } from '../../core/domain.ts';
import { escapeText } from '../../core/escape.ts';
import type { HeaderField } from '../../core/messageEdit.ts';

export interface OwnSignature {
  /** `d=` and `s=` of the signature that fits, or of the first; ''. */
  readonly domain: string;
  readonly selector: string;
  /** What is not as it must be; empty: nothing. */
  readonly problems: readonly string[];
  /** What should be otherwise. */
  readonly remarks: readonly string[];
}

const MAX_FIELD = 8192;
const MAX_FIELDS = 20;
const MUST = ['from'];
const SHOULD = ['tls-report-domain', 'tls-report-submitter', 'subject', 'to', 'date', 'message-id'];

/** `submitter`: the domain that reports, canonical. */
export function ownSignature(headers: readonly HeaderField[], submitter: string): OwnSignature {
  const signatures = headers
    .filter(({ name }) => name.trim().toLowerCase() === 'dkim-signature')
    .slice(0, MAX_FIELDS)
    .map(({ value }) => judged(tagsOf(value.slice(0, MAX_FIELD)), submitter));
  const [best] = [...signatures].sort((a, b) => a.problems.length - b.problems.length);
  if (best !== undefined) return best;
  const problems = ['no DKIM-Signature: the milter that signs mail does not sign this one'];
  return { domain: '', selector: '', problems, remarks: [] };
}

function judged(tags: ReadonlyMap<string, string>, submitter: string): OwnSignature {
  const domain = canonicalDomain(tags.get('d') ?? '') ?? '';
  const covered = new Set((tags.get('h') ?? '').toLowerCase().split(':'));
  const problems: string[] = [];
  if (domain !== submitter)
    problems.push(`signed by ${domain === '' ? 'nobody' : domain}, not by ${submitter}, which reports`);
  if (tags.has('l')) problems.push('signed with l=, which covers a part of the body only');
  if ((tags.get('b') ?? '') === '' || (tags.get('bh') ?? '') === '') problems.push('the signature is empty');
  for (const name of MUST) if (!covered.has(name)) problems.push(`the signature does not cover ${name}`);
  const bare = SHOULD.filter((name) => !covered.has(name));
  const remarks = bare.length === 0 ? [] : [`the signature does not cover ${bare.join(', ')}`];
  return { domain, selector: escapeText(tags.get('s') ?? '', 100), problems, remarks };
}

/** Tags without the blanks and line ends in them. */
function tagsOf(value: string): Map<string, string> {
  const tags = new Map<string, string>();
  for (const part of value.split(';')) {
    const equals = part.indexOf('=');
    if (equals < 0) continue;
    const name = part.slice(0, equals).trim();
    if (!tags.has(name)) tags.set(name, part.slice(equals + 1).replace(/[ \t\r\n]/g, ''));
  }
  return tags;
}
