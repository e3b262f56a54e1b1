/** Text from outside in HTML: nothing of it is markup, nothing is invisible, nothing turns what follows. */
import { test } from 'tap';
import { cssString, foreign, Html, html, lines, prose } from '../../../src/report/page/markup.ts';
import { HOSTILE } from './fixtureKinds.ts';

test('a template escapes texts and leaves HTML', async (t) => {
  t.equal(
    html`<b title="${'"x\' & <y>'}">${'a<b'}</b>`.text,
    '<b title="&quot;x&#39; &amp; &lt;y&gt;">a&lt;b</b>',
  );
  t.equal(html`${new Html('<i>')}${null}${undefined}${false}${0}`.text, '<i>0');
  t.equal(html`${[html`<b>1</b>`, html`<b>${'<'}</b>`]}`.text, '<b>1</b><b>&lt;</b>');
  t.equal(html`${'&lt;'}`.text, '&amp;lt;', 'an entity is a text like any other');
});

test('what is unseen is shown as a code', async (t) => {
  const shown = (text: string) => html`${text}`.text;
  t.equal(shown('a\u202eb\u202c'), 'a\\u{202e}b\\u{202c}', 'bidi');
  t.equal(shown('a\u200b\u2060\ufeff\u00ad'), 'a\\u{200b}\\u{2060}\\u{feff}\\u{ad}', 'zero width');
  t.equal(shown('\u0000\u001b\u007f\u0085\n'), '\\u{0}\\u{1b}\\u{7f}\\u{85}\\u{a}', 'controls');
  t.equal(
    shown('\u2028\u2029\ud800x\udfff'),
    '\\u{2028}\\u{2029}\\u{d800}x\\u{dfff}',
    'separators, half pairs',
  );
  t.equal(shown('\u{e0041}\ue000\u3164'), '\\u{e0041}\\u{e000}\\u{3164}', 'tags, private use, fillers');
  t.equal(shown('a\u2003b'), 'a\\u{2003}b', 'spaces that look like others');
  t.equal(
    shown('93.5\u00a0% caf\u00e9 \u2013 \ud83d\ude00'),
    '93.5\u00a0% caf\u00e9 \u2013 \ud83d\ude00',
    'letters stay',
  );
  t.match(shown(`z${'\u0301'.repeat(9)}`), /^z\u0301\u0301(?:\\u\{301\}){7}$/, 'a heap of marks');
});

test('letters beyond ASCII are isolated', async (t) => {
  t.equal(foreign('bank.example').text, 'bank.example');
  t.equal(foreign('\u05d0\u05d1').text, '<bdi>\u05d0\u05d1</bdi>');
});

test('sentences with commands in back quotes', async (t) => {
  t.equal(
    prose('Run `tlsward report --check` <now>.').text,
    'Run <code>tlsward report <span>--check</span></code> &lt;now&gt;.',
  );
  t.equal(prose('a `b` c ` d').text, 'a <code>b</code> c ` d', 'one that is not closed');
  t.equal(prose('`').text, '`');
  t.match(prose('`x'.repeat(3000)).text, /\(cut\)$/);
});

test('lines to paste keep their ends, and texts their length bounded', async (t) => {
  t.equal(lines('a <b>\r\n"c"').text, 'a &lt;b&gt;\\u{d}\n&quot;c&quot;');
  t.equal(lines('a --to b-- <--x>').text, 'a <span>--to</span> b-- &lt;--x&gt;', 'options in one piece');
  t.match(html`${'x'.repeat(9000)}`.text, /^x{2000} \(cut\)$/);
});

test('a string of a style ends neither itself nor the style', async (t) => {
  t.equal(cssString('mx1.example.org, 30 days'), '"mx1.example.org, 30 days"');
  for (const [i, text] of HOSTILE.entries())
    t.match(cssString(text), /^"(?:[A-Za-z0-9 .,:_-]|\\[0-9a-f]{1,6} )*"$/, `hostile text ${i}`);
});
