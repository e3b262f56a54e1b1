/**
 * The policy session: golden transcripts in `policy/*.txt`, played whole, byte by byte and cut at every offset, and the
 * table of what each verdict becomes.
 *
 * Lines: `C` one line of a request as Postfix sends it, `?` the question to the core (three lines), `A` its answer,
 * `S` the action, `!` the connection is closed by us, `#` the story.
 */
import { Buffer } from 'node:buffer';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'tap';
import type { EnvelopeAddress } from '../../src/core/address.ts';
import { BUILT_IN } from '../../src/core/settings.ts';
import type { PolicyTable } from '../../src/core/table.ts';
import type { TlsState } from '../../src/core/tls.ts';
import { type Action, verdictOf } from '../../src/core/verdict.ts';
import type { Reply } from '../../src/receive/smtpReply.ts';
import { actionFor, type PolicyStep, policyProtocol } from '../../src/session/policy.ts';
import type { JudgeAnswer, JudgeQuery } from '../../src/session/queries.ts';
import { formatAction } from '../../src/wire/policyEncode.ts';
import { WireError } from '../../src/wire/wireError.ts';
import { root } from '../root.ts';
import { firstDifference } from './firstDifference.ts';

const folder = new URL('test/session/policy/', root);
const or = (text: string, none: string): string => (text === '' ? none : text);

function addressText(address: EnvelopeAddress | null): string {
  switch (address?.kind) {
    case undefined:
      return 'nobody';
    case 'null':
      return '<>';
    case 'mailbox':
      // kept in ASCII, read as text
      return JSON.parse(`"${address.mailbox.replaceAll('"', '\\"')}"`);
    case 'domainless':
      return `domainless "${address.text}"`;
    case 'malformed':
      return `malformed "${address.text}"`;
  }
}

function tlsText(tls: TlsState): string {
  if (tls.kind !== 'tls') return tls.kind;
  const { certificate: shown } = tls;
  const digests = 'fingerprints' in shown ? shown.fingerprints.map((digest) => ` ${digest}`).join('') : '';
  const names = shown.kind === 'trusted' ? ` "${shown.commonName}" by "${shown.issuer}"` : '';
  return `${tls.protocol} ${or(tls.cipher, '-')} ${tls.bits ?? '?'}, certificate ${shown.kind}${names}${digests}`;
}

/** The question as the transcripts write it. */
function questionLines({ transaction: asked, instance }: JudgeQuery): string[] {
  const to = asked.unseenRecipients ? 'unseen' : asked.recipients.map(addressText).join(', ');
  const queue = asked.queueId === '' ? '' : ` queue ${asked.queueId}`;
  const login = asked.saslUsername === '' ? '' : ` login ${asked.saslUsername}`;
  return [
    `? ${asked.stage} ${addressText(asked.sender)} -> ${to}`.trimEnd(),
    `? client ${or(asked.clientAddress, '-')} ${or(asked.clientName, '-')} port ${asked.clientPort} helo ${or(asked.heloName, '-')} instance ${or(instance, '-')}${queue}${login}`,
    `? tls ${tlsText(asked.tls)}`,
  ];
}

const table = { generation: 1 } as PolicyTable;

/** A core's answer with this action: `reject 530 5.7.0 text`, `hold text`, `accept`. */
function coreAnswer(line: string): JudgeAnswer {
  const [, action, rest] = /^(\w+) ?(.*)$/.exec(line)!;
  const reply = /^([0-9]{3}) (\S+) (.*)$/.exec(rest!);
  const refusal: Reply | null =
    reply === null ? null : { code: Number(reply[1]), dsn: reply[2]!, text: reply[3]! };
  return {
    kind: 'judge',
    verdict: { ...verdictOf([], { kind: 'plain' }), action: action as Action },
    table,
    reply: refusal,
    holdReason: action === 'hold' ? rest! : '',
  };
}

/** Plays the chunks as the driver would; what we ask, say and do, in the transcript's notation. */
function play(chunks: readonly Uint8Array[], answers: readonly string[]): string[] {
  const protocol = policyProtocol();
  const decoder = protocol.decoder();
  const lines: string[] = [];
  const left = [...answers];
  let state = protocol.start();
  const take = (step: PolicyStep): boolean => {
    state = step.state;
    for (const out of step.out) {
      const bytes = Buffer.from(protocol.encode(out)).toString('latin1');
      lines.push(`S ${bytes.replace(/^action=/, '').replace(/\n\n$/, '')}`);
    }
    if (step.close) lines.push('!');
    return step.close === true;
  };
  for (const chunk of chunks) {
    try {
      decoder.push(chunk);
      for (let request = decoder.next(); request !== null; request = decoder.next()) {
        if (!protocol.idle(state)) throw new Error('a request was stepped in while another is decided');
        const step = protocol.step(state, request);
        if (take(step)) return lines;
        if (step.ask === undefined) continue;
        lines.push(...questionLines(step.ask), `A ${left[0]}`);
        if (protocol.idle(state)) throw new Error('idle while deciding');
        const given = left.shift()!;
        if (take(given === 'throw' ? protocol.failSafe(state) : protocol.answer(state, coreAnswer(given))))
          return lines;
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      lines.push(`! ${error.rule} at ${error.offset}`);
      return lines;
    }
  }
  return lines;
}

for (const file of readdirSync(folder).filter((name) => name.endsWith('.txt'))) {
  test(`transcript ${file}`, async (t) => {
    const all = readFileSync(new URL(file, folder), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && line[0] !== '#');
    for (const line of all) t.match(line, /^(?:[C?AS!]$|[C?AS!] )/, 'a line of a transcript');
    const sent = all.filter((line) => line[0] === 'C').map((line) => `${line.slice(2)}\n`);
    const bytes = Buffer.from(sent.join(''), 'utf8');
    const answers = all.filter((line) => line[0] === 'A').map((line) => line.slice(2));
    const want = all.filter((line) => line[0] !== 'C');
    const difference = (chunks: Uint8Array[]): string | null => firstDifference(play(chunks, answers), want);
    t.equal(difference([bytes]), null, 'whole');
    t.equal(difference(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))), null, 'byte by byte');
    const wrong: string[] = [];
    for (let cut = 1; cut < bytes.length; cut++) {
      const found = difference([bytes.subarray(0, cut), bytes.subarray(cut)]);
      if (found !== null) wrong.push(`cut at ${cut}: ${found}`);
    }
    t.same(wrong, [], 'cut at every offset');
  });
}

test('each verdict becomes one action', async (t) => {
  const said = (line: string): string => formatAction(actionFor(coreAnswer(line)));
  t.equal(said('accept'), 'DUNNO', 'never OK, which would skip the restrictions that follow');
  t.equal(said('reject 530 5.7.0 no TLS'), '530 5.7.0 no TLS');
  t.equal(said('reject 550 5.7.5 wrong name'), '550 5.7.5 wrong name');
  t.equal(said('defer 450 4.7.0 no TLS'), '450 4.7.0 no TLS');
  t.equal(said('defer 451 4.3.5 cannot tell'), '451 4.3.5 cannot tell');
  t.equal(said('hold TLS missing'), 'HOLD TLS missing');
  t.equal(said('hold'), 'HOLD');
  t.throws(() => said('reject'), /without a reply/, 'a refusal without words is a bug, not a permission');
  t.throws(() => said('defer'), /without a reply/);
});

test('a tagged message and one under observation pass', async (t) => {
  const encrypt = BUILT_IN.get('encrypt')!;
  for (const settings of [
    { ...encrypt, violation: 'tag' as const },
    { ...encrypt, mode: 'observe' as const },
  ]) {
    const row = { pattern: 'x.example', settings, at: { file: 't.ini', line: 1 } };
    const verdict = verdictOf([{ side: 'sender', address: null, row, breach: { kind: 'plain' } }], {
      kind: 'plain',
    });
    t.equal(formatAction(actionFor({ kind: 'judge', verdict, table, reply: null, holdReason: '' })), 'DUNNO');
  }
});

test('why TLS is unknown is said in words an administrator can act on', async (t) => {
  const protocol = policyProtocol();
  const ask = (text: string): TlsState => {
    const decoder = protocol.decoder();
    decoder.push(Buffer.from(`request=smtpd_access_policy\nprotocol_state=MAIL\n${text}\n`));
    return protocol.step(protocol.start(), decoder.next()!).ask!.transaction.tls;
  };
  t.match(ask(''), { kind: 'unknown', why: /built without TLS/ });
  t.match(ask('encryption_protocol=TLSv1.3\n'), {
    certificate: { kind: 'unknown', why: /ccert_issuer.*built without TLS/ },
  });
  t.match(ask('encryption_cipher=X\nencryption_protocol=\n'), { kind: 'unknown', why: /encryption_cipher/ });
});
