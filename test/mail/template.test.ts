/** Banner templates: fields, errors, escaping for the place, recognising a rendering. */
import t from 'tap';
import { decodeHeaderText } from '../../src/mail/encodedWords.ts';
import {
  BANNER_FIELDS,
  cleanValue,
  MAX_FIELD,
  ownBanners,
  parseTemplate,
  renderTemplate,
  type Template,
} from '../../src/mail/template.ts';

function template(text: string): Template {
  const parsed = parseTemplate(text);
  if (parsed.kind === 'errors') throw new Error(JSON.stringify(parsed.errors));
  return parsed.template;
}

t.test('rendering', async (t) => {
  const values = { protocol: 'TLSv1.3', domain: 'a.example', sender: '<script>"&\'@a.example' };
  const cases: [string, string][] = [
    ['no fields', 'no fields'],
    ['{protocol} from {domain}', 'TLSv1.3 from a.example'],
    ['{{protocol}} }}{{', '{protocol} }{'],
    ['{{{protocol}}}', '{TLSv1.3}'],
    ['{cipher}', 'unknown'],
  ];
  for (const [text, want] of cases) t.equal(renderTemplate(template(text), values), want, text);
  t.equal(
    renderTemplate(template('<b> {sender} é'), values, 'html'),
    '&#60;b&#62; &#60;script&#62;&#34;&#38;&#39;@a.example &#233;',
  );
  const header = renderTemplate(
    template('Sécurisé: {protocol} {domain} {domain} {domain} {domain} {domain}'),
    values,
    'header',
    'X-Secured',
  );
  t.match(header, /^[\n -~]*$/);
  t.ok(header.split('\n').every((line) => line.length <= 76));
  t.equal(decodeHeaderText(header), `Sécurisé: TLSv1.3${' a.example'.repeat(5)}`);
});

t.test('values are foreign text', async (t) => {
  t.equal(cleanValue('a\r\nBcc: x\0\u2028y'), 'a Bcc: x y');
  t.equal(cleanValue('a\u202eb\u200bc\ud800'), 'a?b?c?');
  t.equal(Array.from(cleanValue('🔒'.repeat(500))).length, MAX_FIELD);
  const header = renderTemplate(template('x {sender}'), { sender: 'a\n\nb\r\n c\n' }, 'header');
  t.equal(header, 'x a b c');
  t.equal(
    renderTemplate(template('{sender}'), { sender: '{domain}', domain: 'x' }),
    '{domain}',
    'values are not templates',
  );
  t.equal(renderTemplate(template('{sender}'), Object.create({ sender: 'inherited' })), 'unknown');
});

t.test('errors, all at once', async (t) => {
  const parsed = parseTemplate('{protocl} and { and {domain} } {} {Domain}');
  t.equal(parsed.kind, 'errors');
  if (parsed.kind === 'errors')
    t.same(
      parsed.errors.map(({ column, found }) => [column, found]),
      [
        [1, '{protocl}'],
        [15, '{'],
        [30, '}'],
        [32, '{}'],
        [35, '{Domain}'],
      ],
    );
  t.equal(parseTemplate('{x}', ['x']).kind, 'template');
  for (const field of BANNER_FIELDS) t.equal(parseTemplate(`{${field}}`).kind, 'template');
});

t.test('recognising a rendering', async (t) => {
  const own = template('Received over {tls} from {domain}.');
  for (const text of [
    'Received over TLSv1.3 AES 256 from a.example.',
    'RECEIVED OVER no TLS FROM x .',
    'Rеceivеd оvеr TLS from x.',
    'Ｒeceived over\nTLS from x.',
    'Received over  from .',
  ])
    t.ok(ownBanners([own]).matches(text), text);
  for (const text of [
    '',
    'Received over TLSv1.3',
    '> Received over TLSv1.3 from a.example.',
    'Received over TLSv1.3 from a.example. Please pay!',
    `Received over ${'x'.repeat(1000)} from a.`,
  ])
    t.notOk(ownBanners([own]).matches(text), text);
  t.notOk(ownBanners([template('TLS {tls}')]).matches('TLS is what we sell'), 'too little text to be sure');
  t.ok(ownBanners([template('Secure')]).matches('SECURE'));
  t.notOk(ownBanners([template('')]).matches(''));
});
