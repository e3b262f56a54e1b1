/**
 * test/ mirrors src/: a test that is named as a file of src lies in the folder of that file, and a folder of tests is a
 * folder of src. Exceptions are listed here with their reason, and must still be needed.
 */
import { readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { test } from 'tap';
import { root } from './root.ts';

/** Tests that have the name of a file in another folder. */
const OTHER_SUBJECT: Readonly<Record<string, string>> = {
  'daemon/interfaces.test.ts': 'both interfaces of one daemon; receive/interfaces is what each can know',
  'daemon/milter.test.ts': 'a whole daemon asked by milter; session/milter is the state machine',
  'daemon/policy.test.ts': 'a whole daemon asked by policy delegation; session/policy is the state machine',
  'daemon/socketmap.test.ts': 'a whole daemon asked by socketmap; session/socketmap is the state machine',
  'daemon/tlsRequired.test.ts':
    'what a whole daemon answers to the field; rules/tlsRequired reads the header field',
  'log/events.test.ts': 'the events of the log; sts/events is what MTA-STS tells',
  'wire/policy.test.ts': 'policyDecode and policyEncode; session/policy is the state machine',
  'wire/socketmap.test.ts': 'the decoder and encoder; session/socketmap is the state machine',
};

/** Folders that are about no folder of src. */
const NO_FOLDER_OF_SRC: Readonly<Record<string, string>> = {
  bench: 'speed of the whole daemon, beside its peers',
  e2e: 'the whole daemon with real MTAs',
  growth: 'every function that reads foreign text, of all folders',
};

function files(folder: string, ending: string): string[] {
  return readdirSync(new URL(`${folder}/`, root), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .sort();
}

const sources = files('src', '.ts');
const tests = files('test', '.ts').filter((name) => !(name.split('/')[0]! in NO_FOLDER_OF_SRC));

test('a test is where its namesake is', async (t) => {
  const elsewhere: string[] = [];
  for (const name of tests.filter((one) => one.endsWith('.test.ts'))) {
    const namesakes = sources.filter(
      (source) => posix.basename(source) === posix.basename(name).replace('.test.ts', '.ts'),
    );
    const folders = namesakes.map((source) => posix.dirname(source));
    if (folders.length > 0 && !folders.includes(posix.dirname(name))) elsewhere.push(name);
  }
  t.same(elsewhere, Object.keys(OTHER_SUBJECT).sort(), 'but for the exceptions, all of which are needed');
});

test('a folder of tests is a folder of src', async (t) => {
  const inSrc = (folder: string): boolean => sources.some((source) => source.startsWith(`${folder}/`));
  const folders = new Set(tests.map((name) => posix.dirname(name)).filter((folder) => folder !== '.'));
  t.same(
    [...folders].filter((folder) => !inSrc(folder)),
    [],
  );
  const top = readdirSync(new URL('test/', root), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !inSrc(entry.name))
    .map((entry) => entry.name);
  t.same(top.sort(), Object.keys(NO_FOLDER_OF_SRC).sort(), 'but for the exceptions, all of which are needed');
});

test('each exception has its reason', async (t) => {
  for (const [name, reason] of Object.entries({ ...OTHER_SUBJECT, ...NO_FOLDER_OF_SRC }))
    t.ok(reason.length > 20, name);
});
