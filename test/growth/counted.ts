/** Functions whose work grows with a number of things that a peer sets, not with a text: recipients of one message. */
import { type EnvelopeAddress, parsePath } from '../../src/core/address.ts';
import type { Rule } from '../../src/core/rule.ts';
import { DEFAULTS } from '../../src/core/settings.ts';
import type { Transaction } from '../../src/core/transaction.ts';
import { combine } from '../../src/core/verdict.ts';
import { allAtOnce } from '../../src/core/work.ts';
import { chooseBanner } from '../../src/edits/bannerChoice.ts';
import { decide } from '../../src/receive/decide.ts';
import { reasonsOf } from '../../src/receive/describeVerdict.ts';
import { needsOf } from '../../src/rules/matchRules.ts';
import { domainsOf } from '../../src/rules/messageFacts.ts';
import { routeMessage } from '../../src/rules/route.ts';
import { tableOf } from '../core/buildTables.ts';
import { TRANSACTION } from './covered.ts';

/** `max-recipients`. */
const RECIPIENTS = 10_000;

interface Counted {
  readonly largest: number;
  readonly call: (size: number) => () => unknown;
}

const TABLE = tableOf([
  ['.our.example', { ...DEFAULTS, receive: 'encrypt', banner: ['header', 'body'] }],
  ['our.example', { ...DEFAULTS, receive: 'encrypt', banner: ['header', 'body'] }],
]);

function recipients(count: number): EnvelopeAddress[] {
  return Array.from({ length: count }, (_, i) => parsePath(`<user${i}@d${i}.our.example>`));
}

/** As the milter puts it at the end: one verdict for each recipient. */
function judged(count: number): [Transaction, ReturnType<typeof combine>] {
  const transaction = { ...TRANSACTION, recipients: recipients(count) };
  const verdicts = transaction.recipients.map((one) =>
    decide({ ...transaction, recipients: [one] }, TABLE, { trustedClients: [] }),
  );
  return [transaction, combine(verdicts)];
}

const RULE: Rule = {
  name: 'r',
  at: { file: 't.ini', line: 1 },
  when: {
    subjectTags: [],
    headers: [],
    requireTls: false,
    replyToMarked: false,
    senders: ['*'],
    recipients: ['.our.example'],
    users: [],
  },
  level: 'encrypt',
  cannot: 'reject',
  fallback: null,
  requestRequireTls: false,
  help: null,
};

function routed(count: number): () => unknown {
  const to = recipients(count);
  const facts = {
    sender: TRANSACTION.sender,
    user: '',
    requireTls: false,
    subjects: [],
    headers: [],
    repliesTo: [],
    recipients: to,
  };
  return () => {
    const needs = allAtOnce(needsOf([RULE], facts));
    const cases = to.map((address, i) => ({
      recipient: { address, path: address.text, parameters: [], mailer: 'smtp', nextHop: address.domain },
      need: needs[i] ?? null,
      cannot: null,
      byRow: false,
    }));
    return allAtOnce(
      routeMessage(
        { cases, postfix: true, local: false, again: false, filtered: false, stale: [], code: 'A' },
        {
          mode: 'recipient',
          header: 'X-TLS-Ward-Route',
          relayhost: null,
          remoteTransports: ['smtp'],
          localDomains: [],
        },
      ),
    );
  };
}

/** By `file.function`. */
export const COUNTED: Readonly<Record<string, Counted>> = {
  'verdict.combine': { largest: RECIPIENTS, call: (size) => () => judged(size) },
  'describeVerdict.reasonsOf recipients': {
    largest: RECIPIENTS,
    call: (size) => {
      const [, verdict] = judged(size);
      return () => reasonsOf(verdict);
    },
  },
  'bannerChoice.chooseBanner': {
    largest: RECIPIENTS,
    call: (size) => {
      const [transaction, verdict] = judged(size);
      return () => allAtOnce(chooseBanner(transaction, verdict));
    },
  },
  'messageFacts.domainsOf': {
    largest: RECIPIENTS,
    call: (size) => {
      const to = recipients(size);
      return () => domainsOf(to);
    },
  },
  'route.routeMessage': { largest: RECIPIENTS, call: routed },
};
