/** Which banner a message gets: by its sender's row, by the rows of all recipients, or none. */
import { test } from 'tap';
import type { Settings } from '../../src/core/settings.ts';
import type { TlsState } from '../../src/core/tls.ts';
import { accepted } from '../../src/core/verdict.ts';
import { allAtOnce } from '../../src/core/work.ts';
import { type ChosenBanner, chooseBanner } from '../../src/edits/bannerChoice.ts';
import { decide } from '../../src/receive/decide.ts';
import { GOOD, type RowOf, tableOf, transaction } from '../core/buildTables.ts';

const PLAIN: TlsState = { kind: 'plain' };
/** A row that asks for TLS, and for a banner either way. */
const ROW: Partial<Settings> = {
  receive: 'encrypt',
  violation: 'tag',
  banner: ['header', 'subject'],
  bannerText: 'Secured',
  bannerTag: '[secured]',
  bannerUnprotectedText: 'Not secured',
  bannerUnprotectedTag: '[open]',
};

function choose(rows: readonly RowOf[], to: readonly string[], tls: TlsState = GOOD): ChosenBanner | null {
  const tx = transaction('a@sender.example', to, tls);
  return allAtOnce(chooseBanner(tx, decide(tx, tableOf(rows), { trustedClients: [] })));
}

const kinds = (banner: ChosenBanner | null): string =>
  banner === null ? '' : [...banner.kinds].sort().join();

test('the row of the sender', async (t) => {
  const rows: RowOf[] = [['sender.example', { ...ROW, help: 'ask' }]];
  const banner = choose(rows, ['b@x.example', 'c@y.example']);
  t.match(banner, {
    tag: '[secured]',
    text: 'Secured',
    breakSignatures: false,
    row: { pattern: 'sender.example' },
  });
  t.equal(kinds(banner), 'header,subject');
  t.match(choose(rows, ['b@x.example'], PLAIN), { tag: '[open]', text: 'Not secured' });
  t.equal(
    choose(rows, ['b@x.example'], { kind: 'unknown', why: 'x' }),
    null,
    'nothing is said of what is unknown',
  );
  t.equal(
    choose([['sender.example', { ...ROW, bannerSigned: 'edit' }]], ['b@x.example'])?.breakSignatures,
    true,
  );
  t.equal(choose([['sender.example', { receive: 'encrypt' }]], ['b@x.example']), null, 'no row asks');
});

test('without words there is no banner of that kind', async (t) => {
  const banner = (some: Partial<Settings>): string =>
    kinds(
      choose(
        [['sender.example', { ...ROW, banner: ['header', 'subject', 'body'], ...some }]],
        ['b@x.example'],
      ),
    );
  t.equal(banner({}), 'body,header,subject');
  t.equal(banner({ bannerText: '' }), 'subject');
  t.equal(banner({ bannerTag: '' }), 'body,header');
  t.equal(banner({ bannerText: '', bannerTag: '' }), '');
});

test('the rows of all recipients', async (t) => {
  const both = ['b@x.example', 'c@y.example'];
  const rows = (x: Partial<Settings>, y: Partial<Settings>): RowOf[] => [
    ['x.example', { ...ROW, ...x }],
    ['y.example', { ...ROW, ...y }],
  ];
  t.equal(kinds(choose(rows({}, {}), both)), 'header,subject');
  t.equal(kinds(choose(rows({}, { banner: ['subject'] }), both)), 'subject', 'the kinds that all ask for');
  t.equal(choose(rows({}, { banner: [] }), both), null, 'one asks for none');
  t.equal(choose([['x.example', ROW]], both), null, 'one has no row');
  t.equal(choose(rows({}, { bannerText: 'Other' }), both), null, 'they say something else');
  t.equal(choose(rows({}, { bannerSigned: 'edit' }), both), null, 'one must not break signatures');
  t.equal(kinds(choose(rows({ help: 'x' }, { help: 'y' }), both)), 'header,subject', 'help is not shown');
  const shown = { bannerText: 'Ask {help}' };
  t.equal(
    choose(rows({ ...shown, help: 'x' }, { ...shown, help: 'y' }), both),
    null,
    'help is shown, and differs',
  );
  t.equal(kinds(choose(rows({ ...shown, help: 'x' }, { ...shown, help: 'x' }), both)), 'header,subject');
});

test('the sender goes before the recipients', async (t) => {
  const banner = choose(
    [
      ['sender.example', { ...ROW, banner: ['header'], bannerText: 'By the sender' }],
      ['x.example', ROW],
    ],
    ['b@x.example'],
  );
  t.match(banner, { text: 'By the sender' });
  t.equal(kinds(banner), 'header');
});

test('nothing that was not judged gets one', async (t) => {
  const tx = transaction('a@sender.example', ['b@x.example'], GOOD);
  for (const judged of ['no-mail', 'local', 'again', 'trusted-client'] as const)
    t.equal(allAtOnce(chooseBanner(tx, accepted(judged))), null, judged);
});
