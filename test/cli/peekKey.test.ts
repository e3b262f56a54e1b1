/** One key of a configuration file that may be full of mistakes. */
import { join } from 'node:path';
import { test } from 'tap';
import { peekKey } from '../../src/cli/peekKey.ts';
import { run as simulate } from '../../src/cli/simulate.ts';
import { say } from './runCommand.ts';

test('the first word of the value', async (t) => {
  const cases: readonly (readonly [text: string, value: string | null])[] = [
    ['[service]\nhost-name = mx.example.org\n', 'mx.example.org'],
    ['[servce\n\t host-name\t= "mx.example.org" ; ours\r\n=\n', 'mx.example.org'],
    ['host-name = a.example, b.example\nhost-name = c.example\n', 'a.example'],
    ['; host-name = a.example\nmy-host-name = b.example\n', null],
    ['host-name =\n', null],
    ['', null],
  ];
  const folder = t.testdir(Object.fromEntries(cases.map(([text], i) => [`${i}.ini`, text])));
  for (const [i, [text, value]] of cases.entries())
    t.equal(peekKey(join(folder, `${i}.ini`), 'host-name'), value, JSON.stringify(text));
  t.equal(peekKey(join(folder, 'absent.ini'), 'host-name'), null);
});

test('simulate with a file that cannot be read', async (t) => {
  const config = join(t.testdir(), 'absent.ini');
  const { code } = await say(simulate, [
    'policy',
    '--from',
    'a@x.example',
    '--to',
    'b@y.example',
    '--config',
    config,
  ]);
  t.match(code, /^ConfigError: there is no configuration ".*absent\.ini"; --config FILE names another$/);
});
