import { join } from 'node:path';
import t from 'tap';
import type { Io } from '../../src/cli/command.ts';
import { run } from '../../src/cli/hops.ts';

const MESSAGE = `Return-Path: <a@b>
Received: from localhost (localhost [127.0.0.1])
\tby mx.example.org (Postfix) with ESMTP id 2; Sun, 22 Nov 2026 18:05:02 +0000
RECEIVED : from c.example (c.example [192.0.2.10])
\tby mx.example.org (Postfix) with ESMTPS id 1; Sun, 22 Nov 2026 18:05:00 +0000
Subject: x
Received: from pc (unknown [10.0.0.9])
\tby c.example (Postfix) with ESMTP id 0; Sun, 22 Nov 2026 18:04:00 +0000

Received: from the body
`;

async function hops(args: string[], files: Record<string, string> = { file: MESSAGE }, colour = false) {
  const dir = t.testdir(files);
  let out = '';
  let err = '';
  const env = { TLSWARD_CONFIG: join(dir, 'tlsward.ini') };
  const io: Io = { out: (text) => (out += text), err: (text) => (err += text), env, colour };
  const status = await run([join(dir, 'file'), ...args], io);
  return { status, out: out.replaceAll(`${dir}/`, ''), err };
}

t.test('one message', async (t) => {
  const got = await hops(['--host', 'mx.example.org']);
  t.strictSame(got, {
    status: 0,
    out: [
      '3 hops, newest first; 2 written by mx.example.org, the other is a claim, not proof',
      'first hop known to be unprotected: 3 (a claim)',
      '',
      '  1 own   2026-11-22 18:05:02Z    +2s  mx.example.org from localhost [127.0.0.1]',
      '          ESMTP, inside the host or its mail system',
      '  2 own   2026-11-22 18:05:00Z   +60s  mx.example.org from c.example [192.0.2.10]',
      '          ESMTPS, TLS',
      '  3 claim 2026-11-22 18:04:00Z         c.example from pc [10.0.0.9]',
      '          ESMTP, NO TLS, private network',
      '',
    ].join('\n'),
    err: '',
  });
  t.match((await hops([])).out, /^3 hops.*no --host given/);
  const configured = { file: MESSAGE, 'tlsward.ini': '[service]\nhost-name = mx.example.org ; us\n' };
  t.equal(
    (await hops([], configured)).out,
    got.out,
    'without --host it is the host-name of the configuration',
  );
  t.match((await hops(['--host', 'c.example'], configured)).out, /no line|c\.example/, '--host wins');
  t.match(
    (await hops(['--host', 'mx.example.org', '--host', 'c.example', '--trust', '192.0.2.0/24'])).out,
    /all written by/,
  );
  const colours = (await hops(['--host', 'mx.example.org'], undefined, true)).out;
  t.match(colours, /\u001b\[31m {10}ESMTP, NO TLS/);
  t.match(colours, /\u001b\[32m {10}ESMTPS, TLS/);
  t.notMatch((await hops([])).out, /\u001b/);
});

t.test('json, mbox, nothing', async (t) => {
  const json = JSON.parse((await hops(['--json', '--host', 'mx.example.org'])).out);
  t.match(json, { message: /file$/, hosts: ['mx.example.org'], own: 2, firstUnprotected: 3 });
  t.equal(json.hops.length, 3);
  t.match(json.hops[1], {
    by: 'mx.example.org',
    protocol: 'ESMTPS',
    own: true,
    time: '2026-11-22T18:05:00.000Z',
  });
  const box = `From a@b Sun Nov 22 18:47:31 2026\n${MESSAGE}\nFrom a@b Sun Nov 22 18:47:31 2026\nSubject: y\n\n`;
  const two = await hops([], { file: box });
  t.equal(two.status, 0);
  t.match(two.out, /^file:1\n3 hops[\s\S]*\nfile:2\nno Received field: nothing to read\n$/);
  t.equal((await hops(['--json'], { file: box })).out.trim().split('\n').length, 2);
  t.equal((await hops([], { file: 'Subject: x\n\n' })).status, 75);
  t.equal((await hops([], { file: '' })).status, 75);
  t.equal((await hops([], {})).status, 65);
  const escaped = (
    await hops(['--json'], { file: 'Received: from \x9b31m\u0085 by x; 22 Nov 2026 18:00:00 +0000\n\n' })
  ).out;
  t.match(escaped, /^[\x20-\x7e\n]*$/);
});

t.test('usage', async (t) => {
  const io: Io = { out: () => undefined, err: () => undefined, env: {}, colour: false };
  await t.rejects(run([], io), { message: /^FILE is missing/ });
  await t.rejects(run(['a', 'b'], io), { message: /^found "b", expected FILE/ });
  await t.rejects(run(['a', '--trust', 'everyone'], io), { message: /--trust: found "everyone"/ });
});
