/**
 * Golden transcripts of milter connections: a small line language, and a runner that plays them in any cutting.
 *
 *     # tells the story
 *     C   the MTA says:      C CONNECT host10.test 4 49152 192.0.2.1      C MACRO H {tls_version}=TLSv1.3      C MAIL <a@b.example> SIZE=9
 *     S   we say:            S CONTINUE      S REPLYCODE "530 5.7.0 no"      S INSHEADER 1 X-TLS-Ward "v=1"
 *     ?   a question is asked of the core, with all that is known
 *     !   the answer given:  ! events judges headers=x-a,x-b body=0      ! judge reject "530 5.7.0 no" T1      ! message accept
 *         a recipient whose row leaves the body alone:      ! judge accept no-body T1
 *         our code throws:   ! fault
 *         the connection:    ! close      ! error milter-out-of-order
 *
 *     edits of a message: delete, change, insert, add, body, and as routes addrcpt PATH PARAMETERS, delrcpt PATH
 *
 * Words are separated by spaces; `"..."` is a JSON string, also behind a `=`. Bytes are characters up to U+00FF. In a
 * question, what is empty is not shown. T1, T2 stand for policy tables.
 */
import { readFileSync } from 'node:fs';
import type { EnvelopeAddress } from '../../src/core/address.ts';
import type { Edit } from '../../src/core/messageEdit.ts';
import type { PolicyTable } from '../../src/core/table.ts';
import type { TlsState } from '../../src/core/tls.ts';
import type { Transaction } from '../../src/core/transaction.ts';
import { type Action, accepted, type Verdict } from '../../src/core/verdict.ts';
import type { Reply } from '../../src/receive/smtpReply.ts';
import { milterProtocol } from '../../src/session/milter.ts';
import type { MilterAnswer, MilterQuery, MilterStep } from '../../src/session/milterEvents.ts';
import { MACRO_LISTS, ROUTING_MACRO_LISTS } from '../../src/session/milterNegotiation.ts';
import type { MilterLimits, MilterState } from '../../src/session/milterState.ts';
import { encodeCommand, ReplyDecoder } from '../../src/wire/milterClient.ts';
import type { ConnectCommand, MilterCommand } from '../../src/wire/milterDecode.ts';
import type { MilterReply } from '../../src/wire/milterEncode.ts';
import { joinMacros } from '../../src/wire/milterMacros.ts';
import { bitNames, SMFIF, SMFIP } from '../../src/wire/milterNames.ts';
import { WireError } from '../../src/wire/wireError.ts';
import { root } from '../root.ts';

/** The file's lines without comments and blank ones. */
export function readTranscript(name: string): string[] {
  const text = readFileSync(new URL(`test/session/milter/${name}`, root), 'utf8');
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

/** Words of a line, JSON strings decoded: `v="a b"` is one word. */
function splitWords(line: string): string[] {
  const found = line.match(/(?:"(?:[^"\\]|\\.)*"|[^\s"])+/g) ?? [];
  return found.map((word) => word.replace(/"(?:[^"\\]|\\.)*"/g, (quoted) => JSON.parse(quoted) as string));
}

/** A word as the transcripts write it. */
function shown(text: string): string {
  return /^[!#-~]+$/.test(text) ? text : JSON.stringify(text);
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function fromLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

/** What a `C` line stands for. */
export function commandOf(line: string): MilterCommand {
  const [, kind = '', ...words] = splitWords(line);
  const [first = '', second = ''] = words;
  switch (kind) {
    case 'OPTNEG':
      return { kind, version: Number(first), actions: Number(second), protocol: Number(words[2]) };
    case 'MACRO': {
      const pairs = words.slice(1).map((word): [string, string] => {
        const at = word.indexOf('=');
        return [word.slice(0, at), word.slice(at + 1)];
      });
      return { kind, stage: first, macros: joinMacros(pairs) };
    }
    case 'CONNECT': {
      const family = second as ConnectCommand['family'];
      return { kind, hostname: first, family, port: Number(words[2] ?? 0), address: words[3] ?? '' };
    }
    case 'HELO':
      return { kind, name: first };
    case 'MAIL':
    case 'RCPT':
      return { kind, args: words };
    case 'HEADER':
      return { kind, name: first, value: second };
    case 'BODY':
    case 'BODYEOB':
      return { kind, chunk: latin1(first) };
    case 'UNKNOWN':
      return { kind, text: first };
    case 'OTHER':
      return { kind, command: first.charCodeAt(0), payload: latin1(second) };
    case 'DATA':
    case 'EOH':
    case 'ABORT':
    case 'QUIT':
    case 'QUIT_NC':
      return { kind };
    default:
      throw new Error(`transcript: ${line}`);
  }
}

function showReply(reply: MilterReply): string {
  switch (reply.kind) {
    case 'OPTNEG': {
      const are = (known: unknown): boolean => JSON.stringify(reply.macroLists) === JSON.stringify(known);
      const others = are(ROUTING_MACRO_LISTS) ? 'routing-lists' : `${reply.macroLists.length}-lists`;
      const lists = are(MACRO_LISTS) ? 'our-lists' : others;
      return `S OPTNEG ${reply.version} ${bitNames(SMFIF, reply.actions)} ${bitNames(SMFIP, reply.protocol)} ${lists}`;
    }
    case 'REPLYCODE':
      return `S REPLYCODE ${shown(reply.text)}`;
    case 'ADDHEADER':
      return `S ADDHEADER ${shown(reply.name)} ${shown(reply.value)}`;
    case 'INSHEADER':
    case 'CHGHEADER':
      return `S ${reply.kind} ${reply.index} ${shown(reply.name)} ${shown(reply.value)}`;
    case 'ADDRCPT':
    case 'DELRCPT':
      return `S ${reply.kind} ${shown(reply.path)}`;
    case 'ADDRCPT_PAR':
      return `S ADDRCPT_PAR ${shown(reply.path)} ${shown(reply.parameters)}`;
    case 'REPLBODY':
      return `S REPLBODY ${shown(fromLatin1(reply.chunk))}`;
    case 'QUARANTINE':
      return `S QUARANTINE ${shown(reply.reason)}`;
    default:
      return `S ${reply.kind}`;
  }
}

function showAddress(address: EnvelopeAddress): string {
  const { kind, text, domain } = address;
  return kind === 'mailbox' && text.endsWith(`@${domain}>`)
    ? text
    : `${text}(${kind}${domain && ` ${domain}`})`;
}

export function showTls(tls: TlsState): string {
  if (tls.kind !== 'tls') return tls.kind;
  const { certificate } = tls;
  const names =
    certificate.kind === 'trusted' ? ` ${shown(certificate.commonName)} by ${shown(certificate.issuer)}` : '';
  return `${tls.protocol} ${tls.cipher} ${tls.bits ?? '?'} ${certificate.kind}${names}`;
}

function showTransaction(transaction: Transaction): string[] {
  const { clientAddress, clientName, clientPort, heloName, sender, recipients, queueId } = transaction;
  const words: string[] = [transaction.stage];
  const field = (name: string, value: string): void => {
    if (value !== '') words.push(`${name}=${shown(value)}`);
  };
  if (transaction.arrival === 'local') words.push('local');
  field('client', [clientName, clientAddress, clientPort || ''].join('/').replace(/^\/\/$/, ''));
  field('helo', heloName);
  field('mta', transaction.mtaName);
  field('id', queueId);
  field('login', transaction.saslUsername);
  field('sender', sender === null ? 'null' : showAddress(sender));
  field('recipients', recipients.map(showAddress).join(','));
  if (transaction.unseenRecipients) words.push('unseen');
  field('tls', showTls(transaction.tls));
  return words;
}

const tables = new Map<PolicyTable, string>();

function tableNamed(name: string): PolicyTable {
  for (const [table, known] of tables) if (known === name) return table;
  const table = Object.freeze({ name }) as unknown as PolicyTable;
  tables.set(table, name);
  return table;
}

function showQuery(query: MilterQuery): string {
  if (query.kind === 'events') return '? events';
  const words = ['?', query.kind, ...showTransaction(query.transaction)];
  words.push(`table=${query.table === null ? 'none' : tables.get(query.table)}`);
  if (query.kind === 'judge') return words.join(' ');
  words.push(`verdicts=${query.verdicts.map((verdict) => verdict.action).join(',') || 'none'}`);
  const { headers, body } = query;
  words.push(
    `headers=${headers === null ? 'unseen' : shown(headers.map(({ name, value }) => `${name}:${value}`).join('|'))}`,
  );
  const { shownRecipients, mailParameters, postfix } = query;
  if (shownRecipients !== null) {
    words.push(postfix ? 'postfix' : 'sendmail', `parameters=${shown(mailParameters.join('|'))}`);
    for (const { address, path, parameters, mailer, nextHop } of shownRecipients)
      words.push(`shown=${shown([address.mailbox, path, mailer, nextHop, ...parameters].join('|'))}`);
  }
  words.push(`body=${body === null ? 'unseen' : shown(body.map(fromLatin1).join(''))}`);
  return words.join(' ');
}

/** Edits written one after another: `delete NAME N`, `change NAME N VALUE`, `insert N NAME VALUE`, `add NAME VALUE`, `body TEXT`. */
function editsOf(words: readonly string[]): Edit[] {
  const edits: Edit[] = [];
  for (let at = 0; at < words.length; ) {
    const [verb, a = '', b = '', c = ''] = words.slice(at);
    switch (verb) {
      case 'delete':
        edits.push({ kind: 'deleteHeader', name: a, index: Number(b) });
        at += 3;
        break;
      case 'change':
        edits.push({ kind: 'changeHeader', name: a, index: Number(b), value: c });
        at += 4;
        break;
      case 'insert':
        edits.push({ kind: 'insertHeader', index: a === '0' ? 0 : 1, name: b, value: c });
        at += 4;
        break;
      case 'add':
        edits.push({ kind: 'addHeader', name: a, value: b });
        at += 3;
        break;
      case 'addrcpt':
        edits.push({ kind: 'addRecipient', path: a, parameters: b });
        at += 3;
        break;
      case 'delrcpt':
        edits.push({ kind: 'deleteRecipient', path: a });
        at += 2;
        break;
      case 'body':
        edits.push({ kind: 'replaceBody', chunks: [latin1(a)] });
        at += 2;
        break;
      default:
        throw new Error(`transcript: edit ${verb}`);
    }
  }
  return edits;
}

function replyOf(text: string): Reply {
  const [, code, dsn, said] = /^(\d{3}) (\S+) (.*)$/s.exec(text) ?? [];
  if (said === undefined) throw new Error(`transcript: reply ${text}`);
  return { code: Number(code), dsn: dsn!, text: said };
}

/** What a `!` line answers. */
function answerOf(line: string): MilterAnswer {
  const [, kind, ...words] = splitWords(line);
  const verdict: Verdict = { ...accepted('no-mail'), action: words[0] as Action };
  const refuses = words[0] === 'defer' || words[0] === 'reject';
  switch (kind) {
    case 'events': {
      const headers = words[1]?.replace('headers=', '') ?? '';
      return {
        kind,
        judges: words[0] === 'judges',
        headers: headers === 'none' || headers === 'all' ? headers : headers.split(','),
        bodyLimitBytes: Number(words[2]?.replace('body=', '')),
        routes: (words[3]?.replace('routes=', '') ?? 'none') as 'none' | 'recipient' | 'header',
      };
    }
    case 'judge':
      return {
        kind,
        verdict,
        table: tableNamed(words.at(-1) ?? ''),
        reply: refuses ? replyOf(words[1] ?? '') : null,
        holdReason: '',
        ...(words[1] === 'no-body' ? { ignoresBody: true } : null),
      };
    case 'message': {
      const edits = refuses ? [] : editsOf(words.slice(words[0] === 'hold' ? 2 : 1));
      const routing = ({ kind }: Edit): boolean => kind === 'addRecipient' || kind === 'deleteRecipient';
      return {
        kind,
        verdict,
        reply: refuses ? replyOf(words[1] ?? '') : null,
        holdReason: words[0] === 'hold' ? (words[1] ?? '') : '',
        edits: edits.filter((edit) => !routing(edit)),
        routes: edits.filter(routing),
      };
    }
    default:
      throw new Error(`transcript: ${line}`);
  }
}

/** All bytes that the MTA sends, packet by packet. */
export function packetsOf(lines: readonly string[]): Uint8Array[] {
  return lines.filter((line) => line.startsWith('C ')).map((line) => encodeCommand(commandOf(line)));
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) freeze(part);
  }
  return value;
}

/** Takes the step twice on a frozen state: the same must come out, and nothing may be changed. */
function twice(take: () => MilterStep): MilterStep {
  const once = take();
  const again = take();
  if (JSON.stringify(once) !== JSON.stringify(again)) throw new Error('the same step came out differently');
  freeze(once.state);
  return once;
}

export interface PlayOptions {
  readonly limits?: MilterLimits;
  /** Take every step twice, on frozen state. */
  readonly pure?: boolean;
  /** Tell the decoder the state, as the daemon does: it passes over what is not read, and no `C` line is returned. */
  readonly passing?: boolean;
}

/**
 * Plays the pieces against a session and returns what happened in the language of the transcript; answers are taken from
 * its `!` lines in order. Each piece is overwritten after it was used up, so a view that was kept shows.
 */
export function play(
  lines: readonly string[],
  pieces: Iterable<Uint8Array>,
  { limits, pure = false, passing = false }: PlayOptions = {},
): string[] {
  const purely = pure ? twice : (take: () => MilterStep): MilterStep => take();
  const protocol = milterProtocol(limits);
  const said = lines.filter((line) => line.startsWith('C '));
  const answers = lines.filter((line) => /^! (events|judge|message|fault)/.test(line));
  const log: string[] = [];
  const decoder = protocol.decoder();
  const replies = new ReplyDecoder();
  let state: MilterState = freeze(protocol.start());
  let closed = false;

  const apply = (first: MilterStep): void => {
    let step = first;
    for (;;) {
      state = step.state;
      for (const out of step.out) {
        // what the MTA reads, strictly, not what we meant
        replies.push(protocol.encode(out));
        for (let reply = replies.next(); reply !== null; reply = replies.next()) log.push(showReply(reply));
      }
      if (step.close) {
        log.push('! close');
        closed = true;
      }
      if (step.ask === undefined) return;
      log.push(showQuery(step.ask));
      const line = answers.shift();
      if (line === undefined) throw new Error(`no answer for ${log.at(-1)}`);
      log.push(line);
      const before = state;
      step =
        line === '! fault'
          ? purely(() => protocol.failSafe(before))
          : purely(() => protocol.answer(before, answerOf(line)));
    }
  };

  /** The next message, which must be that of the next `C` line. */
  const next = (): MilterCommand | null => {
    if (closed) return null;
    if (passing) return decoder.next(state);
    const line = said[0] ?? '';
    try {
      const message = decoder.next();
      if (message === null) return null;
      const got = fromLatin1(encodeCommand(message));
      if (got !== fromLatin1(encodeCommand(commandOf(line)))) throw new Error(`decoded ${got} for ${line}`);
      log.push(line);
      said.shift();
      return message;
    } catch (error) {
      if (error instanceof WireError) log.push(line);
      throw error;
    }
  };

  for (const piece of pieces) {
    const lent = new Uint8Array(piece);
    try {
      decoder.push(lent);
      for (let message = next(); message !== null && !closed; message = next()) {
        const [before, now] = [state, message];
        apply(purely(() => protocol.step(before, now)));
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      log.push(`! error ${error.rule}`);
      closed = true;
    }
    lent.fill(0xa5);
    if (closed) break;
  }
  return log;
}
