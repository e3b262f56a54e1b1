/** `tlsward suggest`: what it prints can be pasted, `tlsward check` takes it, and a table with mistakes gets no advice. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { run as check } from '../../src/cli/check.ts';
import { run } from '../../src/cli/suggest.ts';
import { pasted } from '../report/table.ts';
import { MadeEvidence, newFolder, verdict } from '../trace/madeDays.ts';
import { say } from './runCommand.ts';

const SERVICE = '[service]\npolicy-listen = inet:127.0.0.1:8451\npostconf =\n';
const TABLE = `${SERVICE}[policy partner]
receive = may
banner = header
[domains]
known.example = partner
[domain watched.example]
receive = encrypt
mode = observe
`;

/** Seven days, three messages a day from each domain; the folder of the table, and what the command is asked. */
function made(t: Test, table: string): { readonly folder: string; readonly argv: string[] } {
  const folder = newFolder(t);
  writeFileSync(join(folder, 'tlsward.ini'), table);
  const evidence = new MadeEvidence(join(folder, 'evidence'), 'mx.example.org');
  for (let back = 7; back > 0; back--) {
    const day = new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);
    const rows = {
      'new.example': undefined,
      'known.example': {
        pattern: 'known.example',
        at: `${folder}/tlsward.ini:8`,
        level: 'may',
        mode: 'enforce',
      },
      'watched.example': {
        ...{ pattern: 'watched.example', at: `${folder}/tlsward.ini:9`, level: 'encrypt', mode: 'observe' },
      },
    };
    const records = Object.entries(rows).flatMap(([domain, row]) =>
      [1, 2, 3].map((i) =>
        verdict(`${day}T10:00:0${i}.000Z`, {
          ...{ queueId: `${domain}${i}`, senderDomain: domain, sender: `<a@${domain}>`, row },
        }),
      ),
    );
    evidence.day('daemon', day, records);
  }
  const argv = ['--config', join(folder, 'tlsward.ini'), '--evidence', evidence.directory];
  return { folder, argv };
}

test('the lines are taken by check, and nothing is left to suggest', async (t) => {
  const { folder, argv } = made(t, TABLE);
  const { code, out } = await say(run, argv);
  t.equal(code, 0);
  const lines = out.trimEnd().split('\n');
  t.same(
    lines.filter((line) => !line.startsWith(';')),
    [
      '[domain known.example]',
      'policy = partner',
      'receive = encrypt',
      '[domain new.example]',
      'receive = encrypt',
      '[domain watched.example]',
      'receive = encrypt',
      'mode = enforce',
    ],
  );
  t.match(out, /^; watched\.example: 21 messages in met the row that only observes$/m);
  writeFileSync(join(folder, 'tlsward.ini'), pasted(folder, lines));
  const checked = await say(check, ['--config', join(folder, 'tlsward.ini'), '--files-only']);
  t.equal(checked.code, 0, checked.out + checked.err);
  t.match(await say(run, argv), { code: 0, out: /^nothing to suggest\n/ });
});

test('no advice about a table with mistakes, or without one', async (t) => {
  const { folder, argv } = made(t, `${SERVICE}[domains]\na.example = encrpt\n`);
  t.match(await say(run, argv), { code: 78, out: '', err: /encrpt/ });
  t.match(await say(run, [...argv, '--json']), { code: 78, out: /"ok":false/ });
  const none = await say(run, ['--config', join(folder, 'none.ini'), ...argv.slice(2)]);
  t.match(String(none.code), /^ConfigError/);
});
