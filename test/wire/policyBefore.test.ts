/** A request means the same whatever was asked before it on the connection. */
import { Buffer } from 'node:buffer';
import { test } from 'tap';
import { PolicyDecoder } from '../../src/wire/policyDecode.ts';
import { WireError } from '../../src/wire/wireError.ts';
import { generator } from '../mark/generator.ts';
import { REQUESTS, wire } from './policyRequests.ts';

/** The request, or the rule that it breaks and where, counted from its own start. */
function read(decoder: PolicyDecoder, bytes: Buffer, before: number): string {
  try {
    // the driver reads into one buffer, and decoders do not begin at its start
    const chunk = Buffer.concat([Buffer.of(0x58), bytes]).subarray(1);
    decoder.push(chunk);
    const request = decoder.next();
    chunk.fill(0x58);
    return JSON.stringify([request, decoder.next(), decoder.partial()]);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return `${error.rule} ${error.offset - before} ${error.got}`;
  }
}

test('each request after each other one', async (t) => {
  const all = Object.values(REQUESTS).map((text) => wire(text));
  const odd = [
    wire('request=smtpd_access_policy|protocol_state=RCPT|sender=a|sender=b'),
    wire('request=smtpd_access_policy|protocol_state=RCPT|sender=c|sender=b'),
    wire('request=smtpd_access_policy|protocol_state=RCPT|sender=a|sender=d'),
    wire('request=smtpd_access_policy|protocol_state=RCPT|sender=a'),
    wire('request=smtpd_access_policy|protocol_state=RCPT|sender='),
    wire('request=smtpd_access_policy|protocol_state=RCPT|sender=a=b'),
    wire('request=smtpd_access_policy|protocol_state=RCPT|senderx=a|sender=b'),
    wire('request=smtpd_access_policy|protocol_state=RCPT'),
    wire('request=smtpd_access_policy|protocol_state=DATA'),
    wire('request=smtpd_access_policy|protocol_state=NONE'),
    wire('request=smtpd_access_policy|protocol_state=RCPT|sender=a\rb'),
    wire('request=smtpd_access_policy|protocol_state=RCPT|sender=a\0b'),
    wire('request=smtpd_access_policyx|protocol_state=RCPT'),
    wire(`request=smtpd_access_policy|protocol_state=RCPT|sender=${'a'.repeat(3000)}`),
    wire(`request=smtpd_access_policy|protocol_state=RCPT${'|x='.repeat(70)}|sender=a`),
  ];
  const requests = [...all, ...odd];
  const alone = requests.map((bytes) => read(new PolicyDecoder(), bytes, 0));
  for (const first of requests) {
    requests.forEach((bytes, i) => {
      const decoder = new PolicyDecoder();
      if (!read(decoder, first, 0).startsWith('[')) return;
      if (read(decoder, bytes, first.length) !== alone[i])
        t.fail(
          `${JSON.stringify(bytes.toString('latin1'))} after ${JSON.stringify(first.toString('latin1'))}`,
        );
    });
  }
  t.equal(new Set(alone).size > 20, true);
});

test('20,000 requests with some lines changed', async (t) => {
  const random = generator();
  const values = ['', '0', 'a', 'b', 'a=b', '\xff', 'RCPT', 'c'.repeat(90)];
  let decoder = new PolicyDecoder();
  let lines = REQUESTS['postfix 3.7 RCPT'].split('|');
  let offset = 0;
  for (let round = 0; round < 20_000; round++) {
    const at = 1 + random.integer(lines.length - 1);
    const kind = random.integer(20);
    if (kind === 0) lines = random.pick(Object.values(REQUESTS)).split('|');
    else if (kind === 1) lines = lines.filter((_, i) => i !== at || lines.length < 4);
    else if (kind === 2) lines = [...lines.slice(0, at), `sender=${round}`, ...lines.slice(at)];
    else if (!lines[at]!.startsWith('protocol_state'))
      lines = lines.with(at, `${lines[at]!.split('=')[0]}=${random.pick(values)}`);
    const bytes = Buffer.from(`${lines.join('\n')}\n\n`, 'latin1');
    const want = read(new PolicyDecoder(), bytes, 0);
    const got = read(decoder, bytes, offset);
    if (got !== want) {
      t.equal(got, want, `seed ${random.seed} round ${round}: ${JSON.stringify(bytes.toString('latin1'))}`);
      return;
    }
    offset += bytes.length;
    if (want.startsWith('[')) continue;
    decoder = new PolicyDecoder();
    offset = 0;
    lines = REQUESTS['postfix 3.7 RCPT'].split('|');
  }
  t.pass(`seed ${random.seed}`);
});

test('what is kept is bounded, and counted', async (t) => {
  const decoder = new PolicyDecoder();
  t.equal(decoder.held(), 0);
  read(decoder, wire(REQUESTS['postfix 3.7 RCPT']), 0);
  t.equal(decoder.held(), 2048);
  read(decoder, wire(`${REQUESTS['postfix 3.7 RCPT']}|x=${'a'.repeat(60_000)}`), 0);
  t.equal(decoder.held(), 2048);
});
