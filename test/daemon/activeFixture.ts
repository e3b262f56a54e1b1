/** What is in force by a configuration, and the questions that sessions ask, for tests without sockets. */
import { NULL_ADDRESS, parseInternalAddress, parsePath } from '../../src/core/address.ts';
import { NOT_TOLD, type RuleRecipient } from '../../src/core/rule.ts';
import { type Active, activeOf } from '../../src/daemon/active.ts';
import { fenceTable } from '../../src/rules/fence.ts';
import type { JudgeQuery, MessageQuery } from '../../src/session/queries.ts';
import { SERVICE, tableOf, workbench } from '../config/configFixture.ts';
import { GOOD, transaction } from '../core/buildTables.ts';

/** What is in force by `text`, which begins inside `[service]`. */
export function activeBy(t: Parameters<typeof workbench>[0], text: string): Active {
  const bench = workbench(t);
  bench.write('tls.ini', SERVICE + text);
  const loaded = bench.load();
  const table = tableOf(loaded);
  if (!loaded.ok) throw new Error('not reached: tableOf throws');
  return activeOf(loaded.service, table, [], loaded.rules);
}

/** As Postfix shows a recipient that goes to its domain's MX. */
export function shown(path: string): RuleRecipient {
  const address = parsePath(path) ?? NULL_ADDRESS;
  return { address, path, parameters: [], mailer: 'smtp', nextHop: address.domain ?? '' };
}

/** The end of a message that Postfix 3.10 received under TLS and of which everything was shown. */
export function messageQuery(
  to: readonly string[],
  headers: MessageQuery['headers'],
  changes: Partial<MessageQuery> = {},
): MessageQuery {
  return {
    kind: 'message',
    transaction: {
      ...transaction('<alice@other.example>', to, GOOD),
      protocol: 'milter',
      stage: 'END-OF-MESSAGE',
    },
    table: null,
    verdicts: [],
    headers,
    shown: 'all',
    body: null,
    bodyDigest: null,
    replacesBody: true,
    mailParameters: [],
    told: { ...NOT_TOLD, headerChecks: fenceTable('X-TLS-Ward-Route') },
    shownRecipients: to.map(shown),
    postfix: true,
    mta: 'Postfix 3.10.13',
    ...changes,
  };
}

/** One recipient, as both protocols ask. */
export function recipientQuery(
  protocol: 'policy' | 'milter',
  to: string,
  changes: Partial<JudgeQuery['transaction']> = {},
  instance = '',
): JudgeQuery {
  const asked = transaction('<alice@other.example>', [to], GOOD);
  // Postfix's policy clients send addresses without brackets and quotes
  const recipients = protocol === 'policy' ? [parseInternalAddress(to.slice(1, -1))] : asked.recipients;
  return {
    kind: 'judge',
    transaction: { ...asked, protocol, recipients, ...changes },
    table: null,
    instance,
  };
}
