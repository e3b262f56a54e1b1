/**
 * Policies on disk: what a restart finds again, and every file that must not count.
 */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Test, test } from 'tap';
import { absent, unknown } from './fakes.ts';
import { Bed, DAY, failedFetch, fetchedPolicy, HOUR, MINUTE, policyText, START } from './finder.ts';

const BANK = 'bank.example';
const root = process.getuid?.() === 0;

function temporary(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-sts-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** What a file holds for a policy that was fetched at START. */
function stored(more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    format: 1,
    domain: BANK,
    id: 'one',
    fetchedAt: START,
    expiresAt: START + 7 * DAY,
    lastUsed: START,
    lastChecked: START,
    policy: policyText(),
    ...more,
  });
}

function put(folder: string, name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

/** Opens a finder on the folder and tells what it said about files. */
async function opened(t: Test, folder: string, time = START + HOUR) {
  const bed = new Bed(t);
  bed.time = time;
  const policies = await bed.open({ folder });
  const told = bed
    .told()
    .map((event) => (event.kind === 'cache' ? `${basename(event.file)}: ${event.why}` : event.kind));
  return { bed, policies, told };
}

test('a restart finds the policy again', async (t) => {
  const folder = join(temporary(t), 'made', 'here');
  const first = await opened(t, folder, START);
  first.bed.publish(BANK, 'one', fetchedPolicy(policyText('enforce', 604_800, 'm\u00fcller.example')));
  const fact = await first.policies.find(BANK);
  await first.policies.settled();
  t.equal(statSync(folder).mode & 0o777, 0o700);
  t.equal(statSync(join(folder, `${BANK}.json`)).mode & 0o777, 0o600);
  t.same(readdirSync(folder), [`${BANK}.json`], 'no draft is left');
  await first.policies.close();

  const second = await opened(t, folder, START + DAY);
  second.bed.resolver.txts.set(`_mta-sts.${BANK}`, unknown());
  t.same(second.told, []);
  t.same(await second.policies.find(BANK), fact, 'the same fact, without asking');
  t.match(second.policies.inspect(BANK), {
    fetchedAt: START,
    expiresAt: START + 7 * DAY,
    lastUsed: START + DAY,
  });
  await second.policies.settled();
  t.same(second.bed.asked(), { dns: 1, https: 0 }, 'the id is compared behind the answer');
  await second.policies.close();

  const third = await opened(t, folder, START + 6.5 * DAY);
  third.bed.publish(BANK, 'one');
  third.policies.sweep();
  await third.policies.settled();
  t.equal(third.bed.asked().https, 1, 'that it was in use is known, so it is fetched ahead');
  await third.policies.close();
});

test('the use of a policy is written where it matters', async (t) => {
  const folder = temporary(t);
  const { bed, policies } = await opened(t, folder, START);
  bed.publish(BANK, 'one');
  await policies.find(BANK);
  await policies.settled();
  const lastUsed = () =>
    (JSON.parse(readFileSync(join(folder, `${BANK}.json`), 'utf8')).lastUsed - START) / MINUTE;
  t.equal(lastUsed(), 0);
  const written: number[] = [];
  for (let minute = 1; minute <= 2 * 24 * 60 + 10; minute++) {
    bed.time += MINUTE;
    await policies.find(BANK);
    await policies.settled();
    if (lastUsed() > (written.at(-1) ?? 0)) written.push(lastUsed());
    policies.sweep();
    await policies.settled();
    if (lastUsed() > (written.at(-1) ?? 0)) written.push(lastUsed());
  }
  t.same(written, [1, 1442, 2883], 'once since it was fetched, then once a day');
});

test('what ends is removed', async (t) => {
  const folder = temporary(t);
  const { bed, policies } = await opened(t, folder, START);
  for (const name of ['a.example', 'b.example', 'c.example']) {
    bed.publish(name, 'one');
    await policies.find(name);
  }
  await policies.settled();
  t.equal(readdirSync(folder).length, 3);
  policies.forget('a.example');
  await policies.settled();
  t.same(readdirSync(folder).sort(), ['b.example.json', 'c.example.json']);
  bed.time += 7 * DAY;
  policies.sweep();
  await policies.settled();
  t.same(readdirSync(folder), []);
  put(folder, `${BANK}.json`, stored());
  const again = await opened(t, folder, START + 7 * DAY);
  t.same(again.told, [], 'an old file is nothing to tell');
  t.equal(again.policies.inspect(BANK), null);
  await again.policies.settled();
  t.same(readdirSync(folder), []);
});

test('files that do not count', async (t) => {
  const cases: readonly (readonly [text: string, why: string])[] = [
    ['', 'is not JSON'],
    ['{"format":1,"domain"', 'is not JSON'],
    ['null', 'is not a stored policy'],
    ['[]', 'has an unknown format'],
    [stored({ format: 2 }), 'has an unknown format'],
    [stored({ domain: 'other.example' }), 'is for a different domain than its name says'],
    [stored({ domain: 'BANK.example' }), 'is for a different domain than its name says'],
    [stored({ domain: undefined }), 'is for a different domain than its name says'],
    [stored({ id: '' }), 'has no valid id'],
    [stored({ id: 'a}b' }), 'has no valid id'],
    [stored({ id: 1 }), 'has no valid id'],
    [stored({ policy: null }), 'has no policy'],
    [
      stored({ policy: policyText('off') }),
      'has a policy that is invalid: line 2: mode is not one of enforce, testing, none',
    ],
    [stored({ fetchedAt: '1' }), 'has an invalid time'],
    [stored({ fetchedAt: -1 }), 'has an invalid time'],
    [stored({ lastUsed: 0.5 }), 'has an invalid time'],
    [stored({ lastChecked: 1e300 }), 'has an invalid time'],
    [stored({ expiresAt: null }), 'has an invalid time'],
    [stored({ expiresAt: START + 8 * DAY }), 'expires at another time than its policy says'],
    [stored({ fetchedAt: START + 1 }), 'expires at another time than its policy says'],
    [stored({ policy: policyText('enforce', 604_801) }), 'expires at another time than its policy says'],
    [`${stored()}${' '.repeat(163_840)}`, 'has more than 163840 bytes'],
  ];
  for (const [text, why] of cases) {
    const folder = temporary(t);
    const file = put(folder, `${BANK}.json`, text);
    const { bed, policies, told } = await opened(t, folder);
    t.same(told, [`${BANK}.json: ${why}: ignored`]);
    t.equal(policies.inspect(BANK), null);
    t.equal(readFileSync(file, 'utf8'), text, 'left as it is');
    bed.publish(BANK, 'two');
    await policies.find(BANK);
    await policies.close();
    t.match(JSON.parse(readFileSync(file, 'utf8')), { id: 'two' }, 'until there is a policy again');
  }
});

test('the file as such', async (t) => {
  const folder = temporary(t);
  const elsewhere = put(temporary(t), `${BANK}.json`, stored());
  symlinkSync(elsewhere, join(folder, `${BANK}.json`));
  mkdirSync(join(folder, 'folder.example.json'));
  chmodSync(put(folder, 'open.example.json', stored({ domain: 'open.example' })), 0o620);
  put(folder, 'UPPER.example.json', stored({ domain: 'UPPER.example' }));
  put(folder, 'trailing.example..json', stored({ domain: 'trailing.example.' }));
  put(folder, 'README', 'not ours');
  put(folder, '.json', stored({ domain: '' }));
  put(folder, 'good.example.json', stored({ domain: 'good.example' }));
  const { bed, policies, told } = await opened(t, folder);
  t.same(told.sort(), [
    '.json: is not named after a domain: ignored',
    'README: is not named after a domain: ignored',
    'UPPER.example.json: is not named after a domain: ignored',
    `${BANK}.json: is a symbolic link: ignored`,
    'folder.example.json: is not a file: ignored',
    'open.example.json: others may write to it: ignored',
    'trailing.example..json: is not named after a domain: ignored',
  ]);
  t.match(policies.inspect('good.example'), { id: 'one' });
  t.equal(policies.counters().policies, 1);
  t.match(policies.latest(10), [{ domain: 'good.example', mode: 'enforce', trouble: '' }]);
  t.strictSame(policies.latest(0), []);
  bed.publish(BANK, 'two');
  await policies.find(BANK);
  await policies.settled();
  t.match(JSON.parse(readFileSync(elsewhere, 'utf8')), { id: 'one' }, 'the link is replaced, not followed');
  t.match(JSON.parse(readFileSync(join(folder, `${BANK}.json`), 'utf8')), { id: 'two' });
  bed.publish('folder.example', 'one');
  t.match(await policies.find('folder.example'), { kind: 'policy' });
  await policies.settled();
  t.match(
    bed.told().filter(({ kind }) => kind === 'cache'),
    [{ why: /cannot be written \(E/ }],
  );
  t.notOk(
    readdirSync(folder).some((name) => name.startsWith('.draft')),
    'no draft is left',
  );
});

test('files of other users', { skip: root ? false : 'only root can give files away' }, async (t) => {
  const folder = temporary(t);
  chownSync(put(folder, `${BANK}.json`, stored()), 12_345, 12_345);
  const { policies, told } = await opened(t, folder);
  t.same(told, [`${BANK}.json: belongs to another user: ignored`]);
  t.equal(policies.inspect(BANK), null);
  chownSync(folder, 12_345, 12_345);
  const other = await opened(t, folder);
  t.same(other.told, [`${basename(folder)}: belongs to another user: not used`]);
});

test('a folder that cannot be used leaves memory', async (t) => {
  const dir = temporary(t);
  const open = join(dir, 'open');
  mkdirSync(open);
  chmodSync(open, 0o770);
  const file = put(dir, 'file', '');
  for (const [folder, why] of [
    [open, /^open: others may write to it: not used/],
    [file, /^file: cannot be used \(EEXIST\)/],
    [join(file, 'below'), /^below: cannot be used \(ENOTDIR\)/],
  ] as const) {
    const { bed, policies, told } = await opened(t, folder);
    t.match(told, [why]);
    bed.publish(BANK, 'one');
    t.match(await policies.find(BANK), { kind: 'policy' });
    await policies.close();
    t.same(
      bed.told().filter(({ kind }) => kind === 'cache'),
      [],
      'and is not told again',
    );
  }
  t.same(readdirSync(open), []);
});

test('a folder that vanishes is told once, until it works again', async (t) => {
  const folder = join(temporary(t), 'cache');
  const { bed, policies } = await opened(t, folder);
  const fetched = async (name: string) => {
    bed.publish(name, 'one');
    await policies.find(name);
    await policies.settled();
    return bed.told().filter(({ kind }) => kind === 'cache').length;
  };
  t.equal(await fetched('a.example'), 0);
  rmSync(folder, { recursive: true });
  t.equal(await fetched('b.example'), 1);
  t.equal(await fetched('c.example'), 0);
  mkdirSync(folder, { mode: 0o700 });
  t.equal(await fetched('d.example'), 0);
  t.same(readdirSync(folder), ['d.example.json']);
  rmSync(folder, { recursive: true });
  t.equal(await fetched('e.example'), 1);
});

test('drafts of a process that was killed', async (t) => {
  const folder = temporary(t);
  put(folder, '.draft-1-aa', 'half');
  const old = put(folder, '.draft-1-bb', 'half');
  utimesSync(old, 1_000_000, 1_000_000);
  const { told } = await opened(t, folder);
  t.same(told, []);
  t.same(readdirSync(folder), ['.draft-1-aa'], 'a fresh one may be being written');
});

test('a clock that was ahead does not make a policy last', async (t) => {
  const folder = temporary(t);
  const fetchedAt = START + 1000 * DAY;
  put(folder, `${BANK}.json`, stored({ fetchedAt, expiresAt: fetchedAt + 7 * DAY, lastUsed: fetchedAt }));
  const { policies } = await opened(t, folder, START);
  t.match(policies.inspect(BANK), { fetchedAt: START, expiresAt: START + 7 * DAY });
});

test('no more files than the limit', async (t) => {
  const folder = temporary(t);
  for (let i = 0; i < 9; i++) {
    const lastUsed = START + ((i * 7) % 9);
    put(folder, `d${i}.example.json`, stored({ domain: `d${i}.example`, lastUsed }));
  }
  const bed = new Bed(t);
  bed.time = START + HOUR;
  const some = await bed.open({ folder, limits: { policies: 5 } });
  t.same(bed.told(), []);
  t.equal(some.counters().policies, 5);
  await some.settled();
  // used last: 5, 1, 6, 2, 7, and then the others
  t.same(
    readdirSync(folder).sort(),
    [1, 2, 5, 6, 7].map((i) => `d${i}.example.json`),
  );
  const fewer = await bed.open({ folder, limits: { policies: 2 } });
  t.match(bed.told(), [{ kind: 'cache', file: folder, why: /more than 4 files/ }]);
  t.equal(fewer.counters().policies, 2);
});

test('many broken files are summed up', async (t) => {
  const folder = temporary(t);
  for (let i = 0; i < 30; i++) put(folder, `d${i}.example.json`, '');
  const { told } = await opened(t, folder);
  t.equal(told.length, 21);
  t.match(told.at(-1), /10 more files are ignored/);
});

test('writes of one domain come in order', async (t) => {
  const folder = temporary(t);
  const { bed, policies } = await opened(t, folder);
  for (let i = 0; i < 40; i++) {
    bed.publish(BANK, `id${i}`);
    await policies.refresh(BANK);
    if (i % 3 === 0) policies.forget(BANK);
  }
  await policies.settled();
  t.same(readdirSync(folder), [], 'the last was to forget');
  await policies.refresh(BANK);
  await policies.close();
  t.match(JSON.parse(readFileSync(join(folder, `${BANK}.json`), 'utf8')), { id: 'id39' });
});

test('failures and absence are not written', async (t) => {
  const folder = temporary(t);
  const { bed, policies } = await opened(t, folder);
  bed.publish(BANK, 'one', failedFetch());
  await policies.find(BANK);
  bed.resolver.txts.set('_mta-sts.other.example', absent());
  await policies.find('other.example');
  await policies.close();
  t.same(readdirSync(folder), []);
});
