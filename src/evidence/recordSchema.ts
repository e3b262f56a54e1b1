/**
 * The JSON schema of the records (record.ts), draft 07, one entry for each field with what it means.
 * contrib/evidence/record.schema.json and the tables of contrib/doc/evidence-fields.md are made of it.
 *
 * A reader of evidence must accept fields that it does not know: new ones may come without a new `v`. The schema
 * itself is strict, so that a test finds a field that is written and not described.
 */
import { RECORD_VERSION, type RecordType } from './record.ts';

interface Schema {
  readonly [keyword: string]: unknown;
}

/** A field of a record. */
interface FieldSchema extends Schema {
  readonly description: string;
}

const text = (description: string, maxLength = 4096): FieldSchema => ({
  type: 'string',
  maxLength,
  description,
});
const whole = (description: string): FieldSchema => ({ type: 'integer', minimum: 0, description });
const words = (description: string, ...list: readonly string[]): FieldSchema => ({
  type: 'string',
  enum: list,
  description,
});
const texts = (description: string): FieldSchema => ({
  type: 'array',
  items: { type: 'string', maxLength: 4096 },
  description,
});
const parts = (
  description: string,
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[],
): FieldSchema => ({ type: 'object', properties, required, additionalProperties: false, description });

const STRING: Schema = { type: 'string', maxLength: 4096 };
const NUMBER: Schema = { type: 'integer', minimum: 0 };
const ADDRESS: Schema = { type: 'string', maxLength: 2600, pattern: '^[ -~]*$' };
const TIME: Schema = {
  type: 'string',
  pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$',
};

const address = (description: string): FieldSchema => ({ ...ADDRESS, description });

const TABLE = parts(
  'the table that decided: `hash` (SHA-256, hex) and `generation` in this run of the daemon',
  { hash: { type: 'string', pattern: '^[0-9a-f]{64}$' }, generation: NUMBER },
  ['hash', 'generation'],
);
const ROW = parts(
  'the row that decided: `pattern`, `at` (`FILE:LINE`), `level` (its `receive`) and `mode`',
  { pattern: ADDRESS, at: STRING, level: STRING, mode: STRING },
  ['pattern', 'at', 'level', 'mode'],
);
const SOURCE = parts(
  'where the line of the log was read: `kind` and `position`',
  { kind: STRING, position: STRING },
  ['kind', 'position'],
);
const LEG_IN = { const: 'inbound', description: 'mail to this host' };
const LEG_OUT = { const: 'outbound', description: 'mail from this host' };
const QUEUE_ID = text("the MTA's queue id", 300);
const CLIENT = text('address of the SMTP client', 300);
const HELO = text('what the client called itself', 300);
const SENDER = address('envelope sender');
const RECIPIENT_DOMAIN = text('domain of `recipient`', 300);
const DSN = text('enhanced status code (RFC 3463)', 20);

interface TypeSchema {
  readonly means: string;
  readonly fields: Readonly<Record<string, FieldSchema>>;
  /** Fields that are always there. */
  readonly always: readonly string[];
}

/** Fields of every record. */
export const COMMON_FIELDS: Readonly<Record<string, FieldSchema>> = {
  v: { const: RECORD_VERSION, description: 'version of the fields' },
  n: whole('place of the line in its day, from 0: the index of its leaf in the tree'),
  time: { ...TIME, description: 'when it was seen: ISO 8601, UTC' },
  type: text('what the record is about, see below', 20),
  host: text('the host that saw it', 300),
};

/** What each type of record has besides. */
export const RECORD_TYPES: Readonly<Record<RecordType, TypeSchema>> = {
  day: {
    means: 'the first line of each day: ties it to the day before',
    fields: {
      previous: parts(
        'the last day before that has lines: `day`, `size` (lines) and `root` (its last head, base64)',
        {
          day: { type: 'string', pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' },
          size: NUMBER,
          root: { type: 'string', pattern: '^[A-Za-z0-9+/]{43}=$' },
        },
        ['day', 'size', 'root'],
      ),
      key: text('verifier of the key that signs the heads: `NAME+KEYHASH+BASE64`', 600),
    },
    always: ['key'],
  },
  start: {
    means: 'the program started',
    fields: {
      version: text('version of tlsward', 40),
      node: text('version of Node.js', 40),
      config: text('path of the configuration'),
      table: TABLE,
      rows: whole('rows of the table'),
    },
    always: ['version', 'node'],
  },
  stop: {
    means: 'the program ended in order; without it a `gap` follows at the next start',
    fields: {},
    always: [],
  },
  verdict: {
    means: 'an answer about a message or a recipient on its way in',
    fields: {
      code: text('the code for `tlsward lookup`, which refused senders read out', 40),
      leg: LEG_IN,
      protocol: words('how the MTA asked', 'policy', 'milter'),
      stage: text('SMTP command, in the words of Postfix', 40),
      queueId: QUEUE_ID,
      client: CLIENT,
      clientPort: {
        type: 'integer',
        minimum: 1,
        maximum: 65535,
        description:
          'its TCP port (RFC 6302), which tells connections apart; Postfix 3.0 and later, Sendmail',
      },
      helo: HELO,
      login: { const: true, description: 'the client had logged in (SASL); its name is not recorded' },
      sender: SENDER,
      senderDomain: text('domain of `sender`', 300),
      recipients: {
        type: 'array',
        items: ADDRESS,
        maxItems: 50,
        description: 'envelope recipients, at most 50',
      },
      recipientDomains: {
        type: 'array',
        items: { type: 'string', maxLength: 300 },
        maxItems: 500,
        description: 'their domains, each once, at most 500',
      },
      moreDomains: whole('domains that `recipientDomains` leaves out'),
      recipientCount: whole('number of all recipients'),
      unseen: { const: true, description: 'there were recipients that the MTA did not name, too' },
      ambiguous: {
        const: true,
        description: 'an address may mean another one, too: rows of domains that are not named here counted',
      },
      tls: parts(
        'the session: `state`, `protocol`, `cipher`, `bits`; of the client `certificate` (`none`, `unproven`, `untrusted`, `trusted`, `unknown`), `commonName` and `fingerprint`',
        {
          state: { enum: ['plain', 'tls', 'unknown'] },
          protocol: STRING,
          cipher: STRING,
          bits: NUMBER,
          certificate: { enum: ['none', 'unproven', 'untrusted', 'trusted', 'unknown'] },
          commonName: STRING,
          fingerprint: STRING,
        },
        ['state'],
      ),
      row: ROW,
      table: TABLE,
      action: words('what was answered', 'accept', 'hold', 'defer', 'reject'),
      would: words('what a row in observe mode would have done', 'tag', 'hold', 'defer', 'reject'),
      tagged: { const: true, description: 'accepted although unprotected, because the row only tags' },
      notJudged: text('why nothing was judged: `local`, `again`, `trusted-client`, `no-mail`', 40),
      breach: text('the part of the requirement that was not met', 40),
      because: texts('reasons, the deciding one first if there are many; without local parts'),
      rule: text('rules that apply to the message'),
      route: text('where they send it, or what came of it'),
      mark: text('key id of the mark that was added, or `unsigned`', 100),
      reply: text('the SMTP reply of a refusal, without local parts', 600),
    },
    always: [
      'code',
      'leg',
      'protocol',
      'stage',
      'recipients',
      'recipientDomains',
      'recipientCount',
      'tls',
      'table',
      'action',
    ],
  },
  map: {
    means:
      'an answer of a socketmap: each that makes mail wait, and what a row demands of a next hop once a day and when it changes',
    fields: {
      leg: LEG_OUT,
      map: text('name of the map', 300),
      key: address('what the MTA asked for'),
      status: words('the answer', 'OK', 'TEMP', 'PERM'),
      reply: text('its text, without local parts', 1100),
      row: parts('the row that decided: `pattern`, `at`', { pattern: ADDRESS, at: STRING }, [
        'pattern',
        'at',
      ]),
      table: TABLE,
    },
    always: ['leg', 'map', 'key', 'status', 'reply', 'table'],
  },
  reload: {
    means: 'the configuration was read again',
    fields: {
      ok: { type: 'boolean', description: 'is it in force; else the old one stays' },
      table: TABLE,
      rows: whole('rows of the table'),
      added: whole('rows that were added'),
      removed: whole('rows that were removed'),
      changed: whole('rows that were changed'),
      lines: texts('the first of the changes, or of the mistakes; without local parts'),
    },
    always: ['ok', 'table'],
  },
  exception: {
    means: 'a dated exception that came into force or went',
    fields: {
      change: words(
        'what happened; `in-force`: it was there at a start',
        'set',
        'changed',
        'removed',
        'in-force',
      ),
      pattern: address('pattern of the row that it changes'),
      until: text('its last day', 20),
      reason: text('its reason, without local parts'),
      contact: address('whom it names'),
      changes: texts('what it changes: `receive encrypt → may`'),
      at: text('`FILE:LINE`'),
    },
    always: ['change', 'pattern', 'until', 'reason', 'at'],
  },
  delivery: {
    means: 'one attempt to deliver to one recipient, from the log of the MTA',
    fields: {
      leg: LEG_OUT,
      queueId: QUEUE_ID,
      sender: SENDER,
      recipient: address('envelope recipient'),
      recipientDomain: RECIPIENT_DOMAIN,
      origTo: address('recipient before aliases'),
      nextHop: text('next hop', 600),
      relay: parts(
        'the server: `host`, `address`, `port`',
        { host: STRING, address: STRING, port: NUMBER },
        [],
      ),
      tls: parts(
        'the session: `state`, `protocol`, `cipher`, `bits`, `peer` (what the MTA says of the server), `reused`; `how` it is known, or `why` not; with `tls` `why` the certificate did not verify',
        {
          state: { enum: ['plain', 'tls', 'unknown'] },
          protocol: STRING,
          cipher: STRING,
          bits: NUMBER,
          peer: STRING,
          reused: { type: 'boolean' },
          how: STRING,
          why: STRING,
        },
        ['state'],
      ),
      demanded: parts(
        'what was demanded: `level`, and `from` where that is known',
        { level: STRING, from: STRING },
        ['level', 'from'],
      ),
      outcome: words('what came of it', 'sent', 'deferred', 'bounced', 'expired', 'filtered'),
      dsn: DSN,
      reply: text('what the MTA logged as the reason', 1100),
      delay: { type: 'number', minimum: 0, description: 'seconds since the message came' },
      agent: text('delivery agent of the MTA', 100),
      source: SOURCE,
    },
    always: ['leg', 'queueId', 'recipient', 'tls', 'outcome', 'source'],
  },
  message: {
    means: 'what joins the passages of a message, from the log of the MTA',
    fields: {
      queueId: QUEUE_ID,
      messageId: address('the Message-ID, treated as an address'),
      origQueueId: text('queue id before a content filter', 300),
      client: CLIENT,
      sender: SENDER,
      source: SOURCE,
    },
    always: ['queueId', 'source'],
  },
  refusal: {
    means: 'mail that the MTA refused, from its log',
    fields: {
      leg: LEG_IN,
      queueId: QUEUE_ID,
      stage: text('SMTP command', 40),
      client: CLIENT,
      helo: HELO,
      sender: SENDER,
      recipient: address('envelope recipient'),
      recipientDomain: RECIPIENT_DOMAIN,
      dsn: DSN,
      reply: text('the reply', 1100),
      source: SOURCE,
    },
    always: ['leg', 'source'],
  },
  gap: {
    means: 'records that are missing, or may be',
    fields: {
      from: { ...TIME, description: 'what is missing is not earlier' },
      to: { ...TIME, description: 'what is missing is not later' },
      count: {
        type: ['integer', 'null'],
        minimum: 0,
        description: 'how many, of a log: lines; null: not known',
      },
      why: text('the reason', 600),
      source: SOURCE,
    },
    always: ['from', 'to', 'count', 'why'],
  },
  torn: {
    means: 'the end of the file was no whole line and was set aside',
    fields: { bytes: whole('its size'), file: text('the file that has it now', 300) },
    always: ['bytes', 'file'],
  },
  clock: {
    means: 'the clock was set',
    fields: { stepMs: { type: 'integer', description: 'by how much, in milliseconds; back when negative' } },
    always: ['stepMs'],
  },
  tlsrpt: {
    means: 'one TLS handshake, as Postfix reported it for RFC 8460 (lossy by design; not one a message)',
    fields: {
      leg: LEG_OUT,
      domain: text('domain that publishes where reports go', 300),
      policies: {
        type: 'array',
        items: parts(
          'a policy',
          {
            policy: { enum: ['tlsa', 'sts', 'no-policy-found'] },
            domain: STRING,
            strings: { type: 'array', items: STRING },
            mxHosts: { type: 'array', items: STRING },
            ok: { type: 'boolean' },
            failures: {
              type: 'array',
              items: parts(
                'a failure',
                {
                  result: STRING,
                  sendingAddress: STRING,
                  mxHost: STRING,
                  mxHelo: STRING,
                  mxAddress: STRING,
                  information: STRING,
                  reason: STRING,
                },
                ['result'],
              ),
            },
            moreFailures: NUMBER,
          },
          ['policy', 'ok'],
        ),
        description:
          'what was tried: `policy`, `domain`, `strings` and `mxHosts` as published, `ok`, and `failures` ' +
          '(`result` of RFC 8460 section 4.3 and what is known), `moreFailures` when some are left out',
      },
      source: SOURCE,
    },
    always: ['leg', 'domain', 'policies', 'source'],
  },
  alarm: {
    means: 'an alarm began or ended',
    fields: {
      kind: text('what it is about: a kind of contrib/doc/alarms.md', 100),
      state: text('`firing` or `resolved`', 40),
      subject: text('whom it is about: a domain, a host'),
      text: text('in words'),
    },
    always: ['kind', 'state'],
  },
};

/** The schema of one record. */
export function recordSchema(): Schema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'A record of the evidence of tlsward',
    oneOf: Object.entries(RECORD_TYPES).map(([type, { means, fields, always }]) => ({
      type: 'object',
      description: means,
      properties: { ...COMMON_FIELDS, type: { const: type }, ...fields },
      required: [...Object.keys(COMMON_FIELDS), ...always],
      additionalProperties: false,
    })),
  };
}
