/**
 * The message to an author, for somebody who administers nothing. Pure. All of it is ASCII with short lines: texts of
 * others were escaped where they were read, and an address that is told is plain (author.ts).
 *
 * It is an automatic answer (RFC 3834): from the null sender, which the one who sends it gives, `Auto-Submitted:
 * auto-replied`, and a word to mail systems that answer all the same.
 */
import { wrapWords } from '../core/wrapWords.ts';
import { localTime, mailDate } from '../mail/dateText.ts';
import type { Begun, Told } from './ledger.ts';
import type { Outcome } from './outcome.ts';
import type { WaitingMessage } from './waitingMessage.ts';
import { whyWords } from './words.ts';

interface LetterSetting {
  /** Name of this host; letters, digits, dots and hyphens. */
  readonly host: string;
  readonly now: number;
  /** How long the MTA tries; null: not known. */
  readonly lifetimeMs: number | null;
}

const WIDTH = 72;
/** Of the names in front of facts. */
const MARGIN = 12;
const MAX_SUBJECT_DOMAIN = 100;
/** Letters before that one refers to. */
const MAX_REFERENCES = 20;
/** Causes that say nothing of what this host demands. */
const UNDEMANDED: ReadonlySet<string> = new Set(['the server asks for TLS', 'TLS policy not known']);

/** Of a letter that begins at this time; `key`: of its first message. */
export function letterId(kind: Begun['kind'], key: string, { host, now }: LetterSetting): string {
  return `${kind}.${now.toString(36)}.${key.replace(/[^A-Za-z0-9.]/g, '-').slice(0, 80)}@${host}`;
}

/** A whole message, LF as line ends: what has not been delivered, why, and what happens next. */
export function waitingLetter(
  begun: Begun,
  messages: readonly WaitingMessage[],
  setting: LetterSetting,
): string {
  const { author, told } = begun;
  const listed = messages.filter(({ key }) => told.some((one) => one.key === key && one.listed));
  const [first] = listed;
  const many = told.length > 1;
  const subject = many
    ? `${told.length} of your messages have not been delivered yet`
    : `Your message to ${domainsOf(first?.recipients ?? [])} has not been delivered yet`;
  const { lifetimeMs, host } = setting;
  const held = listed.some(({ recipients }) => recipients.some(({ cause }) => !UNDEMANDED.has(cause)));
  const wait = many
    ? `${told.length} messages that you sent have not been delivered yet. They wait on the mail server ${host}.`
    : `A message that you sent has not been delivered yet. It waits on the mail server ${host}.`;
  const must =
    'Mail to these recipients may leave this server only over a protected connection, and that was not possible so far.';
  return whole(
    begun,
    setting,
    subject,
    told[0]?.letter ?? '',
    [],
    [
      ...paragraph(wait),
      ...listed.flatMap((message) => [...messageLines(message, lifetimeMs), '']),
      ...restLines(told.length - listed.length),
      ...paragraph(`${held ? `${must} ` : ''}It was not sent to them unprotected.`),
      ...paragraph(
        'What happens next: this mail server goes on trying by itself. You get one more notice when the mail has left. What cannot be delivered in the end comes back to you.',
      ),
      ...paragraph(
        'What you can do: nothing, if it can wait. Sending it again does not help: the copy would wait, too. If it is urgent, tell the recipient in another way, or ask your mail administrator, who needs the lines above:',
      ).slice(0, -1),
      `    postmaster@${author.domain}`,
    ],
  );
}

function messageLines(
  { id, arrived, recipients, more }: WaitingMessage,
  lifetimeMs: number | null,
): string[] {
  const causes = new Map(recipients.map((one) => [`${one.cause} ${one.domain}`, one]));
  const named = [...new Set(recipients.map(({ cause }) => cause))].join(', ');
  return [
    ...fact('Sent', localTime(arrived)),
    ...addressLines(recipients, more),
    ...[...causes.values()].flatMap(({ cause, domain }) => fact('Why', whyWords(cause, domain))),
    ...(lifetimeMs === null ? [] : fact('Tried until', localTime(arrived + lifetimeMs))),
    ...fact('Reference', `${safe(id)} (${named})`),
  ];
}

/** What became of the messages of a letter, and whether anything is to be said of each. */
export interface LeftMessage {
  readonly told: Told;
  readonly outcome: Outcome | null;
}

/** The other one: these messages are no longer in the queue. */
export function leftLetter(begun: Begun, messages: readonly LeftMessage[], setting: LetterSetting): string {
  const { told } = begun;
  const listed = messages.filter(({ told: one }) => one.listed);
  const sent = listed.filter(({ outcome }) => outcome !== null);
  const gone = listed.filter(({ outcome }) => outcome === null);
  const rest = messages.length - listed.length;
  const [first] = listed;
  const many = messages.length > 1 || first === undefined;
  const known = gone.length === 0 && rest === 0;
  const subject = many
    ? `${messages.length === 1 ? 'One' : messages.length} of your messages ${leftWords(messages.length, known)}`
    : `Your message to ${domainsOf(first.told.recipients)} ${known ? 'has left' : 'waits no longer'}`;
  const before = [...new Set(told.map(({ letter }) => letter))].slice(0, MAX_REFERENCES);
  return whole(begun, setting, subject, letterId('left', told[0]?.key ?? '', setting), before, [
    ...paragraph(`You were told that mail of yours was waiting on the mail server ${setting.host}.`),
    ...(sent.length === 0
      ? []
      : paragraph('This has been handed over to the mail server of its recipients:')),
    ...sent.flatMap(({ told: one, outcome }) => [...sentLines(one, outcome!), '']),
    ...(known
      ? []
      : paragraph(
          `${sent.length > 0 ? 'The following' : 'It'} waits no longer. Either it has been delivered, or you get a message of its own that says why not, or your mail administrator has taken it out.`,
        )),
    ...gone.flatMap(({ told: one }) => [...leftLines(one), '']),
    ...restLines(rest),
    'You need not do anything.',
  ]);
}

function leftWords(messages: number, known: boolean): string {
  if (known) return messages === 1 ? 'has left' : 'have left';
  return messages === 1 ? 'waits no longer' : 'wait no longer';
}

function leftLines({ arrived, recipients, more }: Pick<Told, 'arrived' | 'recipients' | 'more'>): string[] {
  return [...fact('Sent', localTime(arrived)), ...addressLines(recipients, more)];
}

function sentLines({ arrived, recipients, more }: Told, { sent }: Outcome): string[] {
  const there = recipients.filter(({ domain }) => sent.has(domain));
  const states = new Set(there.map(({ domain }) => sent.get(domain)));
  const [state = 'unknown'] = states;
  const how =
    states.size !== 1 || state === 'unknown'
      ? []
      : fact(
          'How',
          state === 'tls' ? 'over an encrypted connection' : 'over a connection that was not encrypted',
        );
  const left = { arrived, recipients: there, more: there.length === recipients.length ? more : 0 };
  return [...leftLines(left), ...how];
}

function addressLines(recipients: readonly { readonly address: string }[], more: number): string[] {
  const lines = recipients.map(({ address }, i) => `${(i === 0 ? 'To' : '').padEnd(MARGIN)}${address}`);
  return more === 0 ? lines : [...lines, `${''.padEnd(MARGIN)}and ${more} more`];
}

function restLines(rest: number): string[] {
  return rest === 0 ? [] : [`And ${rest} more that ${rest === 1 ? 'is' : 'are'} not listed here.`, ''];
}

function domainsOf(recipients: readonly { readonly domain: string }[]): string {
  const domains = [...new Set(recipients.map(({ domain }) => domain))];
  const [first = 'its recipients'] = domains;
  const shown = first.length > MAX_SUBJECT_DOMAIN ? `${first.slice(0, MAX_SUBJECT_DOMAIN)}...` : first;
  return domains.length > 1 ? `${shown} and others` : shown;
}

function whole(
  { author }: Begun,
  { host, now }: LetterSetting,
  subject: string,
  id: string,
  before: readonly string[],
  body: readonly string[],
): string {
  return [
    `From: "Mail server ${host}" <postmaster@${author.domain}>`,
    `To: <${author.address}>`,
    `Subject: ${subject}`,
    `Date: ${mailDate(now)}`,
    `Message-ID: <${id}>`,
    ...(before.length === 0
      ? []
      : [`In-Reply-To: <${before[0]}>`, `References: ${before.map((one) => `<${one}>`).join('\n ')}`]),
    'Auto-Submitted: auto-replied',
    'X-Auto-Response-Suppress: All',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=us-ascii',
    'Content-Transfer-Encoding: 7bit',
    '',
    ...body,
    '',
    'This notice was made by the mail server itself.',
    '',
  ].join('\n');
}

/** With an empty line behind it. */
function paragraph(text: string): string[] {
  return [...wrapWords(text, WIDTH), ''];
}

function fact(name: string, text: string): string[] {
  return wrapWords(text, WIDTH - MARGIN).map((line, i) => `${(i === 0 ? name : '').padEnd(MARGIN)}${line}`);
}

function safe(id: string): string {
  return id.replace(/[^A-Za-z0-9]/g, '-').slice(0, 64);
}
