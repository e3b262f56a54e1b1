/**
 * Each deliver level against each kind of server, found by MX and TLSA records that DNSSEC vouches for: what the log says,
 * what crossed the wire in plain text, and what the author is told when the mail cannot leave.
 *
 * Every cell has a domain of its own, KIND.LEVEL.example, with an MX host of its own name; the servers are shared. Nothing
 * waits: `maximal_queue_lifetime = 0` returns at once what the first attempt could not deliver.
 */
import t from 'tap';
import { startDns } from './harness/dns/dns.ts';
import { createCa } from './harness/peers/ca.ts';
import { type Receiver, Receivers, type ServerSpec } from './harness/peers/receivers.ts';
import { e2eSkip } from './harness/requirements.ts';
import { outcome, run, site, submit } from './harness/scenes/deliver-scene.ts';

const skip = e2eSkip(['root', 'postfix', 'openssl', 'unbound']);

/** Kinds of server, and the zone of the domain: names in `test` are not signed. */
const SERVERS: Readonly<Record<string, ServerSpec>> = {
  plain: {},
  self: { certificate: 'self' },
  wrong: { certificate: 'wrong' },
  right: { certificate: 'right' },
  expired: { certificate: 'expired' },
  refused: { starttls: 'refused' },
  garbled: { starttls: 'garbled' },
  dane: { certificate: 'self', tlsa: 'right' },
  badtlsa: { certificate: 'self', tlsa: 'wrong' },
  danenotls: { tlsa: 'right' },
  unusable: { certificate: 'self', tlsa: 'unusable' },
  unsigned: { certificate: 'self', tlsa: 'wrong' },
};

/** By level; `P` sent in plain text, `U`, `T`, `V` sent under TLS as Postfix calls it, else the code with which it comes back. */
const [KINDS = [], ...ROWS] = `
            plain self  wrong right expired refused garbled dane  badtlsa danenotls unusable unsigned half  two   nullmx
none        P     P     P     P     P       P       P       P     P       P         P        P        P     P     5.1.0
may         P     U     T     T     U       P       4.7.5   U     U       P         U        U        U     P     5.1.0
silent      P     U     T     T     U       P       4.7.5   U     U       P         U        U        U     P     5.1.0
encrypt     4.7.4 U     T     T     U       4.7.0   4.7.5   U     U       4.7.4     U        U        U     T     5.1.0
verify      4.7.4 4.7.5 4.7.5 V     4.7.5   4.7.0   4.7.5   4.7.5 4.7.5   4.7.4     4.7.5    4.7.5    4.7.5 V     5.1.0
secure      4.7.4 4.7.5 4.7.5 V     4.7.5   4.7.0   4.7.5   4.7.5 4.7.5   4.7.4     4.7.5    4.7.5    4.7.5 V     5.1.0
pinned      4.7.4 V     4.7.5 4.7.5 4.7.5   4.7.0   4.7.5   4.7.5 4.7.5   4.7.4     4.7.5    4.7.5    4.7.5 4.7.5 5.1.0
dane        P     U     T     T     U       P       4.7.5   V     4.7.5   4.7.4     U        U        U     P     5.1.0
dane-only   4.7.5 4.7.5 4.7.5 4.7.5 4.7.5 4.7.5   4.7.5   V     4.7.5   4.7.4     4.7.5    4.7.5    4.7.5 4.7.5 5.1.0
auto        P     U     T     T     U       P       4.7.5   V     4.7.5   4.7.4     U        U        U     P     5.1.0
`
  .trim()
  .split('\n')
  .map((line) => line.trim().split(/ +/));
const MATRIX = new Map(ROWS.map(([level = '', ...cells]) => [level, cells]));
const WORD: Readonly<Record<string, string>> = { U: 'Untrusted', T: 'Trusted', V: 'Verified' };

/** The reason in the log and, when it is no answer of the server's own, in the DSN. */
const REASON: Readonly<Record<string, RegExp>> = {
  '4.7.4': /TLS is required, but was not offered by host/,
  '4.7.0': /TLS is required, but host \S+ refused to start TLS: 454 4\.7\.0 TLS not available/,
  '4.7.5': /Server certificate not (?:verified|trusted)/,
  '5.1.0': /does not accept mail \(nullMX\)/,
};

function reasonOf(kind: string, level: string, code: string): RegExp {
  if (code !== '4.7.5') return REASON[code]!;
  if (level === 'dane-only' && !['dane', 'badtlsa', 'danenotls', 'garbled'].includes(kind)) {
    if (kind === 'unusable') return /TLSA records unusable/;
    return kind === 'unsigned' || kind === 'half' ? /non DNSSEC destination/ : /no TLSA records found/;
  }
  if (kind === 'garbled')
    return level === 'dane-only' ? /no TLSA records found/ : /Cannot start TLS: handshake failure/;
  return REASON[code]!;
}

t.test('each level against each kind of server', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const levels = [...MATRIX.keys()];
  const receivers = await Receivers.start(t, ca);
  const servers = new Map<string, Receiver>();
  for (const [kind, spec] of Object.entries(SERVERS)) {
    const names = levels.flatMap((level) => {
      const name = `mx.${kind}.${level}.${kind === 'unsigned' ? 'test' : 'example'}`;
      return kind === 'right' ? [name, `mx.two.${level}.example`] : [name];
    });
    servers.set(kind, await receivers.add(names, spec));
  }
  const records = [...receivers.records];
  const domains = new Map<string, string>();
  for (const level of levels) {
    for (const kind of KINDS) {
      const domain = `${kind}.${level}.${kind === 'unsigned' || kind === 'half' ? 'test' : 'example'}`;
      domains.set(`${kind}.${level}`, domain);
      const hosts = [`10 mx.${domain}.`];
      if (kind === 'nullmx') hosts.splice(0, 1, '0 .');
      if (kind === 'half') hosts.splice(0, 1, `10 mx.dane.${level}.example.`);
      if (kind === 'two') hosts.splice(0, 1, `10 mx.plain.${level}.example.`, `20 mx.two.${level}.example.`);
      records.push(...hosts.map((host) => `${domain}. MX ${host}`));
    }
  }
  const dns = await startDns(t, { records });
  const rows = levels.flatMap((level) => {
    const said: Record<string, string> = {
      silent: 'receive = may',
      pinned: `deliver = fingerprint\nfingerprint = ${servers.get('self')!.certificate!.fingerprint}`,
    };
    return ['example', 'test'].map(
      (zone) => `[domain .${level}.${zone}]\n${said[level] ?? `deliver = ${level}`}\n`,
    );
  });
  const { postfix, daemon, map } = await site(t, ca, rows.join('\n'), new Map(), {
    dns: { address: dns.address, port: receivers.port },
    service: { resolver: dns.address },
    main: { maximal_queue_lifetime: '0', bounce_queue_lifetime: '0' },
  });

  const ids = new Map<string, string>();
  for (const [cell, domain] of domains) {
    const sender = `${cell}@local.example`;
    const text = `From: <${sender}>\nSubject: secret.${cell}.\n\nsecret.${cell}.\n`;
    ids.set(cell, await submit(postfix, `bob@${domain}`, sender, text));
  }
  const lines = new Map<string, string>();
  for (const [cell, id] of ids) lines.set(cell, (await outcome(postfix, id)).line);
  for (const [cell, domain] of domains) {
    const [kind = '', level = ''] = cell.split('.');
    // over MX records that nobody vouches for: `may` by default in 3.7, in 3.10 a match that proves the host only
    const proven = cell === 'half.dane' && postfix.since(3, 10);
    const want = proven ? 'T' : MATRIX.get(level)![KINDS.indexOf(kind)]!;
    const line = lines.get(cell)!;
    const received = [...servers].flatMap(([name, { sink }]) =>
      sink.received
        .filter(({ sender }) => sender === `${cell}@local.example`)
        .map((mail) => ({ name, mail })),
    );
    const clear = [...servers.values()].map(({ sink }) => sink.clear).join('');
    const seen = [`<${cell}@`, `@${domain}>`, `secret.${cell}.`].filter((text) => clear.includes(text));
    if (/^[PUTV]$/.test(want)) {
      t.match(line, / dsn=2\.0\.0, status=sent /, cell);
      t.equal(received.length, 1, `${cell}: once, and nowhere else`);
      const { name, mail } = received[0]!;
      t.equal(mail.protocol, want === 'P' ? null : 'TLSv1.3', `${cell}: what the server saw`);
      t.match(mail.content, `secret.${cell}.`);
      t.equal(seen.length, want === 'P' ? 3 : 0, `${cell}: in plain text`);
      const to = kind === 'two' ? (want === 'P' ? 'plain' : 'right') : kind === 'half' ? 'dane' : kind;
      t.equal(name, to);
      if (want === 'P') continue;
      const [, host] = /relay=(mx\S+?),/.exec(line)!;
      t.ok(postfix.log().includes(`${WORD[want]} TLS connection established to ${host}`), `${cell}: ${want}`);
      continue;
    }
    t.match(line, new RegExp(` dsn=${want}, status=(?:deferred|bounced) `), cell);
    const reason = reasonOf(kind, level, want);
    t.match(line, reason, cell);
    t.strictSame([received, seen], [[], []], `${cell}: not even an envelope`);
    const [message] = await postfix.waitForDelivered(`${cell}@local.example`);
    const body = message!.body.replaceAll(/\n[ \t]+/g, ' ');
    t.equal(message!.first('Return-Path'), '<>', `${cell}: a DSN`);
    t.match(body, new RegExp(`^Status: ${want}$`, 'm'));
    t.match(body, new RegExp(`^Final-Recipient: rfc822; bob@${domain}$`, 'm'));
    const [diagnostic] = /^Diagnostic-Code: .*$/m.exec(body)!;
    t.match(diagnostic, want === '4.7.0' ? /smtp; 454 4\.7\.0 TLS not available/ : reason, cell);
  }

  const simulated = await daemon.command('simulate', 'socketmap', ...domains.values());
  const answers = simulated.stdout.split('\n');
  for (const [cell, domain] of domains) {
    const asked = await run('postmap', ['-q', domain, `${map}:deliver`]);
    const answer = asked.stdout === '' ? 'NOTFOUND ' : `OK ${asked.stdout.trimEnd()}`;
    t.equal(answers.shift(), answer, `${cell}: postmap and simulate`);
    if (!/^(?:dane|nullmx)\./.test(cell)) continue;
    const explained = await daemon.command('explain', '--deliver', domain);
    t.equal(explained.stdout.split('\n')[0], answer, `${cell}: and explain`);
  }
  t.strictSame(daemon.events('bug'), []);
});
