/**
 * The records about one domain as rows of a table, one a record, for spreadsheets and scripts. Pure.
 */
import { type Class, inboundClass, outboundClass } from './classes.ts';
import { directionsOf } from './partnerCounts.ts';
import type { Delivery, Verdict } from './passageFacts.ts';
import type { Found } from './places.ts';

/** Columns in their order. */
export const COLUMNS = [
  'time',
  'host',
  'leg',
  'direction',
  'queue_id',
  'code',
  'sender',
  'recipients',
  'other_side',
  'protection',
  'tls_protocol',
  'tls_cipher',
  'tls_bits',
  'other_side_proof',
  'demanded',
  'row',
  'outcome',
  'status',
  'text',
  'stream',
  'day',
  'n',
] as const;

type PartnerRow = Readonly<Partial<Record<(typeof COLUMNS)[number], string | number>>>;

/** null: the record is about no message. `name`: what an address is shown as. */
export function partnerRow(
  found: Found,
  domain: string,
  name: (address: string) => string,
): PartnerRow | null {
  const { record, stream, day } = found;
  const where = { stream, day, n: record.n };
  const common = { time: record.time, host: record.host, direction: directionsOf(record, domain).join(' ') };
  switch (record.type) {
    case 'verdict':
      return { ...common, ...verdictRow(record, name), ...where };
    case 'delivery':
      return { ...common, ...deliveryRow(record, name), ...where };
    case 'refusal': {
      const recipients = record.recipient === undefined ? '' : name(record.recipient);
      return {
        ...common,
        leg: 'in',
        ...known('queue_id', record.queueId),
        ...known('sender', record.sender === undefined ? undefined : name(record.sender)),
        recipients,
        ...known('other_side', record.client),
        protection: 'unknown',
        outcome: 'refused by the MTA',
        ...known('status', record.dsn),
        ...known('text', record.reply),
        ...where,
      };
    }
    case 'map':
      return {
        ...common,
        leg: 'out',
        recipients: name(record.key),
        protection: 'unknown',
        outcome: record.status === 'OK' ? `told by map ${record.map}` : `map ${record.map}: ${record.status}`,
        text: record.reply,
        ...known('row', record.row?.at),
        ...where,
      };
    default:
      return null;
  }
}

function known(column: (typeof COLUMNS)[number], value: string | number | undefined): PartnerRow {
  return value === undefined ? {} : { [column]: value };
}

function session(found: Class, tls: Verdict['tls'] | Delivery['tls']): PartnerRow {
  return {
    protection: found,
    ...known('tls_protocol', tls.protocol),
    ...known('tls_cipher', tls.cipher),
    ...known('tls_bits', tls.bits),
  };
}

function verdictRow(verdict: Verdict, name: (address: string) => string): PartnerRow {
  const { row, would, action, tls, because = [] } = verdict;
  const more = verdict.recipientCount - verdict.recipients.length;
  return {
    leg: 'in',
    ...known('queue_id', verdict.queueId),
    code: verdict.code,
    ...known('sender', verdict.sender === undefined ? undefined : name(verdict.sender)),
    recipients: [...verdict.recipients.map(name), ...(more > 0 ? [`and ${more} more`] : [])].join(' '),
    ...known('other_side', verdict.client),
    ...session(inboundClass(verdict), tls),
    ...known('other_side_proof', tls.certificate),
    ...known('demanded', row?.level),
    ...known('row', row === undefined ? undefined : `${name(row.pattern)} ${row.at}`),
    outcome: would === undefined ? action : `${action} (would ${would})`,
    text: verdict.reply ?? because.join('; '),
  };
}

function deliveryRow(delivery: Delivery, name: (address: string) => string): PartnerRow {
  const { relay, tls, demanded } = delivery;
  const server = [relay?.host, relay?.address === undefined ? undefined : `[${relay.address}]`];
  return {
    leg: 'out',
    queue_id: delivery.queueId,
    ...known('sender', delivery.sender === undefined ? undefined : name(delivery.sender)),
    recipients: name(delivery.recipient),
    other_side: server.filter((part) => part !== undefined).join(' '),
    ...session(outboundClass(delivery), tls),
    ...known('other_side_proof', tls.peer),
    ...known('demanded', demanded?.level),
    outcome: delivery.outcome,
    ...known('status', delivery.dsn),
    text: `${delivery.reply ?? ''}${whyText(tls)}`,
  };
}

/** Why TLS is not known; with a session that is known, what was wrong with the certificate. */
function whyText({ state, why }: Delivery['tls']): string {
  if (why === undefined) return '';
  return state === 'unknown' ? ` (TLS not known: ${why})` : ` (${why})`;
}
