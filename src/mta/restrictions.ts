/**
 * Restriction lists of smtpd(8) (`smtpd_recipient_restrictions` and its like, postconf(5)): which elements
 * they have, in which order, and which of them can accept what stands before the rest of the list was asked.
 */
import { insideBraces, listOf } from './listValue.ts';
import { isYes, type MasterEntry, type PostfixConfig, valueFor } from './postfixConfig.ts';

export interface Restriction {
  /** `reject_unauth_destination`, `check_policy_service`; of a bare table `check_table`. */
  readonly name: string;
  /** What it takes: a table, an endpoint, a list of a DNS domain. */
  readonly argument?: string;
  /** As it is written. */
  readonly text: string;
  /** The restriction class that it stands in; '' for the list itself. */
  readonly via: string;
  /** Under `warn_if_reject`: what it rejects is only logged. */
  readonly warnOnly: boolean;
}

/** Elements that take one word behind them. Those whose names end in `_access` do, too. */
const WITH_ARGUMENT = new Set([
  'check_policy_service',
  'permit_dnswl_client',
  'permit_rhswl_client',
  'reject_rbl_client',
  'reject_rhsbl_client',
  'reject_rhsbl_helo',
  'reject_rhsbl_recipient',
  'reject_rhsbl_reverse_client',
  'reject_rhsbl_sender',
  'sleep',
]);

/** Restriction class to its list, expanded; undefined for what is no class. */
type Classes = (name: string) => string | undefined;

/** How deep classes may be nested. */
const MAX_DEPTH = 10;
/** Elements of a list that are looked at. */
const MAX_ELEMENTS = 2000;

/** The elements of an expanded list, in order; those of a restriction class stand in its place. */
export function restrictionsOf(value: string, classes: Classes = () => undefined): Restriction[] {
  const found: Restriction[] = [];
  collect(value, classes, '', found, 0);
  return found;
}

function collect(value: string, classes: Classes, via: string, found: Restriction[], depth: number): void {
  const elements = listOf(value);
  let warnOnly = false;
  for (let i = 0; i < elements.length && found.length < MAX_ELEMENTS; i++) {
    const text = elements[i]!;
    const name = text.toLowerCase();
    if (name === 'warn_if_reject') {
      warnOnly = true;
      continue;
    }
    const inner = depth < MAX_DEPTH ? classes(text) : undefined;
    if (inner !== undefined) collect(inner, classes, text, found, depth + 1);
    else if (WITH_ARGUMENT.has(name) || name.endsWith('_access')) {
      const argument = elements[++i] ?? '';
      found.push({ name, argument, text: `${text} ${argument}`, via, warnOnly });
    } else if (text.includes(':'))
      found.push({ name: 'check_table', argument: text, text, via, warnOnly }); // type:table alone
    else found.push({ name, text, via, warnOnly });
    warnOnly = false;
  }
}

/** The list that is in force for an entry of master.cf, with the classes of `smtpd_restriction_classes`. */
export function restrictionsFor(config: PostfixConfig, name: string, entry?: MasterEntry): Restriction[] {
  return restrictionsOf(valueFor(config, name, entry), classesFor(config, entry));
}

/** The restriction classes of an entry, or of main.cf. */
export function classesFor(config: PostfixConfig, entry?: MasterEntry): Classes {
  const names = new Set(listOf(valueFor(config, 'smtpd_restriction_classes', entry)));
  return (name) => (names.has(name) ? valueFor(config, name, entry) : undefined);
}

/**
 * The clients that an element accepts, for whom the rest of its list is skipped; null when it accepts none.
 */
export function permitsWhom({ name, argument = '' }: Restriction): string | null {
  if (name.startsWith('check_') && (name.endsWith('_access') || name === 'check_table'))
    return tableCannotPermit(argument) ? null : `whom ${argument || 'its table'} answers OK`;
  return PERMITS[name] ?? null;
}

/** May an element accept anybody? Another policy service may answer OK. */
export function mayPermit(restriction: Restriction): boolean {
  return permitsWhom(restriction) !== null || restriction.name === 'check_policy_service';
}

const PERMITS: Readonly<Record<string, string>> = {
  permit: 'everybody',
  permit_mynetworks: 'clients in mynetworks',
  permit_inet_interfaces: 'clients on this host',
  permit_sasl_authenticated: 'users who have logged in',
  permit_tls_clientcerts: 'clients with a certificate in relay_clientcerts',
  permit_tls_all_clientcerts: 'clients with a certificate of a trusted CA',
  permit_auth_destination: 'mail to domains that this host is responsible for',
  permit_mx_backup: 'mail to domains that have this host as MX',
  permit_dnswl_client: 'clients on a DNS allow list',
  permit_rhswl_client: 'clients with a name on a DNS allow list',
  permit_naked_ip_address: 'clients that say an address in HELO',
  check_relay_domains: 'mail to and from domains in relay_domains',
};

/** Is it an inline table, such as `static:{reject}`, that never permits a client? */
function tableCannotPermit(table: string): boolean {
  const colon = table.indexOf(':');
  if (colon < 0) return false;
  const type = table.slice(0, colon);
  const text = table.slice(colon + 1);
  if (type === 'fail') return true;
  const answer = type === 'static' ? (insideBraces(text) ?? text) : null;
  return answer !== null && !/^(?:ok|permit|relay|[0-9]+$)/i.test(answer);
}

/**
 * Does an element prevent unauthorized relaying? After it the recipient is local, or the client may relay.
 */
export function endsRelaying({ name, warnOnly }: Restriction): boolean {
  return !warnOnly && ENDS_RELAYING.has(name);
}

const ENDS_RELAYING = new Set([
  'reject_unauth_destination',
  'defer_unauth_destination',
  'check_relay_domains',
  'reject',
  'defer',
]);

/** Are strangers who may not relay gone before smtpd_recipient_restrictions is looked at? */
export function relayDecidedFirst(config: PostfixConfig, entry?: MasterEntry): boolean {
  return (
    isYes(config, 'smtpd_relay_before_recipient_restrictions', entry) &&
    restrictionsFor(config, 'smtpd_relay_restrictions', entry).some(endsRelaying)
  );
}
