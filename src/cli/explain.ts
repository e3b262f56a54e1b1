/**
 * `tlsward explain`: what would happen to this message, and why. Reads the table itself, so it also answers
 * for a table that is not in use yet.
 *
 *   tlsward explain --from A --to B [--to C] [--tls "PROTOCOL CIPHER BITS" | none | unknown]
 *                   [--cert "CN" [--issuer NAME] | untrusted | none] [--fingerprint DIGEST]
 *                   [--client ADDRESS] [--auth LOGIN]
 *                   [--subject TEXT] [--header "Name: value"]... [--parameter REQUIRETLS] [--message FILE]
 *   tlsward explain --deliver NEXTHOP [--map NAME]             see explainDeliver.ts
 *
 * First line: the answer. Then the row with file and line, its inheritance, the reasons, the exact SMTP reply
 * to each recipient at each interface (explainInterfaces.ts), the header that would be added, the rules that
 * apply to the message (explainRules.ts), and the smallest change that turns the answer of the rows around. A
 * message that its connection admits and a rule refuses is refused. A certificate without `--fingerprint` is
 * taken for one that no row has pinned.
 * Exit status: 0 accepted, 1 refused or held (some recipient), 75 deferred because the MTA would not have
 * told enough.
 */

import { escapeText } from '../core/escape.ts';
import { formatPosition } from '../core/position.ts';
import { PolicyTable } from '../core/table.ts';
import type { Transaction } from '../core/transaction.ts';
import type { Verdict } from '../core/verdict.ts';
import { allAtOnce } from '../core/work.ts';
import { editSettings } from '../daemon/active.ts';
import { type EditSettings, messageEdits } from '../edits/messageEdits.ts';
import { smallestChange } from '../receive/counterfactual.ts';
import { decide } from '../receive/decide.ts';
import { describeRequired, describeTls, reasonsOf } from '../receive/describeVerdict.ts';
import { shownTo } from '../receive/interfaces.ts';
import { type Reply, replyFor } from '../receive/smtpReply.ts';
import {
  configFile,
  EXIT,
  exceptionWords,
  type Io,
  label,
  paint,
  parseCommand,
  UsageError,
} from './command.ts';
import { COMMANDS } from './commands.ts';
import { explainDeliver } from './explainDeliver.ts';
import { type ExplainedInterfaces, explainInterfaces, printInterfaces } from './explainInterfaces.ts';
import { type ExplainedRules, explainRules, printRules } from './explainRules.ts';
import { loadOrReport } from './loadOrReport.ts';
import { sessionFacts } from './sessionOptions.ts';

/** The code in an explained reply: a real one is given to each real transaction. */
const EXAMPLE_CODE = 'XXXXXXXX';

/** `tlsward explain`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values } = parseCommand(argv, COMMANDS.explain);
  if (values.deliver !== undefined) {
    if (values.from !== undefined || values.to !== undefined)
      throw new UsageError(
        '--deliver asks about outbound mail, --from and --to about inbound mail: run the command twice',
      );
    const { deliver, map, json = false } = values;
    return await explainDeliver({ config: configFile(values, io.env), deliver, map, json }, io);
  }
  const { sender, recipients, tls } = sessionFacts(values);
  const loaded = loadOrReport(configFile(values, io.env), values.json, io);
  if (loaded === null) return EXIT.config;
  const { service } = loaded;
  const table = new PolicyTable(loaded.packed, 1, loaded.hash);
  const transaction: Transaction = {
    protocol: 'policy',
    stage: 'RCPT',
    arrival: 'smtp',
    clientAddress: values.client,
    clientName: 'unknown',
    clientPort: 0,
    heloName: '',
    sender,
    recipients,
    unseenRecipients: false,
    queueId: 'QUEUEID',
    saslUsername: values.auth,
    mtaName: '',
    tls,
  };
  const facts = { trustedClients: service.trustedClients };
  const known = shownTo('policy', transaction);
  const verdict = decide(known, table, facts);
  const action = verdict.action === 'accept' ? verdict.wouldBe : verdict.action;
  const reply =
    (action === 'defer' || action === 'reject') && verdict.decisive !== null
      ? replyFor(verdict.decisive, action, verdict.tls, EXAMPLE_CODE)
      : null;
  const change = smallestChange(known, table, facts);
  const settings = { ...editSettings(service, table, []), authservId: '' };
  const rule = (tx: Transaction) => explainRules(loaded, table, tx, values, EXAMPLE_CODE);
  const interfaces = await explainInterfaces(transaction, table, facts, EXAMPLE_CODE, {
    header: (tx, judged) => headerOf(tx, judged, settings),
    outcome: async (tx, judged) => {
      const ruled = await rule(tx);
      const final = actionOf(judged, ruled);
      return { action: final, reply: final === judged.action ? null : ruled.ruleReply };
    },
  });
  const ruled = await rule(transaction);
  const final = actionOf(verdict, ruled);
  const answer = {
    verdict: final,
    would: verdict.wouldBe,
    tagged: verdict.tagged,
    judged: verdict.judged,
    row: verdict.decisive?.row ?? null,
    tls: describeTls(transaction.tls),
    because: reasonsOf(verdict),
    reply,
    interfaces,
    header: interfaces.both.message?.verdict === 'accept' ? interfaces.both.message.header : null,
    ...ruled,
    change: change === null ? null : { if: change.description, verdict: change.verdict.action },
  };
  if (values.json) io.out(`${JSON.stringify(answer)}\n`);
  else print(io, verdict, answer);
  if (answer.verdict === 'accept') return EXIT.yes;
  return verdict.decisive?.breach?.kind === 'unknown' ? EXIT.cannotTell : EXIT.no;
}

/** The mark as one line; null without one. */
function headerOf(transaction: Transaction, verdict: Verdict, settings: EditSettings): string | null {
  const message = { transaction, verdict, headers: [], body: null, code: EXAMPLE_CODE, timeMs: Date.now() };
  const header = allAtOnce(messageEdits(message, settings)).edits.findLast(
    (edit) => edit.kind === 'insertHeader',
  );
  if (header?.kind !== 'insertHeader') return null;
  return `${header.name}: ${header.value.replace(/\n /g, ' ')}`;
}

/** What the client would be told: the rules are asked when the rows have no objection. */
function actionOf({ action }: Verdict, { outcome }: ExplainedRules): Verdict['action'] {
  if (outcome === 'nothing' || outcome === 'routed' || action === 'reject' || action === 'defer')
    return action;
  return ({ held: 'hold', refused: 'reject', deferred: 'defer' } as const)[outcome];
}

interface Answer extends ExplainedRules {
  readonly interfaces: ExplainedInterfaces;
  readonly verdict: Verdict['action'];
  readonly because: readonly string[];
  readonly reply: Reply | null;
  readonly header: string | null;
  readonly change: { readonly if: string; readonly verdict: string } | null;
}

/** The recipients by what became of them, where that differs; null where it does not. */
function mixed({ interfaces }: Answer): string | null {
  const { recipients } = interfaces.both;
  const kinds = [...new Set(recipients.map((one) => one.verdict))];
  if (kinds.length === 1) return null;
  const listed = kinds.map((kind) => {
    const those = recipients.filter((one) => one.verdict === kind);
    return `${kind} for ${those.map((one) => escapeText(one.recipient)).join(', ')}`;
  });
  return listed.join('; ');
}

/** The answer, and the reply where all hear the same. */
function headline(verdict: Verdict, answer: Answer): readonly [answer: string, reply: string] {
  const byRule = answer.verdict !== verdict.action;
  const several = byRule ? null : mixed(answer);
  if (several !== null) return [several, ''];
  const said = byRule ? answer.ruleReply : answer.reply;
  return [oneWord(verdict, answer), said === null ? '' : `: ${said.code} ${said.dsn} ${said.text}`];
}

function oneWord(verdict: Verdict, answer: Answer): string {
  const wished = answer.tlsRequired?.outcome;
  if (answer.verdict !== verdict.action && wished != null) return `${answer.verdict}, for TLS-Required: no`;
  if (answer.verdict !== verdict.action) return `${answer.verdict} by a rule`;
  if (verdict.wouldBe !== null) return `accept (observe: would ${verdict.wouldBe})`;
  return verdict.tagged ? 'accept, marked as unprotected' : verdict.action;
}

function print(io: Io, verdict: Verdict, answer: Answer): void {
  const line = (name: string, text: string): void => io.out(`${label(name)}${text}\n`);
  const { change } = answer;
  const [head, said] = headline(verdict, answer);
  io.out(`${paint(io, answer.verdict === 'accept' ? 'green' : 'red', head)}${said}\n\n`);
  const finding = verdict.decisive;
  if (finding?.row != null) {
    const { pattern, at, settings } = finding.row;
    line('row', `${pattern} (${formatPosition(at)}), ${settings.lineage.join(' <- ')}`);
    const exception = exceptionWords(settings);
    if (exception !== null) line('exception', exception);
    line(
      'requires',
      `receive = ${settings.receive}: ${describeRequired(finding)}; violation = ${settings.violation}, mode = ${settings.mode}`,
    );
  } else line('row', 'none');
  answer.because.forEach((reason, i) => {
    line(i === 0 ? 'because' : '', reason);
  });
  printInterfaces(io, answer.interfaces);
  if (answer.header !== null) line('header', answer.header);
  printRules(io, answer);
  if (change !== null) line('change', `if ${change.if}, the verdict would be ${change.verdict}`);
}
