/** The live page of a whole daemon: what it says, and that nothing from outside is more than text in it. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'tap';
import { livePage } from '../../src/http/livePage.ts';
import { policyAnswers, policyRequest, startDaemon } from '../daemon/startDaemon.ts';
import { until } from '../until.ts';
import { dial, get, startLive } from './asking.ts';

const TABLE = 'host-name = mx.example.org\ntrusted-clients =\n[domains]\nbank.example = encrypt\n';
const HOSTILE = '<script>alert(1)</script>"\'&\u202e\u0000';

function hashesOf(body: string, tag: string): string[] {
  return [...body.matchAll(new RegExp(`<${tag}>([^]*?)</${tag}>`, 'g'))].map(
    ([, text = '']) => `'sha256-${createHash('sha256').update(text, 'latin1').digest('base64')}'`,
  );
}

test('a verdict is on the page, behind its code, and in the stream', async (t) => {
  const daemon = await startLive(t, TABLE);
  const policy = await daemon.open('policy');
  const [answer = ''] = await policyAnswers(policy, [policyRequest()]);
  const code = /\[([0-9A-Z]{8})\]/.exec(answer)?.[1] ?? '';
  const page = await get(daemon, '/');
  t.equal(page.status, 200);
  t.match(page.body, `data-code="${code}"`);
  t.match(page.body, /<td class="w">bank\.example<\/td><td class="w">our\.example<\/td>/);
  t.notMatch(page.body, /alice|bob/, 'domains only');
  t.match(page.body, /id="f-refused">1 of 1</);
  const found = await get(daemon, `/lookup?code=%5b${code.toLowerCase()}%5D`);
  t.equal(found.status, 200);
  t.match(found.body, 'this session is not encrypted');
  t.notMatch(found.body, /alice|bob/);
  t.equal((await get(daemon, '/lookup?code=AAAAAAAA')).status, 404);
  const socket = await dial(daemon);
  let text = '';
  socket.on('data', (piece: Buffer) => {
    text += piece.toString();
  });
  socket.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const comes = (what: RegExp): Promise<void> => until(() => what.test(text));
  await comes(new RegExp(`event: verdict\\ndata: \\{[^\\n]*"code":"${code}"`));
  await policyAnswers(policy, [policyRequest({ sender: 'carol@other.example' })]);
  await comes(/"from":"other\.example"/);
  t.notMatch(text, /carol/);
  socket.destroy();
  policy.destroy();
});

test('privacy = full shows addresses', async (t) => {
  const daemon = await startLive(t, `privacy = full\n${TABLE}`);
  const policy = await daemon.open('policy');
  await policyAnswers(policy, [policyRequest()]);
  t.match((await get(daemon, '/')).body, 'alice@bank.example');
  policy.destroy();
});

test('the policy has the hashes of what is in the page, and nothing else runs', async (t) => {
  const daemon = await startLive(t, TABLE);
  const { headers, body } = await get(daemon, '/');
  const policy = headers.get('content-security-policy') ?? '';
  t.match(policy, `style-src ${hashesOf(body, 'style').join(' ')};`);
  t.match(policy, `script-src ${hashesOf(body, 'script').join(' ')};`);
  t.equal(hashesOf(body, 'script').length, 1);
  t.notMatch(body, /\s(?:style|on[a-z]+)=/, 'no style and no handler in an attribute');
  t.notMatch(body, /(?:src|href)="(?!\/|#|data:,)/, 'nothing from elsewhere');
});

test('names from outside are text', async (t) => {
  const daemon = await startLive(t, TABLE);
  const policy = await daemon.open('policy');
  await policyAnswers(policy, [
    policyRequest({ sender: 'a@<img src=x onerror=alert(1)>.example', helo_name: '<b>"x"' }),
    policyRequest({ sender: '"<script>"@bank.example', client_address: '<i>' }),
  ]);
  const { body } = await get(daemon, '/');
  t.notMatch(body, /<img|<b>"|<script>"|<i>[^<]/);
  const model = {
    answer: { bad: HOSTILE },
    lead: HOSTILE,
    figures: [{ id: 'f', label: HOSTILE, value: HOSTILE, part: 'links' }],
    tables: {
      attention: [[{ bad: HOSTILE }]],
      waiting: [[HOSTILE, { bad: HOSTILE }]],
      exceptions: [[HOSTILE, HOSTILE, HOSTILE, HOSTILE]],
    },
  };
  const one = { time: HOSTILE, code: HOSTILE, action: HOSTILE, remark: HOSTILE, from: HOSTILE };
  const verdict = { ...one, to: HOSTILE, client: HOSTILE, tls: HOSTILE, row: HOSTILE, because: HOSTILE };
  const page = livePage(HOSTILE, HOSTILE, model, [verdict]);
  t.equal(page.split('<script>').length, 2, 'the one script is ours');
  t.notMatch(page, /\u202e|\0/);
  policy.destroy();
});

test('ready is not the same as alive', async (t) => {
  const daemon = await startLive(t, `evidence = tlsward.ini/records\nevidence-failure = defer\n${TABLE}`);
  t.equal((await get(daemon, '/healthz')).body, 'ok\n');
  // the writer is a thread, which takes its time to start
  await until(async () => /cannot be written/.test((await get(daemon, '/readyz')).body));
  const { status, body } = await get(daemon, '/readyz');
  t.equal(status, 503, 'records are required and cannot be written');
  t.match(body, /^not ready\nevidence cannot be written: /);
  t.match((await get(daemon, '/metrics')).body, /^tlsward_ready 0$/m);
});

test('its sockets are opened like those of a mail server', async (t) => {
  const daemon = await startLive(t, TABLE);
  const { listeners } = (await daemon.ask('status')) as { listeners: { name: string; address: string }[] };
  t.match(
    listeners.filter(({ name }) => name === 'http'),
    [{ address: `unix:${daemon.folder}/http.sock` }],
  );
  t.equal(statSync(`${daemon.folder}/http.sock`).mode & 0o777, 0o660, 'socket-mode');
  daemon.write(TABLE);
  t.match(await daemon.ask('reload'), { ok: true, restartNeeded: ['http-listen'] });
  t.equal((await get(daemon, '/healthz')).status, 200, 'until then it stays');
  daemon.write(`http-listen = inet:0.0.0.0:0\n${TABLE}`);
  t.match(await daemon.ask('reload'), { ok: false, problems: [{ where: '[service] http-listen' }] });
  daemon.write(`http-listen = inet:0.0.0.0:0\nallow-remote = yes\n${TABLE}`);
  t.match(await daemon.ask('reload'), { ok: true, notices: [/http-listen: other hosts can read/] });
});

test('a port that is taken costs the page and no mail', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.teardown(() => other.close());
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const taken = `inet:127.0.0.1:${port}`;
  const daemon = await startDaemon(t, `http-listen = ${taken}, unix:http.sock\n${TABLE}`);
  const policy = await daemon.open('policy');
  t.match(await policyAnswers(policy, [policyRequest()]), [/not encrypted/]);
  policy.destroy();
  t.ok(daemon.log().some(({ event, address }) => event === 'listener.trouble' && address === taken));
  const { listeners } = (await daemon.ask('status')) as {
    listeners: { address: string; trouble?: string }[];
  };
  t.match(listeners.find(({ address }) => address === taken)?.trouble, /in use|EADDRINUSE/);
  t.equal((await get(daemon, '/readyz')).status, 200, 'mail is served');
  t.match((await get(daemon, '/')).body, `http ${taken}: `, 'it is named');
  t.match(await daemon.ask('reload'), { ok: true });
});

test('without evidence there is no report', async (t) => {
  const daemon = await startLive(t, TABLE);
  const { status, body } = await get(daemon, '/report');
  t.equal(status, 404);
  t.match(body, 'none is kept');
});
