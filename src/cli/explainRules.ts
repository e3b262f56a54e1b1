/**
 * The rules' part of `tlsward explain`: which rules apply to this message, for which recipient, why, and what
 * follows.
 *
 *   rule       bob@bank.example: deliver = encrypt by secure (tlsward.ini:12): the subject has [secure]
 *              sent through tlsward-encrypt, unless the address is local; if the level cannot be reached, the message is refused
 *   copies     expanded aliases: the same level, applied at the second pass; ...
 *   token      made 2026-11-20 for bank.example, key 2a30d450: verifies
 *
 * What becomes of the message is worked out as the daemon does it (rules/route.ts), for recipients on other
 * hosts of which nothing is known but their rows: what earlier deliveries showed, only a running daemon
 * knows.
 *
 * The message comes as options: `--subject TEXT`, `--header "Name: value"`, `--parameter REQUIRETLS`, and
 * `--message FILE`, of which the header fields count. Tokens are checked with the keys of `mark-key`, which
 * must be readable for that.
 */

import { parsePath } from '../core/address.ts';
import { escapeText } from '../core/escape.ts';
import type { HeaderField } from '../core/messageEdit.ts';
import { formatPosition, type Position } from '../core/position.ts';
import type { Cannot, Need, RuleLevel } from '../core/rule.ts';
import type { PolicyTable } from '../core/table.ts';
import type { Transaction } from '../core/transaction.ts';
import { allAtOnce } from '../core/work.ts';
import { routeSettings } from '../daemon/active.ts';
import { namesWay } from '../daemon/messageRouting.ts';
import { decideNextHop } from '../deliver/deliver.ts';
import { fileError } from '../files/systemError.ts';
import { readMessages } from '../mailfile/readMessages.ts';
import { KeyFileError, readKeyFile } from '../mark/keyFile.ts';
import { checkReplyTokens, findReplyTokens } from '../mark/replyToken.ts';
import type { MarkKey } from '../mark/signMark.ts';
import type { Reply } from '../receive/smtpReply.ts';
import { needsOf } from '../rules/matchRules.ts';
import { domainsOf, messageFacts, tokenValues } from '../rules/messageFacts.ts';
import { ROUTE_ENDS } from '../rules/recipientSuffix.ts';
import { routeMessage } from '../rules/route.ts';
import { hopOf, literalByRow } from '../rules/routeHop.ts';
import { literalWithoutRow, type RouteCase } from '../rules/routePlan.ts';
import { routeFromClient } from '../rules/routeReply.ts';
import { type Io, label, UsageError } from './command.ts';
import { type ExplainedWish, explainWish } from './explainTlsRequired.ts';
import type { LoadedTable } from './loadOrReport.ts';
import type { MESSAGE, Values } from './options.ts';
import { headerOption } from './sessionOptions.ts';

type MessageValues = Values<typeof MESSAGE> & { readonly subject?: string | undefined };

interface ExplainedNeed {
  readonly recipient: string;
  readonly level: RuleLevel;
  readonly rules: readonly { readonly name: string; readonly at: Position; readonly because: string }[];
  /** Transport of the MTA that the recipient takes. */
  readonly transport: string;
  readonly cannot: Cannot;
  readonly fallback: string | null;
  /** Why it is already known that the level cannot be reached, a clause; null: nothing is known. */
  readonly impossible: string | null;
}

export interface ExplainedRules {
  /** null: the configuration has no rules. */
  readonly rules: readonly ExplainedNeed[] | null;
  readonly tokens: readonly string[];
  /** What the rules make of the message, if the connection it comes by is no objection. */
  readonly outcome: 'nothing' | 'routed' | 'held' | 'refused' | 'deferred';
  readonly ruleReply: Reply | null;
  /** What `TLS-Required: no` in the message leads to; null: nothing. */
  readonly tlsRequired: ExplainedWish | null;
  /**
   * What becomes of copies that Postfix makes and of expanded aliases; null: no rule applies to the message.
   */
  readonly copies: string | null;
}

/**
 * Header fields of the options, those of the file last. Throws UsageError; errors of the file system as they
 * come.
 */
async function headersOf(values: MessageValues): Promise<HeaderField[]> {
  const headers = (values.header ?? []).map(headerOption);
  if (values.subject !== undefined) headers.push(headerOption(`Subject: ${values.subject}`));
  if (values.message === undefined) return headers;
  try {
    for await (const message of readMessages(values.message)) return [...headers, ...message.headers];
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw new UsageError(`--message: ${values.message} cannot be read (${fileError(error)})`);
  }
  throw new UsageError(`--message: ${values.message} holds no message`);
}

/** What the rules say of a message in this transaction. */
export async function explainRules(
  loaded: LoadedTable,
  table: PolicyTable,
  transaction: Transaction,
  values: MessageValues,
  code: string,
): Promise<ExplainedRules> {
  const { rules, service } = loaded;
  const headers = await headersOf(values);
  const { recipients } = transaction;
  const tokens = tokenValues(headers);
  const found = findReplyTokens(tokens).length > 0;
  let keys: readonly MarkKey[] = [];
  let trouble = service.markKey === null ? 'cannot be checked: there is no mark-key' : '';
  if (found && service.markKey !== null) {
    try {
      keys = await readKeyFile(service.markKey);
    } catch (error) {
      if (!(error instanceof KeyFileError)) throw error;
      trouble = `cannot be checked: ${error.message}`;
    }
  }
  const facts = messageFacts(rules, {
    sender: transaction.sender ?? parsePath('<>'),
    user: transaction.saslUsername,
    mailParameters: values.parameter ?? [],
    headers,
    recipients,
    keys,
  });
  const needs = allAtOnce(needsOf(rules, facts));
  const settings = routeSettings(service);
  const [mailer = 'smtp'] = settings.remoteTransports;
  const cases = recipients.map((address, i): RouteCase => {
    const need = needs[i] ?? null;
    const path = address.text.startsWith('<') ? address.text : `<${address.text}>`;
    const recipient = { address, path, parameters: [], mailer, nextHop: '' };
    const hop = hopOf(recipient, settings.relayhost, settings.mode);
    const cannot = need === null ? null : cannotByRow(table, hop);
    const byRow = need !== null && literalByRow(table, recipient, hop, need.level);
    return { recipient, need, cannot, byRow };
  });
  const foreign = allAtOnce(namesWay(transaction, service));
  const routed = allAtOnce(
    routeMessage(
      { cases, postfix: true, local: false, again: false, filtered: false, stale: [], code },
      settings,
    ),
  );
  const checks = checkReplyTokens(tokens, domainsOf(recipients), keys).map(
    ({ day, keyId, result, domains }) => {
      if (trouble !== '') return `made ${day}, key ${keyId}: ${trouble}`;
      if (result === 'verifies') return `made ${day} for ${domains.join(', ')}, key ${keyId}: verifies`;
      if (result === 'unknown-key') return `made ${day}, key ${keyId}: the key is not in the key file`;
      return `made ${day}, key ${keyId}: verifies for no recipient's domain`;
    },
  );
  const said = cases.flatMap((one) => {
    const { recipient, need, cannot } = one;
    if (need === null) return [];
    const barred = settings.mode === 'recipient' ? literalWithoutRow(one) : null;
    return [explained(recipient.address.text, need, cannot ?? barred)];
  });
  const stopped = foreign || routed.reply !== null;
  const wished = {
    headers,
    recipients: cases.map(({ recipient }) => recipient),
    rule: routed.rules[0] ?? null,
  };
  const tlsRequired = stopped ? null : explainWish(wished, service, table, settings, code);
  return {
    rules: rules.length === 0 ? null : said,
    tokens: checks,
    outcome: foreign ? 'refused' : (tlsRequired?.outcome ?? routed.kind),
    ruleReply: foreign ? routeFromClient(code) : (tlsRequired?.reply ?? routed.reply),
    tlsRequired,
    copies: said.length === 0 || stopped || tlsRequired?.outcome === 'refused' ? null : COPIES[settings.mode],
  };
}

const COPIES = {
  recipient:
    'expanded aliases: the same level, applied at the second pass; what local(8) forwards is stopped and bounces',
  header:
    'expanded aliases: the same transport; in a message that is also for mailboxes here they are stopped and bounce',
} as const;

/** Why the row of the next hop rules out what a rule needs; null: it does not. */
function cannotByRow(table: PolicyTable, hop: string): string | null {
  const decision = hop === '' ? null : decideNextHop(table, hop, 'none', null);
  if (decision?.kind !== 'policy' || decision.policy.level !== 'none') return null;
  return `the table sends to ${hop} without TLS (row ${decision.row?.pattern ?? ''}: deliver = none)`;
}

function explained(recipient: string, need: Need, impossible: string | null): ExplainedNeed {
  const { level, rules, because } = need;
  const [first] = rules;
  return {
    recipient,
    level,
    rules: rules.map(({ name, at }, i) => ({ name, at, because: because[i] ?? '' })),
    transport: ROUTE_ENDS[level],
    cannot: first?.cannot ?? 'reject',
    fallback: first?.fallback ?? null,
    impossible,
  };
}

const CANNOT_WORDS: Readonly<Record<Cannot, string>> = {
  reject: 'the message is refused',
  hold: 'the message is held',
  fallback: 'it goes to',
};

/** Prints the lines; none without rules and tokens. */
export function printRules(io: Io, { rules, tokens, copies, tlsRequired }: ExplainedRules): void {
  const line = (name: string, text: string): void => io.out(`${label(name)}${text}\n`);
  if (rules?.length === 0) line('rule', 'none applies');
  for (const need of rules ?? []) {
    need.rules.forEach(({ name, at, because }, i) => {
      const by = `by ${name} (${formatPosition(at)}): ${because}`;
      const lead = i === 0 ? `${escapeText(need.recipient)}: deliver = ${need.level} ` : 'and ';
      line(i === 0 ? 'rule' : '', `${lead}${by}`);
    });
    const gateway = need.cannot === 'fallback' ? ` ${need.fallback}` : '';
    const otherwise = `${CANNOT_WORDS[need.cannot]}${gateway}`;
    line(
      '',
      need.impossible === null
        ? `sent through ${need.transport}, unless the address is local; if the level cannot be reached, ${otherwise}`
        : `${need.impossible}, so ${otherwise}`,
    );
  }
  if (tlsRequired !== null) line('wish', tlsRequired.why);
  if (copies !== null) line('copies', copies);
  for (const token of tokens) line('token', token);
}
