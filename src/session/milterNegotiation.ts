/**
 * The milter negotiation: what we request from an MTA, and what we get.
 *
 * Only bits that were offered are returned; Sendmail ends the session otherwise. The aim is few round trips.
 * CONNECT, HELO, MAIL and RCPT are requested for their content, but only RCPT is answered, and only if a row
 * can refuse. DATA, end-of-headers and unknown commands are never requested, headers and body only if
 * something reads them, and headers without a reply to each. A bit that is not offered costs only a reply to
 * each such event.
 *
 * If SKIP is offered, each chunk of a requested body is answered. This costs one more round trip for most
 * messages, but the rest of a body beyond the limit is not sent, nor anything after the first chunk when the
 * rows of all recipients leave bodies alone. A body whose digest is needed is read to its end, and no chunk is
 * answered.
 *
 * HDR_LEADSPC is not requested: without it both MTAs remove one leading space from the values they send and
 * add one to the values we add. (Only the verifier of a signature would need the exact white space.) RCPT_REJ
 * is not requested, because Sendmail shows only some of its refused recipients.
 *
 * Macros are requested at all seven stages, and no list is empty: Postfix uses its own default for an empty
 * list, and Sendmail honours the list for EOM only with one for EOH. The TLS macros are requested at MAIL as
 * well as at HELO, because a client may go on after STARTTLS without another EHLO. `{client_addr}` at MAIL
 * proves that our list was honoured (see milterTls.ts). `{daemon_addr}` and `{daemon_port}` distinguish two
 * connections of one client. Macros that an MTA does not know do no harm. The macros about the route of a
 * recipient are requested only if rules or outbound rows read them, and the right to change recipients only
 * if rules route by recipient.
 *
 * Sources: Postfix MILTER_README and `milter8.c`, Sendmail `milter.c`, libmilter `engine.c` (st_optionneg).
 */
import type { MacroList, OptnegReply } from '../wire/milterEncode.ts';
import { MILTER_VERSION_MAX, SMFIF, SMFIM, SMFIP } from '../wire/milterNames.ts';
import type { Agreement, MilterLimits } from './milterState.ts';
import type { EventsAnswer } from './queries.ts';

const TLS_MACROS =
  '{tls_version} {cipher} {cipher_bits} {verify} {cert_issuer} {cert_subject} {cn_subject} {cn_issuer}';

export const MACRO_LISTS: readonly MacroList[] = [
  { stage: SMFIM.CONNECT, names: 'j v {daemon_name} {daemon_addr} {daemon_port}' },
  { stage: SMFIM.HELO, names: TLS_MACROS },
  { stage: SMFIM.ENVFROM, names: `{client_addr} ${TLS_MACROS} {auth_authen} i` },
  { stage: SMFIM.ENVRCPT, names: 'i' },
  { stage: SMFIM.DATA, names: 'i' },
  { stage: SMFIM.EOM, names: 'i' },
  { stage: SMFIM.EOH, names: 'i' },
];

/**
 * With rules, or where mail must leave under TLS: where the MTA would send each recipient, and what stops
 * copies that it makes (rules/fence.ts).
 */
export const ROUTING_MACRO_LISTS: readonly MacroList[] = MACRO_LISTS.map((list) => {
  const { stage, names } = list;
  if (stage === SMFIM.ENVRCPT) return { stage, names: 'i {rcpt_mailer} {rcpt_host}' };
  return stage === SMFIM.ENVFROM ? { stage, names: `${names} {tlsward_fence} {tlsward_filter}` } : list;
});

const NO_LISTS: readonly MacroList[] = [];

/** The actions needed to reroute a recipient. */
const RECIPIENT_RIGHTS = SMFIF.ADDRCPT | SMFIF.ADDRCPT_PAR | SMFIF.DELRCPT;

/** Does the MTA offer all actions that routing by recipient needs? */
export function changesRecipients(actions: number): boolean {
  return (actions & RECIPIENT_RIGHTS) === RECIPIENT_RIGHTS;
}

/** What the MTA offered. */
interface Offer {
  readonly limits: MilterLimits;
  readonly version: number;
  readonly actions: number;
  readonly protocol: number;
}

/** What we would request if everything were offered. */
function wanted(
  events: EventsAnswer,
  canSkip: boolean,
): { readonly actions: number; readonly protocol: number } {
  let actions = SMFIF.ADDHDRS | SMFIF.CHGHDRS | SMFIF.QUARANTINE | SMFIF.SETSYMLIST;
  let protocol =
    SMFIP.NR_CONN |
    SMFIP.NR_HELO |
    SMFIP.NR_MAIL |
    SMFIP.NODATA |
    SMFIP.NR_DATA |
    SMFIP.NOUNKNOWN |
    SMFIP.NR_UNKN |
    SMFIP.NOEOH |
    SMFIP.NR_EOH;
  if (!events.judges) protocol |= SMFIP.NR_RCPT;
  protocol |= events.headers === 'none' ? SMFIP.NOHDRS | SMFIP.NR_HDR : SMFIP.NR_HDR;
  if (events.routes === 'recipient') actions |= RECIPIENT_RIGHTS;
  if (events.bodyLimitBytes > 0) actions |= SMFIF.CHGBODY;
  else if (events.bodyDigest === undefined) protocol |= SMFIP.NOBODY;
  const skips = events.bodyLimitBytes > 0 && events.bodyDigest === undefined && canSkip;
  protocol |= skips ? SMFIP.SKIP : SMFIP.NR_BODY;
  return { actions, protocol };
}

/** The agreement of both sides, and the reply with it. */
export function agree(
  offer: Offer,
  events: EventsAnswer,
): { readonly agreement: Agreement; readonly reply: OptnegReply } {
  const want = wanted(events, (offer.protocol & SMFIP.SKIP) !== 0);
  const version = Math.min(offer.version, MILTER_VERSION_MAX);
  const actions = offer.actions & want.actions;
  const protocol = offer.protocol & want.protocol;
  const listsSent = (actions & SMFIF.SETSYMLIST) !== 0;
  const nextHops = events.routes !== 'none' || events.nextHops === true;
  const agreement: Agreement = {
    limits: offer.limits,
    version,
    actions,
    protocol,
    listsSent,
    judges: events.judges,
    headers: events.headers,
    readFields: readFieldsOf(events.headers, protocol),
    bodyLimitBytes: events.bodyLimitBytes,
    bodyDigest: events.bodyDigest ?? null,
    routes: events.routes,
    nextHops,
  };
  const lists = nextHops ? ROUTING_MACRO_LISTS : MACRO_LISTS;
  const macroLists = listsSent ? lists : NO_LISTS;
  return { agreement, reply: { kind: 'OPTNEG', version, actions, protocol, macroLists } };
}

/** A field may only be passed over where the MTA does not wait for a reply to it. */
function readFieldsOf(headers: EventsAnswer['headers'], protocol: number): readonly string[] | null {
  if (headers === 'all' || (protocol & SMFIP.NR_HDR) === 0) return null;
  return headers === 'none' ? [] : headers;
}

/** What this MTA does not offer, as text for the log; empty when it offers everything. */
export function degradations(actions: number): string[] {
  const missing: string[] = [];
  if ((actions & SMFIF.ADDHDRS) === 0) missing.push('cannot add headers: messages are not marked');
  if ((actions & SMFIF.CHGHDRS) === 0)
    missing.push('cannot delete headers: marks that come with the mail stay');
  if ((actions & SMFIF.QUARANTINE) === 0) missing.push('cannot hold: what a row would hold is deferred');
  if ((actions & SMFIF.SETSYMLIST) === 0)
    missing.push('cannot be asked for macros: TLS is known from HELO only');
  return missing;
}
