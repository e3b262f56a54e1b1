/**
 * What becomes of a message that rules speak of: every combination of way, MTA, recipient and what is known against the one
 * promise (nobody who needs more is let through with less), then the cases by name with their words.
 */
import t from 'tap';
import { parsePath } from '../../src/core/address.ts';
import {
  CANNOT,
  type Cannot,
  type Need,
  RULE_LEVELS,
  type Rule,
  type RuleLevel,
} from '../../src/core/rule.ts';
import { accepted } from '../../src/core/verdict.ts';
import { allAtOnce } from '../../src/core/work.ts';
import { carriedNeed } from '../../src/rules/fence.ts';
import { readRoute, unrouted } from '../../src/rules/recipientSuffix.ts';
import { type Routed, routeMessage } from '../../src/rules/route.ts';
import type { RouteCase, RouteQuestion, RouteSettings } from '../../src/rules/routePlan.ts';
import { repliesToMessage } from '../../src/session/milterVerdict.ts';

const SETTINGS: RouteSettings = {
  mode: 'recipient',
  header: 'X-TLS-Ward-Route',
  relayhost: null,
  remoteTransports: ['smtp', 'relay'],
  localDomains: [],
};
const HEADER: RouteSettings = { ...SETTINGS, mode: 'header' };
const QUESTION = { postfix: true, local: false, again: false, filtered: false, stale: [], code: 'ABCD1234' };
const PLAIN = 'mx.plain.example did not offer it at 14:03 UTC';

function rule(level: RuleLevel, cannot: Cannot = 'reject', some: Partial<Rule> = {}): Rule {
  const when = {
    subjectTags: [],
    headers: [],
    requireTls: false,
    replyToMarked: false,
    senders: ['*'],
    recipients: [],
    users: [],
  };
  const fallback = cannot === 'fallback' ? '[portal.example]:587' : null;
  const at = { file: 't.ini', line: 1 };
  return { name: 'secure', at, when, level, cannot, fallback, requestRequireTls: false, help: null, ...some };
}

function need(...rules: readonly Rule[]): Need {
  return { level: rules[0]!.level, rules, because: rules.map(() => 'the subject has [secure]') };
}

const ENCRYPT = need(rule('encrypt'));
const VERIFY = need(rule('verify'));

interface Some {
  readonly need?: Need | null;
  readonly mailer?: string;
  readonly nextHop?: string;
  readonly cannot?: string | null;
  readonly byRow?: boolean;
  readonly parameters?: readonly string[];
}

function one(path: string, some: Some = {}): RouteCase {
  const address = unrouted(parsePath(path));
  const { mailer = 'smtp', nextHop = address.domain, parameters = [] } = some;
  const recipient = { address, path, parameters, mailer, nextHop };
  return {
    recipient,
    need: some.need === undefined ? ENCRYPT : some.need,
    cannot: some.cannot ?? null,
    byRow: some.byRow ?? false,
  };
}

function route(cases: readonly RouteCase[], settings = SETTINGS, some: Partial<RouteQuestion> = {}): Routed {
  const routed = allAtOnce(routeMessage({ ...QUESTION, cases, ...some }, settings));
  // whatever is decided can be said to the MTA
  const action = (
    { refused: 'reject', deferred: 'defer', held: 'hold', routed: 'accept', nothing: 'accept' } as const
  )[routed.kind];
  repliesToMessage(
    {
      kind: 'message',
      verdict: { ...accepted('no-mail'), action },
      reply: routed.reply,
      holdReason: routed.holdReason,
      edits: [],
      routes: routed.edits,
    },
    0x1ff,
  );
  return routed;
}

/** In one line: `routed +<b@x> -<a@x>`, `refused 550 5.7.10 text`. */
function said(routed: Routed): string {
  const words: string[] = [routed.kind];
  for (const edit of routed.edits) {
    if (edit.kind === 'addRecipient') words.push(`+${edit.path}`);
    else if (edit.kind === 'deleteRecipient') words.push(`-${edit.path}`);
    else if (edit.kind === 'insertHeader') words.push(`${edit.name}: ${edit.value}`);
    else words.push(edit.kind);
  }
  if (routed.reply !== null) words.push(`${routed.reply.code} ${routed.reply.dsn} ${routed.reply.text}`);
  return words.join(' ');
}

t.test('the promise, over every combination', async (t) => {
  const paths = [
    '<b@good.example>',
    '<b@good.example.tlsward-encrypt>',
    '<b@good.example.tlsward-verify>',
    '<b@good.example.r.tlsward-fallback>',
    '<b@[192.0.2.1]>',
    '<a%b@good.example>',
    '<b@good..example>',
    '<postmaster>',
  ];
  const outcomes = new Map<string, number>();
  let combinations = 0;
  for (const settings of [
    SETTINGS,
    HEADER,
    { ...SETTINGS, relayhost: '[relay.example]:587' },
    { ...HEADER, relayhost: '[relay.example]:587' },
  ])
    for (const postfix of [true, false])
      for (const local of [true, false])
        for (const path of paths)
          for (const mailer of ['smtp', 'local', ''])
            for (const nextHop of ['good.example', 'elsewhere.example', ''])
              for (const level of RULE_LEVELS)
                for (const way of CANNOT)
                  for (const cannot of [null, PLAIN])
                    for (const byRow of [true, false])
                      for (const beside of ['', 'remote', 'local']) {
                        combinations++;
                        const given = { need: need(rule(level, way)), mailer, nextHop, cannot, byRow };
                        const cases = [one(path, given)];
                        if (beside !== '')
                          cases.push(
                            one('<c@other.example>', {
                              need: null,
                              mailer: beside === 'local' ? 'local' : 'smtp',
                              nextHop: beside === 'local' ? '' : 'other.example',
                            }),
                          );
                        if (postfix && !local && settings.mode === 'recipient') {
                          const wrong = brokenAgain(route(cases, settings, { again: true }), cases[0]!);
                          if (wrong !== null) t.fail(`${wrong}: again ${JSON.stringify({ path, given })}`);
                        }
                        const routed = route(cases, settings, { postfix, local });
                        outcomes.set(routed.kind, (outcomes.get(routed.kind) ?? 0) + 1);
                        const wrong = broken(routed, cases[0]!, settings, postfix);
                        if (wrong !== null)
                          t.fail(
                            `${wrong}: ${JSON.stringify({ settings, postfix, local, path, given: { ...given, need: [level, way] }, beside })} gave ${said(routed)}`,
                          );
                      }
  t.ok(combinations > 40_000, `${combinations} combinations`);
  t.strictSame([...outcomes.keys()].sort(), ['deferred', 'held', 'refused', 'routed'], 'all of them occur');
});

/** What is wrong with this outcome for a message whose first recipient needs something; null: nothing. */
function broken(
  routed: Routed,
  { recipient, need, cannot, byRow }: RouteCase,
  settings: RouteSettings,
  postfix: boolean,
): string | null {
  const { kind, reply } = routed;
  const fences = routed.edits.filter((edit) => edit.kind === 'insertHeader' && edit.index === 0);
  const edits = routed.edits.filter((edit) => !fences.includes(edit));
  if (kind === 'nothing') return 'a rule speaks of it';
  if (kind === 'refused' && (reply?.code !== 550 || reply.dsn !== '5.7.10'))
    return 'refused with the wrong code';
  if (kind === 'deferred' && reply?.code !== 451) return 'deferred with the wrong code';
  if (kind === 'refused' || kind === 'deferred')
    return edits.length > 0 ? 'edits of a message that is refused' : null;
  if (reply !== null) return 'a reply to a message that is accepted';
  const [fence] = fences;
  if (postfix && !edits.some((edit) => edit.kind === 'insertHeader')) {
    if (fences.length !== 1 || fence?.kind !== 'insertHeader') return 'no fence around it';
    const carried = carriedNeed([fence], settings.header, need!.rules);
    if (carried?.level !== need!.level || carried.rules[0] !== need!.rules[0]) return 'the wrong fence';
    if (/^again/.test(fence.value) !== (settings.mode === 'recipient')) return 'the wrong second look';
  } else if (fences.length > 0) return 'a fence that nobody needs';
  if ((kind === 'held') !== (routed.holdReason !== ''))
    return 'held without a reason, or a reason without a hold';
  const exempt = edits.filter(
    (edit) => edit.kind === 'addRecipient' && /^<c@other\.example\..*tlsward-row>$/.test(edit.path),
  );
  const moved = edits.filter(
    (edit) => !exempt.includes(edit) && (edit.kind !== 'deleteRecipient' || edit.path === recipient.path),
  );
  const adds = edits.filter((edit) => edit.kind === 'addRecipient').length;
  if (adds !== edits.filter((edit) => edit.kind === 'deleteRecipient').length)
    return 'recipients lost or doubled';
  const local =
    recipient.mailer !== '' && (postfix ? recipient.mailer === 'local' : recipient.nextHop === '');
  const level = need!.level;
  const before = readRoute(recipient.path.replace(/^.*@|>$/g, ''));
  const meets = (end: string): boolean => end === 'fallback' || end === 'verify' || end === level;
  // by header nothing takes a suffix for what it says
  const onRoute = before.kind === 'routed' && !(postfix && settings.mode === 'header');
  if (onRoute && meets(before.route.end)) return null;
  if (!onRoute && local && !postfix) return 'a local recipient whose aliases nobody knows';
  if (!onRoute && local)
    return moved.length > 0 && settings.mode === 'recipient' ? 'a local recipient was moved' : null;
  if (!postfix) return byRow && cannot === null ? null : 'Sendmail has no way for one message';
  const ends = moved.flatMap((edit) => {
    if (edit.kind === 'insertHeader') return [edit.value];
    if (edit.kind !== 'addRecipient') return [];
    const mark = readRoute(edit.path.replace(/^.*@|>$/g, ''));
    return mark.kind === 'routed' ? [mark.route.end] : ['nowhere'];
  });
  if (ends.length === 0) return 'let through as it came';
  if (!ends.every(meets)) return 'a weaker way than the rule requires';
  const barred = recipient.path === '<b@[192.0.2.1]>' && !byRow && settings.mode === 'recipient';
  return (cannot !== null || barred) && kind === 'routed' && !ends.includes('fallback')
    ? 'sent where it is known not to work'
    : null;
}

/** The same at the second look, when nobody can be told any more: renamed as it must be, or behind the fence. */
function brokenAgain({ kind, edits, holdReason }: Routed, { recipient, need }: RouteCase): string | null {
  if (kind !== 'routed' && kind !== 'held') return `${kind}, and nobody is there to be told`;
  if ((kind === 'held') !== (holdReason !== '')) return 'held without a reason, or a reason without a hold';
  const adds = edits.filter((edit) => edit.kind === 'addRecipient');
  const deletions = edits.filter((edit) => edit.kind === 'deleteRecipient');
  if (adds.length + deletions.length !== edits.length) return 'an edit of the header';
  if (adds.length !== deletions.length) return 'recipients lost or doubled';
  const own = adds.find(({ path }) => !path.startsWith('<c@other'));
  if (own === undefined)
    return deletions.some(({ path }) => path === recipient.path) ? 'the recipient is gone' : null;
  const mark = readRoute(own.path.replace(/^.*@|>$/g, ''));
  if (mark.kind !== 'routed') return 'nowhere';
  const { end } = mark.route;
  return end === 'fallback' || end === need!.level || end === 'verify' ? null : 'a weaker way';
}

t.test('by recipient', async (t) => {
  const is = (cases: readonly RouteCase[], want: string, settings = SETTINGS): void => {
    t.equal(said(route(cases, settings)), want);
  };
  is([one('<a@x.example>', { need: null })], 'nothing');
  is(
    [one('<b@good.example>')],
    'routed X-TLS-Ward-Route: again; level=encrypt; rule=secure +<b@good.example.tlsward-encrypt> -<b@good.example>',
  );
  is(
    [one('<b@good.example>', { need: VERIFY })],
    'routed X-TLS-Ward-Route: again; level=verify; rule=secure +<b@good.example.tlsward-verify> -<b@good.example>',
  );
  is(
    [
      one('<a@x.example>', { need: null }),
      one('<b@good.example>'),
      one('<c@our.example>', { mailer: 'local', nextHop: 'our.example' }),
      one('<d@y.example>', { need: VERIFY }),
    ],
    'routed X-TLS-Ward-Route: again; level=verify; rule=secure +<a@x.example.tlsward-row> +<b@good.example.tlsward-encrypt> +<d@y.example.tlsward-verify> -<a@x.example> -<b@good.example> -<d@y.example>',
  );
  is(
    [one('<c@our.example>', { mailer: 'virtual' })],
    'routed X-TLS-Ward-Route: again; level=encrypt; rule=secure',
  );
  is(
    [one('<b@good.example>', { mailer: 'relay' })],
    'routed X-TLS-Ward-Route: again; level=encrypt; rule=secure +<b@good.example.tlsward-encrypt> -<b@good.example>',
  );
  is(
    [one('<b@good.example.tlsward-encrypt>', { mailer: 'tlsward-encrypt' })],
    'routed X-TLS-Ward-Route: again; level=encrypt; rule=secure',
  );
  is(
    [one('<b@good.example.tlsward-encrypt>', { need: VERIFY, mailer: 'tlsward-encrypt' })],
    'routed X-TLS-Ward-Route: again; level=verify; rule=secure +<b@good.example.tlsward-verify> -<b@good.example.tlsward-encrypt>',
  );
  is(
    [one('<b@good.example.tlsward-verify>', { mailer: 'tlsward-verify' })],
    'routed X-TLS-Ward-Route: again; level=encrypt; rule=secure',
  );
  is(
    [one('<b@good.example.s.tlsward-fallback>', { need: VERIFY, mailer: 'tlsward-fallback' })],
    'routed X-TLS-Ward-Route: again; level=verify; rule=secure',
  );
  is([one('<b@good.example.tlsward-encrypt>', { need: null })], 'nothing');
});

t.test('what cannot be done, by the rule', async (t) => {
  const given = { cannot: PLAIN };
  const sentence =
    'this message must be sent under TLS (rule "secure": the subject has [secure]), and mx.plain.example did not offer it at 14:03 UTC';
  const advice = '; ask your mail administrator, or send it another way';
  t.equal(
    said(route([one('<bob@plain.example>', given)])),
    `refused 550 5.7.10 <bob@plain.example>: ${sentence}${advice} [ABCD1234]`,
  );
  const help = need(rule('encrypt', 'reject', { help: 'https://help.example/tls' }));
  t.equal(
    said(
      route([
        one('<bob@plain.example>', { ...given, need: help }),
        one('<c@plain.example>', given),
        one('<d@good.example>'),
      ]),
    ),
    `refused 550 5.7.10 <bob@plain.example>: ${sentence} (and 1 more)${advice}. https://help.example/tls [ABCD1234]`,
    'one refuses all',
  );
  const held = route([
    one('<bob@plain.example>', { ...given, need: need(rule('encrypt', 'hold')) }),
    one('<d@good.example>'),
  ]);
  t.match(held, { kind: 'held', holdReason: `<bob@plain.example>: ${sentence}`, ways: ['encrypt'] });
  t.equal(
    said(held),
    'held X-TLS-Ward-Route: again; level=encrypt; rule=secure +<bob@plain.example.tlsward-encrypt> +<d@good.example.tlsward-encrypt> -<bob@plain.example> -<d@good.example>',
    'as safe when it is released',
  );
  const gateway = route([
    one('<bob@plain.example>', { ...given, need: need(rule('verify', 'fallback')) }),
    one('<d@good.example>'),
  ]);
  t.equal(
    said(gateway),
    'routed X-TLS-Ward-Route: again; level=verify; rule=secure +<bob@plain.example.secure.tlsward-fallback> +<d@good.example.tlsward-encrypt> -<bob@plain.example> -<d@good.example>',
  );
  t.strictSame(gateway.ways, ['fallback', 'encrypt']);
  t.match(
    said(
      route([
        one('<bob@plain.example>', {
          ...given,
          need: need(rule('verify', 'reject'), rule('encrypt', 'fallback')),
        }),
      ]),
    ),
    /^refused .* under TLS to a server that proves its name \(rule "secure"/,
    'the strictest of several rules decides',
  );
});

t.test('addresses that cannot be sent another way', async (t) => {
  for (const path of ['<b@[192.0.2]>', '<b@good..example>', '<@relay.example:b@good.example>'])
    for (const way of CANNOT)
      t.match(
        said(route([one(path, { need: need(rule('encrypt', way)), nextHop: '' })])),
        /^refused 550 5\.7\.10 .*, and an address of this form cannot be routed that way; ask/,
        `${path} ${way}`,
      );
  t.match(
    said(route([one('<x%bank.example@our.example>', { nextHop: 'bank.example' })])),
    /read in more than one way/,
  );
  t.match(
    said(route([one('<x%bank.example@good.example>', { nextHop: 'good.example' })])),
    /^routed \S+ again; \S+ \S+ \+/,
    'the MTA says it goes to the domain itself',
  );
  t.match(
    said(
      route([one('<x%bank.example@good.example>', { nextHop: '[relay.example]' })], {
        ...SETTINGS,
        relayhost: '[relay.example]',
      }),
    ),
    /read in more than one way/,
  );
  t.equal(
    said(route([one('<b@[192.0.2.1]>')], HEADER)),
    'routed X-TLS-Ward-Route: encrypt',
    'a header moves any address',
  );
});

t.test('address literals, which need a row that requires as much', async (t) => {
  const path = '<b@[192.0.2.1]>';
  const byRow = { byRow: true };
  const end = '192.0.2.1.tlsward-literal.tlsward-encrypt';
  t.equal(
    said(route([one(path, byRow)])),
    `routed X-TLS-Ward-Route: again; level=encrypt; rule=secure +<b@${end}> -${path}`,
  );
  t.equal(said(route([one(path, byRow)], SETTINGS, { again: true })), `routed +<b@${end}> -${path}`);
  t.match(
    said(route([one(path, { ...byRow, cannot: 'it did not offer TLS' })])),
    /^refused .* and it did not offer TLS;/,
    'not where its server is known not to do it',
  );
  const no = /no row of the table requires it for this address literal/;
  t.match(said(route([one(path)])), no);
  t.match(said(route([one(path)])), /^refused 550 5\.7\.10 /);
  t.match(route([one(path, { need: need(rule('encrypt', 'hold')) })]).holdReason, no);
  t.match(
    said(route([one(path, { need: need(rule('encrypt', 'fallback')) })])),
    /\+<b@192\.0\.2\.1\.tlsward-literal\.secure\.tlsward-fallback> /,
  );
  const fenced = route([one(path)], SETTINGS, { again: true });
  t.equal(said(fenced), 'routed', 'an alias led there: the others get the message');
  t.match(fenced.notes, [/not renamed, so the fence stops it: no row of the table/]);
  t.match(
    said(route([one('<c@good.example>'), one(path, { need: null })])),
    /\+<b@192\.0\.2\.1\.tlsward-literal\.tlsward-row> /,
    'no rule speaks of it',
  );
  const ipv6 = '<b@[IPv6:2001:db8::1]>';
  for (const nextHop of ['[2001:db8::1]', '[IPv6:2001:DB8::1]', '[ipv6:2001:db8:0:0:0:0:0:1]'])
    t.match(
      said(route([one(ipv6, { ...byRow, nextHop })])),
      /\+<b@ipv6-2001-db8-0-0-0-0-0-1\.tlsward-literal\.tlsward-encrypt> /,
      `${nextHop} is the address itself`,
    );
});

t.test('what the MTA does not tell', async (t) => {
  const told =
    'the mail server does not tell its filter where this mail goes; it must send {rcpt_mailer} and {rcpt_host} (milter_protocol = 6) [ABCD1234]';
  for (const settings of [SETTINGS, HEADER]) {
    const routed = said(route([one('<b@good.example>', { mailer: '', nextHop: '' })], settings));
    t.equal(
      routed,
      `deferred 451 4.3.5 <b@good.example>: this message must be sent under TLS (rule "secure": the subject has [secure]), and ${told}`,
    );
  }
  const untold = { mailer: '', nextHop: '' };
  t.match(
    said(route([one('<b@good.example>', untold), one('<c@plain.example>', { cannot: PLAIN })])),
    /^refused 550 5\.7\.10 <c@/,
    'what is certain comes first',
  );
  t.equal(
    said(route([one('<b@good.example>', { ...untold, need: null })])),
    'nothing',
    'nobody needs to know',
  );
  t.equal(
    said(route([one('<b@good.example>', untold)], HEADER, { local: true })),
    'routed X-TLS-Ward-Route: encrypt',
    'sendmail(1) on a host without mailboxes',
  );
});

t.test('by header: all go one way', async (t) => {
  const is = (cases: readonly RouteCase[], want: string | RegExp): void => {
    const got = said(route(cases, HEADER));
    if (typeof want === 'string') t.equal(got, want);
    else t.match(got, want);
  };
  const gateway = { cannot: PLAIN, need: need(rule('encrypt', 'fallback')) };
  is([one('<b@good.example>')], 'routed X-TLS-Ward-Route: encrypt');
  is([one('<b@good.example>'), one('<c@x.example>', { need: VERIFY })], 'routed X-TLS-Ward-Route: verify');
  is([one('<b@good.example>'), one('<c@x.example>', { need: null })], 'routed X-TLS-Ward-Route: encrypt');
  t.match(route([one('<b@good.example>'), one('<c@x.example>', { need: null })], HEADER).notes, [
    /^1 more recipients take the same route/,
  ]);
  is([one('<b@good.example>', gateway)], 'routed X-TLS-Ward-Route: fallback');
  is([one('<b@good.example>', gateway), one('<c@x.example>', gateway)], 'routed X-TLS-Ward-Route: fallback');
  const sentence = 'this message must be sent under TLS (rule "secure": the subject has [secure])';
  is(
    [one('<b@good.example>'), one('<c@our.example>', { need: null, mailer: 'local' })],
    `refused 550 5.7.10 <b@good.example>: ${sentence}, and <c@our.example> is delivered on this server; send it to each of them separately [ABCD1234]`,
  );
  is(
    [one('<c@our.example>', { mailer: 'local' })],
    'routed X-TLS-Ward-Route: kept; level=encrypt; rule=secure',
  );
  is(
    [one('<b@good.example>', gateway), one('<c@x.example>')],
    /^refused .* and <c@x\.example> needs no gateway; send it to each/,
  );
  is(
    [one('<c@x.example>'), one('<b@good.example>', gateway)],
    /^refused .* and <b@good\.example> goes to a gateway; send it to each/,
  );
  is(
    [one('<b@good.example>', gateway), one('<c@x.example>', { need: null })],
    /^refused .* needs no gateway/,
  );
  const other = {
    cannot: PLAIN,
    need: need(rule('encrypt', 'fallback', { name: 'other', fallback: '[second.example]' })),
  };
  is([one('<b@good.example>', gateway), one('<c@x.example>', other)], /^refused .* goes to a gateway/);
  is(
    [one('<b@good.example>', { cannot: PLAIN, need: need(rule('encrypt', 'hold')) })],
    'held X-TLS-Ward-Route: encrypt',
  );
});

t.test('Sendmail: what the row says already, or nothing', async (t) => {
  const is = (some: Some, want: string | RegExp): void => {
    for (const settings of [SETTINGS, HEADER])
      t.match(
        said(
          route([one('<b@good.example>', { mailer: 'esmtp', nextHop: 'good.example.', ...some })], settings, {
            postfix: false,
          }),
        ),
        want,
      );
  };
  is({ byRow: true }, /^routed$/);
  is({ byRow: false }, /^refused 550 5\.7\.10 .*, and this mail server cannot route a single message; ask/);
  is({ byRow: true, cannot: PLAIN }, /^refused .* did not offer it/);
  for (const way of CANNOT) is({ need: need(rule('encrypt', way)) }, /^refused/);
  // its aliases may lead anywhere, and nobody asks before they do
  is(
    { mailer: 'local', nextHop: '' },
    /^refused .* does not tell its filter whether an alias leads to other hosts/,
  );
  const named = { ...SETTINGS, localDomains: ['good.example'] };
  const local = [one('<b@good.example>', { mailer: 'local', nextHop: '' })];
  t.equal(said(route(local, named, { postfix: false })), 'routed');
});

t.test('the next hop that the MTA would take goes with the recipient', async (t) => {
  const relayed = { ...SETTINGS, relayhost: '[relay.example]:587' };
  const path = (nextHop: string, settings = SETTINGS, way = ENCRYPT): string => {
    const { edits, notes } = route([one('<b@good.example>', { nextHop, need: way })], settings);
    t.strictSame(notes, []);
    const [, added] = edits;
    return added?.kind === 'addRecipient' ? added.path.slice('<b@good.example.'.length, -1) : '';
  };
  t.equal(path('good.example'), 'tlsward-encrypt');
  t.equal(path('Good.Example.'), 'tlsward-encrypt');
  t.equal(path(''), 'tlsward-encrypt');
  t.equal(path('[Smart.example]:26', SETTINGS, VERIFY), 'tlsward-via.b-26.smart.example.tlsward-verify');
  t.equal(path('[relay.example]:587', relayed), 'tlsward-encrypt', 'the relayhost is known');
  t.equal(path('', relayed), 'tlsward-encrypt');
  t.equal(
    path('good.example', relayed),
    'tlsward-via.m.good.example.tlsward-encrypt',
    'the MTA knows better',
  );

  const routed = '<b@good.example.tlsward-via.b.smart.example.tlsward-encrypt>';
  const raised = route([one(routed, { nextHop: '[smart.example]', need: VERIFY })]).edits;
  t.match(raised, [
    { kind: 'insertHeader' },
    { path: '<b@good.example.tlsward-via.b.smart.example.tlsward-verify>' },
    { path: routed },
  ]);
  const gateway = need(rule('encrypt', 'fallback'));
  const fallback = route([
    one('<b@good.example>', { nextHop: '[smart.example]', need: gateway, cannot: PLAIN }),
  ]);
  t.match(fallback.edits, [{}, { path: '<b@good.example.secure.tlsward-fallback>' }, {}]);
});

t.test('a domain of aliases', async (t) => {
  const alias = one('<team@our.example>', { mailer: 'error', nextHop: '5.1.1 unknown' });
  t.match(route([alias, one('<b@good.example>')]), {
    edits: [
      { value: 'again; level=encrypt; rule=secure' },
      { path: '<b@good.example.tlsward-encrypt>' },
      { path: '<b@good.example>' },
    ],
    notes: [],
  });
  t.equal(
    said(route([alias], HEADER)),
    'routed X-TLS-Ward-Route: encrypt',
    'in front of a host without mailboxes',
  );
  t.strictSame(route([one('<c@our.example>', { mailer: 'virtual' })]).notes, []);
});

t.test('a transport of the site that remote-transports does not name', async (t) => {
  const slow = [one('<b@good.example>', { mailer: 'slow' }), one('<c@good.example>', { mailer: 'slow' })];
  t.match(route(slow), {
    edits: [{ kind: 'insertHeader', index: 0, value: 'again; level=encrypt; rule=secure' }],
    ways: ['local'],
    notes: ['good.example: not routed, because remote-transports does not list the transport slow'],
  });
  t.strictSame(route(slow, { ...SETTINGS, remoteTransports: ['smtp', 'slow'] }).notes, []);
  const named = { ...SETTINGS, remoteTransports: ['smtp'] };
  const inside = one('<u@backend.example>', { mailer: 'relay', nextHop: '[10.0.0.1]' });
  t.equal(said(route([inside], named)), 'nothing', 'no rule speaks of what relay carries');
  t.match(
    said(route([inside, one('<b@good.example>')], named)),
    /\+<u@backend\.example\.tlsward-via\.b\.10\.0\.0\.1\.tlsward-row> \+<b@good\.example\.tlsward-encrypt>/,
    'past the fence',
  );
  t.match(
    said(route([inside], named, { again: true })),
    /^routed \+<u@backend\.example\.\S+\.tlsward-row> -/,
  );
  t.equal(route([inside], { ...HEADER, remoteTransports: ['smtp'] }).kind, 'nothing');
  for (const mailer of ['lmtp', 'local', 'relay'])
    t.strictSame(route([one('<b@x.example>', { mailer })], named).notes, [], mailer);
  t.strictSame(route([one('<b@good.example>', { mailer: 'slow', need: null })]).notes, []);
});

t.test('by header a suffix that an author wrote counts for nothing', async (t) => {
  const routed = one('<b@good.example.tlsward-encrypt>', { nextHop: 'good.example.tlsward-encrypt' });
  t.equal(said(route([routed], HEADER)), 'routed X-TLS-Ward-Route: encrypt');
  t.equal(
    said(route([routed])),
    'routed X-TLS-Ward-Route: again; level=encrypt; rule=secure',
    'by recipient the map knows it',
  );
});

t.test('next hops of the MTA that are passed by are told', async (t) => {
  const notes = (nextHop: string, settings: RouteSettings): readonly string[] =>
    route([one('<b@good.example>', { nextHop })], settings).notes;
  t.match(notes('a.example, b.example', SETTINGS), [
    /^good\.example: the MX of good\.example instead of the next hop a\.example, b\.example that/,
  ]);
  t.strictSame(notes('good.example', HEADER), []);
  t.strictSame(route([one('<bob>', { nextHop: 'our.example' })], HEADER).notes, [], 'completed by the MTA');
  t.match(notes('[smart.example]:26', HEADER), [/^good\.example: the MX of good\.example instead/]);
});

t.test('replies fit, whatever is in them', async (t) => {
  const long = (letter: string) => letter.repeat(300);
  const rules = need(rule('verify', 'reject', { name: 'n'.repeat(64), help: long('h') }));
  const wide: Need = { ...rules, because: [`${long('r')}\r\n250 ok`] };
  for (const path of [`<${long('a')}@good.example>`, '<b@good.example\r\n>', '<\u{1f600}@good.example>']) {
    for (const routed of [
      route([one(path, { need: wide, cannot: long('c') })]),
      route([one(path, { need: wide, mailer: '' })]),
      route([one(path, { need: wide }), one(path, { need: null, mailer: 'local' })], HEADER),
    ]) {
      t.ok(
        routed.reply !== null && routed.reply.text.length <= 490,
        `${routed.reply?.text.length} characters`,
      );
      t.match(routed.reply?.text, /^[\x20-\x7e]+ \[ABCD1234\]$/);
    }
  }
});

t.test('copies and aliases: the fence, and the second look', async (t) => {
  const again = { again: true };
  const stale = [{ kind: 'deleteHeader', name: 'X-TLS-Ward-Route', index: 1 }] as const;
  t.equal(
    said(route([one('<b@good.example>')], SETTINGS, { filtered: true, stale })),
    'routed deleteHeader X-TLS-Ward-Route: kept; level=encrypt; rule=secure +<b@good.example.tlsward-encrypt> -<b@good.example>',
    'a content filter is next; a field that came with the message is replaced',
  );
  t.match(
    said(route([one('<b@good.example>'), one('<c@a..b>', { need: null })])),
    /^refused 550 5\.7\.10 .*<c@a\.\.b> cannot be sent beside it; send it to each of them separately/,
    'a recipient of whom no rule speaks, and who cannot be renamed',
  );
  const suffixes = ['encrypt', 'verify', 'row', 'r.tlsward-fallback'].map((end) =>
    one(`<b@good.example.${end.includes('.') ? end : `tlsward-${end}`}>`, { need: VERIFY, mailer: 'x' }),
  );
  t.equal(said(route(suffixes, SETTINGS, again)), 'routed', 'what was routed at the first look stands');
  t.equal(
    said(route([one('<b@good.example.tlsward-row>', { mailer: 'tlsward-row' })])),
    'routed X-TLS-Ward-Route: again; level=encrypt; rule=secure +<b@good.example.tlsward-encrypt> -<b@good.example.tlsward-row>',
    'but not because somebody writes it',
  );
  t.equal(
    said(route([one('<u@plain.example>', { cannot: PLAIN })], SETTINGS, again)),
    'routed +<u@plain.example.tlsward-encrypt> -<u@plain.example>',
    'found to be impossible by its delivery: the others get the message',
  );
  const hold = one('<u@plain.example>', { cannot: PLAIN, need: need(rule('encrypt', 'hold')) });
  t.equal(route([hold], SETTINGS, again).kind, 'held');
  const gateway = one('<u@plain.example>', { cannot: PLAIN, need: need(rule('encrypt', 'fallback')) });
  t.match(said(route([gateway], SETTINGS, again)), /^routed \+<u@plain\.example\.secure\.tlsward-fallback>/);
  const fenced = route([one('<c@a..b>'), one('<d@x.example>', { mailer: '' })], SETTINGS, again);
  t.equal(said(fenced), 'routed');
  t.match(fenced.notes, [
    /not renamed, so the fence stops it: an address of this form/,
    /not renamed, so the fence stops it: the MTA does not report/,
  ]);
});
