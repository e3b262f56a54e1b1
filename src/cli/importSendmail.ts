/**
 * The source of Sendmail's access map (makemap(8)) to rows: `TLS_Rcpt:` entries, which are about recipients.
 *
 *   line  = tag ":" [ key ] 1*blank value                 ; # lines and empty ones are skipped, no continuation
 *   value = [ "PERM+" / "TEMP+" ] ( "VERIFY" [ ":" bits ] / "ENCR:" bits ) [ "+" ext *( "++" ext ) ]
 *   ext   = "CN" [ ":" name ]                             ; CS, CI and CITag compare what the table does not
 *
 * Sendmail also finds the entry of a domain for all names below it, so a domain becomes two rows, itself and
 * `.domain`; the bare tag is everyone. With FEATURE(`lookupdotdomain') it finds `.domain` too, before the
 * domain. Other TLS tags are about hosts and features: they are named, with the key that does their work
 * here, if there is one. Entries without a TLS tag are about something else, and only counted.
 * Sources: Sendmail cf/README, "TLS-related rulesets", "STARTTLS"; cf/m4/proto.m4, rulesets tls_rcpt and
 * TLS_connection.
 */

import { Invalid } from '../config/ini/problem.ts';
import { parsePattern } from '../config/keys/pattern.ts';
import { parseServerName } from '../config/keys/values.ts';
import { type Imported, type Requirement, type SourceLine, Unmapped } from './importRows.ts';

/** Tags about TLS that are no rows, and why. */
const OTHER_TAGS: ReadonlyMap<string, string> = new Map([
  ['tls_srv', 'a requirement on a server by its host name; rows go by the domain of the recipient'],
  ['tls_clt', 'a requirement on a client by its host name; rows go by domains: receive = encrypt or verify'],
  ['try_tls', 'whether TLS is tried with a host; for a domain it is deliver = none'],
  ['tls_srv_features', 'options of a TLS session; rows have min-protocol, min-bits and deny-ciphers'],
  ['tls_clt_features', 'options of a TLS session; rows have min-protocol, min-bits and deny-ciphers'],
  ['srv_features', 'what Sendmail offers to a client'],
  ['clt_features', 'what Sendmail uses with a server'],
]);

/** What a row asks for, with remarks about where it is not the same. */
interface Wanted {
  readonly requirement: Requirement;
  readonly notes: readonly string[];
}

/** Takes in one file. */
export function importSendmail(file: string, text: string, into: Imported): void {
  text.split('\n').forEach((raw, i) => {
    const line: SourceLine = { file, line: i + 1, text: raw.trim() };
    if (line.text === '' || line.text.startsWith('#')) return;
    const [, tag = '', key = '', value = ''] = /^\s*([a-z_]+):(\S*)\s*(.*)$/is.exec(line.text) ?? [];
    const name = tag.toLowerCase();
    const other = OTHER_TAGS.get(name);
    if (other !== undefined) into.refuse(line, other);
    else if (name !== 'tls_rcpt') into.foreign++;
    else if (/^\s/.test(raw)) into.refuse(line, 'a line that begins with white space');
    else {
      const patterns = patternsOf(key);
      const wanted = parseRequirement(value);
      if (patterns instanceof Unmapped) into.refuse(line, patterns.why);
      else if (wanted instanceof Unmapped) into.refuse(line, wanted.why);
      else if (into.add(line, patterns, wanted.requirement))
        for (const note of wanted.notes) into.note(line, note);
    }
  });
}

function patternsOf(key: string): readonly string[] | Unmapped {
  if (key === '') return ['*'];
  if (key.endsWith('@')) return new Unmapped('a user in any domain; a row has a domain');
  const pattern = parsePattern(key);
  if (pattern instanceof Invalid)
    return new Unmapped(`not a pattern of the table${pattern.hint === '' ? '' : `: ${pattern.hint}`}`);
  if (pattern.kind === 'address') return [pattern.text];
  if (pattern.kind === 'domain') return [pattern.text, `.${pattern.text}`];
  // FEATURE(`lookupdotdomain') finds the one, a recipient at an address literal the other
  if (pattern.kind === 'suffix' || pattern.kind === 'literal') return [pattern.text];
  return new Unmapped('Sendmail asks for addresses and domains only, so the line never had an effect');
}

/** What a value asks for. */
function parseRequirement(value: string): Wanted | Unmapped {
  const match = /^(?:(PERM|TEMP)\+)?(VERIFY|ENCR)(?::([0-9]{1,9}))?(?:\+(.*))?$/is.exec(value.trim());
  if (match === null) return new Unmapped('not [PERM+ or TEMP+] VERIFY[:bits] or ENCR:bits');
  const [, kind = '', word = '', digits = '', more] = match;
  const verify = word.toUpperCase() === 'VERIFY';
  const bits = Number(digits);
  if (bits > 512) return new Unmapped(`${bits} bits: min-bits goes up to 512`);
  if (!verify && bits === 0) return new Unmapped('ENCR without a number of bits asks for nothing');
  const requirement: [string, string][] = [['deliver', verify ? 'verify' : 'encrypt']];
  const notes =
    kind.toUpperCase() === 'PERM' ? ['mail that may not be sent is deferred; with PERM it bounced'] : [];
  const extensions = more === undefined ? [] : more.split('++');
  if (extensions.length > 1) return new Unmapped('more than one thing to compare in the certificate');
  const [extension] = extensions;
  const named = /^CN(?::(.+))?$/i.exec(extension ?? '');
  if (extension !== undefined && (named === null || !verify))
    return new Unmapped(`+${extension}: a row compares the name in a verified certificate, nothing else`);
  if (named?.[1] !== undefined) {
    const name = parseServerName(named[1]);
    if (name instanceof Invalid || name.startsWith('.'))
      return new Unmapped(`CN:${named[1]} is not a name with two labels or more`);
    requirement.push(['server-names', name]);
  }
  if (verify && extension === undefined)
    notes.push('stricter: the row compares the name of the MX host too, VERIFY alone compares none');
  if (bits > 0) requirement.push(['min-bits', String(bits)]);
  return { requirement, notes };
}
