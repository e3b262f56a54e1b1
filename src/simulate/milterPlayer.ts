/**
 * Plays an MTA against a running filter: one SMTP session with one message, as Postfix 3.7 or Sendmail 8.17
 * would send it. `tlsward simulate milter` prints what comes back.
 *
 * It keeps to what was negotiated: events that were declined are not sent, replies that were waived are not
 * awaited, and macros are sent as asked for. A surplus reply, or none within `timeoutMs`, is an error, as it
 * is to a real MTA.
 * Sources: Postfix `milter8.c`, Sendmail `milter.c`.
 */
import type { ListenAddress } from '../config/keys/listenAddress.ts';
import type { MilterCommand } from '../wire/milterDecode.ts';
import { type MilterReply, shownReply } from '../wire/milterEncode.ts';
import { SMFIM, SMFIP } from '../wire/milterNames.ts';
import { applyRecipients, applyReplies, type PlainMessage } from './applyReplies.ts';
import { PlayError } from './daemonSocket.ts';
import { FilterConnection } from './filterConnection.ts';
import { macroText, macroValues, recipientValues } from './playedMacros.ts';
import type { PlayedMail } from './playedMail.ts';

interface PlayedEvent {
  /** `MAIL <a@b>`. */
  readonly event: string;
  /** Replies in words; empty when none was awaited. */
  readonly replies: readonly string[];
}

export interface Played {
  readonly events: readonly PlayedEvent[];
  /** What the message ends as: refused when no recipient was left, or at its end. */
  readonly outcome: 'accepted' | 'held' | 'refused' | 'deferred';
  /** The message with all edits; null when it was not accepted. */
  readonly message: PlainMessage | null;
  /** Paths it goes to in the end. */
  readonly recipients: readonly string[];
}

const OFFER = { version: 6, actions: 0x1ff, protocol: 0x1fffff } as const;
const CHUNK = 65_535;

/** Plays the message; rejects with PlayError, or WireError for a reply that no MTA would take. */
export async function playMilter(
  address: ListenAddress,
  mail: PlayedMail,
  timeoutMs = 10_000,
): Promise<Played> {
  const filter = await FilterConnection.open(address, timeoutMs);
  try {
    return await play(filter, mail);
  } finally {
    filter.close();
  }
}

async function play(filter: FilterConnection, mail: PlayedMail): Promise<Played> {
  const events: PlayedEvent[] = [];
  const values = macroValues(mail);
  filter.send([{ kind: 'OPTNEG', ...OFFER }]);
  const agreed = await filter.reply();
  if (agreed.kind !== 'OPTNEG') throw new PlayError(`the filter answered ${agreed.kind} to the negotiation`);
  const { protocol, macroLists } = agreed;
  events.push({
    event: 'OPTNEG',
    replies: [`version ${agreed.version}, protocol 0x${protocol.toString(16)}`],
  });
  const macros = (
    stage: string,
    list: number | null,
    told: ReadonlyMap<string, string> = values,
  ): MilterCommand => ({
    kind: 'MACRO',
    stage,
    macros: list === null ? '' : macroText(macroLists, list, told),
  });
  /** Sends an event unless it was declined; a refusal ends what it refuses. */
  const event = async (
    words: string,
    commands: readonly MilterCommand[],
    declined: number,
    waived: number,
  ): Promise<MilterReply | null> => {
    if ((protocol & declined) !== 0) return null;
    filter.send(commands);
    const reply = (protocol & waived) !== 0 ? null : await filter.reply();
    events.push({ event: words, replies: reply === null ? [] : [replyWords(reply)] });
    return reply;
  };
  const { clientAddress, clientPort } = mail;
  const family = clientAddress.includes(':') ? '6' : '4';
  const address = mail.mta === 'sendmail' && family === '6' ? `IPv6:${clientAddress}` : clientAddress;
  const hostname = `[${clientAddress}]`;
  const connected: MilterCommand = { kind: 'CONNECT', hostname, family, port: clientPort, address };
  await event(
    `CONNECT ${clientAddress}`,
    [macros('C', SMFIM.CONNECT), connected],
    SMFIP.NOCONNECT,
    SMFIP.NR_CONN,
  );
  await event(
    `HELO ${mail.heloName}`,
    [macros('H', SMFIM.HELO), { kind: 'HELO', name: mail.heloName }],
    SMFIP.NOHELO,
    SMFIP.NR_HELO,
  );
  const sender: MilterCommand = {
    kind: 'MAIL',
    args: [mail.sender, ...(mail.mailParameters ?? [])],
  };
  const atMail = await event(
    `MAIL ${mail.sender}`,
    [macros('M', SMFIM.ENVFROM), sender],
    SMFIP.NOMAIL,
    SMFIP.NR_MAIL,
  );
  if (isRefusal(atMail)) return { events, outcome: outcomeOf(atMail), message: null, recipients: [] };
  const accepted: string[] = [];
  let refusal: MilterReply | null = null;
  for (const path of mail.recipients) {
    const recipient: MilterCommand = { kind: 'RCPT', args: [path] };
    const reply = await event(
      `RCPT ${path}`,
      [macros('R', SMFIM.ENVRCPT, recipientValues(mail, values, path)), recipient],
      SMFIP.NORCPT,
      SMFIP.NR_RCPT,
    );
    if (isRefusal(reply)) refusal = reply;
    else accepted.push(path);
  }
  if (accepted.length === 0) return { events, outcome: outcomeOf(refusal), message: null, recipients: [] };
  await event('DATA', [macros('T', SMFIM.DATA), { kind: 'DATA' }], SMFIP.NODATA, SMFIP.NR_DATA);
  for (const { name, value } of mail.headers) {
    await event(
      `HEADER ${name}`,
      [macros('L', SMFIM.EOH), { kind: 'HEADER', name, value }],
      SMFIP.NOHDRS,
      SMFIP.NR_HDR,
    );
  }
  await event('EOH', [macros('N', SMFIM.EOH), { kind: 'EOH' }], SMFIP.NOEOH, SMFIP.NR_EOH);
  for (let at = 0; at < mail.body.length; at += CHUNK) {
    const chunk = mail.body.subarray(at, at + CHUNK);
    const reply = await event(
      `BODY ${chunk.length} bytes`,
      [macros('B', SMFIM.EOM), { kind: 'BODY', chunk }],
      SMFIP.NOBODY,
      SMFIP.NR_BODY,
    );
    if (reply?.kind === 'SKIP') break;
  }
  filter.send([macros('E', SMFIM.EOM), { kind: 'BODYEOB', chunk: new Uint8Array(0) }]);
  const replies: MilterReply[] = [];
  do replies.push(await filter.reply());
  while (!isVerdict(replies.at(-1)!));
  events.push({ event: 'end of message', replies: replies.map(replyWords) });
  const verdict = replies.at(-1)!;
  filter.send([{ kind: 'ABORT' }, { kind: 'QUIT' }]);
  if (isRefusal(verdict)) return { events, outcome: outcomeOf(verdict), message: null, recipients: [] };
  const held = replies.some((reply) => reply.kind === 'QUARANTINE');
  return {
    events,
    outcome: held ? 'held' : 'accepted',
    message: applyReplies(mail, replies),
    recipients: applyRecipients(accepted, replies),
  };
}

function isVerdict(reply: MilterReply): boolean {
  return ['CONTINUE', 'ACCEPT', 'REJECT', 'TEMPFAIL', 'DISCARD', 'REPLYCODE'].includes(reply.kind);
}

function isRefusal(reply: MilterReply | null): boolean {
  return reply !== null && ['REJECT', 'TEMPFAIL', 'DISCARD', 'REPLYCODE'].includes(reply.kind);
}

function outcomeOf(reply: MilterReply | null): 'refused' | 'deferred' {
  return reply?.kind === 'TEMPFAIL' || (reply?.kind === 'REPLYCODE' && reply.text.startsWith('4'))
    ? 'deferred'
    : 'refused';
}

/** A reply as one line for a person. */
function replyWords(reply: MilterReply): string {
  switch (reply.kind) {
    case 'REPLYCODE':
      return `REPLYCODE ${shownReply(reply.text)}`;
    case 'ADDHEADER':
      return `ADDHEADER ${reply.name}: ${reply.value}`;
    case 'INSHEADER':
      return `INSHEADER ${reply.index} ${reply.name}: ${reply.value}`;
    case 'CHGHEADER':
      return reply.value === ''
        ? `CHGHEADER ${reply.index} ${reply.name} (deleted)`
        : `CHGHEADER ${reply.index} ${reply.name}: ${reply.value}`;
    case 'ADDRCPT':
    case 'DELRCPT':
      return `${reply.kind} ${reply.path}`;
    case 'ADDRCPT_PAR':
      return `ADDRCPT_PAR ${reply.path} ${reply.parameters}`;
    case 'REPLBODY':
      return `REPLBODY ${reply.chunk.length} bytes`;
    case 'QUARANTINE':
      return `QUARANTINE ${reply.reason}`;
    default:
      return reply.kind;
  }
}
