/**
 * The mail of a scripted day, made from a seed: who sends what to whom, in which sessions, and what each receiver will
 * say. Addresses occur in one message only, so that a record names its message; the end of a local part tells the
 * receiver what to answer (`DEMEANOURS`).
 */
import type { Generator } from '../../../mark/generator.ts';

export const LOCAL = 'local.example';

/**
 * Partners whose mail comes in, with their rows, and what becomes of it in plaintext: the client is told, or only the
 * record says so.
 */
export const PARTNERS = {
  'bank.example': { row: 'receive = encrypt\nviolation = reject', plain: { action: 'reject' } },
  'later.example': { row: 'receive = encrypt\nviolation = defer', plain: { action: 'defer' } },
  'tagged.example': { row: 'receive = encrypt\nviolation = tag', plain: { action: 'accept', tagged: true } },
  'watched.example': {
    row: 'receive = encrypt\nviolation = reject\nmode = observe',
    plain: { action: 'accept', would: 'reject' },
  },
  'open.example': { row: 'receive = may', plain: { action: 'accept' } },
} as const satisfies Readonly<Record<string, Partner>>;

interface Partner {
  readonly row: string;
  readonly plain: {
    readonly action: 'accept' | 'reject' | 'defer';
    readonly tagged?: true;
    readonly would?: 'reject';
  };
}

/** What the MTA of a receiver offers, and what our row for it demands. */
export const RECEIVERS = {
  'tls.example': { certificate: 'right', row: 'deliver = secure' },
  'old.example': { certificate: 'right', maxVersion: 'TLSv1.2', row: 'deliver = encrypt' },
  'self.example': { certificate: 'self', row: 'deliver = encrypt' },
  /** Offers STARTTLS on two connections of three. */
  'sometimes.example': { certificate: 'right', sometimes: true, row: 'deliver = may' },
  'plain.example': { certificate: null, row: 'deliver = may' },
  /** Mail for these can never leave. */
  'strict.example': { certificate: null, row: 'deliver = encrypt', never: true },
  'wrong.example': { certificate: 'wrong', row: 'deliver = verify', never: true },
} as const satisfies Readonly<Record<string, ReceiverSpec>>;

export interface ReceiverSpec {
  readonly certificate: 'right' | 'self' | 'wrong' | null;
  readonly maxVersion?: 'TLSv1.2';
  readonly sometimes?: true;
  readonly row: string;
  readonly never?: true;
}

/** At the end of a local part, behind a dot: what a receiver answers to the recipient, or to the message. */
export const DEMEANOURS = ['ok', 'later', 'gone', 'lateend', 'badend', 'never'] as const;
export type Demeanour = (typeof DEMEANOURS)[number];

export function demeanourOf(recipient: string): Demeanour {
  const word = recipient.slice(0, recipient.lastIndexOf('@')).split('.').at(-1);
  return DEMEANOURS.find((one) => one === word) ?? 'ok';
}

/** Must this recipient stay in the queue? */
export function isHopeless(recipient: string): boolean {
  const domain = recipient.slice(recipient.lastIndexOf('@') + 1);
  const spec: ReceiverSpec | undefined = (RECEIVERS as Record<string, ReceiverSpec>)[domain];
  return spec?.never === true || (domain !== LOCAL && demeanourOf(recipient) === 'never');
}

export interface PlannedMessage {
  readonly sender: string;
  readonly recipients: readonly string[];
}

export interface PlannedSession {
  readonly listener: 'smtp' | 'filtered';
  readonly protocol: 'TLSv1.2' | 'TLSv1.3' | null;
  readonly messages: readonly PlannedMessage[];
}

/** Messages that stay in the queue, at most: each is tried again at each flush. */
const MOST_HOPELESS = 25;

/** `count` messages, in the order in which their sessions begin. */
export function planOf(count: number, random: Generator, mostHopeless = MOST_HOPELESS): PlannedSession[] {
  const sessions: PlannedSession[] = [];
  let hopeless = 0;
  let number = 0;
  const hopes = (): boolean => random.integer(count) < mostHopeless && ++hopeless <= mostHopeless;
  while (number < count) {
    const messages: PlannedMessage[] = [];
    for (let n = 1 + random.integer(3); n > 0 && number < count; n--)
      messages.push(messageOf(++number, random, hopes()));
    sessions.push({
      listener: random.integer(4) === 0 ? 'filtered' : 'smtp',
      protocol: random.pick([null, 'TLSv1.2', 'TLSv1.3'] as const),
      messages,
    });
  }
  return sessions;
}

function messageOf(number: number, random: Generator, hopeless: boolean): PlannedMessage {
  const [low, high] = [1, 1 + random.integer(4)];
  const recipients = Array.from(
    { length: random.integer(3) === 0 ? high : low },
    (_, i) => `m${number}r${i}`,
  );
  if (!hopeless && random.integer(2) === 0) {
    const partner = random.pick(Object.keys(PARTNERS));
    return { sender: `m${number}@${partner}`, recipients: recipients.map((local) => `${local}@${LOCAL}`) };
  }
  return {
    sender: `m${number}@${LOCAL}`,
    recipients: recipients.map((local, i) => `${local}${outside(random, hopeless && i === 0)}`),
  };
}

/** `.later@tls.example` */
function outside(random: Generator, hopeless: boolean): string {
  const domains = Object.entries(RECEIVERS as Readonly<Record<string, ReceiverSpec>>);
  const [domain] = random.pick(domains.filter(([, { never }]) => (never === true) === hopeless));
  if (hopeless) return random.pick([`.ok@${domain}`, '.never@plain.example', '.never@tls.example']);
  const word = random.pick(['ok', 'ok', 'ok', 'ok', 'ok', 'later', 'gone', 'lateend', 'badend'] as const);
  return random.integer(10) === 0 ? `@${LOCAL}` : `.${word}@${domain}`;
}
