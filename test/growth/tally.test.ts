/** No day of records takes a tally more than n log n, whatever clients and servers do to fill its memory. */
import t from 'tap';
import type { EvidenceRecord } from '../../src/evidence/record.ts';
import { Accounts } from '../../src/tally/accounts.ts';
import { TallyBuilder } from '../../src/tally/buildTally.ts';
import { Told } from '../../src/tally/told.ts';
import { DAY, failed, message, NO_STARTTLS, PLAIN, rcpt, recordOf, sent } from '../tally/made.ts';
import { tooSteep } from './measure.ts';

t.setTimeout(900_000);

/** Many more than the hour that is held has. */
const RECORDS = 65_536;

const ACCEPTED = recordOf(rcpt('10:00:00', { queueId: undefined }));
const ANSWERED = recordOf(message('10:00:01', { queueId: undefined }));
const REFUSED = recordOf(
  message('10:00:01', { stage: 'RCPT', action: 'reject', breach: 'plain', tls: PLAIN }),
);
const OF_MESSAGE = recordOf(rcpt('10:00:00'));
const DEFERRED = recordOf(failed('10:00:00', NO_STARTTLS, { recipient: '@example.org' }));
const SENT = recordOf(sent('10:00:00', { recipient: '@example.org' }));

type Made = (i: number) => EvidenceRecord;
const at = (i: number): string => new Date(Date.parse(`${DAY}T00:00:00Z`) + i * 600).toISOString();

const DAYS: Readonly<Record<string, Made>> = {
  'accepted, and never a message': () => ACCEPTED,
  'accepted, and a message now and then': (i) => (i % 3 === 0 ? ANSWERED : ACCEPTED),
  'accepted, then refused': (i) => (i % 2 === 0 ? ACCEPTED : REFUSED),
  'one message with all recipients': () => OF_MESSAGE,
  'one message, recipients accepted and refused': (i) => (i % 2 === 0 ? OF_MESSAGE : REFUSED),
  'a message each': (i) =>
    ({ ...OF_MESSAGE, time: at(i), queueId: `Q${i}`, clientPort: i % 65_535 }) as EvidenceRecord,
  'a domain each': (i) =>
    ({ ...OF_MESSAGE, time: at(i), queueId: `Q${i}`, senderDomain: `d${i}.example` }) as EvidenceRecord,
  'all wait': () => DEFERRED,
  'all wait, again and again': (i) => ({ ...DEFERRED, time: at(i * 20) }) as EvidenceRecord,
  'all wait, and are sent': (i) => ({ ...(i % 2 === 0 ? DEFERRED : SENT), time: at(i) }) as EvidenceRecord,
  'a recipient each waits': (i) => ({ ...DEFERRED, time: at(i), queueId: `Q${i}` }) as EvidenceRecord,
  'a cause each': (i) => ({ ...REFUSED, breach: `b${i}`, client: `192.0.2.${i}` }) as EvidenceRecord,
};

for (const [name, made] of Object.entries(DAYS))
  t.test(name, async (t) => {
    const call = (size: number) => {
      const records = Array.from({ length: size }, (_, i) => made(i));
      return () => {
        const builder = new TallyBuilder(DAY, new Told(), new Accounts(1000));
        for (const record of records) builder.add(record);
        return builder.finish();
      };
    };
    t.equal(tooSteep(call, RECORDS), null);
  });
