/**
 * The manual (README.md and the pages that it leads to) keeps its word: its commands print what it shows, its tables load,
 * it has every key, command, map and event, its truth table is what `decide` does, and its links lead somewhere.
 * Its main.cf lines are tried in test/e2e/readme.test.ts.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { KEYS } from '../src/config/keys/keys.ts';
import { loadConfig } from '../src/config/load/load.ts';
import { RECEIVE_LEVELS } from '../src/core/settings.ts';
import type { ClientCertificate, TlsState } from '../src/core/tls.ts';
import { MAPS } from '../src/maps/mapAnswer.ts';
import { ROUTE_MAPS } from '../src/maps/transportMap.ts';
import { decide } from '../src/receive/decide.ts';
import { replyFor } from '../src/receive/smtpReply.ts';
import { GOOD, OTHER_DIGEST, PIN, readTsv, settingsOf, tableOf, transaction } from './core/buildTables.ts';
import { findCommand } from './e2e/harness/requirements.ts';
import { blocks, MANUAL, page } from './manual.ts';
import { root } from './root.ts';
import { Stage, stepsOf } from './stage.ts';

const REFERENCE = page('contrib/doc/reference.md');
const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));

/** Output of a `npx tlsward` command line of the manual, run in the repository. */
function run(line: string): Promise<string> {
  const args = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2]!);
  if (args[0] !== 'npx' || args[1] !== 'tlsward') throw new Error(`not a command of ours: ${line}`);
  return new Promise((resolve) => {
    const env = { ...process.env, NO_COLOR: '1' };
    const options = { cwd: fileURLToPath(root), env, timeout: 240_000 };
    execFile(process.execPath, [MAIN, ...args.slice(2)], options, (error, stdout, stderr) =>
      resolve(stdout + stderr + (error?.killed === true ? 'ended after 60 s' : '')),
    );
  });
}

test('every command with output prints just that', async (t) => {
  const sessions = blocks('console').filter((block) => block.startsWith('$ npx '));
  t.ok(sessions.length >= 5);
  for (const session of sessions) {
    const [first = '', ...rest] = session.split('\n');
    t.match(first, /^\$ npx tlsward /);
    t.equal(await run(first.slice(2)), rest.join('\n'), first);
  }
});

test('examples that build on one another do, and print what the page shows', async (t) => {
  let pages = 0;
  for (const [name, text] of MANUAL) {
    const steps = stepsOf(text);
    if (!steps.some((step) => 'examples' in step && step.examples.length > 0)) continue;
    pages++;
    const stage = new Stage();
    t.teardown(() => stage.close());
    for (const step of steps) {
      if ('path' in step) await stage.write(step.path, step.text);
      else
        for (const { command, shown } of step.examples) {
          let printed = await stage.run(command);
          // a line of the log may come a moment after what it tells of
          for (
            let again = 0;
            again < 200 && command.includes('journalctl') && !stage.fits(shown, printed);
            again++
          ) {
            await new Promise((resolve) => setTimeout(resolve, 100));
            printed = await stage.run(command);
          }
          t.ok(stage.fits(shown, printed), `${name}: ${command}`, { shown, printed });
        }
    }
  }
  t.ok(pages >= 2);
});

test('commands of ours in sh blocks are commands with those options', async (t) => {
  const lines = blocks('sh').flatMap((block) => block.match(/(?<=^|&& |\|\| )tlsward .*/gm) ?? []);
  t.ok(lines.length > 10);
  const helps = new Map<string, string>();
  for (const line of lines) {
    const name = line.split(' ')[1]!;
    const help = helps.get(name) ?? (await run(`npx tlsward help ${name}`));
    helps.set(name, help);
    t.match(help, new RegExp(`^tlsward ${name}: `), line);
    for (const [option] of line.matchAll(/(?<= )--[a-z-]+/g))
      t.match(help, new RegExp(`^  ${option}\\b`, 'm'), line);
  }
});

test('main.cf lines are parameters that Postfix knows', async (t) => {
  const postconf = findCommand('postconf');
  if (postconf === null) {
    if (process.env.TLSWARD_E2E === 'required') t.fail('there is no postconf');
    else t.comment('skipped: there is no postconf');
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'master.cf'), '');
  const lines = blocks('main.cf');
  t.ok(lines.length >= 4);
  for (const text of lines) {
    writeFileSync(join(folder, 'main.cf'), text);
    const said = await new Promise((resolve) =>
      execFile(postconf, ['-c', folder, '-n'], (error, stdout, stderr) =>
        resolve({ status: error?.code ?? 0, parameters: stdout.split('\n').length > 1, stderr }),
      ),
    );
    t.strictSame(said, { status: 0, parameters: true, stderr: '' }, text);
  }
});

const INCLUDING = '[service]\nmilter-listen = inet:127.0.0.1:8452\nsocketmap-listen = inet:127.0.0.1:8453\n';

test('every table loads without a mistake', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const tables = blocks('ini');
  t.ok(tables.length >= 5);
  for (const [i, table] of tables.entries()) {
    const file = join(folder, `${i}.ini`);
    // a file that another one includes has no sockets of its own
    writeFileSync(file, table.includes('[service]') ? table : INCLUDING + table);
    const loaded = loadConfig(file, '2026-11-22');
    t.same(loaded.ok ? [] : loaded.problems, []);
  }
});

test('every key is in the reference, with its default', async (t) => {
  for (const { key, default: standard } of KEYS) {
    if (standard === '') t.match(REFERENCE, new RegExp(`\\| \`${key}\` \\|`), key);
    else t.ok(REFERENCE.includes(`| \`${key}\` | \`${standard}\` |`), `${key} = ${standard}`);
  }
});

test('every event of the log is in the table', async (t) => {
  const source = ['log', 'verdictFields']
    .map((name) => readFileSync(new URL(`src/log/${name}.ts`, root), 'utf8'))
    .join('');
  const events = new Set([...source.matchAll(/event: '([a-z.-]+)'/g)].map((match) => match[1]!));
  t.ok(events.size > 15);
  for (const event of events)
    t.match(
      page('contrib/doc/log.md'),
      new RegExp(`^\\| .*\`${event}\`.* \\| (info|warn|error|debug)`, 'm'),
      event,
    );
});

test('every command and every map is in its table', async (t) => {
  const help = await run('npx tlsward help');
  const known = [...help.matchAll(/^ {2}([a-z-]+) {2,}\S/gm)].map((match) => match[1]!);
  t.ok(known.length > 10);
  const described = [...page('contrib/doc/commands.md').matchAll(/^\| (`.*?) \| /gm)].map(
    (match) => match[1]!,
  );
  for (const name of known)
    t.ok(
      described.some((cell) => cell.startsWith(`\`tlsward ${name}`)),
      name,
    );
  for (const cell of described) t.ok(known.includes(cell.split(/[ `]+/)[2]!), `${cell} exists`);
  const [, below = ''] = REFERENCE.split('\n| map | asked by | answers |\n');
  const shown = [...below.split('\n\n', 1)[0]!.matchAll(/^\| (`[^|]+`) \|/gm)];
  t.strictSame(
    shown.flatMap((match) => match[1]!.slice(1, -1).split('`, `')).sort(),
    [...MAPS.keys(), ...ROUTE_MAPS].sort(),
  );
});

/** Sessions by the headings of the truth table in inbound.md. */
const SESSIONS: Readonly<Record<string, readonly TlsState[]>> = {
  'plain session': [{ kind: 'plain' }],
  'TLS below the floor': [
    { ...GOOD, protocol: 'TLSv1.1' },
    { ...GOOD, protocol: 'TLSv1.2', cipher: 'ECDHE-RSA-DES-CBC3-SHA', bits: 112 },
    { ...GOOD, protocol: 'TLSv1.2', cipher: 'NULL-SHA256', bits: 0 },
  ],
  'TLS, no trusted client certificate': [
    GOOD,
    { ...GOOD, certificate: { kind: 'untrusted', fingerprints: [OTHER_DIGEST] } },
  ],
  'TLS, trusted certificate, wrong name': [
    { ...GOOD, certificate: trusted('mx.other.example', OTHER_DIGEST) },
  ],
  'TLS, trusted certificate, right name or pinned': [
    { ...GOOD, certificate: trusted('mx.row.example', OTHER_DIGEST) },
    { ...GOOD, certificate: trusted('mx.other.example', PIN) },
  ],
};

function trusted(commonName: string, digest: string): ClientCertificate {
  return { kind: 'trusted', commonName, issuer: 'Root CA', fingerprints: [digest] };
}

test('the truth table is what decide does', async (t) => {
  const [head = '', , ...lines] = page('contrib/doc/inbound.md')
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.slice(2, -2));
  const columns = head.split(' | ').slice(1);
  t.strictSame(columns, Object.keys(SESSIONS));
  const levels: string[] = [];
  for (const line of lines.slice(
    0,
    lines.findIndex((other) => other.startsWith('violation')),
  )) {
    const [row = '', ...cells] = line.split(' | ');
    for (const receive of row.split(', ')) {
      levels.push(receive);
      // a row with pins and no names goes by its pins alone
      const settings = { ...settingsOf(receive), fingerprints: [PIN], clientNames: ['mx.row.example'] };
      const table = tableOf([['row.example', settings]]);
      for (const [i, column] of columns.entries())
        for (const tls of SESSIONS[column]!) {
          const asked = transaction('<a@row.example>', ['<b@x.example>'], tls);
          const { decisive } = decide(asked, table, { trustedClients: [] });
          const got = decisive?.breach == null ? 'ok' : 'violation';
          t.equal(got, cells[i], `${receive}: ${column}, ${JSON.stringify(tls)}`);
        }
    }
  }
  t.strictSame(levels, [...RECEIVE_LEVELS]);
});

test('the codes of a refusal are those of the manual', async (t) => {
  const codes = /^\| `reject` \| ([^|]+) \|/m.exec(page('contrib/doc/inbound.md'))?.[1];
  const sessions = ['plain session', 'TLS below the floor', 'TLS, trusted certificate, wrong name'];
  const said = sessions.map((name) => {
    const [tls] = SESSIONS[name]!;
    const asked = transaction('<a@row.example>', ['<b@x.example>'], tls!);
    const verdict = decide(asked, tableOf([['row.example', { receive: 'verify' }]]), { trustedClients: [] });
    const { code, dsn } = replyFor(verdict.decisive!, 'reject', tls!, 'CODE');
    return `${code} ${dsn}`;
  });
  t.equal(codes, `${said[0]} without TLS, ${said[1]} below the floor, ${said[2]} for the certificate`);
});

/** Headings of the table in outbound.md about `deliver = auto`, in the words of deliver/auto.tsv. */
const DANE: Readonly<Record<string, string>> = {
  'usable for all': 'usable-all',
  'usable for some': 'usable-some',
  'none of them can be used': 'unusable',
  'for some, none of which can be used; none for the first 20 of more hosts': 'not-asked',
  'could not find out': 'unknown',
  'none, or not signed': 'absent',
  'not looked up: no `resolver`': 'not-asked',
};
const STS: readonly (readonly string[])[] = [
  ['enforce'],
  ['unknown'],
  ['testing', 'none', 'absent', 'failed'],
];

test('the table of what domains publish is that of deliver = auto', async (t) => {
  const truth = readTsv('deliver/auto.tsv');
  const [, table = ''] = page('contrib/doc/outbound.md').split('| TLSA records of the MX hosts |');
  const rows = table.split('\n\n', 1)[0]!.split('\n').slice(2);
  t.strictSame(
    rows.map((row) => row.slice(2, -2).split(' | ')[0]),
    Object.keys(DANE),
  );
  for (const row of rows) {
    const [dane = '', ...cells] = row.slice(2, -2).split(' | ');
    for (const [i, facts] of STS.entries())
      for (const sts of facts) {
        const level = truth.find((line) => line.dane === DANE[dane] && line.sts === sts)?.none;
        const said = cells[i] === 'by `smtp_tls_security_level`' ? 'silent' : cells[i];
        const shown = said === 'waits' ? 'trouble' : (/^`([a-z-]+)`/.exec(said!)?.[1] ?? said);
        t.equal(shown, level, `${dane}; ${sts}`);
      }
  }
});

/** As GitHub makes an anchor of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

test('every link leads to a file, and to a heading of it', async (t) => {
  let seen = 0;
  for (const [name, text] of MANUAL) {
    for (const match of text.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      seen++;
      const [path = '', anchor] = match[1]!.split('#');
      const target = path === '' ? new URL(name, root) : new URL(path, new URL(name, root));
      if (!existsSync(target)) t.fail(`${name}: ${match[1]} does not exist`);
      else if (anchor !== undefined) {
        const headings = [...readFileSync(target, 'utf8').matchAll(/^#+ (.*)$/gm)];
        t.ok(
          headings.some(([, heading]) => anchorOf(heading!) === anchor),
          `${name}: ${match[1]} is a heading`,
        );
      }
    }
  }
  t.ok(seen > 40, `${seen} links`);
});

test('README.md is short and leads to every page', async (t) => {
  const readme = page('README.md');
  t.ok(readme.trimEnd().split('\n').length <= 150);
  for (const [name] of MANUAL) if (name !== 'README.md') t.ok(readme.includes(`](${name})`), name);
});
