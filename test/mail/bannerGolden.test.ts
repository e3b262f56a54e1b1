/**
 * A few edited messages as whole files, to be read by people: test/mail/golden/*.eml, LF line ends. Each starts with the
 * message as it came, then a line of `=====`, then the message with banner and subject tag. With TLSWARD_GOLDEN=write the
 * second halves are written anew; read them before committing them.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import type { HeaderField } from '../../src/core/messageEdit.ts';
import { allAtOnce } from '../../src/core/work.ts';
import { putBodyBanner } from '../../src/mail/bodyBanner.ts';
import { ownBanners, parseTemplate, renderTemplate } from '../../src/mail/template.ts';
import { root } from '../root.ts';
import { joined } from './checkBanner.ts';
import { tagSubject } from './tagSubject.ts';

const folder = new URL('test/mail/golden/', root);
const RULE = '=====\n';
const parsed = parseTemplate('🔒 Geschützt übertragen: {tls}, von {domain} an {host}');
if (parsed.kind === 'errors') throw new Error('bad template');
const { template } = parsed;
const text = renderTemplate(template, {
  tls: 'TLSv1.3 TLS_AES_256_GCM_SHA384',
  domain: 'a.example',
  host: 'mx.b.example',
});

function readFields(head: string): HeaderField[] {
  return head.split(/\n(?![ \t])/).map((line) => {
    const colon = line.indexOf(':');
    return { name: line.slice(0, colon), value: line.slice(colon + 1).replace(/^ /, '') };
  });
}

function edited(message: string): string {
  const split = message.indexOf('\n\n');
  const headers = readFields(message.slice(0, split));
  const body = Buffer.from(message.slice(split + 2).replace(/\n/g, '\r\n'), 'latin1');
  const isOurs = ownBanners([template]);
  const result = allAtOnce(putBodyBanner(headers, body, { text, own: isOurs }));
  const rest = result.kind === 'edited' ? joined(result) : `(left alone: ${result.reason})\r\n`;
  const tagged = headers.map(({ name, value }) => ({
    name,
    value: name.toLowerCase() === 'subject' ? tagSubject(value, '[TLS]', true) : value,
  }));
  const head = tagged.map(({ name, value }) => `${name}: ${value}\n`).join('');
  return `${head}\n${rest.replace(/\r\n/g, '\n')}`;
}

const names = readdirSync(folder).filter((name) => name.endsWith('.eml'));

t.test('golden messages', async (t) => {
  t.ok(names.length >= 6, names.join(' '));
  for (const name of names) {
    const file = new URL(name, folder);
    const [before = '', after = ''] = readFileSync(file, 'latin1').split(RULE);
    const result = edited(before);
    if (process.env.TLSWARD_GOLDEN === 'write') writeFileSync(file, before + RULE + result, 'latin1');
    else t.equal(result, after, name);
    const note = /\n\n(\(left alone: .*\n)$/.exec(result)?.[1] ?? '(left alone: already-there)\n';
    t.equal(edited(result), result.replace(/\n\n[\s\S]*/, `\n\n${note}`), `${name}: once`);
  }
});
