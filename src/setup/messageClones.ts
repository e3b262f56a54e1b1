/**
 * The entries of master.cf to which mail of rules goes, as contrib/postfix/message-recipient.master.cf has
 * them. Each is smtp(8) with a map that never answers less than its name; the rest it has from the entry
 * `smtp`.
 */
import { type MasterEntry, type PostfixConfig, valueFor, writtenValue } from '../mta/postfixConfig.ts';
import { type Draft, serviceOf } from './draft.ts';
import { ourMap, plainElements } from './lists.ts';
import type { Wanted } from './wanted.ts';

/** A name to its floor, and whether what met no TLS comes back at once; null: by the row of the domain. */
const CLONES: Readonly<
  Record<string, { readonly floor: 'encrypt' | 'verify' | null; readonly returns: boolean }>
> = {
  'tlsward-encrypt': { floor: 'encrypt', returns: true },
  'tlsward-verify': { floor: 'verify', returns: true },
  'tlsward-fallback': { floor: 'encrypt', returns: false },
  'tlsward-row': { floor: null, returns: false },
};

const WHY: Readonly<Record<string, string>> = {
  'tlsward-encrypt': 'Sends only under TLS.',
  'tlsward-verify': 'Sends only to a server that proves its name.',
  'tlsward-fallback': 'Sends to the gateway of rules with a fallback, only under TLS.',
  'tlsward-row': 'Sends to recipients that no rule covers, in a message where a rule covers others.',
};

/** Is this an entry of ours? */
export function isClone({ name }: Pick<MasterEntry, 'name'>): boolean {
  return Object.hasOwn(CLONES, name);
}

/** Those that are not there; `table` is `socketmap:unix:tlsward/socketmap.sock`. */
export function planClones(draft: Draft, wanted: Wanted, table: string): void {
  for (const [name, { floor, returns }] of Object.entries(CLONES)) {
    const there = draft.config.entries.find((entry) => entry.name === name && entry.type === 'unix');
    const overrides = overridesOf(draft.config, name, floor, returns, table);
    if (there === undefined) {
      const words = [...overrides].map(([key, value]) => option(key, value));
      draft.entry(
        'messages',
        `${name}/unix`,
        [`${name} unix - - n - - smtp`, ...words].join(' '),
        WHY[name]!,
      );
      continue;
    }
    const map = overrides.get('smtp_tls_policy_maps');
    const asked = ourMap(draft.config, wanted, valueFor(draft.config, 'smtp_tls_policy_maps', there));
    if (map !== undefined && asked !== `deliver-${floor}`)
      draft.override('messages', there, 'smtp_tls_policy_maps', map, `${serviceOf(there)} asks another map.`);
  }
}

function overridesOf(
  config: PostfixConfig,
  name: string,
  floor: 'encrypt' | 'verify' | null,
  returns: boolean,
  table: string,
): Map<string, string> {
  const smtp = config.entries.find((entry) => entry.name === 'smtp' && entry.type === 'unix');
  const overrides = new Map(smtp?.overrides);
  overrides.set('syslog_name', `postfix/${name}`);
  if (floor !== null) {
    overrides.set('smtp_tls_security_level', floor);
    overrides.set('smtp_tls_policy_maps', `${table}:deliver-${floor}`);
  }
  const own = (parameter: string): string[] =>
    plainElements(config, writtenValue(config, parameter, smtp) ?? '')
      .map(({ text }) => text)
      .filter((text) => !text.includes('tlsward_'));
  overrides.set('smtp_header_checks', ['$tlsward_clean', ...own('smtp_header_checks')].join(','));
  overrides.set('smtp_generic_maps', ['$tlsward_unmark', ...own('smtp_generic_maps')].join(','));
  overrides.set('smtp_delivery_status_filter', returns && floor !== null ? `${table}:status-${floor}` : '');
  if (floor !== null) {
    overrides.set('smtp_connection_cache_on_demand', 'no');
    overrides.set('smtp_connection_cache_destinations', '');
    overrides.set('smtp_tls_connection_reuse', 'no');
  }
  return overrides;
}

/** `-o name=value`, in braces where the value has blanks. */
function option(name: string, value: string): string {
  return /\s/.test(value) ? `-o { ${name} = ${value} }` : `-o ${name}=${value}`;
}
