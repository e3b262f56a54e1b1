/** Policy delegation on the wire: requests of real Postfix versions, every way of cutting them, mistakes, limits, answers. */
import { Buffer } from 'node:buffer';
import { test } from 'tap';
import type { PolicyRequest } from '../../src/wire/policyAttributes.ts';
import { encodePolicyRequest, PolicyAnswerDecoder, parseAction } from '../../src/wire/policyClient.ts';
import { POLICY_LIMITS, PolicyDecoder, type PolicyLimits } from '../../src/wire/policyDecode.ts';
import { DUNNO, encodePolicyAnswer, formatAction, type PolicyAction } from '../../src/wire/policyEncode.ts';
import { WireError } from '../../src/wire/wireError.ts';
import { generator } from '../mark/generator.ts';
import { REQUESTS, type RequestName, requestBytes, wire } from './policyRequests.ts';

/** All requests in these chunks, or the rule and offset at which they broke. */
function play(
  chunks: readonly Uint8Array[],
  limits?: PolicyLimits,
): { requests: PolicyRequest[]; broke: string | null; partial: boolean } {
  const decoder = new PolicyDecoder(limits);
  const requests: PolicyRequest[] = [];
  for (const chunk of chunks) {
    // the driver reads into one buffer: what was pushed is overwritten by the next read
    const lent = Buffer.from(chunk);
    try {
      decoder.push(lent);
      for (let request = decoder.next(); request !== null; request = decoder.next()) {
        requests.push(request);
        lent.fill(0x58);
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return { requests, broke: `${error.rule} at ${error.offset}`, partial: decoder.partial() };
    }
    lent.fill(0x58);
  }
  return { requests, broke: null, partial: decoder.partial() };
}

const bytewise = (bytes: Uint8Array): Uint8Array[] => Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));

/** The request with only these attributes in the notation of policyRequests.ts. */
const start = 'request=smtpd_access_policy|protocol_state=RCPT';

test('requests of five Postfix versions', async (t) => {
  const wanted: Partial<Record<RequestName, Partial<PolicyRequest>>> = {
    'postfix 2.1 RCPT': {
      clientPort: null,
      recipientCount: null,
      saslUsername: null,
      ccertIssuer: null,
      ccertFingerprint: null,
      encryptionProtocol: null,
      encryptionCipher: null,
      encryptionKeysize: null,
      instance: '123.456.7',
      clientName: 'mail.partner.example',
    },
    'postfix 2.6 RCPT': {
      clientPort: null,
      recipientCount: '0',
      saslUsername: '',
      ccertIssuer: '',
      ccertPubkeyFingerprint: null,
      ccertFingerprint: '24:0E:D7:13:5B:9C:88:F1:6A:30:CE:47:95:B2:D4:0A',
      encryptionProtocol: 'TLSv1',
      encryptionCipher: 'DHE-RSA-AES256-SHA',
    },
    'postfix 3.0 RCPT plain': {
      clientAddress: '2001:db8::25',
      clientPort: '40312',
      sender: '',
      encryptionProtocol: '',
      encryptionKeysize: '0',
    },
    'postfix 3.7 RCPT': {
      protocolState: 'RCPT',
      clientAddress: '127.0.0.10',
      clientName: 'unknown',
      clientPort: '42456',
      heloName: 'client.partner.example',
      sender: 'alice@partner.example',
      recipient: 'bob@good.example',
      recipientCount: '0',
      queueId: '',
      instance: '53a9.6b031db3.18511.0',
      saslUsername: '',
      ccertSubject: '',
      ccertIssuer: '',
      ccertFingerprint: '',
      ccertPubkeyFingerprint: '',
      encryptionProtocol: 'TLSv1.3',
      encryptionCipher: 'TLS_AES_256_GCM_SHA384',
      encryptionKeysize: '256',
    },
    'postfix 3.7 DATA several': {
      protocolState: 'DATA',
      recipient: '',
      recipientCount: '2',
      queueId: '383742289AD',
    },
    'postfix 3.12 RCPT verified': {
      saslUsername: null,
      ccertSubject: 'client.partner.example',
      ccertIssuer: 'Experiment+20Root+20CA',
    },
    'postfix 3.12 END-OF-MESSAGE one': {
      protocolState: 'END-OF-MESSAGE',
      recipient: 'bob@good.example',
      queueId: '4gLmPz0Hq5z2',
      ccertSubject: '',
    },
    'postfix 3.7 CONNECT': {
      protocolState: 'CONNECT',
      heloName: '',
      sender: '',
      recipient: '',
      instance: '',
    },
  };
  for (const [name, want] of Object.entries(wanted) as [RequestName, Partial<PolicyRequest>][]) {
    const { requests, broke, partial } = play([requestBytes(name)]);
    t.equal(broke, null, name);
    t.equal(requests.length, 1, name);
    t.equal(partial, false, name);
    t.match(requests[0], want, name);
  }
});

test('every split of every request gives the same request', async (t) => {
  for (const name of Object.keys(REQUESTS) as RequestName[]) {
    const bytes = requestBytes(name);
    const whole = play([bytes]).requests;
    let wrong = 0;
    for (let cut = 1; cut < bytes.length; cut++) {
      const { requests } = play([bytes.subarray(0, cut), bytes.subarray(cut)]);
      if (JSON.stringify(requests) !== JSON.stringify(whole)) wrong++;
    }
    t.equal(wrong, 0, `${name}: cut in two`);
    t.same(play(bytewise(bytes)).requests, whole, `${name}: byte by byte`);
  }
});

test('several requests in one read, and cut anywhere', async (t) => {
  const names = Object.keys(REQUESTS) as RequestName[];
  const all = Buffer.concat(names.map(requestBytes));
  const whole = play([all]);
  t.equal(whole.requests.length, names.length);
  t.same(
    whole.requests,
    names.flatMap((name) => play([requestBytes(name)]).requests),
  );
  let wrong = 0;
  for (let cut = 1; cut < all.length; cut++) {
    const parts = play([all.subarray(0, cut), all.subarray(cut)]);
    if (parts.requests.length !== names.length || parts.partial) wrong++;
  }
  t.equal(wrong, 0, 'cut in two');
  t.same(play(bytewise(all)).requests, whole.requests, 'byte by byte');
  t.equal(play([all.subarray(0, all.length - 1)]).partial, true, 'the last one is not whole');
});

test('what values may hold', async (t) => {
  const one = (text: string): PolicyRequest => play([wire(text)]).requests[0]!;
  t.equal(one(`${start}|sender=a=b@x.example`).sender, 'a=b@x.example', 'split at the first =');
  t.equal(one(`${start}|sender= a\tb\v@x`).sender, ' a\tb\v@x', 'spaces and controls');
  t.equal(one(`${start}|sender=|sender=evil@x.example`).sender, '', 'the first of two counts');
  t.equal(one(`${start}|sender=a@x|protocol_state=DATA`).protocolState, 'RCPT', 'the first of two counts');
  t.equal(one(`${start}|Sender=a@x|senders=b@x|sende=c@x|=d`).sender, null, 'names are taken as they are');
  t.equal(one('request=smtpd_access_policy|sender=a@x|protocol_state=DATA').sender, 'a@x', 'any order');
  t.equal(
    one(`${start}|policy_context=x|new_in_4_0=y|sender=a@x`).sender,
    'a@x',
    'unknown names are passed over',
  );
  t.equal(one(`${start}|sender=gr\u00fcn@x`).sender, 'gr\u00c3\u00bcn@x', 'one character a byte');
  t.equal(
    one(`${start}|request=other|sender=a@x`).sender,
    'a@x',
    'a second request attribute is a duplicate',
  );
});

test('mistakes, each under its name and at its place, however the bytes are cut', async (t) => {
  const bad = (input: string | Uint8Array, want: string, limits?: PolicyLimits): void => {
    const bytes = typeof input === 'string' ? Buffer.from(input, 'latin1') : Buffer.from(input);
    t.equal(play([bytes], limits).broke, want, `${want}: in one read`);
    t.equal(play(bytewise(bytes), limits).broke, want, `${want}: byte by byte`);
    for (let cut = 1; cut < Math.min(bytes.length, 80); cut++) {
      const { broke } = play([bytes.subarray(0, cut), bytes.subarray(cut)], limits);
      if (broke !== want) t.equal(broke, want, `${want}: cut at ${cut}`);
    }
  };
  const first = 'request=smtpd_access_policy\n';
  bad('GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'policy-http-request at 0');
  bad('POST /a HTTP/1.0\r\n', 'policy-http-request at 0');
  bad('PRI * HTTP/2.0\r\n\r\n', 'policy-http-request at 0');
  bad(Buffer.from('16030100c8010000c40303', 'hex'), 'policy-tls-hello at 0');
  bad('EHLO x\r\n', 'policy-first-line at 0');
  bad('QUIT\r\nmore of it', 'policy-first-line at 0');
  bad('\n\n\n', 'policy-first-line at 0');
  bad('protocol_state=RCPT\n', 'policy-first-line at 0');
  bad('request=junk_policy\n\n', 'policy-first-line at 0');
  bad('request=smtpd_access_policy2\n\n', 'policy-first-line at 0');
  bad('request=\n\n', 'policy-first-line at 0');
  bad('request=smtpd_access_policy\r\n', 'policy-carriage-return at 27');
  bad(`${first}sender=a\rb\n`, 'policy-carriage-return at 36');
  bad(`${first}sender=a\0b\n`, 'policy-nul at 36');
  bad(`${first}sender\n`, 'policy-attribute-without-equals at 28');
  bad(`${first}\n`, 'policy-protocol-state at 0');
  bad(`${first}protocol_state=\n\n`, 'policy-protocol-state at 43');
  bad(`${first}protocol_state=rcpt\n\n`, 'policy-protocol-state at 43');
  const good = requestBytes('postfix 3.7 RCPT').toString('latin1');
  bad(`${good}\n`, `policy-first-line at ${good.length}`);
  bad(`${good}GET /x HTTP/1.0\r\n`, `policy-http-request at ${good.length}`);
  bad(`${first}a=\n`.padEnd(200, 'x'), 'policy-request-too-long at 100', {
    requestBytes: 100,
    attributes: 9,
  });
  bad(`${first}${'a=\n'.repeat(9)}\n`, 'policy-too-many-attributes at 49', {
    requestBytes: 999,
    attributes: 8,
  });
});

test('limits hold exactly', async (t) => {
  const bytes = requestBytes('postfix 3.12 RCPT verified');
  const attributes = bytes.filter((byte) => byte === 0x0a).length - 1;
  t.equal(play([bytes], { requestBytes: bytes.length, attributes }).broke, null);
  t.match(play([bytes], { requestBytes: bytes.length - 1, attributes }).broke, /^policy-request-too-long/);
  t.match(
    play([bytes], { requestBytes: bytes.length, attributes: attributes - 1 }).broke,
    /^policy-too-many-attributes/,
  );
  t.same(POLICY_LIMITS, { requestBytes: 65_536, attributes: 200 });
  const huge = Buffer.from(`${start.replace('|', '\n')}\nsender=${'a'.repeat(70_000)}`);
  t.equal(play([huge]).broke, 'policy-request-too-long at 65536');
  const pushed = bytewise(huge.subarray(0, 65_535));
  t.equal(play(pushed).broke, null, 'one byte under the limit is still waited for');
  t.equal(play(pushed).partial, true);
});

test('a decoder that broke stays broken', async (t) => {
  const decoder = new PolicyDecoder();
  decoder.push(Buffer.from('nonsense\n'));
  t.throws(() => decoder.next(), { name: 'WireError', rule: 'policy-first-line', got: '"nonsense\\x0a"' });
  decoder.push(requestBytes('postfix 3.7 RCPT'));
  t.throws(() => decoder.next(), { name: 'WireError', rule: 'policy-first-line' });
  t.equal(decoder.partial(), false, 'and keeps nothing');
});

test('100,000 plausible random inputs', async (t) => {
  const random = generator();
  const names = [
    'protocol_state',
    'sender',
    'recipient',
    'client_port',
    'x',
    '',
    'ccert_issuer',
    'encryption_protocol',
  ];
  const values = ['RCPT', 'DATA', '', '0', 'a@b', 'a=b', 'TLSv1.3', '\xff', 'y'.repeat(50), ' '];
  const line = (): string => {
    const kind = random.integer(60);
    if (kind === 0) return 'no equals sign';
    if (kind === 1) return 'a=\r';
    if (kind === 2) return 'a=\0';
    return `${random.pick(names)}=${random.pick(values)}`;
  };
  const limits = { requestBytes: 400, attributes: 12 };
  let decoded = 0;
  let broken = 0;
  for (let round = 0; round < 100_000; round++) {
    const parts: string[] = [];
    for (let n = random.integer(3); n >= 0; n--) {
      const head = random.integer(20) === 0 ? random.text(30) : 'request=smtpd_access_policy';
      const state = random.integer(4) === 0 ? [] : ['protocol_state=RCPT'];
      parts.push([head, ...state, ...Array.from({ length: random.integer(9) }, line), '', ''].join('\n'));
    }
    let bytes = Buffer.from(parts.join(''), 'latin1');
    if (random.integer(10) === 0) bytes = bytes.subarray(0, random.integer(bytes.length));
    if (random.integer(10) === 0) bytes[random.integer(bytes.length)] = random.integer(256);
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + random.integer(random.pick([2, 40, 400]));
      chunks.push(bytes.subarray(at, at + size));
      at += size;
    }
    const whole = play([bytes], limits);
    const cut = play(chunks, limits);
    if (
      whole.broke !== cut.broke ||
      JSON.stringify(whole.requests) !== JSON.stringify(cut.requests) ||
      whole.partial !== cut.partial
    ) {
      t.same(cut, whole, `seed ${random.seed} round ${round}: ${JSON.stringify(bytes.toString('latin1'))}`);
      return;
    }
    decoded += whole.requests.length;
    if (whole.broke !== null) broken++;
  }
  t.ok(
    decoded > 50_000 && broken > 10_000,
    `seed ${random.seed}: ${decoded} requests, ${broken} broken inputs`,
  );
});

test('actions in words', async (t) => {
  const good = (action: PolicyAction, want: string): void => {
    t.equal(formatAction(action), want);
    t.equal(Buffer.from(encodePolicyAnswer(action)).toString('latin1'), `action=${want}\n\n`);
  };
  const bad = (action: PolicyAction, message: RegExp): void => {
    t.throws(() => formatAction(action), message);
    t.throws(() => encodePolicyAnswer(action), { name: 'RangeError' });
  };
  good(DUNNO, 'DUNNO');
  good({ verb: 'reply', code: 530, dsn: '5.7.0', text: 'TLS please' }, '530 5.7.0 TLS please');
  good({ verb: 'reply', code: 451, dsn: '4.3.5', text: '' }, '451 4.3.5 refused');
  good({ verb: 'reply', code: 550, dsn: '5.7.5', text: ' \n\n ' }, '550 5.7.5 ??');
  good(
    { verb: 'reply', code: 450, dsn: '4.7.0', text: 'a\r\n\r\naction=OK\0\xe9\u20ac' },
    '450 4.7.0 a????action=OK???',
  );
  good({ verb: 'HOLD', text: 'TLS missing' }, 'HOLD TLS missing');
  good({ verb: 'HOLD', text: '' }, 'HOLD');
  good({ verb: 'PREPEND', name: 'Require-TLS-ESMTP', value: 'yes' }, 'PREPEND Require-TLS-ESMTP: yes');
  good({ verb: 'PREPEND', name: 'X', value: 'a\nY: b' }, 'PREPEND X: a?Y: b');
  bad({ verb: 'reply', code: 250, dsn: '2.0.0', text: 'x' }, /no SMTP refusal: 250/);
  bad({ verb: 'reply', code: Number.NaN, dsn: '5.7.0', text: 'x' }, /no SMTP refusal/);
  bad({ verb: 'reply', code: 450.5, dsn: '4.7.0', text: 'x' }, /no SMTP refusal/);
  bad({ verb: 'reply', code: 550, dsn: '4.7.1', text: 'x' }, /does not go with/);
  bad({ verb: 'reply', code: 550, dsn: '5.7', text: 'x' }, /does not go with/);
  bad({ verb: 'PREPEND', name: 'X Y', value: 'x' }, /no header field name/);
  bad({ verb: 'PREPEND', name: 'X:', value: 'x' }, /no header field name/);
  bad({ verb: 'PREPEND', name: '', value: 'x' }, /no header field name/);
});

test('no text makes an action that Postfix would take for something else', async (t) => {
  const random = generator();
  for (let round = 0; round < 20_000; round++) {
    const text = random.text(random.pick([3, 30, 600]));
    const actions: PolicyAction[] = [
      { verb: 'reply', code: random.pick([450, 451, 530, 550]), dsn: '', text },
      { verb: 'HOLD', text },
      { verb: 'PREPEND', name: 'X-A', value: text },
    ];
    for (const action of actions) {
      const sent = action.verb === 'reply' ? { ...action, dsn: `${String(action.code)[0]}.7.1` } : action;
      const bytes = Buffer.from(encodePolicyAnswer(sent)).toString('latin1');
      const shape = /^action=(?:[45][0-9]{2} [45]\.7\.1 [!-~]|HOLD(?= |\n)|PREPEND X-A: )[ -~]*\n\n$/.test(
        bytes,
      );
      if (!shape || bytes.length > 'action=\n\n'.length + 400)
        t.fail(`seed ${random.seed}: ${JSON.stringify(bytes)}`);
    }
  }
  t.pass(`seed ${random.seed}`);
});

test('client: requests out, answers in', async (t) => {
  const attributes = { protocol_state: 'RCPT', sender: 'gr\u00fcn@x.example', recipient: '' };
  const bytes = encodePolicyRequest(attributes);
  t.same(
    Buffer.from(bytes),
    wire('request=smtpd_access_policy|protocol_state=RCPT|sender=gr\u00fcn@x.example|recipient='),
  );
  t.equal(play([bytes]).requests[0]?.sender, 'gr\u00c3\u00bcn@x.example');
  t.throws(() => encodePolicyRequest({ sender: 'a\nb' }), /line end or NUL/);
  t.throws(() => encodePolicyRequest({ 'a=b': '' }), /no attribute name/);
  t.throws(() => encodePolicyRequest({ '': '' }), /no attribute name/);

  t.match(parseAction('DUNNO'), { verb: 'DUNNO', code: null, dsn: null, text: '' });
  t.match(parseAction('hold it'), { verb: 'HOLD', text: 'it' });
  t.match(parseAction('550 5.7.5 no good'), { verb: '550', code: 550, dsn: '5.7.5', text: 'no good' });
  t.match(parseAction('450 later'), { code: 450, dsn: null, text: 'later' });
  t.match(parseAction('450'), { code: 450, dsn: null, text: '' });

  const actions: PolicyAction[] = [
    DUNNO,
    { verb: 'reply', code: 530, dsn: '5.7.0', text: 'TLS' },
    { verb: 'HOLD', text: 'x' },
  ];
  const stream = Buffer.concat(actions.map(encodePolicyAnswer));
  for (const chunks of [[stream], bytewise(stream)]) {
    const decoder = new PolicyAnswerDecoder();
    const got: string[] = [];
    for (const chunk of chunks) {
      decoder.push(chunk);
      for (let answer = decoder.next(); answer !== null; answer = decoder.next()) got.push(answer.action);
    }
    t.same(got, actions.map(formatAction), 'each answer comes back');
    t.equal(decoder.partial(), false);
  }
});

test('client: answers that Postfix would misread are named', async (t) => {
  const bad = (text: string, rule: string): void => {
    const decoder = new PolicyAnswerDecoder();
    decoder.push(Buffer.from(text, 'latin1'));
    t.throws(() => decoder.next(), { name: 'WireError', rule }, rule);
  };
  bad('action=\n\n', 'policy-answer-empty');
  bad('action= \n\n', 'policy-answer-empty');
  bad('action=550\n\n', 'policy-answer-digits');
  bad('result=DUNNO\n\n', 'policy-answer-without-action');
  bad('\n', 'policy-answer-without-action');
  bad('action=DUNNO\r\n\r\n', 'policy-answer-carriage-return');
  bad('action=DUNNO\r\n\n', 'policy-answer-carriage-return');
  bad('action=a\0b\n\n', 'policy-answer-nul');
  bad('x'.repeat(5000), 'policy-answer-too-long');
  bad(`action=${'x'.repeat(5000)}\n\n`, 'policy-answer-too-long');
  const decoder = new PolicyAnswerDecoder();
  decoder.push(Buffer.from('other=1\naction=DUNNO\naction=OK\n\n'));
  t.equal(decoder.next()?.action, 'DUNNO', 'the first action counts, other attributes are passed over');
  t.equal(decoder.next(), null);
});
