/**
 * What is told of an alarm, in the form of each output. Pure: texts of records were escaped before, those of the
 * configuration are here.
 */
import { escapeLine } from '../core/escape.ts';
import { localTime, mailDate } from '../mail/dateText.ts';
import type { Alarm, Notice } from './alarmState.ts';
import { KINDS, type Kind, repeatOf } from './condition.ts';

const MAX_SUBJECT = 160;
const MAX_SUMMARY = 2000;

/** What the command gets, and `tlsward alarms --json` prints for each alarm. */
interface AlarmJson {
  readonly kind: Kind;
  readonly subject: string;
  readonly state: Notice['state'] | 'pending';
  readonly severity: Alarm['severity'];
  readonly summary: string;
  readonly means: string;
  readonly count: number;
  readonly domains: readonly string[];
  readonly advice: readonly string[];
  readonly host: string;
  /** ISO 8601. */
  readonly since: string;
  readonly fired: string | null;
  /** When its data ended; null: there is some. */
  readonly noDataSince: string | null;
  readonly inhibitedBy: string;
}

export function alarmJson(alarm: Alarm, state: AlarmJson['state'], host: string): AlarmJson {
  const {
    kind,
    subject,
    severity,
    summary,
    count,
    domains,
    advice,
    since,
    firedAt,
    noDataSince,
    inhibitedBy,
  } = alarm;
  return {
    kind,
    subject,
    state,
    severity,
    summary: summaryOf(summary),
    means: KINDS[kind],
    count,
    domains,
    advice,
    host,
    since: iso(since),
    fired: firedAt === null ? null : iso(firedAt),
    noDataSince: noDataSince === null ? null : iso(noDataSince),
    inhibitedBy,
  };
}

function summaryOf(text: string): string {
  return escapeLine(text, MAX_SUMMARY);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** A whole message, LF as line ends. It is marked as made by a machine, so that no machine answers it (RFC 3834). */
export function alarmMail(
  { alarm, state }: Notice,
  to: string,
  host: string,
  repeatMs: number,
  nowMs: number,
): string {
  const { kind, subject, severity, summary, count, domains, advice, since } = alarm;
  const over = state === 'resolved';
  const word = { firing: 'alarm', repeat: 'still', resolved: 'over' }[state];
  const id = messageId(alarm, host);
  const facts: readonly (readonly [name: string, text: string])[] = [
    ['What', summaryOf(summary)],
    ['Since', localTime(since)],
    ...(over ? [['Over', localTime(nowMs)] as const] : []),
    ...(count > 0 ? [['How many', String(count)] as const] : []),
    ...(domains.length > 0 ? [['Whom', domains.join(', ')] as const] : []),
    ['Severity', severity],
    ['Host', host],
  ];
  return [
    `To: <${to}>`,
    `Subject: [${host}] ${word}: ${escapeLine(summary, MAX_SUBJECT)}`,
    `Date: ${mailDate(nowMs)}`,
    state === 'firing' ? `Message-ID: <${id}>` : `Message-ID: <${id.replace('@', `.${state}.${nowMs}@`)}>`,
    ...(state === 'firing' ? [] : [`In-Reply-To: <${id}>`, `References: <${id}>`]),
    `From: tlsward <${fromOf(host)}>`,
    'Auto-Submitted: auto-generated',
    'Precedence: bulk',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    ...facts.map(([name, text]) => `${name.padEnd(10)}${text}`),
    '',
    ...(over
      ? ['This alarm is over; nothing is to be done.']
      : ['What to do:', ...advice.map((line) => `  ${line}`)]),
    '',
    over
      ? ''
      : `You are told again every ${hours(repeatOf(kind, repeatMs))} while it goes on, and once when it is over.`,
    `The kind of this alarm is "${kind}"${subject === '' ? '' : `, its subject ${subject}`}: contrib/doc/alarms.md.`,
    '',
  ].join('\n');
}

/** The same for all mail about one alarm, so that a mail program shows them together. */
function messageId({ kind, subject, firedAt, since }: Alarm, host: string): string {
  const named = `${kind}.${subject}`.replace(/[^A-Za-z0-9.-]/g, '-').slice(0, 150);
  return `alarm.${named}.${firedAt ?? since}@${host}`;
}

function fromOf(host: string): string {
  return `tlsward@${host}`;
}

function hours(ms: number): string {
  return ms % 3_600_000 === 0 ? `${ms / 3_600_000} h` : `${Math.round(ms / 60_000)} min`;
}

/** One alert of the Alertmanager's API, version 2. */
export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
}

/** `endsAtMs`: when it is over, unless it is sent again before. */
export function alertOf(alarm: Alarm, host: string, endsAtMs: number): Alert {
  const { kind, subject, severity, summary, count, domains, advice, since, firedAt } = alarm;
  const name = kind.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return {
    labels: {
      alertname: `Tlsward${name}`,
      kind,
      severity,
      instance: host,
      ...(subject === '' ? {} : { subject }),
    },
    annotations: {
      summary: summaryOf(summary),
      description: KINDS[kind],
      advice: advice.join('\n'),
      ...(count > 0 ? { count: String(count) } : {}),
      ...(domains.length > 0 ? { domains: domains.join(', ') } : {}),
    },
    startsAt: iso(firedAt ?? since),
    endsAt: iso(endsAtMs),
  };
}

/** The alarm that is always firing. */
export function watchdogOf(startedAt: number): Alarm {
  return {
    kind: 'watchdog',
    subject: '',
    severity: 'warning',
    summary: 'tlsward alarms run is alive',
    count: 0,
    domains: [],
    advice: ['nothing: it is missing that is the alarm'],
    phase: 'firing',
    since: startedAt,
    badSince: startedAt,
    firedAt: startedAt,
    goodSince: null,
    noDataSince: null,
    inhibitedBy: '',
    toldAt: null,
  };
}
