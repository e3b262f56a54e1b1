/**
 * The case files of test/e2e/cases on the real Postfix and the real Sendmail, each with tlsward as its milter; afterwards
 * `tlsward verify-mark` on what was delivered, as it was delivered and with something changed.
 *
 * TLSWARD_CASE=NAME plays the cases whose name contains NAME only; TLSWARD_MTA=postfix or sendmail one MTA.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { root } from '../root.ts';
import { startDaemon } from './harness/daemon.ts';
import type { MailMessage } from './harness/message.ts';
import { type Mta, postfixMta, sendmailMta } from './harness/mta/mta.ts';
import { sendmailSkip } from './harness/mta/sendmail-fetch.ts';
import { type CertificateAuthority, createCa } from './harness/peers/ca.ts';
import { mainFile } from './harness/program.ts';
import { e2eSkip } from './harness/requirements.ts';
import { type MtaName, readCases } from './harness/scenes/case.ts';
import { playCase } from './harness/scenes/play-case.ts';

const CASES = new URL('test/e2e/cases/', root);
const { TLSWARD_CASE = '', TLSWARD_MTA = '' } = process.env;

interface Kind {
  readonly name: MtaName;
  readonly skip: string | false;
  start(ca: CertificateAuthority): Promise<Mta>;
}

const skip = e2eSkip();
const KINDS: readonly Kind[] = [
  { name: 'postfix', skip, start: postfixMta },
  { name: 'sendmail', skip: skip === false ? sendmailSkip() : skip, start: sendmailMta },
];

t.setTimeout(1_800_000);

for (const kind of KINDS) {
  if (TLSWARD_MTA !== '' && TLSWARD_MTA !== kind.name) continue;
  t.test(kind.name, { skip: kind.skip, timeout: 900_000 }, async (t) => {
    const ca = createCa();
    t.teardown(() => ca.remove());
    const mta = await kind.start(ca);
    t.teardown(() => mta.close());
    const daemon = await startDaemon({
      tables: '[domains]\n* = may',
      service: { 'mark-key': 'mark.key', 'mark-binds': 'body' },
      protocols: ['milter', 'control'],
      socketDir: mta.socketDir,
    });
    t.teardown(() => daemon.close());
    const saved: MailMessage[] = [];
    for (const played of readCases(CASES, kind.name)) {
      if (!played.name.includes(TLSWARD_CASE)) continue;
      const title = `${played.name}: ${played.title}`;
      if (played.skip !== null) {
        t.comment(`${title}: not on ${kind.name}: ${played.skip}`);
        continue;
      }
      await t.test(title, async (t) => {
        t.teardown(() => mta.clear());
        saved.push(...(await playCase({ mta, daemon, ca }, t, played)));
      });
    }
    t.strictSame(daemon.events('bug'), [], 'no bug was logged');
    if (TLSWARD_CASE === '')
      await t.test('verify-mark', (t) => verifyAll(t, saved, join(daemon.dir, 'mark.key')));
  });
}

interface Verified {
  readonly status: number;
  readonly text: string;
}

function verifyMark(file: string, key: string): Promise<Verified> {
  const argv = [mainFile(), 'verify-mark', file, '--key', key];
  return new Promise((resolve) => {
    execFile(process.execPath, argv, { timeout: 60_000, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code ?? -1), text: stdout + stderr });
    });
  });
}

/** The last letter of the body is another one. */
function withOtherBody(text: string): string {
  const at = text.search(/[a-z](?![\s\S]*[a-z])/);
  if (at < text.indexOf('\n\n')) throw new Error('a body without a letter');
  return `${text.slice(0, at)}${text[at] === 'x' ? 'y' : 'x'}${text.slice(at + 1)}`;
}

/** Every message with our mark verifies; each kind of change to one of them is noticed. */
async function verifyAll(t: Test, messages: readonly MailMessage[], key: string): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-saved-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const marked = messages.filter((message) => message.first('X-TLS-Ward') !== null);
  t.ok(marked.length > 0, `${marked.length} marked messages`);
  const all = join(dir, 'all');
  mkdirSync(all);
  marked.forEach((message, index) => {
    writeFileSync(join(all, `${index}.eml`), message.raw);
  });
  const good = await verifyMark(all, key);
  const bad = good.text.split('\n').filter((line) => /: (FAILS|no mark|cannot tell)/.test(line));
  t.strictSame({ status: good.status, bad }, { status: 0, bad: [] }, 'all verify');
  const bodies = good.text.split('\n').filter((line) => line.startsWith('  body '));
  t.equal(bodies.filter((line) => line.endsWith('the one that the mark was made for')).length, bodies.length);
  t.equal(bodies.length, marked.length, 'each binds its body');

  const one = marked.find((message) => message.text.includes('state=protected'))!;
  const other = marked.find((message) => message.first('X-TLS-Ward') !== one.first('X-TLS-Ward'))!;
  const mark = /^X-TLS-Ward:.*\n(?:[ \t].*\n)*/m;
  const changes: Record<string, [text: string, status: number]> = {
    'as it was': [one.text, 0],
    'line ends of a mail program': [one.text.replaceAll('\n', '\r\n'), 0],
    'folded otherwise': [one.text.replace(mark, (field) => field.replaceAll('\n ', '\n\t  ')), 0],
    'another state': [one.text.replace('state=protected', 'state=unprotected'), 1],
    'another protocol': [one.text.replace('protocol=TLSv1.3', 'protocol=TLSv1.2'), 1],
    'another sender': [one.text.replace(/^Return-Path: .*/, 'Return-Path: <alice@nobody.example>'), 1],
    'the mark of another message': [one.text.replace(mark, mark.exec(other.text)![0]), 1],
    'a second mark': [one.text.replace(mark, (field) => `${field}X-TLS-Ward: v=1; state=protected\n`), 1],
    'no mark': [one.text.replace(mark, ''), 75],
    'one byte of the body': [withOtherBody(one.text), 1],
    'empty lines behind the body': [`${one.text}\n\n`, 0],
  };
  for (const [what, [text, status]] of Object.entries(changes)) {
    const file = join(dir, 'one.eml');
    writeFileSync(file, text, 'latin1');
    const found = await verifyMark(file, key);
    t.equal(found.status, status, `${what}: ${found.text.split('\n')[0]}`);
  }
}
