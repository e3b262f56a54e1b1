/** `tlsward report --mail`: what the mail server of the host gets, and what is said when it takes nothing. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import type { Io } from '../../src/cli/command.ts';
import { mailReport } from '../../src/cli/reportMail.ts';
import { sampleReport } from '../report/page/fixture.ts';
import { newFolder } from '../trace/madeDays.ts';

function listener(): { readonly io: Io; readonly said: { out: string; err: string } } {
  const said = { out: '', err: '' };
  const io: Io = {
    out: (text) => (said.out += text),
    err: (text) => (said.err += text),
    env: {},
    colour: false,
  };
  return { io, said };
}

test('each address gets a message with the null sender', async (t) => {
  const folder = newFolder(t);
  const sendmail = join(folder, 'sendmail');
  writeFileSync(sendmail, `#!/bin/sh\necho "$@" >> ${folder}/arguments\ncat > ${folder}/message\n`);
  chmodSync(sendmail, 0o755);
  const { io, said } = listener();
  const server = { sendmail, smtp: { host: '127.0.0.1', port: 1 } };
  const to = ['postmaster@example.org', 'audit@example.org'];
  t.equal(await mailReport(sampleReport(), to, 'mx1_a.example.org', { io, json: false, server }), 0);
  t.match(said, { out: 'sent to postmaster@example.org, audit@example.org\n', err: '' });
  t.equal(readFileSync(join(folder, 'arguments'), 'utf8').match(/-f <>/g)?.length, 2);
  const message = readFileSync(join(folder, 'message'), 'utf8');
  t.match(message, /^From: tlsward <postmaster@mx1-a\.example\.org>\nTo: <audit@example\.org>\n/);
  t.match(message, /^Auto-Submitted: auto-generated$/m);
});

test('no mail server: 73, and why', async (t) => {
  const { io, said } = listener();
  const server = { sendmail: join(newFolder(t), 'none'), smtp: { host: '127.0.0.1', port: 1 } };
  t.equal(await mailReport(sampleReport(1), ['a@example.org'], '', { io, json: true, server }), 73);
  t.match(JSON.parse(said.out), {
    ok: false,
    error: /^the report was not sent: a@example\.org: sendmail: absent; SMTP: /,
  });
});
